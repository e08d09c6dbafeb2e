"""Tombstones, mail from before the mailbox's start, and mail that is tried again."""

from datetime import UTC, datetime

import pytest

from audit.models import AuditEvent
from connectors import errors, ingest, parse, sync
from connectors.models import (
    FolderMapping,
    Mailbox,
    Message,
    SyncState,
)
from extraction.models import ExtractionRun
from tests.cast import Company
from tests.connectors.compared import AUGUST, actions, compare, fill, mail
from tests.contracts.memory import MemoryMailbox


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox, server: MemoryMailbox) -> FolderMapping:
    return fill(acme, mailbox, server)


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
        assert ingest.retry_all() == ingest.Again(tried=2, held=0, nothing_there=1)
        event = AuditEvent.objects.get(action="messages.retried")
        assert event.facts["count"] == 2
        parse.parse_messages(mapping.pk)
        tried = Message.objects.filter(identity__in=["1:1", "1:2"])
        assert set(tried.values_list("state", "retries", "parse_attempts")) == {("stored", 1, 1)}
        assert Message.objects.filter(state="quarantined").count() == 1
        assert ingest.retry_all().tried == 0
