"""The server's inventory against the ledger: every message accounted for, and what happens where one is not."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from connectors import claims, errors, onboarding, parse, reconcile, sync
from connectors.models import (
    AccessScope,
    Credential,
    FolderMapping,
    Mailbox,
    MailboxState,
    Message,
    Reconciliation,
    SyncState,
)
from connectors.tasks import reconcile_nightly, reconciliations_due
from tests.background import run_waiting
from tests.cast import Company, make_mailbox
from tests.connectors.compared import AUGUST, actions, compare, fill, line, mail
from tests.contracts.memory import MemoryMailbox
from tests.servers.dovecot import DovecotServer
from zalion.schedule import PERIODIC
from zalion.tenancy import context
from zalion.vault import secrets


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox, server: MemoryMailbox) -> FolderMapping:
    return fill(acme, mailbox, server)


def test_the_completeness_line_counts_each_month_of_the_server_and_of_the_ledger(
    acme: Company, mapping: FolderMapping
) -> None:
    with acme.work():
        found = compare(mapping)
        assert (found.on_server, found.accounted, found.missing, found.left_server) == (5, 5, 0, 0)
        assert line(mapping) == [(date(2026, 7, 1), 3, 3, 0), (date(2026, 8, 1), 2, 2, 0)]
        assert found.incident_at is None
        assert "ledger.incident" not in actions()
        event = AuditEvent.objects.get(action="mailbox.reconciled")
        assert event.facts == {"folder": "INBOX", "on_server": 5, "accounted": 5, "left_server": 0}


def test_a_listed_inventory_is_on_record_before_it_is_compared(acme: Company, mapping: FolderMapping) -> None:
    with acme.work():
        compare(mapping)
        order = actions()
        assert (
            order.index("mailbox.reconcile_asked")
            < order.index("inventory.listed")
            < order.index("mailbox.reconciled")
        )


def test_a_mail_the_ledger_lacks_is_an_incident_and_is_taken_in(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    with acme.work():
        Message.objects.filter(identity__in=["1:2", "1:4"]).delete()
        found = compare(mapping)
        assert Message.objects.count() == 5
        assert (found.on_server, found.accounted, found.incident_missing) == (5, 5, 2)
        assert found.incident_at is not None
        event = AuditEvent.objects.get(action="ledger.incident")
        assert (event.facts["ids"], event.reason) == (["1:2", "1:4"], "missing_in_ledger")
        assert line(mapping) == [(date(2026, 7, 1), 3, 3, 0), (date(2026, 8, 1), 2, 2, 0)]
        # Taken in like any other: parsed and looked into.
        parse.parse_messages(mapping.pk)
        assert Message.objects.get(identity="1:2").subject == "Order 1"


def test_a_mail_that_could_not_be_found_when_it_was_fetched_is_fetched_once_it_can(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    with acme.work():
        server.deliver(mail(5), received_at=AUGUST)
        server.failures["fetch"] = [errors.MessageGone("gone"), errors.MessageGone("gone")]
        sync.sync_folder(mapping.pk)
        assert (Message.objects.get(identity="1:6").state, Message.objects.count()) == ("skipped", 6)
        # The server still lists it, and still does not find it: no news.
        assert (compare(mapping).accounted, compare(mapping).incident_missing) == (6, 1)
        assert Message.objects.get(identity="1:6").raw_blob
        assert (compare(mapping).left_server, Message.objects.count()) == (1, 7)
        assert line(mapping)[1] == (date(2026, 8, 1), 3, 3, 1)
        assert actions().count("ledger.incident") == 1


def test_a_second_comparison_after_a_repair_opens_no_second_incident(
    acme: Company, mapping: FolderMapping
) -> None:
    with acme.work():
        Message.objects.filter(identity="1:2").delete()
        compare(mapping)
        compare(mapping)
        assert actions().count("ledger.incident") == 1


def test_mail_that_came_since_the_last_sync_is_no_incident(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    server.deliver(mail(9), received_at=AUGUST)
    with acme.work():
        found = compare(mapping)
        assert (found.on_server, found.accounted) == (6, 6)
        assert "ledger.incident" not in actions()


def test_a_mail_that_left_the_server_is_normal_and_counted_so(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    server.remove("INBOX", 0)
    with acme.work():
        found = compare(mapping)
        assert (found.on_server, found.accounted, found.left_server) == (4, 4, 1)
        assert line(mapping) == [(date(2026, 7, 1), 2, 2, 1), (date(2026, 8, 1), 2, 2, 0)]
        assert Message.objects.count() == 5
        assert "ledger.incident" not in actions()


def test_a_mail_that_cannot_be_fetched_is_accounted_for_with_its_reason(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    with acme.work():
        Message.objects.filter(identity="1:1").delete()
        server.failures["fetch"] = [errors.MessageTooLarge("Too large.", size=2, limit=1)]
        found = compare(mapping)
        assert found.missing == 0
        row = Message.objects.get(identity="1:1")
        assert (row.state, row.reason) == ("quarantined", "message_too_large")


def test_a_server_that_fails_in_between_leaves_the_old_line_and_comes_back(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    with acme.work():
        before = compare(mapping)
        server.failures["inventory"] = [errors.ProviderUnavailable("The server hung up.")]
        after = compare(mapping)
        assert (after.compared_at, after.on_server) == (before.compared_at, 5)
        assert after.error_code == "unavailable"
        assert after.due_at > timezone.now()
        assert SyncState.objects.get(mapping=mapping).lease_until is None
        Mailbox.objects.update(back_off_until=None)
        assert compare(mapping).error_code == ""


def test_ids_that_the_server_gave_anew_are_known_before_the_line_is_drawn(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    server.forget_identities()
    with acme.work():
        found = compare(mapping)
        assert "folder.remapped" in actions()
        assert "ledger.incident" not in actions()
        assert (found.on_server, found.accounted, found.left_server) == (5, 5, 0)
        assert Message.objects.count() == 5


def test_without_the_read_scope_nothing_is_listed_and_the_refusal_is_on_record(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    with acme.work():
        AccessScope.objects.all().delete()
        found = compare(mapping)
        assert found.error_code == "not_granted"
        assert "inventory.listed" not in actions()
        assert "scope.refused" in actions()


def test_a_folder_that_is_being_read_is_compared_when_it_is_free(
    acme: Company, mapping: FolderMapping
) -> None:
    with acme.work():
        reconcile.reconcile_now(mapping.mailbox)
        held = claims.claim(mapping.pk, now=timezone.now())
        reconcile.reconcile_folder(mapping.pk)
        assert Reconciliation.objects.get().compared_at is None
        claims.release(held, next_attempt_at=timezone.now(), now=timezone.now())
        reconcile.reconcile_folder(mapping.pk)
        assert Reconciliation.objects.get().compared_at is not None


def test_comparing_does_not_move_the_next_sync(acme: Company, mapping: FolderMapping) -> None:
    with acme.work():
        before = SyncState.objects.get(mapping=mapping).next_attempt_at
        compare(mapping)
        state = SyncState.objects.get(mapping=mapping)
        assert (state.next_attempt_at, state.lease_until, state.error_code) == (before, None, "")


def test_a_task_that_is_delivered_twice_compares_once(acme: Company, mapping: FolderMapping) -> None:
    with acme.work():
        compare(mapping)
        reconcile.reconcile_folder(mapping.pk)
        assert actions().count("mailbox.reconciled") == 1


def test_every_night_every_live_mailbox_of_every_company_is_compared(
    acme: Company, borealis: Company, mapping: FolderMapping
) -> None:
    assert "connectors.reconcile" in {item.task for item in PERIODIC}
    other = make_mailbox(borealis, MemoryMailbox())
    with borealis.work(borealis.bea):
        onboarding.pause(other)
    with context.system("tests"):
        reconcile_nightly()
    run_waiting()
    with acme.work():
        assert Reconciliation.objects.get().compared_at is not None
    with borealis.work():
        assert not Reconciliation.objects.exists()


def test_a_night_whose_bell_was_lost_is_made_up_for(acme: Company, mapping: FolderMapping) -> None:
    with acme.work():
        compare(mapping)
    now = timezone.now()
    with context.system("tests"):
        assert list(reconciliations_due(now + timedelta(hours=24))) == []
        bells = list(reconciliations_due(now + timedelta(hours=26)))
        assert [bell.args for bell in bells] == [(mapping.pk,)]
    with acme.work():
        Mailbox.objects.update(state=MailboxState.PAUSED)
    with context.system("tests"):
        assert list(reconciliations_due(now + timedelta(hours=26))) == []


def test_a_repair_longer_than_a_visit_goes_on_in_the_next(
    acme: Company, mapping: FolderMapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    with acme.work():
        Message.objects.all().delete()
        monkeypatch.setattr(reconcile, "FETCHED", 2)
        monkeypatch.setattr(reconcile, "VISIT", timedelta(0))
        found = compare(mapping)
        assert found.compared_at is None
        assert found.due_at <= timezone.now()
        monkeypatch.setattr(reconcile, "VISIT", timedelta(minutes=2))
        reconcile.reconcile_folder(mapping.pk)
        assert Message.objects.count() == 5
        assert Reconciliation.objects.get().accounted == 5


def test_the_line_is_right_on_dovecot_after_loss_removal_and_new_uids(
    acme: Company, mailbox: Mailbox, dovecot: DovecotServer
) -> None:
    user, password = dovecot.add_user()
    for number in range(7):
        dovecot.deliver(user, "INBOX", mail(number))
    with acme.work():
        secrets.put(
            "dovecot", password, secrets.SecretPurpose("acme", "imap", "localhost", dovecot.port, user)
        )
        Credential.objects.filter(mailbox=mailbox).update(reference="file:dovecot")
        told = {"host": "localhost", "port": dovecot.port, "user": user, "ca_pem": dovecot.authority.pem}
        Mailbox.objects.filter(pk=mailbox.pk).update(provider="imap", options={**told, "security": "tls"})
        mapping = FolderMapping.objects.select_related("mailbox").get(mailbox=mailbox)
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == 7
        lost = Message.objects.order_by("identity")[2:4]
        Message.objects.filter(pk__in=[row.pk for row in lost]).delete()
        dovecot.remove(user, "INBOX", 0)
        dovecot.deliver(user, "INBOX", mail(7))
        found = compare(mapping)
        assert (found.on_server, found.accounted, found.left_server) == (7, 7, 1)
        assert found.incident_missing == 2
        dovecot.forget_identities(user)
        found = compare(mapping)
        assert (found.on_server, found.accounted, found.left_server, found.error_code) == (7, 7, 1, "")
        assert Message.objects.count() == 8
