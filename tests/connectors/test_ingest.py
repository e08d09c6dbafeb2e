"""A page of mail becomes rows, blobs and a cursor together, and what becomes no row leaves nothing behind."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from audit.models import AuditEvent
from connectors import claims, ingest, sync
from connectors.models import FolderMapping, Mailbox, Message, SyncState
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox
from zalion.vault.errors import BlobMissing, SealBroken

NOW = timezone.now()


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox) -> FolderMapping:
    with acme.work():
        return FolderMapping.objects.get(mailbox=mailbox)


def arrival(identity: str, raw: bytes) -> ingest.Arrival:
    return ingest.store(identity, io.BytesIO(raw), size=len(raw), received_at=NOW)


def blobs_of(company: Company) -> int:
    folder = Path(settings.STORAGES["blobs"]["OPTIONS"]["location"]) / company.tenant.pk.hex
    return sum(1 for path in folder.rglob("*") if path.is_file())


def mail(number: int) -> bytes:
    return f"Subject: {number}\r\n\r\nHello {number}\r\n".encode()


def test_the_same_page_twice_is_one_set_of_rows_and_one_set_of_blobs(
    acme: Company, mapping: FolderMapping
) -> None:
    """Field notes row 36."""
    with acme.work():
        for _ in range(2):
            ingest.take_in(mapping, [arrival("1:1", mail(1)), arrival("1:2", mail(2))])
        assert sorted(Message.objects.values_list("identity", flat=True)) == ["1:1", "1:2"]
        assert AuditEvent.objects.filter(action="messages.stored").count() == 1
    assert blobs_of(acme) == 2


def test_one_identity_twice_in_a_page_is_one_row(acme: Company, mapping: FolderMapping) -> None:
    with acme.work():
        ingest.take_in(mapping, [arrival("1:1", mail(1)), arrival("1:1", mail(1))])
        assert Message.objects.count() == 1
        assert ingest.read_raw(Message.objects.get()) == mail(1)
    assert blobs_of(acme) == 1


def test_rows_and_cursor_are_committed_together_or_not_at_all(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    """Field notes row 12: the cursor never moves before the mail is safe."""
    with acme.work():
        claim = claims.claim(mapping.pk, now=NOW)
        newer = claims.claim(mapping.pk, now=NOW + claims.LEASE + timedelta(seconds=1))
        with pytest.raises(claims.ClaimLost):
            ingest.take_in(mapping, [arrival("1:1", mail(1))], claim=claim, cursor="past it")
        assert (Message.objects.count(), SyncState.objects.get().cursor) == (0, "")
        assert blobs_of(acme) == 0, "what was sealed for the rows that were not written"
        ingest.take_in(mapping, [arrival("1:1", mail(1))], claim=newer, cursor="past it", total=1)
        state = SyncState.objects.get()
        assert (Message.objects.count(), state.cursor, state.seen, state.total) == (1, "past it", 1, 1)


def test_the_same_content_under_two_names_keeps_both_rows(acme: Company, mapping: FolderMapping) -> None:
    """Field notes row 35: shown as a copy, never dropped."""
    with acme.work():
        ingest.take_in(mapping, [arrival("1:1", mail(1))])
        ingest.take_in(mapping, [arrival("1:2", mail(1)), arrival("1:3", mail(1))])
        first = Message.objects.get(identity="1:1")
        assert {row.copy_of_id for row in Message.objects.exclude(pk=first.pk)} == {first.pk}
        assert first.copy_of_id is None


def test_a_raw_mail_opens_for_its_own_row_alone(
    acme: Company, borealis: Company, mapping: FolderMapping
) -> None:
    with acme.work():
        ingest.take_in(mapping, [arrival("1:1", mail(1)), arrival("1:2", mail(2))])
        one, two = Message.objects.order_by("identity")
        one.raw_blob = two.raw_blob
        with pytest.raises(SealBroken):
            ingest.read_raw(one)
    with borealis.work(), pytest.raises((BlobMissing, SealBroken)):
        ingest.read_raw(two)


def test_a_message_that_was_not_fetched_has_no_raw_mail(acme: Company, mapping: FolderMapping) -> None:
    gone = ingest.Arrival(mapping.pk, "1:1", NOW, 0, state="skipped", reason="message_gone")
    with acme.work():
        ingest.take_in(mapping, [gone])
        row = Message.objects.get()
        assert row.parse_due_at is None
        with pytest.raises(BlobMissing):
            ingest.read_raw(row)


def test_a_resync_that_was_interrupted_goes_on_as_a_resync(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Field notes row 9: mails get new names, a visit ends within the page, and none comes in twice."""
    for number in range(6):
        server.deliver(mail(number))
    with acme.work():
        sync.sync_folder(mapping.pk)
        server.forget_identities()
        server.deliver(mail(6))
        monkeypatch.setattr(sync, "VISIT", timedelta(0))
        for renamed in (1, 2):
            sync.sync_folder(mapping.pk)
            assert Message.objects.filter(identity__startswith="2:").count() == renamed
            assert SyncState.objects.get().resync_at is not None
        monkeypatch.setattr(sync, "VISIT", timedelta(minutes=2))
        sync.sync_folder(mapping.pk)
        assert SyncState.objects.get().resync_at is None
        assert Message.objects.count() == 7
        names = set(Message.objects.values_list("identity", flat=True))
        assert names == {f"2:{number}" for number in range(1, 8)}
    assert blobs_of(acme) == 7


def test_a_page_that_is_longer_than_a_visit_is_taken_in_bit_by_bit(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim on a folder is for five minutes: a page that outlasted it would be fetched again for ever."""
    for number in range(3):
        server.deliver(mail(number))
    monkeypatch.setattr(sync, "VISIT", timedelta(0))
    with acme.work():
        for there in (1, 2, 3):
            sync.sync_folder(mapping.pk)
            state = SyncState.objects.get()
            assert (Message.objects.count(), bool(state.cursor)) == (there, there == 3)
        assert (state.seen, state.lease_until, state.error_code) == (3, None, "")
    assert blobs_of(acme) == 3


def test_copies_keep_their_own_names_through_a_resync(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    for raw in (mail(1), mail(1), mail(2)):
        server.deliver(raw)
    with acme.work():
        sync.sync_folder(mapping.pk)
        server.forget_identities()
        sync.sync_folder(mapping.pk)
        assert sorted(Message.objects.values_list("identity", flat=True)) == ["2:1", "2:2", "2:3"]
        # Another content under each name would be a row that tells of the wrong mail.
        told = {row.identity: ingest.read_raw(row) for row in Message.objects.all()}
        assert told == {"2:1": mail(1), "2:2": mail(1), "2:3": mail(2)}
    assert blobs_of(acme) == 3
