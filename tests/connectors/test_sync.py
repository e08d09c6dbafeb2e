"""Following a folder: everything once, in order, whatever happens in between."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from connectors import errors, importing, ingest, onboarding, reading, sync
from connectors.models import AccessScope, FolderMapping, Mailbox, MailboxState, Message, SyncState
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox
from zalion.tenancy.unit import unit


def mail(number: int, subject: str = "Order") -> bytes:
    head = f"From: s@nord.example\r\nMessage-ID: <{number}@nord.example>\r\nSubject: {subject} {number}"
    return f"{head}\r\n\r\nHello {number}\r\n".encode()


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox) -> FolderMapping:
    with acme.work():
        return FolderMapping.objects.get(mailbox=mailbox)


def read_again(mapping: FolderMapping) -> None:
    sync.sync_now(mapping.mailbox)
    sync.sync_folder(mapping.pk)


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))


def test_every_mail_is_taken_in_once_and_a_second_run_takes_nothing(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    for number in range(230):
        server.deliver(mail(number))
    before = server.snapshot()
    with acme.work():
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == 230
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == 230
        server.deliver(mail(230))
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == 231
        state = SyncState.objects.get(mapping=mapping)
        assert (state.seen, state.error_code, state.lease_until) == (231, "", None)
    del before["INBOX/1:1"]
    assert before.items() <= server.snapshot().items()


def test_what_was_listed_and_fetched_is_on_record_before_it_is_stored(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.deliver(mail(1))
    with acme.work():
        sync.sync_folder(mapping.pk)
        order = actions()
        assert (
            order.index("messages.listed") < order.index("message.fetched") < order.index("messages.stored")
        )
        event = AuditEvent.objects.get(action="message.fetched")
        assert event.facts["ids"] == ["1:1"]
        assert event.scope == "read"


def test_empty_polls_become_one_event_an_hour(acme: Company, mapping: FolderMapping) -> None:
    with acme.work():
        for _ in range(4):
            sync.sync_folder(mapping.pk)
        assert actions().count("mailbox.polled") == 1
        assert SyncState.objects.get(mapping=mapping).empty_polls == 3


def test_a_folder_without_read_scope_is_refused_recorded_and_never_opened(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.deliver(mail(1))
    with acme.work():
        AccessScope.objects.all().delete()
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == 0
        refused = AuditEvent.objects.get(action="scope.refused")
        assert (refused.outcome, refused.reason) == ("refused", "not_granted")
        assert SyncState.objects.get(mapping=mapping).error_code == "not_granted"


def test_a_failing_server_holds_every_worker_back_and_loses_nothing(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    for number in range(3):
        server.deliver(mail(number))
    server.failures["fetch"] = [errors.ProviderUnavailable("The server hung up.")]
    with acme.work():
        sync.sync_folder(mapping.pk)
        mailbox = Mailbox.objects.get()
        assert (mailbox.failures, mailbox.error_code) == (1, "unavailable")
        assert mailbox.back_off_until is not None
        opened = server.opened
        sync.sync_folder(mapping.pk)
        assert server.opened == opened
        sync.sync_now(mailbox)
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == 3
        assert Mailbox.objects.get().failures == 0


def test_three_refused_sign_ins_stop_the_mailbox_before_its_account_is_locked(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.password = "changed"
    with acme.work():
        for _ in range(4):
            Mailbox.objects.update(back_off_until=None)
            sync.sync_folder(mapping.pk)
        mailbox = Mailbox.objects.get()
        assert (mailbox.state, mailbox.refusals) == (MailboxState.NEEDS_ATTENTION, 3)


def test_a_uidvalidity_change_is_an_incident_and_takes_nothing_twice(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    for number in range(5):
        server.deliver(mail(number))
    with acme.work():
        sync.sync_folder(mapping.pk)
        server.forget_identities()
        server.deliver(mail(5))
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == 6
        assert set(Message.objects.values_list("identity", flat=True)) == {f"2:{n}" for n in range(1, 7)}
        assert "folder.resynced" in actions()


def test_mail_under_a_number_that_was_another_mails_is_not_taken_for_known(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    """Field notes 9, 63: UIDs reused under the same UIDVALIDITY, as a backup played back does."""
    for number in range(3):
        server.deliver(mail(number))
    with acme.work():
        sync.sync_folder(mapping.pk)
        held = server.folders["INBOX"]
        held.mails[2], held.mails[3] = held.mails[3], replace(held.mails[2], raw=mail(8))
        server.failures["changes"] = [errors.IdentitiesReused("Numbers are given twice.", code="uid_reused")]
        sync.sync_folder(mapping.pk)
        there = Message.objects.exclude(identity__startswith="retired:")
        assert set(there.values_list("identity", flat=True)) == {"1:1", "1:2", "1:3"}
        assert [ingest.read_raw(row) for row in there.order_by("identity")] == [mail(0), mail(2), mail(8)]
        assert Message.objects.count() == 4
        assert "folder.resynced" in actions()
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == 4


def test_a_mail_that_left_before_it_was_fetched_is_a_row_that_says_so(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.deliver(mail(1))
    server.failures["fetch"] = [errors.MessageGone("Gone.")]
    with acme.work():
        sync.sync_folder(mapping.pk)
        row = Message.objects.get()
        assert (row.state, row.reason, row.raw_blob) == ("skipped", "message_gone", "")


def test_a_mail_above_the_limit_is_quarantined_and_the_next_comes_in(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.deliver(mail(1), announced_size=151 * 1024 * 1024)
    server.deliver(mail(2))
    with acme.work():
        sync.sync_folder(mapping.pk)
        states = list(Message.objects.order_by("identity").values_list("state", "reason"))
        assert states == [("quarantined", "message_too_large"), ("stored", "")]


def test_a_mail_that_breaks_every_visit_is_quarantined_and_the_next_comes_in(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    """Row 13 of the field notes: neither halts the mailbox nor is dropped."""
    for number in range(2):
        server.deliver(mail(number))
    cut = errors.TransientError("The connection was lost.", code="connection_lost")
    with acme.work():
        for _ in range(sync.MOST_BREAKS):
            server.failures["fetch"] = [cut]
            read_again(mapping)
            assert not Message.objects.exists()
        server.failures["fetch"] = [cut]
        read_again(mapping)
        row = Message.objects.get()
        assert (row.state, row.reason, row.raw_blob) == ("quarantined", "message_unfetchable", "")
        assert SyncState.objects.get().attempts == 0
        read_again(mapping)
        assert [row.state for row in Message.objects.order_by("identity")] == ["quarantined", "stored"]


def test_an_empty_mail_is_quarantined_with_its_reason(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.deliver(b"")
    with acme.work():
        sync.sync_folder(mapping.pk)
        row = Message.objects.get()
        assert (row.state, row.reason) == ("quarantined", "empty")


def test_the_same_content_again_is_a_copy_of_the_first(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.deliver(mail(1))
    server.deliver(mail(1))
    with acme.work():
        sync.sync_folder(mapping.pk)
        first, second = Message.objects.order_by("identity")
        assert second.copy_of_id == first.pk
        assert first.copy_of_id is None


def test_a_worker_that_lost_its_lease_writes_nothing(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    from connectors import claims

    server.deliver(mail(1))
    with acme.work():
        slow = claims.claim(mapping.pk, now=timezone.now())
        later = timezone.now() + claims.LEASE + timedelta(seconds=1)
        claims.claim(mapping.pk, now=later)
        arrival = ingest.Arrival(
            row=mapping.pk, identity="1:1", received_at=timezone.now(), size=1, raw_blob="", content_hmac=""
        )
        with pytest.raises(claims.ClaimLost):
            ingest.take_in(mapping, [arrival], claim=slow, cursor="x")
        assert not Message.objects.exists()


def test_a_changed_configuration_stops_the_mailbox_until_both_signed_again(
    acme: Company, mailbox: Mailbox, mapping: FolderMapping
) -> None:
    with acme.work(acme.ada):
        onboarding.grant_scopes(mailbox, grants=[("INBOX", "read"), ("INBOX", "modify")])
        mailbox.refresh_from_db()
        assert mailbox.state == MailboxState.TESTED
        assert "mailbox.reopened" in actions()


def test_one_person_cannot_sign_for_both_sides(
    acme: Company, server: MemoryMailbox, mailbox: Mailbox
) -> None:
    from django.core.exceptions import PermissionDenied

    with acme.work(acme.ada):
        onboarding.grant_scopes(mailbox, grants=[("", "read")])
        mailbox.refresh_from_db()
        onboarding.request_sign_off(mailbox)
        with pytest.raises(PermissionDenied):
            onboarding.approve(mailbox, user=acme.ada, kind="compliance")
        onboarding.approve(mailbox, user=acme.ada, kind="it")
        with pytest.raises(onboarding.OnboardingError):
            onboarding.approve(mailbox, user=acme.ada, kind="it")
        mailbox.refresh_from_db()
        assert mailbox.state == MailboxState.AWAITING_SIGN_OFF


def test_how_a_mailbox_fares_is_no_change_of_its_configuration(acme: Company, mailbox: Mailbox) -> None:
    with acme.work():
        before = AuditEvent.objects.filter(action="configuration.changed").count()
        with unit():
            Mailbox.objects.update(failures=3, error_code="unavailable")
        assert AuditEvent.objects.filter(action="configuration.changed").count() == before
        with unit():
            Mailbox.objects.update(polling_minutes=20)
        assert AuditEvent.objects.filter(action="configuration.changed").count() == before + 1


def test_mail_that_comes_by_hand_leaves_the_signatures_standing(acme: Company, mailbox: Mailbox) -> None:
    with acme.work(acme.rui):
        importing.upload(mailbox, content=mail(1))
        assert onboarding.is_approved(mailbox)
        onboarding.pause(mailbox)
        onboarding.resume(mailbox)
        assert mailbox.state == MailboxState.ACTIVE


def test_the_story_of_a_message_begins_with_its_arrival(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    for number in range(120):
        server.deliver(mail(number))
    with acme.work():
        sync.sync_folder(mapping.pk)
        last = Message.objects.get(identity="1:120")
        told = [event.action for event in reading.story(last, limit=20)]
        assert told == ["messages.stored", "message.fetched", "messages.listed"]


def test_a_store_that_fails_leaves_the_cursor_and_says_so_on_the_folder(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, settings: Any, tmp_path: Path
) -> None:
    server.deliver(mail(1))
    blocked = tmp_path / "a file where the folder should be"
    blocked.write_bytes(b"")
    whole = settings.STORAGES
    settings.STORAGES = whole | {"blobs": whole["blobs"] | {"OPTIONS": {"location": blocked}}}
    with acme.work():
        sync.sync_folder(mapping.pk)
        state = SyncState.objects.get(mapping=mapping)
        assert (state.error_code, state.cursor, state.lease_until) == ("not_stored", "", None)
        assert not Message.objects.exists()
        settings.STORAGES = whole
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == 1
