"""Thin tasks: opaque ids in, one call, nothing out; and what is due, for the tick to ring again."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from operator import itemgetter
from uuid import UUID

from django.db.models import Q

from connectors import claims, ingest, onboarding, parse, reconcile, sweep, sync
from connectors.models import Mailbox, MailboxState, MappingKind, Message, Reconciliation, SyncState
from zalion.tasks import Bell, due, enqueue, task
from zalion.tenancy.models import Tenant
from zalion.tenancy.unit import unit


@task(sync.SYNC_TASK)
def sync_folder(mapping_id: UUID) -> None:
    sync.sync_folder(mapping_id)


@task(ingest.PARSE_TASK)
def parse_messages(mapping_id: UUID) -> None:
    parse.parse_messages(mapping_id)


@task(onboarding.CHECK_TASK)
def check_mailbox(mailbox_id: UUID) -> None:
    onboarding.check_mailbox(mailbox_id)


@task(reconcile.RECONCILE_TASK)
def reconcile_folder(mapping_id: UUID) -> None:
    reconcile.reconcile_folder(mapping_id)


@task("connectors.reconcile_mailbox")
def reconcile_mailbox(mailbox_id: UUID) -> None:
    reconcile.reconcile_mailbox(mailbox_id)


@task("connectors.reconcile", system=True)
def reconcile_nightly() -> None:
    """One task for each live mailbox; what is lost of them is due by itself an hour later."""
    live = Mailbox.across_tenants.filter(state=MailboxState.ACTIVE, tenant__suspended_at=None)
    with unit():
        for tenant, mailbox in live.order_by("tenant_id", "pk").values_list("tenant_id", "pk"):
            enqueue("connectors.reconcile_mailbox", mailbox, tenant=tenant)


@task("connectors.sweep", system=True)
def sweep_nightly() -> None:
    """One task for each tenant; a bell that is lost rings again the next night."""
    with unit():
        for tenant in Tenant.objects.filter(suspended_at=None).values_list("pk", flat=True):
            enqueue("connectors.sweep_tenant", tenant=tenant)


@task("connectors.sweep_tenant")
def sweep_tenant() -> None:
    sweep.sweep_blobs()


@due
def folders_due(now: datetime) -> Iterator[Bell]:
    """One folder of each live mailbox whose time has come and whom no worker holds."""
    states = SyncState.across_tenants.filter(
        claims.free(now),
        Q(mapping__mailbox__back_off_until=None) | Q(mapping__mailbox__back_off_until__lte=now),
        next_attempt_at__lte=now,
        mapping__kind=MappingKind.FOLDER,
        mapping__mailbox__state=MailboxState.ACTIVE,
    )
    held = SyncState.across_tenants.filter(lease_until__gt=now).values("mapping__mailbox")
    waiting = states.exclude(mapping__mailbox__in=held).order_by("next_attempt_at")
    names = ("tenant_id", "mapping__mailbox_id", "mapping_id", "mapping__mailbox__failures")
    yield from _in_turn(waiting.values_list(*names))


def _in_turn(waiting: Iterable[tuple[UUID, UUID, UUID, int]]) -> Iterator[Bell]:
    """A bell for one folder of each mailbox, tenant by tenant in turn; whose last visit failed comes last.

    However much is due at one tenant, another's mailbox waits for one of its mailboxes at most.
    """
    turns: Counter[UUID] = Counter()
    seen: set[UUID] = set()
    ranked: list[tuple[bool, int, Bell]] = []
    for tenant, mailbox, mapping, failures in waiting:
        if mailbox not in seen:
            seen.add(mailbox)
            turns[tenant] += 1
            ranked.append((failures > 0, turns[tenant], Bell(tenant, sync.SYNC_TASK, (mapping,))))
    for _, _, bell in sorted(ranked, key=itemgetter(0, 1)):
        yield bell


@due
def parses_due(now: datetime) -> Iterator[Bell]:
    """Folders with mail that waits for its parse, be it that a worker died over it."""
    messages = Message.across_tenants.filter(parse_due_at__lte=now)
    for tenant, mapping in messages.order_by().values_list("tenant_id", "mapping_id").distinct():
        yield Bell(tenant, ingest.PARSE_TASK, (mapping,))


@due
def reconciliations_due(now: datetime) -> Iterator[Bell]:
    """Folders that were to be compared with their ledger and were not, be it that nobody had them free."""
    rows = Reconciliation.across_tenants.filter(
        Q(mapping__mailbox__back_off_until=None) | Q(mapping__mailbox__back_off_until__lte=now),
        claims.free(now, "mapping__sync__"),
        due_at__lte=now,
        mapping__mailbox__state=MailboxState.ACTIVE,
    )
    for tenant, mapping in rows.values_list("tenant_id", "mapping_id").order_by("due_at"):
        yield Bell(tenant, reconcile.RECONCILE_TASK, (mapping,))
