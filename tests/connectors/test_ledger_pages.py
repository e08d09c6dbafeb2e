"""The completeness line, history and copies on the pages and over REST; from when mail is looked into."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors import ingest, parse, reconcile, sync
from connectors.forms import option_fields
from connectors.models import (
    FolderMapping,
    Mailbox,
    Message,
    Reconciliation,
)
from tests.cast import Company
from tests.connectors.compared import AUGUST, JULY, compare, fill, mail
from tests.contracts.memory import MemoryMailbox
from zalion.tenancy import context, signin
from zalion.tenancy.models import User


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox, server: MemoryMailbox) -> FolderMapping:
    return fill(acme, mailbox, server)


@pytest.fixture
def start_in_august(acme: Company, mailbox: Mailbox) -> None:
    with acme.work():
        Mailbox.objects.update(taken_from=datetime(2026, 8, 1, tzinfo=UTC))


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
