"""The server's inventory against the ledger: the completeness line, and what to do where it is not whole."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TypeVar
from uuid import UUID

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncMonth
from django.utils import timezone

from audit import actions, trail
from connectors import claims, errors, gateway, ingest, sync
from connectors.adapters import Limits, MessageRef
from connectors.models import (
    Completeness,
    FolderMapping,
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

RECONCILE_TASK = "connectors.reconcile_folder"
# The nightly bell comes first; a folder whose bell was lost is due by itself a little later.
EVERY = timedelta(hours=25)
BUSY = timedelta(minutes=2)
PAGE = 500  # ids compared in one query
FETCHED = 50  # messages taken in with one unit
HOLD_EVERY = timedelta(minutes=1)
VISIT = timedelta(minutes=2)
# A long inventory renews its claim, but the task must end before it is ended.
LIMITS = Limits(session_seconds=480)
Item = TypeVar("Item")


@dataclass
class Inventory:
    """What a server holds in one folder: how much of each month the ledger has, and what it lacks.

    ``present`` are the ledger's rows of what is there. ``denied`` is mail that the ledger says had left the folder
    when it was fetched.
    """

    on_server: int = 0
    months: Counter[date] = field(default_factory=Counter)
    present: set[UUID] = field(default_factory=set)
    lacking: list[MessageRef] = field(default_factory=list)
    denied: list[MessageRef] = field(default_factory=list)

    def account_for(self, row: UUID, received_at: datetime) -> None:
        self.present.add(row)
        self.months[_month(received_at)] += 1


def reconcile_now(mailbox: Mailbox) -> None:
    """Compare every folder of ``mailbox`` with its ledger as soon as a worker is free."""
    folders = FolderMapping.objects.filter(mailbox=mailbox, kind=MappingKind.FOLDER)
    now = timezone.now()
    with unit():
        known = set(Reconciliation.objects.filter(mapping__in=folders).values_list("mapping_id", flat=True))
        Reconciliation.objects.filter(mapping__in=folders).update(due_at=now)
        Reconciliation.objects.bulk_create(
            [Reconciliation(mapping=folder, due_at=now) for folder in folders if folder.pk not in known]
        )
        trail.record(actions.MAILBOX_RECONCILE_ASKED, object=mailbox)
        for folder in folders:
            enqueue(RECONCILE_TASK, folder.pk)


def reconcile_mailbox(mailbox_id: UUID) -> None:
    """The nightly comparison of one mailbox, where it is live."""
    mailbox = Mailbox.objects.filter(pk=mailbox_id, state=MailboxState.ACTIVE).first()
    if mailbox is not None:
        reconcile_now(mailbox)


def reconcile_folder(mapping_id: UUID) -> None:
    """Compare one folder where that is due. Safe to run twice: nobody else has the folder meanwhile.

    A sync comes first, which meets renames and new ids, so that the line is drawn of the folder as it is now.
    What the ledger lacks then is an incident, on record, and fetched by name. Failures of the provider end on the
    rows with the time of the next attempt.
    """
    mapping = FolderMapping.objects.select_related("mailbox", "sync").filter(pk=mapping_id).first()
    row = Reconciliation.objects.filter(mapping_id=mapping_id, due_at__lte=timezone.now()).first()
    if mapping is None or row is None or mapping.mailbox.state != MailboxState.ACTIVE:
        return
    next_sync = mapping.sync.next_attempt_at
    try:
        claim = claims.claim(mapping_id, now=timezone.now())
    except claims.ClaimLost:
        return  # It is being read: still due, so the bell rings again.
    try:
        finished = _compare(mapping, claim, row)
    except claims.ClaimLost:
        return
    except (errors.ConnectorError, BlobNotStored) as error:
        comes_back = sync.put_off(mapping, claim, error)
        with unit():
            due = Reconciliation.objects.filter(mapping=mapping)
            due.update(due_at=comes_back + BUSY, error_code=error.code)
        return
    now = timezone.now()
    claims.release(claim, next_attempt_at=next_sync, now=now)
    if not finished:
        with unit():
            enqueue(RECONCILE_TASK, mapping_id)


def _compare(mapping: FolderMapping, claim: claims.Claim, row: Reconciliation) -> bool:
    """True when the line was drawn, False when there is more to fetch than one visit has time for."""
    ends = timezone.now() + VISIT
    with gateway.open_mailbox(mapping.mailbox, limits=LIMITS) as opened:
        finished, claim = sync.catch_up(mapping, claim, opened)
        if not finished:
            return False
        began = timezone.now()
        refs = opened.inventory(mapping.folder, called=mapping.sync.renamed_to)
        found = _inventory(mapping, refs, claim)
        if found.lacking:
            # What came in between is no incident.
            if not sync.follow(mapping, claim, opened):
                return False
            _recheck(mapping, found)
        if found.lacking:
            _open_incident(mapping, row, found.lacking)
            if not _repair(mapping, claim, opened, found, ends=ends):
                return False
        if found.denied:
            _look_again(mapping, claim, opened, row, found, ends=ends)
    now = timezone.now()
    _mark_left(mapping, claim, found, began=began, now=now)
    _draw(mapping, claim, row, found, now=now)
    return True


def _inventory(mapping: FolderMapping, refs: Iterable[MessageRef], claim: claims.Claim) -> Inventory:
    found = Inventory()
    held = timezone.now()
    for page in _pages(refs, PAGE):
        found.on_server += len(page)
        found.lacking += _match(mapping, page, found)
        if timezone.now() - held > HOLD_EVERY:
            held = timezone.now()
            with unit():
                claims.hold(claim)
    return found


def _pages(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    stream = iter(items)
    while page := list(islice(stream, size)):
        yield page


def _match(mapping: FolderMapping, refs: Iterable[MessageRef], found: Inventory) -> list[MessageRef]:
    """Count those of ``refs`` that the ledger has under their month; return the others."""
    wanted = {ref.id: ref for ref in refs}
    rows = Message.objects.filter(mapping=mapping, identity__in=wanted)
    for key, identity, reason, received_at in rows.values_list("pk", "identity", "reason", "received_at"):
        ref = wanted.pop(identity)
        if reason == errors.MessageGone.default_code:
            found.denied.append(ref)
        else:
            found.account_for(key, received_at)
    return list(wanted.values())


def _recheck(mapping: FolderMapping, found: Inventory) -> None:
    lacking, found.lacking = found.lacking, []
    for page in _pages(lacking, PAGE):
        found.lacking += _match(mapping, page, found)


def _open_incident(mapping: FolderMapping, row: Reconciliation, lacking: list[MessageRef]) -> None:
    row.incident_at, row.incident_missing = timezone.now(), len(lacking)
    with unit():
        row.save(update_fields=["incident_at", "incident_missing"])
        trail.record(
            actions.LEDGER_INCIDENT,
            object=mapping.mailbox,
            reason="missing_in_ledger",
            facts={
                "folder": mapping.folder,
                "ids": [ref.id for ref in lacking[: trail.MOST_IDS]],
                "count": len(lacking),
            },
        )


def _repair(
    mapping: FolderMapping,
    claim: claims.Claim,
    opened: gateway.Gateway,
    found: Inventory,
    *,
    ends: datetime,
) -> bool:
    """Take in by name what the ledger lacks; False when time was up first."""
    for page in _pages(list(found.lacking), FETCHED):
        if timezone.now() >= ends:
            return False
        arrived, broken = ingest.arrivals(opened.fetch(mapping.folder, page), until=ends)
        ingest.take_in(mapping, arrived, claim=claim, total=found.on_server)
        if broken:
            raise broken
        if len(arrived) < len(page):
            return False
    _recheck(mapping, found)
    return True


def _look_again(
    mapping: FolderMapping,
    claim: claims.Claim,
    opened: gateway.Gateway,
    row: Reconciliation,
    found: Inventory,
    *,
    ends: datetime,
) -> None:
    """Fetch once more what the server lists and once could not give; what it gives now was missing until now."""
    for page in _pages(found.denied, FETCHED):
        arrived, broken = ingest.arrivals(opened.fetch(mapping.folder, page), until=ends)
        there = {a.identity for a in arrived if a.reason != errors.MessageGone.default_code}
        if there:
            _open_incident(mapping, row, [ref for ref in page if ref.id in there])
            ingest.take_in(mapping, arrived, claim=claim, total=found.on_server)
        if broken:
            raise broken
        if timezone.now() >= ends:
            break  # The rest is asked for again the next night.
    rows = Message.objects.filter(mapping=mapping, identity__in=[ref.id for ref in found.denied])
    for key, received_at in rows.values_list("pk", "received_at"):
        found.account_for(key, received_at)


def _mark_left(
    mapping: FolderMapping, claim: claims.Claim, found: Inventory, *, began: datetime, now: datetime
) -> None:
    """Say of every row whether its mail is on the server; what got its id since ``began`` is not judged yet."""
    rows = Message.objects.filter(mapping=mapping).order_by()
    gone = set(rows.filter(left_server_at__isnull=False).values_list("pk", flat=True))
    known = rows.filter(left_server_at=None, identified_at__lt=began).values_list("pk", flat=True)
    left = [key for key in known.iterator() if key not in found.present]
    for page in _pages(gone & found.present, PAGE):
        with unit():
            claims.hold(claim)
            rows.filter(pk__in=page).update(left_server_at=None)
    for page in _pages(left, PAGE):
        with unit():
            claims.hold(claim)
            rows.filter(pk__in=page).update(left_server_at=now)
            facts = {"folder": mapping.folder, "ids": [str(key) for key in page]}
            trail.record(actions.MESSAGES_LEFT, object=mapping.mailbox, facts=facts)


def _draw(
    mapping: FolderMapping, claim: claims.Claim, row: Reconciliation, found: Inventory, *, now: datetime
) -> None:
    """Keep the completeness line, whole and by month. Raises ClaimLost where another worker draws it."""
    rows = Message.objects.filter(mapping=mapping)
    ledger, left = _by_month(rows), _by_month(rows.filter(left_server_at__isnull=False))
    accounted = found.months.total()
    row.compared_at, row.due_at, row.error_code = now, now + EVERY, ""
    row.on_server, row.accounted = found.on_server, accounted
    row.left_server = sum(left.values())
    lines = [
        Completeness(
            mapping=mapping,
            month=month,
            on_server=found.months[month],
            accounted=found.months[month],
            left_server=left.get(month, 0),
        )
        for month in ledger
    ]
    if found.lacking:
        missing = len(found.lacking)
        lines.append(Completeness(mapping=mapping, month=None, on_server=missing, accounted=0, left_server=0))
    with unit():
        claims.hold(claim)
        Completeness.objects.filter(mapping=mapping).delete()
        Completeness.objects.bulk_create(lines)
        row.save()
        SyncState.objects.filter(mapping=mapping).update(total=found.on_server)
        trail.record(
            actions.MAILBOX_RECONCILED,
            object=mapping.mailbox,
            facts={
                "folder": mapping.folder,
                "on_server": row.on_server,
                "accounted": row.accounted,
                "left_server": row.left_server,
            },
        )


def _by_month(rows: "QuerySet[Message]") -> dict[date, int]:
    counted = (
        rows.order_by()
        .annotate(month=TruncMonth("received_at", tzinfo=UTC))
        .values_list("month")
        .annotate(count=Count("pk"))
    )
    return {_month(month): count for month, count in counted}


def _month(moment: datetime) -> date:
    return moment.astimezone(UTC).date().replace(day=1)
