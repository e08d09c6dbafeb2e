"""The few IMAP commands Zalion uses: by UID only, and none that changes anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from imapclient.response_parser import parse_fetch_response

from connectors import errors
from connectors.adapters import FolderInfo, Heard
from connectors.imapfolders import counts, listed
from connectors.imapwire import ImapWire
from connectors.providers.imap.failures import translated
from connectors.sasl import Exchange


@dataclass(frozen=True, slots=True)
class Examined:
    """What EXAMINE said of a folder; `modseq` is 0 without CONDSTORE, `mailbox_id` empty without OBJECTID."""

    uid_validity: int
    uid_next: int
    exists: int
    modseq: int
    mailbox_id: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What FETCH said of a message, as far as it was asked and knows."""

    size: int | None
    received_at: datetime | None
    body: bytes | None
    gmail_id: int | None


class ImapClient:
    """A session, signed in or about to be, on a wire whose TLS is verified."""

    def __init__(self, wire: ImapWire) -> None:
        self.wire = wire

    @contextmanager
    def _speaking(self) -> Iterator[ImapWire]:
        """Translate failures, and give up a connection whose next answer could be read as another's."""
        try:
            with translated():
                yield self.wire
        except (errors.ProtocolError, errors.ProviderUnavailable):
            self.wire.channel.close()
            raise

    def sign_in(self, exchange: Exchange, user: str, secret: str) -> None:
        try:
            with self._speaking() as wire:
                wire.sign_in(exchange, user, secret)
        except errors.AuthenticationError as error:
            raise exchange.refusal(error) from None

    def leave(self) -> None:
        """Say goodbye, and close whatever the answer is."""
        try:
            with self._speaking() as wire:
                wire.leave()
        except (errors.ProtocolError, errors.ProviderUnavailable):
            pass  # It is over either way.
        finally:
            self.wire.channel.close()

    def list_all(self, *, counted: int = 0) -> list[FolderInfo]:
        """Every folder, by its name on the wire, with special uses (RFC 6154) where the server knows them.

        Where counting takes a command for each folder, only the first `counted` are counted.
        """
        wanted = ["SPECIAL-USE"] if self.wire.offers("SPECIAL-USE") else []
        wanted += ["STATUS (MESSAGES)"] if counted and self.wire.offers("LIST-STATUS") else []
        extended = [f"RETURN ({' '.join(wanted)})"] if wanted and self.wire.offers("LIST-EXTENDED") else []
        with self._speaking() as wire:
            found = listed(wire.ask("LIST", '""', '"*"', *extended))
            known = counts(wire.said("STATUS"))
        for name in [] if known else [folder.id for folder in found if folder.selectable][:counted]:
            try:
                with self._speaking() as wire:
                    known |= counts(wire.ask("STATUS", wire.quoted(name), "(MESSAGES)"))
            except (errors.FolderMissing, errors.AccessDenied):
                pass  # Listed, but not to be opened: it goes uncounted.
        return [replace(folder, message_count=known.get(folder.id)) for folder in found]

    def examine(self, folder: str) -> Examined:
        """Open a folder for reading only. Raises FolderMissing, UnsupportedOperation."""
        with self._speaking() as wire:
            if wire.state == "SELECTED":
                wire.state = "AUTH"  # RFC 3501 section 6.3.1: a refused EXAMINE leaves none open.
            wire.select(wire.quoted(folder), readonly=True)
            if wire.said("READ-WRITE"):
                raise errors.ProtocolError("The server opened the folder for writing.", code="not_read_only")
            validity, following = wire.number("UIDVALIDITY"), wire.number("UIDNEXT")
            if not validity or not following or wire.said("UIDNOTSTICKY"):
                raise errors.UnsupportedOperation("The server does not keep message ids.", code="no_uids")
            lasting = (wire.said("MAILBOXID") or [b""])[-1].strip(b"()").decode("ascii")
            return Examined(validity, following, wire.number("EXISTS"), wire.number("HIGHESTMODSEQ"), lasting)

    def idle(self, seconds: float, *, renewed_after: float) -> Heard:
        with self._speaking() as wire:
            return wire.idle(seconds, renewed_after=renewed_after)

    def uids(self, first: int, last: int) -> list[int]:
        """The UIDs between `first` and `last`, ascending. Both are at least 1: some servers choke on 0.

        What lies outside is dropped, since `n:m` names the newest message when n is beyond it.
        """
        return sorted({uid for uid in self._search(f"UID {first}:{last}") if first <= uid <= last})

    def describe(self, first: int, last: int) -> dict[int, Fetched]:
        """Size, time and, at Gmail, the identity of the messages between two UIDs."""
        gmail = " X-GM-MSGID" if self.wire.offers("X-GM-EXT-1") else ""
        return self._fetch(f"{first}:{last}", f"(UID RFC822.SIZE INTERNALDATE{gmail})")

    def part(self, uid: int, start: int, length: int) -> Fetched | None:
        """Up to `length` bytes of a message from `start` on, not marking it read; None when it is gone."""
        items = f"(UID INTERNALDATE BODY.PEEK[]<{start}.{length}>)"
        found = self._fetch(str(uid), items).get(uid)
        return found if found is not None and found.body is not None else None

    def find_gmail(self, gmail_id: int) -> int | None:
        """The UID in the open folder of the message with this X-GM-MSGID."""
        return max(self._search(f"X-GM-MSGID {gmail_id}"), default=None)

    def _search(self, criteria: str) -> list[int]:
        with self._speaking() as wire:
            lines = wire.ask("UID", "SEARCH", criteria)
            return [int(word) for line in lines if line for word in line.split() if word.isdigit()]

    def _fetch(self, which: str, items: str) -> dict[int, Fetched]:
        with self._speaking() as wire:
            lines = wire.ask("UID", "FETCH", which, items) or [None]
            # Keyed by sequence number: an answer without its UID was not asked for, and is dropped.
            answers = parse_fetch_response(lines, normalise_times=False, uid_is_key=False).values()
            return {data[b"UID"]: _fetched(data) for data in answers if isinstance(data.get(b"UID"), int)}


def _fetched(data: dict[bytes, Any]) -> Fetched:
    numbers = (data.get(name) for name in (b"RFC822.SIZE", b"X-GM-MSGID"))
    size, gmail_id = (number if isinstance(number, int) else None for number in numbers)
    body, at = None, data.get(b"INTERNALDATE")
    for name, value in data.items():
        if name.startswith(b"BODY[]"):
            body = value if isinstance(value, bytes) else b""  # NIL is how some servers say that it is empty.
    try:
        at = (
            (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
            if isinstance(at, datetime)
            else None
        )
    except (ValueError, OverflowError):
        at = None  # A date that does not exist in UTC is no date.
    return Fetched(size, at, body, gmail_id)
