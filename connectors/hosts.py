"""Mail hosts reached by name, port and TLS: what IMAP, POP3 and SMTP adapters have in common."""

import socket
import ssl
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import BinaryIO, Self, TypeVar

from connectors.adapters import (
    Binding,
    CheckReport,
    ConnectionFacts,
    FolderInfo,
    MailboxAdapter,
    option,
    run_check,
)
from connectors.errors import ConfigurationError, MessageTooLarge, ProviderUnavailable, from_network
from connectors.sasl import AUTHS, Exchange
from zalion import net

_GMAIL = {"[Gmail]", "[Google Mail]"}
Item = TypeVar("Item")
Step = tuple[str, str, Callable[[], str]]


def checked(argument: str | bytes) -> None:
    """Refuse what would end a command, or a part of a sign-in, early. Raises ConfigurationError."""
    raw = argument.encode("utf-8", "surrogatepass") if isinstance(argument, str) else argument
    if any(byte in raw for byte in b"\r\n\0\1"):
        raise ConfigurationError("A value holds a line break or another control.", code="unsafe_argument")


def require_one_view(chosen: Sequence[FolderInfo], listed: Sequence[FolderInfo]) -> None:
    """See to it that no message is followed in two places: of the folders `listed`, these are `chosen`.

    A folder of all mail shows every other folder's once more; at Gmail, whose folders are labels, any two may.
    Raises ConfigurationError.
    """
    everything = [folder for folder in listed if folder.role == "all"]
    at_gmail = any(folder.path[0] in _GMAIL for folder in everything)
    within = [folder for folder in chosen if folder.role not in {"junk", "trash"}]
    if len(within) > 1 and (at_gmail or any(folder.role == "all" for folder in within)):
        names = " or ".join(folder.name for folder in everything)
        raise ConfigurationError(
            "The chosen folders show the same mail.",
            code="folders_overlap",
            what_to_do=f"Choose {'one label' if at_gmail else 'single folders'}, or {names} alone.",
        )


@contextmanager
def network() -> Iterator[None]:
    """Turn failures of zalion.net into the contract's."""
    try:
        yield
    except net.NetworkError as error:
        raise from_network(error) from None


def paged(items: Iterable[Item], size: int) -> Iterator[tuple[list[Item], bool]]:
    """At least one page, be it empty, and beside each whether it is the last."""
    stream = iter(items)
    following = list(islice(stream, size))
    while True:
        page, following = following, list(islice(stream, size))
        yield page, not following
        if not following:
            return


def spooled(chunks: Iterable[bytes], *, spool: Callable[[], BinaryIO], limit: int) -> tuple[BinaryIO, int]:
    """Write a message to a new spool as it arrives; return the file at its start, and its size in bytes.

    Raises MessageTooLarge past `limit`. Whatever is raised while it arrives closes the file.
    """
    body, size = spool(), 0
    try:
        for chunk in chunks:
            body.write(chunk)
            size += len(chunk)
            if size > limit:
                raise MessageTooLarge("The message is larger than allowed.", size=size, limit=limit)
        body.seek(0)
    except BaseException:
        body.close()
        raise
    return body, size


class ChannelSocket:
    """A channel in the place of the socket, and of its file, that the standard library's mail clients make.

    They keep it through STARTTLS, which the channel does. Blocks longer than `longest_block` are refused.
    """

    def __init__(self, channel: net.Channel, *, longest_block: int) -> None:
        self._channel = channel
        self._longest_block = longest_block

    def makefile(self, mode: str) -> Self:
        return self

    def sendall(self, data: bytes | bytearray) -> None:
        self._channel.send(bytes(data))

    def read(self, size: int) -> bytes:
        return self._channel.read(size, at_most=self._longest_block)

    def readline(self, limit: int = -1) -> bytes:
        return self._channel.readline()

    def shutdown(self, how: int) -> None:
        self._channel.close()

    def close(self) -> None:
        self._channel.close()


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What onboarding asks for; a protocol gives `port` its own default.

    Raises ConfigurationError for values that cannot be.
    """

    host: str = field(metadata=option("Mail server", help_text="The host name, as in its certificate."))
    user: str = field(metadata=option("User name", help_text="Usually the mailbox's address."))
    port: int = field(metadata=option("Port"))
    security: str = field(
        default="tls",
        metadata=option("Security", choices=(("tls", "TLS"), ("starttls", "STARTTLS, required"))),
    )
    auth: str = field(
        default="password",
        metadata=option(
            "Sign-in",
            choices=[(key, label) for key, (_, label) in AUTHS.items()],
            help_text="With an access token, the secret is the token itself for now: whoever keeps the secret "
            "replaces it before it runs out.",
        ),
    )
    ca_pem: str = field(
        default="",
        metadata=option(
            "CA certificates", help_text="Only for a company's own CA, as PEM text.", multiline=True
        ),
    )

    def __post_init__(self) -> None:
        checked(self.host)
        checked(self.user)
        if not self.host or not self.user or any(mark in self.host for mark in " /@[]"):
            raise ConfigurationError("Mail server and user name must be filled in.", code="options_invalid")
        if not 1 <= self.port <= 65535:
            raise ConfigurationError("The port lies between 1 and 65535.", code="options_invalid")
        if self.security not in {"tls", "starttls"}:
            raise ConfigurationError("Security is either TLS or STARTTLS.", code="options_invalid")
        if self.auth not in AUTHS:
            raise ConfigurationError("There is no such way to sign in.", code="options_invalid")
        with network():
            self.context()

    def exchange(self, secret: str) -> Exchange:
        """The sign-in as SASL. Raises ConfigurationError and AuthenticationError for what cannot be sent."""
        checked(secret)
        return Exchange(self.auth, user=self.user, secret=secret, host=self.host, port=self.port)

    def context(self) -> ssl.SSLContext:
        return net.tls_context(ca_pem=self.ca_pem or None)


class HostAdapter(MailboxAdapter):
    """An adapter over one TLS connection: opens it, proves the server, and only then asks for the secret."""

    options: HostOptions
    _facts: ConnectionFacts | None = None

    @abstractmethod
    def _greet(self, channel: net.Channel) -> None:
        """Bring the protocol up; with `starttls`, protect the channel by `self._protect` before returning."""

    @abstractmethod
    def _sign_in(self, secret: str) -> None:
        """Sign in over the connection that `_greet` brought up."""

    @abstractmethod
    def _leave(self) -> None:
        """Say goodbye if there is a connection, and close it. Raises nothing."""

    @abstractmethod
    def _further_steps(self) -> Sequence[Step]:
        """What a check tries after signing in."""

    @property
    def binding(self) -> Binding:
        return Binding(self.key, self.options.host.lower(), self.options.port, self.options.user)

    @property
    def facts(self) -> ConnectionFacts:
        if self._facts is None:
            raise ProviderUnavailable("The connection is not open.", code="not_open")
        return self._facts

    def open(self) -> None:
        try:
            self._start(self._dial(self._resolve()))
            self._sign_in(self._secret())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._facts = None
        self._leave()

    def check(self) -> CheckReport:
        endpoints: list[net.Endpoint] = []
        connections: list[socket.socket] = []

        def resolve() -> str:
            endpoints.extend(self._resolve())
            return ", ".join(endpoint.address for endpoint in endpoints)

        def connect() -> str:
            connections.append(self._dial(tuple(endpoints)))
            return f"port {self.options.port} answers"

        def protect() -> str:
            until = self._start(connections[0])
            return f"{self.facts.tls_version}, {self.facts.cipher}, certificate valid until {until}"

        def sign_in() -> str:
            self._sign_in(self._secret())
            return f"as {self.options.user}, by {AUTHS[self.options.auth][0]}"

        steps: list[Step] = [
            ("resolve", "Finding the mail server", resolve),
            ("connect", "Connecting", connect),
            ("tls", "Protecting the connection", protect),
            ("sign_in", "Signing in", sign_in),
        ]
        try:
            return run_check([*steps, *self._further_steps()])
        finally:
            self.close()

    def _resolve(self) -> tuple[net.Endpoint, ...]:
        with network():
            return net.resolve(self.options.host, self.options.port, policy=self._policy)

    def _dial(self, endpoints: tuple[net.Endpoint, ...]) -> socket.socket:
        with network():
            return net.dial(endpoints, timeout=self.limits.connect_seconds)

    def _start(self, connection: socket.socket) -> str:
        """Bring TLS and the protocol up; the day on which the server's certificate runs out."""
        channel = net.Channel(connection, session_seconds=self.limits.session_seconds)
        try:
            with network():
                if self.options.security == "tls":
                    self._protect(channel)
                self._greet(channel)
                tls = channel.tls
        except BaseException:
            channel.close()
            raise
        cipher, certificate = tls.cipher(), tls.getpeercert()
        address, shown = str(tls.getpeername()[0]), sha256(tls.getpeercert(binary_form=True) or b"")
        self._facts = ConnectionFacts(
            tls.version() or "", cipher[0] if cipher else "", address, shown.hexdigest()
        )
        ends = ssl.cert_time_to_seconds(str(certificate["notAfter"] if certificate else ""))
        return datetime.fromtimestamp(ends, UTC).date().isoformat()

    def _protect(self, channel: net.Channel) -> None:
        options, seconds = self.options, self.limits.connect_seconds
        channel.protect(host=options.host, context=options.context(), timeout=seconds)
