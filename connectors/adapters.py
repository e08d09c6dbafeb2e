"""The contract between Zalion and a mail provider: adapters, their roles, and the data they exchange."""

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, BinaryIO, ClassVar, Literal, Self

from connectors.errors import ConnectorError
from zalion.net import NetworkPolicy

FolderRole = Literal["inbox", "all", "archive", "drafts", "flagged", "junk", "sent", "trash"]


# --- what is asked for and handed in -----------------------------------------------------------


def option(
    label: str,
    *,
    help_text: str = "",
    choices: Sequence[tuple[str, str]] = (),
    multiline: bool = False,
) -> dict[str, Any]:
    """Metadata of one field of an `Options` class, enough to build a form from.

    Write `host: str = field(metadata=option("Host"))`. `choices` are pairs of stored value and label. A field
    with a default is optional. Types are str, int and bool, so that options can be kept as JSON.
    """
    return {"label": label, "help": help_text, "choices": tuple(choices), "multiline": multiline}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of anything an adapter takes before it gives up.

    `page_size`: refs per ChangePage. `message_bytes`: largest message that is fetched. `command_seconds`:
    for one command and its whole answer, so that a server which drips cannot hold a worker.
    `session_seconds`: from open to close. `connect_seconds`: for connecting, and again for the TLS
    handshake. `listening_seconds`: after so long a Listener asks again to be told, well below the 29 minutes
    of RFC 2177 section 3, since firewalls forget silent connections sooner.
    """

    page_size: int = 100
    message_bytes: int = 150 * 1024 * 1024
    command_seconds: float = 60
    session_seconds: float = 1800
    connect_seconds: float = 20
    listening_seconds: float = 540


@dataclass(frozen=True, slots=True)
class Binding:
    """What a secret is provisioned for; changing any of it voids the reference."""

    protocol: str
    host: str
    port: int
    user: str


# --- what comes back ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FolderInfo:
    """A folder as the server lists it.

    `id` is what every other call takes and what is stored: the provider's own, stable through a rename
    where the provider has such ids. `name` is for people, `path` the names from the root down. `role` is
    the special use (RFC 6154), None for ordinary folders. Folders that only hold others are not
    `selectable`. `message_count` is None where the server did not say.
    """

    id: str
    name: str
    path: tuple[str, ...]
    role: FolderRole | None
    selectable: bool
    message_count: int | None


@dataclass(frozen=True, slots=True)
class MessageRef:
    """Names one message in one folder; `(folder, id)` is its transport identity in the ledger.

    `id` is never reused within a folder for another message (IMAP: "UIDVALIDITY:UID"). `size` in bytes and
    `received_at` (aware, UTC) are the server's word, None where it gave none.
    """

    folder: str
    id: str
    size: int | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some refs, oldest first, and the cursor to store in the same transaction as their rows.

    `cursor` is opaque text that stands behind the last of `refs`. `done` is true for the last page of a call.
    `total` is the number of messages in the folder, for showing progress; None where unknown. `renamed_to`
    is the folder's id by now, where that is no longer the one asked for: within this session both are good,
    and later only the new one without a cursor.
    """

    refs: tuple[MessageRef, ...]
    cursor: str
    done: bool
    total: int | None
    renamed_to: str | None = None


@dataclass(frozen=True, slots=True)
class RawMessage:
    """The RFC 5322 bytes of one message as the server holds them, in a file object positioned at the start.

    `size` is what really arrived; it may differ from `ref.size`, which is only what the server announced.
    The file is the caller's to close.
    """

    ref: MessageRef
    body: BinaryIO
    size: int
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """How the present connection is protected, for the trail: TLS version, cipher suite, numeric address.

    `certificate` is the SHA-256 of the server's certificate (DER), in hex.
    """

    tls_version: str
    cipher: str
    server: str
    certificate: str = ""


class CheckOutcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step of a connection check. `what_to_do` is filled where the step failed."""

    key: str
    title: str
    outcome: CheckOutcome
    detail: str = ""
    what_to_do: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The steps in the order they were tried; the first failure skips what comes after it."""

    steps: tuple[CheckStep, ...]

    @property
    def passed(self) -> bool:
        return bool(self.steps) and all(step.outcome is CheckOutcome.PASSED for step in self.steps)


def run_check(steps: Sequence[tuple[str, str, Callable[[], str]]]) -> CheckReport:
    """Run `(key, title, action)` in order; an action returns the detail to show or raises ConnectorError."""
    done: list[CheckStep] = []
    failed = False
    for key, title, action in steps:
        if failed:
            done.append(CheckStep(key, title, CheckOutcome.SKIPPED))
            continue
        try:
            done.append(CheckStep(key, title, CheckOutcome.PASSED, action()))
        except ConnectorError as error:
            failed = True
            step = CheckStep(key, title, CheckOutcome.FAILED, str(error), error.what_to_do, error.code)
            done.append(step)
    return CheckReport(tuple(done))


# --- the adapter and its roles -----------------------------------------------------------------


class MailboxAdapter(ABC):
    """One connection to one mailbox at one provider.

    Subclasses add roles by inheriting `Receiver`, `Listener`, `Sender`, `Watcher`, `Filer`; what a mailbox can do is
    asked with isinstance. Constructing does no I/O. An adapter serves one thread; it is opened once, and
    every failure is a ConnectorError. Nothing of the secret is kept, shown in a repr or put into an error.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    Options: ClassVar[type[Any]]

    def __init__(
        self,
        options: Any,
        *,
        secret: Callable[[], str],
        policy: NetworkPolicy,
        limits: Limits | None = None,
        spool: Callable[[], BinaryIO] = io.BytesIO,
    ) -> None:
        """Take what the adapter needs.

        `options` is an instance of `Options`: a frozen dataclass whose fields carry `option()` metadata and
        whose construction raises ConfigurationError for values that cannot be. `secret` is called once per
        sign-in, and only after TLS is verified; what it raises passes through. `spool` makes the file a
        message body is written to as it arrives; the caller who wants sealed spools hands in one that
        seals.
        """
        self.options = options
        self.limits = limits or Limits()
        self._secret = secret
        self._policy = policy
        self._spool = spool

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    @abstractmethod
    def binding(self) -> Binding:
        """What the secret must have been provisioned for."""

    @property
    @abstractmethod
    def facts(self) -> ConnectionFacts:
        """How the open connection is protected; only while open."""

    @abstractmethod
    def open(self) -> None:
        """Connect, verify TLS, sign in. Raises ConfigurationError, AuthenticationError, TransientError."""

    @abstractmethod
    def close(self) -> None:
        """End the connection; safe to call twice, and never raises because the server is already gone."""

    @abstractmethod
    def check(self) -> CheckReport:
        """Try the connection step by step on an adapter that is not open, and leave it closed.

        Never raises for what the server does: a failure is a step. Changes nothing in the mailbox.
        """

    @abstractmethod
    def folders(self) -> tuple[FolderInfo, ...]:
        """Every folder the account can see, in the server's order. Opens none of them."""


class Receiver(MailboxAdapter):
    """The role of reading mail. Reading never changes a mailbox: no flag, no move, nothing marked as read."""

    @abstractmethod
    def changes(self, folder: str, cursor: str | None) -> Iterator[ChangePage]:
        """What came into `folder` after `cursor`, or everything when it is None, oldest first.

        Yields at least one page, so that there is a cursor to store; exactly the last one is `done`. May
        list a message again, never skips one. A stored cursor may be used any number of times. Other calls
        may be made between two pages. Raises CursorExpired, FolderMissing, UnsupportedOperation,
        TransientError, ProtocolError.
        """

    @abstractmethod
    def fetch(self, ref: MessageRef) -> RawMessage:
        """The whole message, exactly the bytes the server holds, written to a new spool.

        Raises MessageGone; MessageTooLarge above `limits.message_bytes`, before any of it is fetched when the
        server announced its size; CursorExpired where the ids of the folder are not valid any more.
        """

    @abstractmethod
    def inventory(self, folder: str) -> Iterator[MessageRef]:
        """Every message now in `folder`, oldest first, ids only, for comparing with the ledger."""


class Heard(StrEnum):
    """What a Listener heard: nothing, that the server is alive, or that there may be something new."""

    NOTHING = "nothing"
    ALIVE = "alive"
    NEWS = "news"


class Listener(MailboxAdapter):
    """The role of waiting, on the open connection, until a folder may hold something new.

    What is heard is only a hint that wakes a sync. Listening changes nothing in the mailbox.
    """

    @abstractmethod
    def listen(self, folder: str, *, seconds: float) -> Heard:
        """Wait for `seconds` at most; call it again and again, and nothing is missed in between.

        The first call for a folder says NEWS as soon as the server listens: nobody knows what came before.
        Raises UnsupportedOperation where the server cannot tell, FolderMissing, TransientError, ProtocolError.
        """


@dataclass(frozen=True, slots=True)
class MailToSend:
    """A finished RFC 5322 message with its envelope. `message_id` was fixed before the first attempt."""

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    body: BinaryIO


@dataclass(frozen=True, slots=True)
class SentReceipt:
    """The provider took responsibility. `provider_id` is its name for the message, None where it has none."""

    provider_id: str | None
    accepted: tuple[str, ...]


class Sender(MailboxAdapter):
    """The role of sending mail."""

    @abstractmethod
    def send(self, message: MailToSend) -> SentReceipt:
        """Hand over `message` once. TransientError means surely not sent, ProtocolError that nobody knows."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A subscription the provider granted, until `expires_at` (aware, UTC)."""

    id: str
    expires_at: datetime


class Watcher(MailboxAdapter):
    """The role of being told about new mail. A notification is only a hint that wakes a sync."""

    @abstractmethod
    def subscribe(self, folder: str, *, callback_url: str, token: str) -> Lease:
        """Ask for notifications about `folder`; `token` comes back with each and proves its origin."""

    @abstractmethod
    def renew(self, lease: Lease) -> Lease:
        """Extend a lease. Raises CursorExpired where the provider forgot it: subscribe anew, then sync."""

    @abstractmethod
    def unsubscribe(self, lease: Lease) -> None:
        """End a lease; one the provider forgot is no error."""


@dataclass(frozen=True, slots=True)
class FilingAction:
    """What to do with a stored message; `target` is the folder id or label where one is needed."""

    kind: Literal["mark_read", "move", "label", "delete"]
    target: str | None = None


class Filer(MailboxAdapter):
    """The role of changing a mailbox; used only where the mailbox was granted `modify`."""

    @abstractmethod
    def file(self, ref: MessageRef, action: FilingAction) -> None:
        """Carry out `action`. Raises MessageGone, AccessDenied, UnsupportedOperation."""
