"""Following a folder: page by page from its cursor into the ledger, and when to come back."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from audit import actions, trail
from connectors import claims, errors, gateway, ingest
from connectors.adapters import Limits
from connectors.models import (
    FolderMapping,
    Listening,
    Mailbox,
    MailboxState,
    MappingKind,
    Message,
    Reconciliation,
    SyncState,
)
from zalion.tasks import enqueue
from zalion.tenancy.unit import unit
from zalion.vault.errors import BlobNotStored

SYNC_TASK = "connectors.sync_folder"
POLLS_TOLD_EVERY = timedelta(hours=1)
# One visit ends after this long and queues the next, so that a large first sync leaves room for other folders.
VISIT = timedelta(minutes=2)
# A server that drips holds one worker: its session ends before the claim does, and nobody else comes meanwhile.
LIMITS = Limits(session_seconds=claims.LEASE.total_seconds() - 60)
# A folder that is numbered anew more often than this, each time within a day of the last, is left alone for a day.
MOST_RESETS = 3
RESETS_WITHIN = timedelta(days=1)
# So many visits in a row may break over one message; with their back-offs that takes hours.
MOST_BREAKS = 8
# What goes wrong with a folder while its mailbox is well.
FOLDERS_OWN = {errors.FolderMissing.default_code, "folder_deleted", errors.NumberingUnstable.default_code}


def sync_folder(mapping_id: UUID) -> None:
    """Take in everything new in one folder. Safe to run twice: one of the two gives way.

    Failures of the provider end on the rows (mailbox and sync state) with the time of the next attempt, those of
    our own store on the sync state: the cursor stays, and nothing of the page counts as stored.
    """
    mapping = FolderMapping.objects.select_related("mailbox", "sync").filter(pk=mapping_id).first()
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
        with gateway.open_mailbox(mapping.mailbox, limits=LIMITS) as opened:
            finished, claim = catch_up(mapping, claim, opened)
    except (errors.ConnectorError, BlobNotStored) as error:
        put_off(mapping, claim, error)
        return
    now = timezone.now()
    following = now + interval if finished else now
    claims.release(claim, next_attempt_at=following, now=now)


def put_off(
    mapping: FolderMapping, claim: claims.Claim, error: errors.ConnectorError | BlobNotStored
) -> datetime:
    """Give the folder back with what went wrong, and when it is tried again: at the time returned.

    What is this folder's own matter goes on record when it begins; the mailbox has its own events.
    """
    now = timezone.now()
    state = SyncState.objects.get(pk=claim.state)
    comes_back = now + max(gateway.back_off(state.attempts, error), timedelta(seconds=5))
    if error.code in FOLDERS_OWN and state.error_code != error.code:
        trail.record(
            actions.FOLDER_ATTENTION,
            object=mapping.mailbox,
            outcome="failed",
            reason=error.code,
            facts={"folder": mapping.folder},
        )
    claims.release(claim, next_attempt_at=comes_back, error_code=error.code, now=now)
    return comes_back


def catch_up(
    mapping: FolderMapping, claim: claims.Claim, opened: gateway.Gateway
) -> tuple[bool, claims.Claim]:
    """Take in what is new, from the start again where the server forgot the cursor.

    False when the visit's time was up before the end; with it the claim that holds from now on.
    """
    while True:
        try:
            finished = follow(mapping, claim, opened)
            break
        except errors.CursorExpired as error:
            claim = _begin_resync(mapping, claim, error, now=timezone.now())
    if mapping.sync.error_code in FOLDERS_OWN:
        facts, reason = {"folder": mapping.folder}, mapping.sync.error_code
        trail.record(actions.FOLDER_RECOVERED, object=mapping.mailbox, reason=reason, facts=facts)
    if finished and claim.resync is not None:
        claim = _end_resync(mapping, claim, began=claim.resync, now=timezone.now())
    return finished, claim


def _begin_resync(
    mapping: FolderMapping, claim: claims.Claim, error: errors.CursorExpired, *, now: datetime
) -> claims.Claim:
    """Put the incident on record and start anew. Raises NumberingUnstable where that does not end."""
    state = SyncState.objects.get(pk=claim.state)
    again = state.reset_at + RESETS_WITHIN if state.reset_at is not None else now
    resets = state.resets + 1 if now < again else 1
    if resets > MOST_RESETS:
        raise errors.NumberingUnstable(
            "The server numbers the folder anew time and again.", retry_after=(again - now).total_seconds()
        )
    with unit():
        claims.hold(claim)
        SyncState.objects.filter(pk=claim.state).update(resets=resets, reset_at=now)
        facts = {"folder": mapping.folder, "times": resets}
        trail.record(actions.FOLDER_RESYNCED, object=mapping.mailbox, reason=error.code, facts=facts)
    if isinstance(error, errors.IdentitiesReused):
        ingest.retire_identities(mapping, claim=claim)
    return claims.restart(claim, now=now)


def _end_resync(
    mapping: FolderMapping, claim: claims.Claim, *, began: datetime, now: datetime
) -> claims.Claim:
    """What came of it goes on record, and the completeness line is drawn anew as soon as a worker is free."""
    named = Message.objects.filter(mapping=mapping, identified_at__gte=began)
    new = named.filter(taken_in_at__gte=began).count()
    facts = {"folder": mapping.folder, "known": named.count() - new, "new": new}
    with unit():
        claims.hold(claim)
        SyncState.objects.filter(pk=claim.state).update(resync_at=None)
        Reconciliation.objects.filter(mapping=mapping).update(due_at=now)
        trail.record(actions.FOLDER_REMAPPED, object=mapping.mailbox, facts=facts)
    return replace(claim, resync=None)


def follow(mapping: FolderMapping, claim: claims.Claim, opened: gateway.Gateway) -> bool:
    """Take in what comes after the claim's cursor; False when the visit's time was up before the end."""
    ends = timezone.now() + VISIT
    taken = 0
    called = mapping.sync.renamed_to
    for page in opened.changes(mapping.folder, claim.cursor or None, called=called):
        _note_name(mapping, claim, opened, page.renamed_to or called or mapping.folder)
        new = ingest.unknown(mapping, [ref.id for ref in page.refs])
        refs = [ref for ref in page.refs if ref.id in new]
        arrived, broken = ingest.arrivals(opened.fetch(mapping.folder, refs), until=ends)
        if broken and not arrived and mapping.sync.attempts >= MOST_BREAKS:
            # It holds the others up no longer; the visit ends here, and each that follows has as many tries.
            given_up = errors.MessageUnfetchable("Fetching the message broke every visit.")
            arrived, broken = [ingest.arrival(refs[0], given_up, now=timezone.now())], None
            ends = timezone.now()
        whole = len(arrived) == len(refs)
        cursor = page.cursor if whole else None
        taken += len(ingest.take_in(mapping, arrived, claim=claim, cursor=cursor, total=page.total))
        if broken:
            raise broken
        if not whole or (not page.done and timezone.now() >= ends):
            return False
    if not taken:
        _count_empty_poll(mapping, claim, now=timezone.now())
    return True


def _note_name(mapping: FolderMapping, claim: claims.Claim, opened: gateway.Gateway, called: str) -> None:
    """Keep what the folder is ``called`` by now, on record. What was signed keeps the name it was signed under."""
    state = mapping.sync
    renamed_to = "" if called == mapping.folder else called
    if renamed_to == state.renamed_to:
        return
    folders = opened.folders()
    facts = {
        "folder": mapping.folder,
        "before": state.renamed_to or mapping.folder,
        "now": called,
        "name_taken": mapping.folder in folders,
    }
    state.renamed_to = renamed_to
    shown = " / ".join(folders[called].path) if renamed_to and called in folders else renamed_to
    state.renamed_name = shown[: SyncState._meta.get_field("renamed_name").max_length]
    with unit():
        claims.hold(claim)
        state.save(update_fields=["renamed_to", "renamed_name"])
        trail.record(actions.FOLDER_RENAMED, object=mapping.mailbox, facts=facts)


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
        # A folder that was left alone for its numbering is tried again too: somebody may have mended it.
        SyncState.objects.filter(mapping__in=mappings).update(next_attempt_at=timezone.now(), resets=0)
        Listening.objects.filter(mailbox=mailbox).update(next_attempt_at=timezone.now())
        trail.record(actions.MAILBOX_SYNC_ASKED, object=mailbox)
        for mapping in mappings:
            enqueue(SYNC_TASK, mapping.pk)
