"""Mail that left the server, and mail that came with nothing to read: its page, the ledger and the trail say so."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from connectors import parse, sync
from connectors.models import FolderMapping, Mailbox, Message, Reconciliation, SyncState
from tests.cast import Company
from tests.connectors.compared import AUGUST, actions, compare, fill
from tests.connectors.test_ledger_pages import signed_in
from tests.contracts.memory import MemoryMailbox


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox, server: MemoryMailbox) -> FolderMapping:
    return fill(acme, mailbox, server)


@pytest.fixture
def rui(acme: Company) -> Client:
    return signed_in(acme.rui)


def test_mail_that_left_the_server_is_marked_once_with_the_comparison_that_missed_it(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    server.remove("INBOX", 0)
    with acme.work():
        found = compare(mapping)
        row = Message.objects.get(identity="1:1")
        assert row.left_server_at == found.compared_at
        assert Message.objects.filter(left_server_at=None).count() == 4
        event = AuditEvent.objects.get(action="messages.left_server")
        assert event.facts == {"folder": "INBOX", "ids": [str(row.pk)]}
        compare(mapping)
        row.refresh_from_db()
        assert row.left_server_at == found.compared_at
        assert actions().count("messages.left_server") == 1


def test_mail_that_is_on_the_server_again_is_marked_no_longer(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    with acme.work():
        Message.objects.filter(identity="1:1").update(left_server_at=AUGUST)
        assert compare(mapping).left_server == 0
        assert not Message.objects.filter(left_server_at__isnull=False).exists()


def test_mail_that_is_renamed_by_a_resync_is_there(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    with acme.work():
        Message.objects.update(left_server_at=AUGUST)
        server.forget_identities()
        SyncState.objects.update(next_attempt_at=AUGUST)
        sync.sync_folder(mapping.pk)
        assert not Message.objects.filter(left_server_at__isnull=False).exists()


def test_the_ledger_and_the_mails_own_page_say_that_it_left(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox, rui: Client
) -> None:
    with acme.work():
        parse.parse_messages(mapping.pk)
        server.remove("INBOX", 0)
        compare(mapping)
        gone, there = Message.objects.get(identity="1:1"), Message.objects.get(identity="1:2")
    page = rui.get(reverse("portal:mail"), {"state": "left_server"}).content.decode()
    assert "Order 0" in page
    assert "left the server, seen" in page
    assert "Order 1" not in page
    assert "left the server, seen" in rui.get(reverse("portal:mail")).content.decode()
    said = rui.get(reverse("portal:message", args=[gone.pk])).content.decode()
    assert "Not in the mailbox any more" in said
    assert (
        "Not in the mailbox any more"
        not in rui.get(reverse("portal:message", args=[there.pk])).content.decode()
    )
    ada = signed_in(acme.ada).get(reverse("portal:mailbox", args=[mapping.mailbox_id])).content.decode()
    assert "1 more left the server" in ada


def test_as_many_are_marked_as_the_line_counts(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    server.remove("INBOX", 1)
    server.remove("INBOX", 0)
    with acme.work():
        compare(mapping)
        marked = Message.objects.filter(left_server_at__isnull=False).count()
        assert Reconciliation.objects.get().left_server == marked == 2


def test_a_mail_that_arrives_empty_has_its_quarantine_in_its_story(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox, rui: Client
) -> None:
    server.deliver(b"", received_at=AUGUST)
    with acme.work():
        sync.sync_folder(mapping.pk)
        held = Message.objects.get(state="quarantined")
        event = AuditEvent.objects.get(action="message.quarantined")
        assert (event.object_id, event.reason) == (str(held.pk), "empty")
    page = rui.get(reverse("portal:message", args=[held.pk])).content.decode()
    assert "Put a mail into quarantine" in page
    assert "without a single byte" in page
    assert "Try again" not in page


def test_all_is_not_offered_where_nothing_can_be_tried_again(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox, rui: Client
) -> None:
    server.deliver(b"", received_at=AUGUST)
    with acme.work():
        sync.sync_folder(mapping.pk)
    held = {"state": "quarantined"}
    assert "Try all again" not in rui.get(reverse("portal:mail"), held).content.decode()
    told = rui.post(reverse("portal:mail-retry"), follow=True).content.decode()
    assert "Nothing is tried again. 1 mail is left: empty or never fetched" in told
    with acme.work():
        Message.objects.filter(identity__in=["1:1", "1:2"]).update(state="quarantined", reason="parser_died")
        Message.objects.filter(identity="1:3").update(state="quarantined", reason="sender_failed")
    assert "Try all again" in rui.get(reverse("portal:mail"), held).content.decode()
    told = rui.post(reverse("portal:mail-retry"), follow=True).content.decode()
    assert "2 mails are tried again from the start." in told
    assert "1 mail is held back for the sender" in told


def test_mail_that_came_after_the_server_was_asked_is_not_taken_for_gone(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    server.remove("INBOX", 0)
    with acme.work():
        Message.objects.filter(identity="1:1").update(identified_at=timezone.now() + timedelta(minutes=1))
        assert compare(mapping).left_server == 0
        assert not Message.objects.filter(left_server_at__isnull=False).exists()
