"""Listening to one mailbox: claimed in the database, woken syncs, and what its page says of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Any
from uuid import UUID

from django.utils import timezone

from connectors import claims, errors, gateway, sync
from connectors.adapters import Heard, Limits
from connectors.models import FolderMapping, Listening, Mailbox, MailboxState, MappingKind
from zalion.tenancy.unit import unit
from zalion.vault.errors import BlobNotStored

LEASE = timedelta(seconds=150)
RENEWED_EVERY = 45.0  # seconds
STEP = 5.0  # seconds: so soon is noticed that nobody is to listen any more
# Then the connection is made anew, with the secret as it is by then: access tokens last about so long.
SESSION = 55 * 60.0
LIMITS = Limits(session_seconds=3600)
BURST = 1.0  # seconds: what comes within is one hint
AGAIN = timedelta(seconds=5)  # at the earliest; the mailbox's own back-off comes on top
FOLDER_AGAIN = timedelta(minutes=10)
UNABLE_AGAIN = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Post:
    """A claim on a mailbox's Listening."""

    row: UUID
    fence: int


def listen(mailbox_id: UUID, *, ended: Event, progress: Callable[[], None]) -> None:
    """Wait for word of new mail until ``ended`` is set or the connection's time is over; wake a sync at each.

    ``progress`` is called after every step. Does nothing where somebody listens already, or nobody is to.
    Failures are counted on the mailbox, as those of a sync are; a server that cannot tell is none.
    """
    live = Mailbox.objects.filter(pk=mailbox_id, push=True, state=MailboxState.ACTIVE)
    mailbox = live.first()
    mapping = watched(mailbox_id)
    if mailbox is None or mapping is None:
        return
    try:
        post = take(mailbox, mapping, now=timezone.now())
        code, wait = _attend(mailbox, mapping, post, ended=ended, progress=progress)
    except claims.ClaimLost:
        return
    now = timezone.now()
    with unit():
        _mine(post).update(lease_until=None, since=None, next_attempt_at=now + wait, error_code=code)


def watched(mailbox_id: UUID) -> FolderMapping | None:
    """The folder that is listened to, since IDLE tells of one alone: the inbox, else the first by name."""
    mappings = FolderMapping.objects.filter(mailbox=mailbox_id, kind=MappingKind.FOLDER)
    return min(mappings, key=lambda mapping: (mapping.folder.upper() != "INBOX", mapping.name), default=None)


def take(mailbox: Mailbox, mapping: FolderMapping, *, now: datetime) -> Post:
    """Claim the mailbox for this listener; raises ClaimLost when another has it."""
    with unit():
        row = Listening.objects.get_or_create(mailbox=mailbox)[0]
        free = Listening.objects.filter(claims.free(now), pk=row.pk, fence=row.fence)
        taken = free.update(fence=row.fence + 1, lease_until=now + LEASE, mapping=mapping, since=None)
    if not taken:
        raise claims.ClaimLost
    return Post(row.pk, row.fence + 1)


def _mine(post: Post) -> Any:
    return Listening.objects.filter(pk=post.row, fence=post.fence)


def _attend(
    mailbox: Mailbox, mapping: FolderMapping, post: Post, *, ended: Event, progress: Callable[[], None]
) -> tuple[str, timedelta]:
    """The code of what ended it, empty where nothing is wrong, and how long to leave it then."""
    try:
        with gateway.open_mailbox(mailbox, limits=LIMITS) as opened:
            gateway.note_success(mailbox)
            try:
                _follow(opened, mapping, post, ended=ended, progress=progress)
            except errors.UnsupportedOperation as error:
                return error.code, UNABLE_AGAIN  # Polling serves as well: the mailbox has not failed.
    except (errors.FolderMissing, errors.ScopeViolation, errors.CursorExpired) as error:
        return error.code, FOLDER_AGAIN
    except (errors.ConnectorError, BlobNotStored) as error:
        return error.code, AGAIN
    return "", timedelta()


def _follow(
    opened: gateway.Gateway,
    mapping: FolderMapping,
    post: Post,
    *,
    ended: Event,
    progress: Callable[[], None],
) -> None:
    since, until, renewed = timezone.now(), time.monotonic() + SESSION, 0.0
    heard_at = since
    for heard in opened.listen(mapping.folder, called=mapping.sync.renamed_to, seconds=STEP):
        if heard is not Heard.NOTHING:
            heard_at = timezone.now()
        if heard is Heard.NEWS:
            sync.wake(mapping.pk)
        if not renewed or time.monotonic() - renewed >= RENEWED_EVERY:
            _renew(post, since=since, heard_at=heard_at)
            renewed = time.monotonic()
        progress()
        if ended.wait(BURST if heard is Heard.NEWS else 0) or time.monotonic() >= until:
            return


def _renew(post: Post, *, since: datetime, heard_at: datetime) -> None:
    values = {"lease_until": timezone.now() + LEASE, "since": since, "heard_at": heard_at, "error_code": ""}
    with unit():
        if not _mine(post).update(**values):
            raise claims.ClaimLost
