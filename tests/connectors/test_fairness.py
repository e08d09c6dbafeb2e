"""Fair shares: one worker per mailbox, tenants in turn, and a failing mailbox behind those that are well."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.utils import timezone

from connectors import claims, errors, gateway, reconcile, sync
from connectors.models import FolderMapping, Mailbox, Message, SyncState
from connectors.tasks import folders_due
from tests.background import run_waiting
from tests.cast import Company, make_mailbox
from tests.connectors.test_sync import mail
from tests.contracts.memory import MemoryMailbox
from zalion.tasks import Bell
from zalion.tenancy import context


@pytest.fixture
def folders(acme: Company, server: MemoryMailbox) -> list[UUID]:
    for name in ("INBOX", "Orders", "Invoices"):
        server.deliver(mail(1), folder=name)
    mailbox = make_mailbox(acme, server, folders=("INBOX", "Orders", "Invoices"))
    with acme.work():
        return list(FolderMapping.objects.filter(mailbox=mailbox).values_list("pk", flat=True))


def due() -> list[Bell]:
    with context.system("tests"):
        return list(folders_due(timezone.now() + timedelta(minutes=1)))


def test_one_worker_at_a_time_has_a_mailbox(acme: Company, folders: list[UUID]) -> None:
    """Field note 84: its other folders would hold up the other workers when its server hangs."""
    with acme.work():
        first = claims.claim(folders[0], now=timezone.now())
        for other in folders:
            with pytest.raises(claims.ClaimLost):
                claims.claim(other, now=timezone.now())
        assert due() == []
        claims.release(first, next_attempt_at=timezone.now(), now=timezone.now())
        claims.claim(folders[1], now=timezone.now())


def test_every_folder_gets_its_turn_though_all_were_rung_for_at_once(
    acme: Company, folders: list[UUID]
) -> None:
    with acme.work():
        held = claims.claim(folders[0], now=timezone.now())
        run_waiting()
        assert not Message.objects.exists(), "the bells came while another folder was read"
        claims.release(held, next_attempt_at=timezone.now(), now=timezone.now())
        sync.sync_folder(folders[0])
        run_waiting()
        assert Message.objects.values("mapping").distinct().count() == 3
        assert not SyncState.objects.filter(last_success_at=None).exists()


def test_a_missing_folder_does_not_keep_the_next_one_waiting(
    acme: Company, server: MemoryMailbox, folders: list[UUID]
) -> None:
    with acme.work():
        run_waiting()
        SyncState.objects.update(next_attempt_at=timezone.now())
        del server.folders["INBOX"]
        server.deliver(mail(2), folder="Orders")
        sync.sync_folder(FolderMapping.objects.get(folder="INBOX").pk)
        run_waiting()
        assert Message.objects.filter(mapping__folder="Orders").count() == 2


def test_a_round_rings_once_for_each_mailbox_and_for_tenants_in_turn(
    acme: Company, borealis: Company, memory_provider: None
) -> None:
    boxes = [make_mailbox(acme, MemoryMailbox(), folders=("INBOX",))]
    with acme.work():
        policy = boxes[0].retention
        for name in ("Second", "Third"):
            box = Mailbox(
                name=name, address="a@acme.example", provider="memory", state="active", retention=policy
            )
            box.save()
            mapping = FolderMapping(mailbox=box, folder="INBOX", name="INBOX")
            mapping.save()
            SyncState(mapping=mapping).save()
    make_mailbox(borealis, MemoryMailbox())
    order = [bell.tenant_id for bell in due()]
    assert len(order) == 4
    assert order.index(borealis.tenant.pk) <= 1, "it waits for one of the other's mailboxes at most"


def test_a_mailbox_that_fails_comes_behind_those_that_are_well(
    acme: Company, borealis: Company, memory_provider: None
) -> None:
    make_mailbox(acme, MemoryMailbox())
    make_mailbox(borealis, MemoryMailbox())
    with acme.work():
        SyncState.objects.update(next_attempt_at=timezone.now() - timedelta(hours=1))
        assert [bell.tenant_id for bell in due()] == [acme.tenant.pk, borealis.tenant.pk]
        Mailbox.objects.update(failures=1)
    assert [bell.tenant_id for bell in due()] == [borealis.tenant.pk, acme.tenant.pk]


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (errors.RateLimited("Slow down.", retry_after=3600), 3590, 3660),
        (errors.ProviderUnavailable("Gone."), 20, 90),
    ],
)
def test_a_back_off_is_shared_by_all_workers_through_the_database(
    acme: Company,
    server: MemoryMailbox,
    folders: list[UUID],
    error: errors.ConnectorError,
    least: float,
    most: float,
) -> None:
    """Field notes 1 and 18: a worker that never met the failure waits all the same, and so does a listener."""
    server.failures["open"] = [error]
    with acme.work():
        now = timezone.now()
        sync.sync_folder(folders[0])
        opened = server.opened
        until = Mailbox.objects.get().back_off_until
        assert until is not None
        assert timedelta(seconds=least) <= until - now <= timedelta(seconds=most)
        for other in folders:
            sync.sync_folder(other)
        with (
            pytest.raises(errors.RateLimited),
            gateway.open_mailbox(Mailbox.objects.get()),
        ):
            pytest.fail("connected during the back-off")
        assert server.opened == opened
        Mailbox.objects.update(back_off_until=timezone.now())
        for other in folders:
            SyncState.objects.update(next_attempt_at=timezone.now())
            sync.sync_folder(other)
        assert server.opened > opened
        assert Mailbox.objects.get().failures == 0


def test_a_server_that_drips_is_left_before_another_worker_may_come_for_it() -> None:
    """Else every worker in turn would wait for the same mail, and each be ended over it."""
    claimed, ended = claims.LEASE.total_seconds(), float(settings.Q_CLUSTER["timeout"])
    assert sync.LIMITS.session_seconds + 2 * sync.LIMITS.connect_seconds <= claimed
    assert reconcile.LIMITS.session_seconds + 2 * reconcile.LIMITS.connect_seconds <= ended
