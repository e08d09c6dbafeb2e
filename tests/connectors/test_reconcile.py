"""The server's inventory against the ledger: every message accounted for, and what happens where one is not."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from connectors import errors, ingest, parse, reconcile, sync
from connectors.forms import option_fields
from connectors.models import (
    AccessScope,
    Completeness,
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
from tests.contracts.memory import MemoryMailbox
from tests.servers.dovecot import DovecotServer
from zalion.schedule import PERIODIC
from zalion.tenancy import context, signin
from zalion.tenancy.models import User
from zalion.vault import secrets

JULY, AUGUST = datetime(2026, 7, 3, 9, tzinfo=UTC), datetime(2026, 8, 31, 23, 59, tzinfo=UTC)


def mail(number: int) -> bytes:
    head = f"From: s@nord.example\r\nMessage-ID: <{number}@nord.example>\r\nSubject: Order {number}"
    return f"{head}\r\n\r\nHello {number}\r\n".encode()


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox, server: MemoryMailbox) -> FolderMapping:
    """A folder with three mails of July and two of August, all taken in."""
    for number in range(5):
        server.deliver(mail(number), received_at=JULY if number < 3 else AUGUST)
    with acme.work():
        found = FolderMapping.objects.select_related("mailbox").get(mailbox=mailbox)
        sync.sync_folder(found.pk)
        return found


def compare(mapping: FolderMapping) -> Reconciliation:
    reconcile.reconcile_now(mapping.mailbox)
    reconcile.reconcile_folder(mapping.pk)
    return Reconciliation.objects.get(mapping=mapping)


def line(mapping: FolderMapping) -> list[tuple[date | None, int, int, int]]:
    rows = Completeness.objects.filter(mapping=mapping).order_by("month")
    return list(rows.values_list("month", "on_server", "accounted", "left_server"))


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))


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
    from connectors import claims

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
        from connectors import onboarding

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


# --- tombstones, history, retries -----------------------------------------------------------------------


def test_a_purged_mail_keeps_its_row_and_is_not_taken_in_again(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    with acme.work():
        row = Message.objects.get(identity="1:3")
        Message.objects.filter(pk=row.pk).update(raw_blob="", parse_due_at=None)
        fetched = actions().count("message.fetched")
        SyncState.objects.update(cursor="")
        sync.sync_folder(mapping.pk)
        found = compare(mapping)
        assert actions().count("message.fetched") == fetched
        assert (found.on_server, found.accounted, Message.objects.count()) == (5, 5, 5)
        assert Message.objects.get(identity="1:3").raw_blob == ""


def test_a_purged_mail_that_comes_again_under_another_name_is_a_copy_without_work(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    with acme.work():
        Message.objects.filter(identity="1:3").update(raw_blob="", parse_due_at=None)
        server.deliver(mail(2))
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        again = Message.objects.get(identity="1:6")
        assert (again.state, again.reason) == ("skipped", "copy")
        assert again.copy_of is not None
        assert again.copy_of.identity == "1:3"


def test_a_mail_that_was_gone_and_is_listed_again_is_taken_in(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    server.deliver(mail(9), received_at=AUGUST)
    server.failures["fetch"] = [errors.MessageGone("Gone."), errors.MessageGone("Gone.")]
    with acme.work():
        sync.sync_folder(mapping.pk)
        SyncState.objects.update(cursor="")
        sync.sync_folder(mapping.pk)
        gone = Message.objects.get(identity="1:6")
        assert gone.reason == "message_gone"
        SyncState.objects.update(cursor="")
        sync.sync_folder(mapping.pk)
        assert Message.objects.get(identity="1:6").state == "stored"
        assert Message.objects.get(pk=gone.pk).identity.startswith("retired:")
        found = compare(mapping)
        assert (found.on_server, found.accounted, found.left_server) == (6, 6, 1)
        assert actions().count("messages.gone") == 1
        assert found.incident_at is None


@pytest.fixture
def start_in_august(acme: Company, mailbox: Mailbox) -> None:
    with acme.work():
        Mailbox.objects.update(taken_from=datetime(2026, 8, 1, tzinfo=UTC))


def test_old_mails_replayed_as_new_are_historical_and_trigger_no_work(
    start_in_august: None, acme: Company, mapping: FolderMapping
) -> None:
    """Field note 16."""
    from extraction.models import ExtractionRun

    with acme.work():
        before = {row.identity: (row.state, row.reason) for row in Message.objects.all()}
        assert before["1:1"] == ("skipped", "historical")
        assert before["1:5"] == ("stored", "")
        parse.parse_messages(mapping.pk)
        assert Message.objects.get(identity="1:1").subject == "Order 0"
        assert Message.objects.filter(state="skipped", reason="historical").count() == 3
        assert ExtractionRun.objects.count() == 2


def test_historical_mail_is_read_when_a_person_asks_for_it(
    start_in_august: None, acme: Company, mapping: FolderMapping
) -> None:
    from extraction.models import ExtractionRun

    with acme.work():
        parse.parse_messages(mapping.pk)
        assert ingest.read_history(mapping.mailbox) == 3
        assert AuditEvent.objects.get(action="mailbox.history_asked").facts == {"count": 3}
        parse.parse_messages(mapping.pk)
        assert Message.objects.filter(state="stored").count() == 5
        assert ExtractionRun.objects.count() == 5
        assert ingest.read_history(mapping.mailbox) == 0


def test_all_quarantined_mail_is_tried_again_at_once_and_the_tries_are_counted(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    server.deliver(b"", received_at=AUGUST)
    with acme.work():
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        Message.objects.filter(identity__in=["1:1", "1:2"]).update(
            state="quarantined", reason="parser_died", parse_attempts=3
        )
        # The empty mail has nothing to be parsed and stays where it is.
        assert ingest.retry_all() == 2
        event = AuditEvent.objects.get(action="messages.retried")
        assert event.facts["count"] == 2
        parse.parse_messages(mapping.pk)
        tried = Message.objects.filter(identity__in=["1:1", "1:2"])
        assert set(tried.values_list("state", "retries", "parse_attempts")) == {("stored", 1, 1)}
        assert Message.objects.filter(state="quarantined").count() == 1
        assert ingest.retry_all() == 0


# --- a real server ---------------------------------------------------------------------------------------


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


# --- on the pages and over REST -------------------------------------------------------------------------


def test_the_mailbox_page_shows_the_line_and_compares_on_demand(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    ada = signed_in(acme.ada)
    address = reverse("portal:mailbox", args=[mapping.mailbox.pk])
    server.remove("INBOX", 0)
    with acme.work():
        Message.objects.filter(identity="1:2").delete()
    assert ada.post(reverse("portal:mailbox-reconcile", args=[mapping.mailbox.pk])).status_code == 302
    assert "waits to be compared" in ada.get(address).content.decode()
    with acme.work():
        reconcile.reconcile_folder(mapping.pk)
    page = ada.get(address).content.decode()
    assert "4 on the server, 4 accounted for" in page
    assert "1 more left the server" in page
    assert "1 was missing" in page
    assert "Jul 2026" in page


def test_mail_that_stays_missing_is_named_on_the_overview(acme: Company, mapping: FolderMapping) -> None:
    with acme.work():
        compare(mapping)
    ada = signed_in(acme.ada)
    assert "could not be taken in" not in ada.get(reverse("portal:index")).content.decode()
    with acme.work():
        Reconciliation.objects.update(accounted=3)
    assert "2 of INBOX could not be taken in" in ada.get(reverse("portal:index")).content.decode()


def test_the_line_is_told_over_rest(acme: Company, mapping: FolderMapping) -> None:
    with acme.work():
        ingest.upload_mapping(mapping.mailbox)
        compare(mapping)
    told = signed_in(acme.ada).get(reverse("api:mailbox-list")).json()["results"][0]["folders"]
    folder, upload = sorted(told, key=lambda item: item["kind"])
    assert upload["reconciliation"] is None
    line = folder["reconciliation"]
    assert (line["on_server"], line["accounted"], line["missing"], line["left_server"]) == (5, 5, 0, 0)
    assert folder["months"] == [
        {"month": "2026-08-01", "on_server": 2, "accounted": 2, "left_server": 0},
        {"month": "2026-07-01", "on_server": 3, "accounted": 3, "left_server": 0},
    ]


def test_historical_mail_is_offered_on_the_mailbox_page_and_read_when_asked(
    start_in_august: None, acme: Company, mapping: FolderMapping
) -> None:
    ada = signed_in(acme.ada)
    address = reverse("portal:mailbox", args=[mapping.mailbox.pk])
    assert "3 historical mails are accounted for" in ada.get(address).content.decode()
    ada.post(reverse("portal:mailbox-history", args=[mapping.mailbox.pk]))
    assert "historical mails are" not in ada.get(address).content.decode()
    with acme.work():
        assert Message.objects.filter(state="stored").count() == 5


def test_quarantined_mail_is_tried_again_from_the_ledgers_page(acme: Company, mapping: FolderMapping) -> None:
    with acme.work():
        parse.parse_messages(mapping.pk)
        Message.objects.filter(identity__in=["1:1", "1:2"]).update(
            state="quarantined", reason="parser_died", parse_attempts=3
        )
        held = Message.objects.get(identity="1:1")
    rui = signed_in(acme.rui)
    page = rui.get(reverse("portal:mail"), {"state": "quarantined"}).content.decode()
    assert "Try all again" in page
    assert "tried 3 times" in page
    assert "Tried 3 times." in rui.get(reverse("portal:message", args=[held.pk])).content.decode()
    assert "Try all again" not in rui.get(reverse("portal:mail")).content.decode()
    rui.post(reverse("portal:mail-retry"))
    with acme.work():
        assert not Message.objects.filter(state="quarantined").exists()


def test_a_copy_and_its_original_link_to_each_other(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    server.deliver(mail(2), received_at=AUGUST)
    with acme.work():
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        original, copy = Message.objects.get(identity="1:3"), Message.objects.get(identity="1:6")
    rui = signed_in(acme.rui)
    of_copy, of_original = (
        reverse("portal:message", args=[copy.pk]),
        reverse("portal:message", args=[original.pk]),
    )
    page = rui.get(of_copy).content.decode()
    assert f'href="{of_original}"' in page
    assert "The same mail was taken in before" in page
    assert f'href="{of_copy}"' in rui.get(of_original).content.decode()


SETTINGS = {
    "name": "Invoices",
    "address": "invoices@acme.example",
    "reference": "file:acme-invoices",
    "polling_minutes": "10",
    "option_host": "imap.acme.example",
    "option_user": "invoices",
    "option_port": "993",
    "option_security": "tls",
}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"start": "everything"}, None),
        ({"start": "day", "start_day": "2026-08-01"}, datetime(2026, 8, 1, tzinfo=UTC)),
    ],
)
def test_set_up_asks_from_when_mail_is_looked_into(
    acme: Company, mailbox: Mailbox, asked: dict[str, str], expected: datetime | None
) -> None:
    ada = signed_in(acme.ada)
    with acme.work():
        posted = {
            **SETTINGS,
            **options("imap"),
            "retention": str(mailbox.retention_id),
            "trusted": "MX.Acme.example, -",
        }
    refused = ada.post(reverse("portal:mailbox-new"), posted)
    assert refused.status_code == 200
    ada.post(reverse("portal:mailbox-new"), {**posted, **asked})
    with acme.work():
        made = Mailbox.objects.get(name="Invoices")
        assert made.taken_from == expected
        assert made.trusted_authserv_ids == ["-", "mx.acme.example"]
        # An edit of something else leaves it to the second.
        Mailbox.objects.filter(pk=made.pk).update(taken_from=JULY)
    ada.post(
        reverse("portal:mailbox-connection", args=[made.pk]),
        {**posted, "start": "kept", "polling_minutes": "20"},
    )
    with acme.work():
        made.refresh_from_db()
        assert (made.taken_from, made.polling_minutes) == (JULY, 20)


def test_from_now_on_means_the_moment_of_set_up(acme: Company, mailbox: Mailbox) -> None:
    with acme.work():
        posted = {**SETTINGS, **options("imap"), "retention": str(mailbox.retention_id), "start": "now"}
    before = timezone.now()
    signed_in(acme.ada).post(reverse("portal:mailbox-new"), posted)
    with acme.work():
        made = Mailbox.objects.get(name="Invoices")
        assert made.taken_from is not None
        assert before <= made.taken_from <= timezone.now()


def options(provider: str) -> dict[str, str]:
    """What the form asks for this provider, with the answers it suggests."""
    return {
        name: str(made.initial) for name, made in option_fields(provider) if made.initial not in (None, "")
    } | {key: value for key, value in SETTINGS.items() if key.startswith("option_")}


def signed_in(user: User) -> Client:
    client = Client()
    with context.system("tests"):
        link = signin.issue_link(user)
    client.post(reverse("signin-redeem", args=[link]))
    return client
