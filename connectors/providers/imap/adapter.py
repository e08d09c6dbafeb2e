"""The IMAP adapter: a company mailbox read over TLS, with a password or an access token, never changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from connectors import errors
from connectors.adapters import (
    ChangePage,
    FolderInfo,
    Heard,
    Listener,
    MessageRef,
    RawMessage,
    Receiver,
    option,
)
from connectors.hosts import HostAdapter, HostOptions, Step, paged, spooled
from connectors.imapwire import PART, ImapWire
from connectors.providers.imap.client import Examined, Fetched, ImapClient
from connectors.providers.imap.failures import translated
from connectors.providers.imap.position import Position
from zalion import net

# UIDs asked for at once. Windows double over gaps, as old mailboxes begin at high numbers, but not beyond
# what one line of answer can hold.
_WINDOW = 4096
_WIDEST_WINDOW = 65536
# Counting costs a command per folder; beyond this many the rest go uncounted.
_COUNTED_FOLDERS = 200


@dataclass(frozen=True, slots=True)
class ImapOptions(HostOptions):
    port: int = field(default=993, metadata=option("Port", help_text="993 for TLS, 143 for STARTTLS."))


class ImapAdapter(HostAdapter, Receiver, Listener):
    """Receives from one IMAP account; the cursor is a Position.

    A message's id is "UIDVALIDITY:UID", which RFC 3501 section 2.3.1.1 promises never to give to another; at
    Gmail it is "gm:X-GM-MSGID", the same under every label. A folder's id is its name as on the wire, so that
    every name listed can be opened. A rename is followed: by the folder's lasting id (RFC 8474), which the
    cursor holds, or else by its numbering and the last message read, which go with it. Debian 12's Cyrus
    answers STATUS for that id with freed memory (November 2026), so it is only ever taken from EXAMINE.
    """

    key: ClassVar[str] = "imap"
    title: ClassVar[str] = "IMAP"
    Options = ImapOptions

    _client: ImapClient | None = None
    _folder = ""
    _examined: Examined | None = None
    _names: dict[str, str]  # what a folder is called now, by what it was called when it was chosen
    _gmail_uids: dict[int, int]

    # --- connecting ----------------------------------------------------------------------------------

    def _greet(self, channel: net.Channel) -> None:
        with translated():
            wire = ImapWire(channel, self.limits.command_seconds)
            if self.options.security == "starttls":
                wire.ask_for_tls()
                self._protect(channel)
                wire.refresh()
        self._client = ImapClient(wire)
        self._names, self._gmail_uids = {}, {}

    def _sign_in(self, secret: str) -> None:
        self._connected().sign_in(self.options.exchange(secret), self.options.user, secret)

    def _leave(self) -> None:
        client, self._client, self._examined = self._client, None, None
        if client is not None:
            client.leave()

    def _further_steps(self) -> Sequence[Step]:
        return (
            ("folders", "Listing folders", lambda: f"{len(self._connected().list_all())} found"),
            (
                "read_only",
                "Opening the inbox without the right to change it",
                lambda: f"{self._connected().examine('INBOX').exists} messages",
            ),
        )

    def _connected(self) -> ImapClient:
        if self._client is None:
            raise errors.ProviderUnavailable("The connection is not open.", code="not_open")
        return self._client

    # --- folders -------------------------------------------------------------------------------------

    def folders(self) -> tuple[FolderInfo, ...]:
        return tuple(self._connected().list_all(counted=_COUNTED_FOLDERS))

    def _examine(self, folder: str) -> Examined:
        self._examined, self._folder = None, folder
        self._gmail_uids.clear()
        self._examined = self._connected().examine(self._names.get(folder, folder))
        return self._examined

    def _follow(self, folder: str, since: Position) -> Examined:
        """Open a folder under whatever name it has by now."""
        called = self._names[folder] = since.name or folder
        examined = None
        try:
            examined = self._examine(folder)
            if since.fits(examined):
                return examined
        except errors.FolderMissing:
            if not since.mailbox_id and not since.last_at:
                raise
        # INBOX is always the inbox: renaming it moves its mail elsewhere (RFC 3501 section 6.3.5).
        others = self._connected().list_all() if called.upper() != "INBOX" else ()
        names = [other.id for other in others if other.selectable and other.id != called]
        # Two that fit prove nothing: one of them is not what was signed.
        found = [name for name in names if self._is_moved(folder, name, since)]
        self._names[folder] = found[0] if len(found) == 1 else called
        if len(found) == 1:
            return self._examine(folder)
        if examined is None:
            code = "folder_deleted" if since.mailbox_id else None
            raise errors.FolderMissing("The folder was deleted on the server.", code=code)
        if since.mailbox_id:
            raise errors.CursorExpired("Another folder has taken the name.", code="folder_replaced")
        return self._examine(folder)

    def _is_moved(self, folder: str, name: str, since: Position) -> bool:
        """Whether the folder was renamed to `name`: without lasting ids, its last message proves it."""
        self._names[folder] = name
        try:
            if not since.fits(self._examine(folder)):
                return False
        except (errors.FolderMissing, errors.AccessDenied):
            return False  # Not to be opened, so it is not the one.
        last = since.last_uid
        return bool(since.mailbox_id) or since.ends_with(self._connected().describe(last, last).get(last))

    def _reopen(self, folder: str, validity: int | None) -> None:
        """Make sure `folder` is the open one, and that its UIDs still mean what they meant."""
        examined = self._examined
        if examined is None or self._folder != folder:
            examined = self._examine(folder)
        if validity not in {None, examined.uid_validity}:
            raise errors.CursorExpired("The server has numbered the folder anew.", code="uidvalidity_changed")

    # --- receiving -----------------------------------------------------------------------------------

    def changes(self, folder: str, cursor: str | None) -> Iterator[ChangePage]:
        position = Position.read(cursor)
        examined = self._follow(folder, position)
        position.require_valid(examined)
        name = self._names[folder]
        renamed = name if name != folder else None
        stream = self._uids(folder, examined, position.last_uid + 1)
        for page, done in paged([] if position.is_of(examined) else stream, self.limits.page_size):
            if cursor is not None and not page and name == (position.name or folder):
                yield ChangePage((), cursor, True, examined.exists, renamed)
                return
            described = self._describe(folder, examined, position, page)
            refs = tuple(_ref(folder, examined, uid, described.get(uid)) for uid in page)
            position = position.past(refs, page, examined, name=name, done=done)
            yield ChangePage(refs, position.write(), done, examined.exists, renamed)

    def inventory(self, folder: str) -> Iterator[MessageRef]:
        examined = self._examine(folder)
        for page, _ in paged(self._uids(folder, examined, 1), _WINDOW):
            named = (
                self._describe(folder, examined, Position(), page)
                if self._connected().wire.offers("X-GM-EXT-1")
                else {}
            )
            for uid in page:
                ref = _ref(folder, examined, uid, named.get(uid))
                yield MessageRef(folder, ref.id)

    def fetch(self, ref: MessageRef) -> RawMessage:
        limit = self.limits.message_bytes
        if ref.size is not None and ref.size > limit:
            raise errors.MessageTooLarge("The message is larger than allowed.", size=ref.size, limit=limit)
        uid = self._locate(ref)
        first = self._part(uid, 0)
        body, size = spooled(self._parts(uid, first), spool=self._spool, limit=limit)
        return RawMessage(ref, body, size, first.received_at or ref.received_at)

    def listen(self, folder: str, *, seconds: float) -> Heard:
        first = self._examined is None or self._folder != folder
        self._reopen(folder, None)
        client, renewed_after = self._connected(), self.limits.listening_seconds
        heard = client.idle(0 if first else seconds, renewed_after=renewed_after)
        return Heard.NEWS if first else heard

    def _locate(self, ref: MessageRef) -> int:
        kind, _, number = ref.id.partition(":")
        if not number.isdecimal() or not (kind == "gm" or kind.isdecimal()):
            raise errors.CursorExpired("The reference is not one of IMAP.", code="reference_unreadable")
        self._reopen(ref.folder, None if kind == "gm" else int(kind))
        if kind != "gm":
            return int(number)
        uid = self._gmail_uids.get(int(number)) or self._connected().find_gmail(int(number))
        if uid is None:
            raise errors.MessageGone("The message is not under this label any more.")
        return uid

    def _part(self, uid: int, start: int) -> Fetched:
        asked = min(PART, self.limits.message_bytes + 1 - start)
        part = self._connected().part(uid, start, asked)
        if part is None or part.body is None:
            raise errors.MessageGone("The message is not in the folder any more.")
        if len(part.body) > asked:
            raise errors.ProtocolError("The server sent more than was asked for.", code="part_too_long")
        return part

    def _parts(self, uid: int, part: Fetched) -> Iterator[bytes]:
        """The whole body, of which `part` is the first. A short part is the end; the announced size may lie."""
        size = 0
        while part.body:
            yield part.body
            size += len(part.body)
            if len(part.body) < PART:
                return
            part = self._part(uid, size)

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

    def _describe(
        self, folder: str, examined: Examined, since: Position, uids: list[int]
    ) -> dict[int, Fetched]:
        """What the server says of `uids`; it is asked about the last known one too, to see it is the same."""
        if not uids:
            return {}
        self._reopen(folder, examined.uid_validity)
        described = self._connected().describe(since.last_uid or uids[0], uids[-1])
        since.recognise(described.get(since.last_uid))
        self._gmail_uids = {told.gmail_id: uid for uid, told in described.items() if told.gmail_id}
        return described


def _ref(folder: str, examined: Examined, uid: int, told: Fetched | None) -> MessageRef:
    """A message the server no longer describes is named too, and fetch says if it is gone."""
    if told is None:
        return MessageRef(folder, f"{examined.uid_validity}:{uid}")
    name = f"gm:{told.gmail_id}" if told.gmail_id else f"{examined.uid_validity}:{uid}"
    return MessageRef(folder, name, told.size, told.received_at)
