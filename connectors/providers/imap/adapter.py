"""The IMAP adapter: a company mailbox read over TLS with user and password, never changed."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import ClassVar

from imapclient import imap_utf7

from connectors.adapters import (
    ChangePage,
    FolderInfo,
    FolderRole,
    MessageRef,
    RawMessage,
    Receiver,
    option,
)
from connectors.errors import (
    AccessDenied,
    CursorExpired,
    FolderMissing,
    MessageGone,
    MessageTooLarge,
    ProtocolError,
    ProviderUnavailable,
)
from connectors.hosts import HostAdapter, HostOptions, Step
from connectors.providers.imap.client import Examined, ImapClient, Listed
from connectors.providers.imap.failures import translated
from connectors.providers.imap.wire import PART, Wire
from zalion import net

_ROLES: tuple[FolderRole, ...] = ("all", "archive", "drafts", "flagged", "junk", "sent", "trash")
# UIDs asked for at once. Windows double over gaps, as old mailboxes begin at high numbers, but not beyond
# what one line of answer can hold.
_WINDOW = 4096
_WIDEST_WINDOW = 65536
# Counting costs a command per folder; beyond this many the rest go uncounted.
_COUNTED_FOLDERS = 200


@dataclass(frozen=True, slots=True)
class ImapOptions(HostOptions):
    port: int = field(default=993, metadata=option("Port", help_text="993 for TLS, 143 for STARTTLS."))


class ImapAdapter(HostAdapter, Receiver):
    """Receives from one IMAP account. The cursor is JSON: `uidvalidity` and `last_uid`.

    A message's id is "UIDVALIDITY:UID", which RFC 3501 section 2.3.1.1 promises never to give to another.
    Folder ids are the names as on the wire (modified UTF-7), so that every name a server lists can be opened.
    """

    key: ClassVar[str] = "imap"
    title: ClassVar[str] = "IMAP"
    Options = ImapOptions

    _client: ImapClient | None = None
    _examined: Examined | None = None

    # --- connecting ----------------------------------------------------------------------------------

    def _greet(self, channel: net.Channel) -> None:
        with translated():
            wire = Wire(channel, self.limits.command_seconds)
            if self.options.security == "starttls":
                wire.ask_for_tls()
                self._protect(channel)
                wire.start_over()
            self._client = ImapClient(wire)

    def _sign_in(self, secret: str) -> None:
        self._connected().sign_in(self.options.user, secret)

    def _leave(self) -> None:
        client, self._client, self._examined = self._client, None, None
        if client is not None:
            client.leave()

    def _further_steps(self) -> Sequence[Step]:
        return (
            ("folders", "Listing folders", lambda: f"{len(self._connected().list_all())} folders"),
            (
                "read_only",
                "Opening the inbox without the right to change it",
                lambda: f"{self._connected().examine('INBOX').exists} messages",
            ),
        )

    def _connected(self) -> ImapClient:
        if self._client is None:
            raise ProviderUnavailable("The connection is not open.", code="not_open")
        return self._client

    # --- folders -------------------------------------------------------------------------------------

    def folders(self) -> tuple[FolderInfo, ...]:
        client = self._connected()
        found: list[FolderInfo] = []
        for listed in client.list_all():
            folder = _folder(listed)
            if folder.selectable and len(found) < _COUNTED_FOLDERS:
                try:
                    folder = replace(folder, message_count=client.count(folder.id))
                except (FolderMissing, AccessDenied):
                    pass  # Listed, but not to be opened: it goes uncounted.
            found.append(folder)
        return tuple(found)

    # --- receiving -----------------------------------------------------------------------------------

    def changes(self, folder: str, cursor: str | None) -> Iterator[ChangePage]:
        examined = self._examine(folder)
        last = _last_uid(cursor, examined)
        stream = self._uids(folder, examined, last + 1)
        following = list(islice(stream, self.limits.page_size))
        done = False
        while not done:
            page, following = following, list(islice(stream, self.limits.page_size))
            done = not following
            refs = self._describe(folder, examined, page)
            last = page[-1] if page else last
            position = json.dumps({"uidvalidity": examined.uid_validity, "last_uid": last})
            yield ChangePage(refs, position, done, examined.exists)

    def inventory(self, folder: str) -> Iterator[MessageRef]:
        examined = self._examine(folder)
        for uid in self._uids(folder, examined, 1):
            yield MessageRef(folder, f"{examined.uid_validity}:{uid}")

    def fetch(self, ref: MessageRef) -> RawMessage:
        limit = self.limits.message_bytes
        if ref.size is not None and ref.size > limit:
            raise MessageTooLarge("The message is larger than allowed.", size=ref.size, limit=limit)
        validity, _, uid = ref.id.partition(":")
        if not validity.isdecimal() or not uid.isdecimal():
            raise CursorExpired("The reference is not one of IMAP.", code="reference_unreadable")
        self._reopen(ref.folder, int(validity))
        body = self._spool()
        size, received_at = 0, ref.received_at
        try:
            while True:
                asked = min(PART, limit + 1 - size)
                part = self._connected().part(int(uid), size, asked)
                if part is None or part.body is None:
                    raise MessageGone("The message is not in the folder any more.")
                if len(part.body) > asked:
                    raise ProtocolError("The server sent more than was asked for.", code="part_too_long")
                body.write(part.body)
                size, received_at = size + len(part.body), part.received_at or received_at
                if size > limit:
                    raise MessageTooLarge("The message is larger than allowed.", size=size, limit=limit)
                # A short part is the end. The announced size is not: a wrong one would cut the message.
                if len(part.body) < asked:
                    body.seek(0)
                    return RawMessage(ref, body, size, received_at)
        except BaseException:
            body.close()
            raise

    def _examine(self, folder: str) -> Examined:
        self._examined = None
        self._examined = self._connected().examine(folder)
        return self._examined

    def _reopen(self, folder: str, validity: int) -> None:
        """Make sure `folder` is the open one, and that its UIDs still mean what they meant."""
        examined = self._examined
        if examined is None or self._connected().folder != folder:
            examined = self._examine(folder)
        if examined.uid_validity != validity:
            raise CursorExpired("The server has numbered the folder anew.", code="uidvalidity_changed")

    def _uids(self, folder: str, examined: Examined, first: int) -> Iterator[int]:
        """Every UID from `first` on, ascending, found window by window."""
        width = _WINDOW
        while first < examined.uid_next and examined.exists:
            last = min(first + width, examined.uid_next) - 1
            self._reopen(folder, examined.uid_validity)
            found = self._connected().uids(first, last)
            yield from found
            width = _WINDOW if found else min(width * 2, _WIDEST_WINDOW)
            first = last + 1

    def _describe(self, folder: str, examined: Examined, uids: list[int]) -> tuple[MessageRef, ...]:
        """Refs for `uids`; one the server no longer describes is named too, and fetch says if it is gone."""
        if not uids:
            return ()
        self._reopen(folder, examined.uid_validity)
        described = self._connected().describe(uids[0], uids[-1])
        refs = []
        for uid in uids:
            known = described.get(uid)
            size, received_at = (known.size, known.received_at) if known else (None, None)
            refs.append(MessageRef(folder, f"{examined.uid_validity}:{uid}", size, received_at))
        return tuple(refs)


def _last_uid(cursor: str | None, examined: Examined) -> int:
    """The UID behind which to go on. Raises CursorExpired where it means nothing to this folder now."""
    if cursor is None:
        return 0
    try:
        position = json.loads(cursor)
        validity, last = int(position["uidvalidity"]), int(position["last_uid"])
    except (ValueError, TypeError, KeyError):
        raise CursorExpired("The stored position cannot be read.", code="cursor_unreadable") from None
    if validity != examined.uid_validity:
        raise CursorExpired("The server has numbered the folder anew.", code="uidvalidity_changed")
    # RFC 3501 section 2.3.1.1 has UIDNEXT only grow; where it shrank, UIDs are being given out twice.
    if examined.uid_next <= last:
        raise CursorExpired("The server's numbering went back.", code="uidnext_went_back")
    return last


def _folder(listed: Listed) -> FolderInfo:
    """A folder for people; not selectable where its name cannot be sent back as it came."""
    selectable = listed.name.isascii() and not listed.flags & {"noselect", "nonexistent"}
    if listed.name.upper() == b"INBOX":
        return FolderInfo("INBOX", "INBOX", ("INBOX",), "inbox", selectable, None)
    try:
        name = imap_utf7.decode(listed.name)
    except ValueError:
        name = listed.name.decode("ascii", "replace")
    path = tuple(name.split(listed.delimiter)) if listed.delimiter else (name,)
    role = next((role for role in _ROLES if role in listed.flags), None)
    return FolderInfo(listed.name.decode("ascii", "replace"), path[-1], path, role, selectable, None)
