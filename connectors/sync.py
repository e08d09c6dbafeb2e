"""Following a folder: page by page from its cursor into the ledger, and when to come back."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from audit import actions, trail
from connectors import claims, errors, gateway, ingest
from connectors.models import FolderMapping, Listening, Mailbox, MailboxState, MappingKind, SyncState
from zalion.tasks import enqueue
from zalion.tenancy.unit import unit
from zalion.vault.errors import BlobNotStored

SYNC_TASK = "connectors.sync_folder"
POLLS_TOLD_EVERY = timedelta(hours=1)
# One visit ends after this long and queues the next, so that a large first sync leaves room for other folders.
VISIT = timedelta(minutes=2)


def sync_folder(mapping_id: UUID) -> None:
    """Take in everything new in one folder. Safe to run twice: one of the two gives way.

    Failures of the provider end on the rows (mailbox and sync state) with the time of the next attempt, those of
    our own store on the sync state: the cursor stays, and nothing of the page counts as stored.
    """
    mapping = FolderMapping.objects.select_related("mailbox").filter(pk=mapping_id).first()
    if mapping is None or mapping.kind != MappingKind.FOLDER or mapping.mailbox.state != MailboxState.ACTIVE:
        return
    try:
        claim = claims.claim(mapping_id, now=timezone.now())
    except claims.ClaimLost:
        return
    try:
        _visit_once(mapping, claim)
    except claims.ClaimLost:
        return
    with unit():
        if following := claims.next_due(mapping.mailbox_id, now=timezone.now()):
            enqueue(SYNC_TASK, following)


def _visit_once(mapping: FolderMapping, claim: claims.Claim) -> None:
    """Visit the folder and give it back, with the time of its next turn."""
    interval = timedelta(minutes=mapping.mailbox.polling_minutes)
    try:
        finished = _visit(mapping, claim)
    except (errors.ConnectorError, BlobNotStored) as error:
        now = timezone.now()
        wait = gateway.back_off(SyncState.objects.get(pk=claim.state).attempts, error)
        claims.release(
            claim, next_attempt_at=now + max(wait, timedelta(seconds=5)), error_code=error.code, now=now
        )
        return
    now = timezone.now()
    following = now + interval if finished else now
    claims.release(claim, next_attempt_at=following, finished=finished, now=now)


def _visit(mapping: FolderMapping, claim: claims.Claim) -> bool:
    """True when the folder's end was reached, False when the visit's time was up first."""
    try:
        with gateway.open_mailbox(mapping.mailbox) as opened:
            return follow(mapping, claim, opened)
    except errors.CursorExpired as error:
        trail.record(
            actions.FOLDER_RESYNCED,
            object=mapping.mailbox,
            reason=error.code,
            facts={"folder": mapping.folder},
        )
        if isinstance(error, errors.IdentitiesReused):
            ingest.retire_identities(mapping, claim=claim)
        claim = claims.restart(claim, now=timezone.now())
        with gateway.open_mailbox(mapping.mailbox) as opened:
            return follow(mapping, claim, opened)


def follow(mapping: FolderMapping, claim: claims.Claim, opened: gateway.Gateway) -> bool:
    """Take in what comes after the claim's cursor; False when the visit's time was up before the end."""
    ends = timezone.now() + VISIT
    taken = 0
    for page in opened.changes(mapping.folder, claim.cursor or None):
        new = ingest.unknown(mapping, [ref.id for ref in page.refs])
        refs = [ref for ref in page.refs if ref.id in new]
        now = timezone.now()
        arrivals = ingest.arrivals(opened.fetch(mapping.folder, refs), now=now)
        taken += len(ingest.take_in(mapping, arrivals, claim=claim, cursor=page.cursor, total=page.total))
        if not page.done and timezone.now() >= ends:
            return False
    if not taken:
        _count_empty_poll(mapping, claim, now=timezone.now())
    return True


def _count_empty_poll(mapping: FolderMapping, claim: claims.Claim, *, now: datetime) -> None:
    """An empty poll raises a counter, which becomes one event per folder and hour."""
    states = SyncState.objects.filter(pk=claim.state)
    with unit():
        states.update(empty_polls=F("empty_polls") + 1)
        due = Q(polls_reported_at=None) | Q(polls_reported_at__lte=now - POLLS_TOLD_EVERY)
        polls = states.filter(due).values_list("empty_polls", flat=True).first()
        if polls is not None:
            states.update(empty_polls=0, polls_reported_at=now)
            trail.record(
                actions.MAILBOX_POLLED,
                object=mapping.mailbox,
                facts={"folder": mapping.folder, "polls": polls},
            )


def wake(mapping_id: UUID) -> None:
    """Have a folder looked into, on a hint; all that come while it waits or is read are one."""
    now = timezone.now()
    states = SyncState.objects.filter(mapping_id=mapping_id)
    free = states.filter(claims.free(now))
    with unit():
        if not free.filter(next_attempt_at__lte=now).exists():
            states.update(next_attempt_at=now)
            if free.exists():
                enqueue(SYNC_TASK, mapping_id)


def sync_now(mailbox: Mailbox) -> None:
    """Ring the bell for every folder of ``mailbox`` at once, whatever its interval says."""
    mappings = FolderMapping.objects.filter(mailbox=mailbox, kind=MappingKind.FOLDER)
    with unit():
        Mailbox.objects.filter(pk=mailbox.pk).update(back_off_until=None)
        SyncState.objects.filter(mapping__in=mappings).update(next_attempt_at=timezone.now())
        Listening.objects.filter(mailbox=mailbox).update(next_attempt_at=timezone.now())
        trail.record(actions.MAILBOX_SYNC_ASKED, object=mailbox)
        for mapping in mappings:
            enqueue(SYNC_TASK, mapping.pk)
