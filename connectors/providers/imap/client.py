"""The few IMAP commands Zalion uses, over IMAPClient: by UID only, and none that changes anything."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imapclient import IMAPClient
from imapclient.response_parser import parse_fetch_response

from connectors.errors import ConfigurationError, ProtocolError, ProviderUnavailable, UnsupportedOperation
from connectors.hosts import checked
from connectors.providers.imap.failures import translated
from connectors.providers.imap.wire import Wire

# IMAPClient logs user names, and what servers say: addresses and subjects.
logging.getLogger("imapclient").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Examined:
    """What EXAMINE said of a folder."""

    uid_validity: int
    uid_next: int
    exists: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """What FETCH said of a message: RFC822.SIZE, INTERNALDATE in UTC, and the part of the body asked for."""

    size: int | None
    received_at: datetime | None
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of LIST: flags in lower case without the backslash, and the name as it is on the wire."""

    flags: frozenset[str]
    delimiter: str
    name: bytes


class ImapClient(IMAPClient):  # type: ignore[misc]  # IMAPClient ships no types
    """A session, signed in or about to be, on a Wire whose TLS is verified."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.folder: str | None = None
        super().__init__("", 993)
        # IMAPClient turns on imaplib's debugging and formats every answer for it.
        wire.debug = 0
        self.folder_encode = False

    def _create_IMAP4(self) -> Wire:  # noqa: N802 - the name is IMAPClient's
        return self.wire

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """Translate failures, and give up a connection whose next answer could be read as another's."""
        try:
            with translated():
                yield
        except (ProtocolError, ProviderUnavailable):
            self.wire.shutdown()
            raise

    def sign_in(self, user: str, password: str) -> None:
        """SASL PLAIN (RFC 4616), or LOGIN where the server has nothing better; TLS protects either."""
        checked(user)
        checked(password)
        with self._speaking():
            if self.has_capability("AUTH=PLAIN"):
                self.plain_login(user, password)
                return
            if self.has_capability("LOGINDISABLED"):
                raise ConfigurationError("The server offers no sign-in by password.", code="login_disabled")
            if not (user + password).isascii():
                raise ConfigurationError("The server takes only ASCII passwords.", code="password_not_ascii")
            # imaplib's own login sends the user name unquoted.
            self.wire.ask("LOGIN", self.wire._quote(user), self.wire._quote(password))
            self.wire.state = "AUTH"

    def leave(self) -> None:
        """Say goodbye within a few seconds, and close whatever the answer is."""
        try:
            with translated():
                self.wire.channel.begin(5, last=True)
                self.logout()
        except (ProtocolError, ProviderUnavailable):
            pass  # It is over either way.
        finally:
            self.wire.shutdown()

    def list_all(self) -> list[Listed]:
        """Every folder, with special uses where the server knows them (RFC 6154)."""
        arguments = ['""', '"*"']
        with self._speaking():
            if self.has_capability("LIST-EXTENDED") and self.has_capability("SPECIAL-USE"):
                arguments.append("RETURN (SPECIAL-USE)")
            lines = self._proc_folder_list(self.wire.ask("LIST", *arguments))
            return [_listed(*line) for line in lines if line[2] is not None]

    def count(self, folder: str) -> int:
        """How many messages a folder holds, without opening it. Raises FolderMissing."""
        with self._speaking():
            self.wire.untagged_responses.clear()
            return int(self.folder_status(folder, ["MESSAGES"])[b"MESSAGES"])

    def examine(self, folder: str) -> Examined:
        """Open a folder for reading only. Raises FolderMissing, UnsupportedOperation."""
        self.folder = None
        with self._speaking():
            if self.wire.state == "SELECTED":
                self.wire.state = "AUTH"  # RFC 3501 section 6.3.1: a refused EXAMINE leaves none open.
            answer: dict[bytes, Any] = self.select_folder(folder, readonly=True)
            if answer.get(b"READ-WRITE"):
                raise ProtocolError("The server opened the folder for writing.", code="not_read_only")
            validity, uid_next = answer.get(b"UIDVALIDITY"), answer.get(b"UIDNEXT")
            if not validity or not uid_next or b"UIDNOTSTICKY" in answer:
                raise UnsupportedOperation("The server does not keep message ids.", code="no_uids")
            self.folder = folder
            return Examined(int(validity), int(uid_next), int(answer.get(b"EXISTS", 0)))

    def uids(self, first: int, last: int) -> list[int]:
        """The UIDs between `first` and `last`, ascending. Both are at least 1: some servers choke on 0.

        What lies outside is dropped, since `n:m` names the newest message when n is beyond it.
        """
        with self._speaking():
            lines = self.wire.ask("UID", "SEARCH", f"UID {first}:{last}")
            found = {int(word) for line in lines if line for word in line.split() if word.isdigit()}
            return sorted(uid for uid in found if first <= uid <= last)

    def describe(self, first: int, last: int) -> dict[int, Fetched]:
        """Size and time of the messages between two UIDs."""
        return self._fetch(f"{first}:{last}", "(UID RFC822.SIZE INTERNALDATE)")

    def part(self, uid: int, start: int, length: int) -> Fetched | None:
        """Up to `length` bytes of a message from `start` on, not marking it read; None when it is gone."""
        items = f"(UID INTERNALDATE BODY.PEEK[]<{start}.{length}>)"
        found = self._fetch(str(uid), items).get(uid)
        return found if found is not None and found.body is not None else None

    def _fetch(self, which: str, items: str) -> dict[int, Fetched]:
        with self._speaking():
            lines = self.wire.ask("UID", "FETCH", which, items) or [None]
            # Keyed by sequence number: an answer without its UID was not asked for, and is dropped.
            answers = parse_fetch_response(lines, normalise_times=False, uid_is_key=False).values()
            return {data[b"UID"]: _fetched(data) for data in answers if isinstance(data.get(b"UID"), int)}


def _listed(flags: Sequence[bytes], delimiter: bytes | None, name: bytes | str) -> Listed:
    raw = name if isinstance(name, bytes) else name.encode("ascii")
    lowered = frozenset(flag.decode("ascii", "replace").lstrip("\\").lower() for flag in flags)
    return Listed(lowered, (delimiter or b"").decode("ascii", "replace"), raw)


def _fetched(data: dict[bytes, Any]) -> Fetched:
    size, received_at, body = data.get(b"RFC822.SIZE"), None, None
    for name, value in data.items():
        if name.startswith(b"BODY[]"):
            body = value if isinstance(value, bytes) else b""  # NIL is how some servers say that it is empty.
    if isinstance(moment := data.get(b"INTERNALDATE"), datetime):
        try:
            received_at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # A date that does not exist in UTC is no date.
    return Fetched(size if isinstance(size, int) else None, received_at, body)
