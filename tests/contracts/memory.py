"""A mailbox in memory and its adapter, for flows that need a provider but no network."""

import io
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from connectors.adapters import (
    Binding,
    ChangePage,
    CheckReport,
    ConnectionFacts,
    FolderInfo,
    Heard,
    Listener,
    MessageRef,
    RawMessage,
    Receiver,
    option,
    run_check,
)
from connectors.errors import (
    AuthenticationError,
    ConnectorError,
    CursorExpired,
    FolderMissing,
    MessageGone,
    MessageTooLarge,
)


@dataclass
class StoredMail:
    raw: bytes
    received_at: datetime
    announced_size: int | None = None


@dataclass
class MemoryFolder:
    generation: int = 1
    next_number: int = 1
    mails: dict[int, StoredMail] = field(default_factory=dict)


class MemoryMailbox:
    """What a MemoryAdapter reads. Tests change it between and during calls.

    `failures` maps an operation (open, folders, changes, fetch, inventory, listen) to errors for its next calls,
    one each, oldest first. `opened` counts connections.
    """

    def __init__(self, *, password: str = "open sesame") -> None:
        self.password = password
        self.folders: dict[str, MemoryFolder] = {"INBOX": MemoryFolder()}
        self.failures: dict[str, list[ConnectorError]] = {}
        self.opened = 0
        self.told = threading.Condition()
        self.key = secrets.token_hex(8)
        MAILBOXES[self.key] = self

    def deliver(
        self,
        raw: bytes,
        *,
        folder: str = "INBOX",
        received_at: datetime | None = None,
        announced_size: int | None = None,
    ) -> str:
        """Add a mail as the newest of `folder`; the id a ref to it will have."""
        held = self.folders.setdefault(folder, MemoryFolder())
        number = held.next_number
        held.mails[number] = StoredMail(raw, received_at or datetime.now(UTC), announced_size)
        held.next_number += 1
        with self.told:
            self.told.notify_all()
        return f"{held.generation}:{number}"

    def remove(self, folder: str, position: int) -> None:
        held = self.folders[folder]
        del held.mails[sorted(held.mails)[position]]

    def forget_identities(self, folder: str = "INBOX") -> None:
        """Number the folder anew, as an IMAP server does that changes UIDVALIDITY."""
        held = self.folders[folder]
        mails = [held.mails[number] for number in sorted(held.mails)]
        self.folders[folder] = MemoryFolder(
            held.generation + 1, len(mails) + 1, dict(enumerate(mails, start=1))
        )

    def snapshot(self) -> dict[str, bytes]:
        return {
            f"{name}/{held.generation}:{number}": mail.raw
            for name, held in self.folders.items()
            for number, mail in held.mails.items()
        }

    def take_failure(self, operation: str) -> None:
        if self.failures.get(operation):
            raise self.failures[operation].pop(0)


MAILBOXES: dict[str, MemoryMailbox] = {}


@dataclass(frozen=True, slots=True)
class MemoryOptions:
    mailbox: str = field(metadata=option("Mailbox", help_text="The key of a MemoryMailbox."))
    user: str = field(default="orders@acme.example", metadata=option("User"))


class MemoryAdapter(Receiver, Listener):
    """Register it for a test: `PROVIDERS["memory"] = "tests.contracts.memory.MemoryAdapter"`."""

    key: ClassVar[str] = "memory"
    title: ClassVar[str] = "Memory"
    Options = MemoryOptions

    _open = False
    _heard: tuple[str, int] | None = None

    @property
    def mailbox(self) -> MemoryMailbox:
        return MAILBOXES[self.options.mailbox]

    @property
    def binding(self) -> Binding:
        return Binding("memory", self.options.mailbox, 1, self.options.user)

    @property
    def facts(self) -> ConnectionFacts:
        return ConnectionFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", "127.0.0.1")

    def open(self) -> None:
        self.mailbox.take_failure("open")
        if self._secret() != self.mailbox.password:
            raise AuthenticationError("The server refused the user name or the password.")
        self.mailbox.opened += 1
        self._open = True

    def close(self) -> None:
        self._open = False

    def check(self) -> CheckReport:
        def sign_in() -> str:
            self.open()
            return "signed in"

        try:
            return run_check(
                [
                    ("sign_in", "Signing in", sign_in),
                    ("folders", "Listing folders", lambda: f"{len(self.folders())} folders"),
                ]
            )
        finally:
            self.close()

    def folders(self) -> tuple[FolderInfo, ...]:
        self.mailbox.take_failure("folders")
        return tuple(
            FolderInfo(
                id=name,
                name=name.rpartition("/")[2],
                path=tuple(name.split("/")),
                role="inbox" if name == "INBOX" else None,
                selectable=True,
                message_count=len(held.mails),
            )
            for name, held in self.mailbox.folders.items()
        )

    def changes(self, folder: str, cursor: str | None) -> Iterator[ChangePage]:
        self.mailbox.take_failure("changes")
        held = self._folder(folder)
        generation, last = json.loads(cursor) if cursor else (held.generation, 0)
        if generation != held.generation:
            raise CursorExpired("The folder was numbered anew.", code="uidvalidity_changed")
        news = sorted(number for number in held.mails if number > last)
        size = self.limits.page_size
        for start in range(0, len(news), size) or [0]:
            page = news[start : start + size]
            refs = tuple(self._ref(folder, held, number) for number in page if number in held.mails)
            last = page[-1] if page else last
            done = start + size >= len(news)
            yield ChangePage(refs, json.dumps([held.generation, last]), done, len(held.mails))
            self.mailbox.take_failure("changes")

    def fetch(self, ref: MessageRef) -> RawMessage:
        self.mailbox.take_failure("fetch")
        held = self._folder(ref.folder)
        generation, _, number = ref.id.partition(":")
        if int(generation) != held.generation:
            raise CursorExpired("The folder was numbered anew.", code="uidvalidity_changed")
        mail = held.mails.get(int(number))
        if mail is None:
            raise MessageGone("The message is not in the folder any more.")
        size = max(len(mail.raw), ref.size or 0)
        if size > self.limits.message_bytes:
            raise MessageTooLarge("The message is too large.", size=size, limit=self.limits.message_bytes)
        body = self._spool()
        body.write(mail.raw)
        body.seek(0, io.SEEK_SET)
        return RawMessage(ref, body, len(mail.raw), mail.received_at)

    def inventory(self, folder: str) -> Iterator[MessageRef]:
        self.mailbox.take_failure("inventory")
        held = self._folder(folder)
        for number in sorted(held.mails):
            yield MessageRef(folder, f"{held.generation}:{number}")

    def listen(self, folder: str, *, seconds: float) -> Heard:
        self.mailbox.take_failure("listen")
        heard, held = self._heard, self._folder(folder)
        with self.mailbox.told:
            known = held.next_number if heard is None or heard[0] != folder else heard[1]
            news = self.mailbox.told.wait_for(
                lambda: held.next_number > known, 0 if heard is None else seconds
            )
            self._heard = (folder, held.next_number)
        return Heard.NEWS if news or heard is None or heard[0] != folder else Heard.NOTHING

    def _folder(self, name: str) -> MemoryFolder:
        if name not in self.mailbox.folders:
            raise FolderMissing("The folder does not exist.")
        return self.mailbox.folders[name]

    def _ref(self, folder: str, held: MemoryFolder, number: int) -> MessageRef:
        mail = held.mails[number]
        size = mail.announced_size if mail.announced_size is not None else len(mail.raw)
        return MessageRef(folder, f"{held.generation}:{number}", size, mail.received_at)
