"""Outbound connections: which addresses may be reached, deadlines, and TLS that is always verified."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# Ranges that the ipaddress module takes for public, or does so in some releases, although they lead into the
# machine, its neighbours or its cloud: RFC 6890 (protocol assignments), RFC 3879 (site-local), RFC 6052 and
# RFC 8215 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo) and Azure's platform address.
_INWARD: tuple[IPNetwork, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",
        "168.63.129.16/32",
        "fec0::/10",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
    )
)


class NetworkError(Exception):
    """A connection that could not, or must not, be made; `code` is stable, the text is for an operator."""

    code = "network_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).code


class NameNotResolved(NetworkError):
    """The host name has no address, or the resolver did not answer."""

    code = "name_not_resolved"


class AddressRefused(NetworkError):
    """Every address of the host lies in a range that this deployment does not allow."""

    code = "address_refused"


class ConnectFailed(NetworkError):
    """No permitted address accepted the connection."""

    code = "connect_failed"


class DeadlineExceeded(NetworkError):
    """The other side took longer than the time it was given."""

    code = "deadline_exceeded"


class ConnectionLost(NetworkError):
    """The other side ended the connection, or it was closed before."""

    code = "connection_lost"


class AnswerTooLong(NetworkError):
    """The other side sends, or announces, more than there can be in an honest answer."""

    code = "answer_too_long"


class TlsFailed(NetworkError):
    """The handshake failed for another reason than the certificate: `code` tells old TLS from none at all."""

    code = "tls_failed"


class SpokeBeforeTls(TlsFailed):
    """Something stood in the buffer when the handshake was due: an attempt to have it believed afterwards."""

    code = "spoke_before_tls"


class CertificateRefused(TlsFailed):
    """The server's certificate does not prove that it is the host that was asked for; `code` says why."""

    code = "certificate_refused"


class AuthorityUnreadable(NetworkError):
    """The CA certificates handed in are not PEM certificates."""

    code = "authority_unreadable"


_UNKNOWN = ("certificate_unknown_authority", "its authority is not one that is trusted here")
# By the verifier's number for what it found: X509_V_ERR_* in OpenSSL's x509_vfy.h.
_CERTIFICATE: Mapping[int, tuple[str, str]] = {
    7: ("certificate_unknown_authority", "somebody else signed it in the name of its authority"),
    9: ("certificate_not_yet_valid", "it is not valid yet"),
    10: ("certificate_expired", "it has run out"),
    18: ("certificate_self_signed", "it is signed by itself alone"),
    19: _UNKNOWN,
    20: _UNKNOWN,
    21: _UNKNOWN,
    62: ("certificate_other_name", "it was not issued for this host name"),
    64: ("certificate_other_name", "it was not issued for this address"),
    66: ("certificate_weak", "its key is too short"),
    67: ("certificate_weak", "its authority's key is too short"),
    68: ("certificate_weak", "its authority's signature is too weak"),
}
_OLD_TLS = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "SSLV3_ALERT_HANDSHAKE_FAILURE"}
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """Which addresses may be connected to.

    Public unicast addresses always may. Loopback, link-local (the cloud metadata services among them),
    private, shared, reserved and multicast addresses may only where one of `allowed_networks` contains them;
    that list is the operator's and comes from the environment, never from the portal.
    """

    allowed_networks: tuple[IPNetwork, ...] = ()

    def permits(self, address: IPAddress) -> bool:
        """Whether `address` may be connected to; IPv4 wrapped in IPv6 is judged as what it wraps."""
        bare = address
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            bare = address.ipv4_mapped
        if any(bare in network for network in self.allowed_networks):
            return True
        if bare.is_multicast or bare.is_reserved or bare.is_unspecified:
            return False
        return bare.is_global and not any(bare in network for network in _INWARD)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One numeric address of a host that the policy permits. Only `resolve` makes them."""

    family: socket.AddressFamily
    sockaddr: tuple[str, int] | tuple[str, int, int, int]

    @property
    def address(self) -> str:
        return self.sockaddr[0]


def resolve(host: str, port: int, *, policy: NetworkPolicy) -> tuple[Endpoint, ...]:
    """Ask the resolver once for `host`; return its permitted addresses in the resolver's order.

    What is connected to later is the number found here, so a name that answers differently a second time (DNS
    rebinding) gains nothing. Raises NameNotResolved, AddressRefused.
    """
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError, OverflowError):
        raise NameNotResolved(f"The name {host!r} has no address.") from None
    found = [
        Endpoint(family, sockaddr)
        for family, _, _, _, sockaddr in answers
        if isinstance(sockaddr[0], str) and policy.permits(ipaddress.ip_address(sockaddr[0]))
    ]
    if not found:
        raise AddressRefused(f"The address of {host!r} is internal and is not among the allowed networks.")
    return tuple(dict.fromkeys(found))


def dial(endpoints: tuple[Endpoint, ...], *, timeout: float) -> socket.socket:
    """Connect to the first of `endpoints` that accepts; all of them together have `timeout` seconds.

    The socket comes back with TCP keep-alive on and `timeout` as its time limit. Raises ConnectFailed,
    DeadlineExceeded.
    """
    deadline = time.monotonic() + timeout
    for endpoint in endpoints:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            break
        connection = socket.socket(endpoint.family, socket.SOCK_STREAM)
        try:
            connection.settimeout(remaining)
            connection.connect(endpoint.sockaddr)
            _keep_alive(connection)
        except OSError:
            connection.close()
            continue
        connection.settimeout(timeout)
        return connection
    if time.monotonic() >= deadline:
        raise DeadlineExceeded(f"No answer to the connection within {timeout:g} seconds.")
    raise ConnectFailed("The connection was refused, or the host cannot be reached.")


def _keep_alive(connection: socket.socket) -> None:
    """Have a peer that went away without a word noticed within two minutes, where the system can (RFC 9293 3.8.4)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def connect(host: str, port: int, *, policy: NetworkPolicy, timeout: float) -> socket.socket:
    """Resolve `host` once and connect to it within the policy: `resolve`, then `dial`."""
    return dial(resolve(host, port, policy=policy), timeout=timeout)


def tls_context(
    *, minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2, ca_pem: str | None = None
) -> ssl.SSLContext:
    """A client context that verifies chain and name and offers TLS 1.3 first, nothing below `minimum`.

    With `ca_pem`, those certificates are trusted and no others: they may be a private CA, an intermediate or
    the server's own certificate. There is no way to switch verification off. Raises AuthorityUnreadable.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # RFC 9525 section 6.3: only subjectAltName says for whom a certificate is.
    context.hostname_checks_common_name = False
    context.minimum_version = minimum
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if ca_pem is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, ValueError, TypeError):
        raise AuthorityUnreadable("The CA certificates cannot be read; PEM text is expected.") from None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def handshake(
    connection: socket.socket, *, host: str, context: ssl.SSLContext, timeout: float
) -> ssl.SSLSocket:
    """Speak TLS on `connection` and verify that it is `host`; on failure the connection is closed.

    Raises CertificateRefused, TlsFailed, ConnectionLost where the other side hung up, and
    DeadlineExceeded. Nothing that the other side said is in the text.
    """
    connection.settimeout(timeout)
    try:
        return context.wrap_socket(connection, server_hostname=host)
    except TimeoutError:
        failure: NetworkError = DeadlineExceeded(f"No TLS handshake within {timeout:g} seconds.")
    except ssl.SSLError as error:
        failure = _refusal(error)
    except OSError:
        failure = ConnectionLost("The server hung up during the TLS handshake.")
    except ValueError:
        failure = TlsFailed("TLS cannot be spoken with a host of this name.")
    connection.close()
    raise failure


def _refusal(error: ssl.SSLError) -> NetworkError:
    if isinstance(error, ssl.SSLCertVerificationError):
        code, why = _CERTIFICATE.get(error.verify_code, (None, "it does not prove whose it is"))
        return CertificateRefused(f"The certificate was refused: {why}.", code=code)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return ConnectionLost("The server hung up during the TLS handshake.")
    if error.reason in _OLD_TLS:
        return TlsFailed("The server knows only old, unsafe versions of TLS.", code="tls_too_old")
    if error.reason in _NO_TLS:
        return TlsFailed("The server does not speak TLS on this port.", code="tls_missing")
    return TlsFailed(f"The TLS handshake failed: {error.reason or 'no TLS was spoken'}.")


class Channel:
    """A connected socket for protocols of lines and counted blocks, read within limits.

    One absolute deadline holds for each exchange (`begin`) and one for the session, so that a peer which
    drips a byte at a time gains nothing; lines, blocks and whole answers are capped before memory is taken.
    """

    longest_line: ClassVar[int] = 1024 * 1024
    longest_answer: ClassVar[int] = 16 * 1024 * 1024

    def __init__(self, connection: socket.socket, *, session_seconds: float) -> None:
        self.socket = connection
        self.open = True
        self._session_ends = time.monotonic() + session_seconds
        self._exchange_ends = self._session_ends
        self._taken = 0
        self._buffer = bytearray()

    @property
    def tls(self) -> ssl.SSLSocket:
        """The socket once it is protected. Raises TlsFailed before that."""
        if not isinstance(self.socket, ssl.SSLSocket):
            raise TlsFailed("The connection is not protected.")
        return self.socket

    def begin(self, seconds: float, *, last: bool = False) -> None:
        """Start an exchange that may take `seconds`; with `last`, nothing after it may take longer."""
        if not self.open:
            raise ConnectionLost("The connection is closed.")
        self._exchange_ends = time.monotonic() + seconds
        if last:
            self._session_ends = min(self._session_ends, self._exchange_ends)
        self._taken = 0

    def protect(self, *, host: str, context: ssl.SSLContext, timeout: float) -> None:
        """Go over to TLS, refusing a peer that has already said more than was asked (CVE-2011-0411)."""
        if self._buffer:
            self.close()
            raise SpokeBeforeTls("The server spoke before the TLS handshake.")
        self.socket = handshake(self.socket, host=host, context=context, timeout=timeout)

    def send(self, data: bytes) -> None:
        self.socket.settimeout(self._remaining())
        try:
            self.socket.sendall(data)
        except TimeoutError:
            raise DeadlineExceeded("The server took too long to listen.") from None
        except OSError:
            raise ConnectionLost("The connection was lost.") from None

    def receive(self, size: int = 65536) -> bytes:
        """What comes next, past what was read ahead: at most `size` bytes, none once the peer has ended, uncapped."""
        self.socket.settimeout(self._remaining())
        try:
            return self.socket.recv(size)
        except TimeoutError:
            raise DeadlineExceeded("The server took too long to answer.") from None
        except OSError:
            raise ConnectionLost("The connection was lost.") from None

    def read(self, size: int, *, at_most: int) -> bytes:
        """Exactly `size` bytes, a number the peer named, which must not exceed `at_most`."""
        if not 0 <= size <= at_most:
            raise AnswerTooLong("The server announced more than was asked for.")
        while len(self._buffer) < size:
            self._receive()
        return self._cut(size)

    def readline(self) -> bytes:
        """One line with its end."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > self.longest_line:
                raise AnswerTooLong("The server sent an endless line.")
            self._receive()
        return self._cut(end + 1)

    @property
    def waiting(self) -> bool:
        """Whether a whole line was received that nobody has read."""
        return b"\n" in self._buffer

    def quiet(self, seconds: float) -> bool:
        """Whether the peer does not say a whole line within `seconds`; what it says waits to be read."""
        self.begin(seconds)
        try:
            while not self.waiting:
                if len(self._buffer) > self.longest_line:
                    raise AnswerTooLong("The server sent an endless line.")
                self._receive()
        except DeadlineExceeded:
            if time.monotonic() >= self._session_ends:
                raise
            return True
        return False

    def close(self) -> None:
        self.open = False
        self.socket.close()

    def _remaining(self) -> float:
        remaining = min(self._exchange_ends, self._session_ends) - time.monotonic()
        if remaining <= 0:
            raise DeadlineExceeded("The server took too long to answer.")
        return remaining

    def _receive(self) -> None:
        arrived = self.receive()
        if not arrived:
            raise ConnectionLost("The server closed the connection.")
        self._taken += len(arrived)
        if self._taken > self.longest_answer:
            raise AnswerTooLong("The server does not stop talking.")
        self._buffer += arrived

    def _cut(self, size: int) -> bytes:
        piece = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return piece
