"""Mail that is stored gets parsed, whatever the mail before it does to its parser."""

import base64
import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from connectors import errors, ingest, parse, sync
from connectors.models import Attachment, FolderMapping, Mailbox, Message
from connectors.signals import message_stored
from extraction.models import ExtractionRun
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox
from zalion import sandbox
from zalion.sandbox import Limits, Pool
from zalion.tenancy import unit
from zalion.vault import blobs, index

# A child with this much memory parses an ordinary mail, and dies over POISON, which a roomy one can read.
SCARCE = 80 << 20
POISON = b"Subject: poison\r\n\r\n" + b"x" * (60 << 20)


def mail(subject: str, *headers: str) -> bytes:
    lines = ["From: Nord <sales@nord.example>", f"Subject: {subject}", *headers, "", f"Hello {subject}.", ""]
    return "\r\n".join(lines).encode()


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """This process's pool of children, with little memory."""
    with Pool(1, Limits(memory=SCARCE)) as pool:
        monkeypatch.setattr(sandbox, "_pool", pool)
        yield pool


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox) -> FolderMapping:
    with acme.work():
        return FolderMapping.objects.get(mailbox=mailbox)


def rows() -> dict[str, Message]:
    return {row.identity: row for row in Message.objects.all()}


def rest_until_due() -> None:
    """As if the delay before another attempt, or the lease of a killed worker, were over."""
    Message.objects.exclude(parse_due_at=None).update(parse_due_at=timezone.now() - timedelta(seconds=1))


def test_a_mail_that_kills_its_parser_is_quarantined_and_the_others_come_through(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, scarce: Pool
) -> None:
    """Field notes row 13 and finding 5."""
    for raw in (mail("before"), POISON, mail("after")):
        server.deliver(raw)
    with acme.work():
        sync.sync_folder(mapping.pk)
        for attempt in range(1, 4):
            parse.parse_messages(mapping.pk)
            bad = rows()["1:2"]
            assert (bad.parse_attempts, bad.state == "quarantined") == (attempt, attempt == 3)
            assert [rows()[name].subject for name in ("1:1", "1:3")] == ["before", "after"]
            rest_until_due()
        assert (bad.state, bad.reason, bad.parse_due_at) == ("quarantined", "memory_exceeded", None)
        assert {row.state for row in rows().values()} == {"stored", "quarantined"}
        assert ExtractionRun.objects.count() == 2
        event = AuditEvent.objects.get(action="message.quarantined")
        assert (event.object_id, event.reason) == (str(bad.pk), "memory_exceeded")


def test_a_quarantined_mail_is_parsed_again_when_a_person_asks(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    """Field notes row 13: a replay after the fix."""
    server.deliver(POISON)
    with acme.work():
        sync.sync_folder(mapping.pk)
        with Pool(1, Limits(memory=SCARCE)) as scarce, pytest.MonkeyPatch.context() as while_scarce:
            while_scarce.setattr(sandbox, "_pool", scarce)
            for _ in range(3):
                parse.parse_messages(mapping.pk)
                rest_until_due()
            assert Message.objects.get().state == "quarantined"
        ingest.retry(Message.objects.get())
        parse.parse_messages(mapping.pk)
        row = Message.objects.get()
        assert (row.state, row.reason, row.subject, row.parse_attempts) == ("stored", "", "poison", 1)
        assert AuditEvent.objects.filter(action="message.retried").count() == 1
        with pytest.raises(errors.UnsupportedOperation):
            ingest.retry(row)


def test_what_never_was_fetched_cannot_be_parsed_again(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.deliver(b"")
    with acme.work():
        sync.sync_folder(mapping.pk)
        with pytest.raises(errors.MessageGone):
            ingest.retry(Message.objects.get())


def test_mails_that_a_killed_worker_held_are_not_taken_for_what_killed_it(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    """A page is leased at once: after the kill its mails come one by one, each at its own risk."""
    for number in range(5):
        server.deliver(mail(f"Nr. {number}"))
    with acme.work():
        sync.sync_folder(mapping.pk)
        assert len(parse._claim_page(mapping)) == 5
        for _ in range(5):
            rest_until_due()
            assert len(parse._claim_page(mapping)) == 1
        rest_until_due()
        parse.parse_messages(mapping.pk)
        assert Message.objects.filter(state="stored", parse_due_at=None).count() == 5


def test_a_mail_over_which_ten_workers_died_is_given_up_alone(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    for subject in ("deadly", "harmless"):
        server.deliver(mail(subject))
    with acme.work():
        sync.sync_folder(mapping.pk)
        deadly = Message.objects.filter(identity="1:1")
        deadly.update(parse_attempts=parse.MAX_DEATHS)
        parse.parse_messages(mapping.pk)
        assert {(row.identity, row.state, row.reason) for row in Message.objects.all()} == {
            ("1:1", "quarantined", "parser_died"),
            ("1:2", "stored", ""),
        }


def test_a_worker_that_was_too_slow_leaves_the_message_to_the_next(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    """Field notes row 36: the lease is the fencing token of a parse."""
    server.deliver(mail("once"))
    with acme.work():
        sync.sync_folder(mapping.pk)
        [slow] = parse._claim_page(mapping)
        parsed = parse._parse(slow)
        rest_until_due()
        parse.parse_messages(mapping.pk)
        parse._write([(slow, parsed)])
        assert ExtractionRun.objects.count() == 1
        assert Message.objects.get().parsed_at is not None


def test_a_parse_does_not_undo_what_a_resync_renamed_meanwhile(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.deliver(mail("once"))
    with acme.work():
        sync.sync_folder(mapping.pk)
        page = parse._claim_page(mapping)
        server.forget_identities()
        sync.sync_folder(mapping.pk)
        parse._write([(message, parse._parse(message)) for message in page])
        assert [(row.identity, row.subject) for row in Message.objects.all()] == [("2:1", "once")]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (mail("Abwesend", "Auto-Submitted: auto-replied"), "auto_reply"),
        (mail("Out of office: Order", "X-Autoreply: yes"), "auto_reply"),
        (mail("Offers", "List-Unsubscribe: <mailto:u@nord.example>", "Precedence: bulk"), "newsletter"),
        (mail("Meeting", "Content-Type: text/calendar; method=REQUEST"), "calendar"),
    ],
    ids=["auto-reply", "out of office", "newsletter", "calendar"],
)
def test_mail_that_no_person_wrote_is_skipped_with_its_reason_and_kept(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, raw: bytes, reason: str
) -> None:
    """Field notes rows 30 and 31."""
    server.deliver(raw)
    with acme.work():
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        row = Message.objects.get()
        assert (row.state, row.reason, row.kind) == ("skipped", reason, reason)
        assert ingest.read_raw(row) == raw
        assert not ExtractionRun.objects.exists()


def test_a_copy_is_parsed_and_shown_but_read_only_once(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    """Field notes threat 16: one content, the second occurrence recorded, no second set of documents."""
    for _ in range(2):
        server.deliver(mail("twice"))
    with acme.work():
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        first, second = rows()["1:1"], rows()["1:2"]
        assert (second.state, second.reason, second.subject) == ("skipped", "copy", "twice")
        assert [run.message_id for run in ExtractionRun.objects.all()] == [first.pk]


def test_older_mail_is_historical_and_triggers_no_work(
    acme: Company, server: MemoryMailbox, mailbox: Mailbox, mapping: FolderMapping
) -> None:
    """Field notes row 16."""
    now = timezone.now()
    server.deliver(mail("old"), received_at=now - timedelta(days=9))
    server.deliver(mail("new"), received_at=now)
    with acme.work():
        Mailbox.objects.update(taken_from=now - timedelta(days=1))
        mapping.refresh_from_db()
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        assert {row.subject: row.reason for row in rows().values()} == {"old": "historical", "new": ""}
        assert ExtractionRun.objects.count() == 1


def test_a_blob_that_does_not_open_is_quarantined_at_once(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.deliver(mail("gone"))
    with acme.work():
        sync.sync_folder(mapping.pk)
        blobs.delete(Message.objects.get().raw_blob)
        parse.parse_messages(mapping.pk)
        row = Message.objects.get()
        assert (row.state, row.parse_due_at) == ("quarantined", None)
        assert row.reason


def test_parsing_again_replaces_attachments_rather_than_adding_them(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    head = b"Subject: two\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    part = b"--b\r\nContent-Disposition: attachment; filename=%s.txt\r\n\r\nhello\r\n"
    server.deliver(head + part % b"a" + part % b"b" + b"--b--\r\n")
    with acme.work():
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        assert sorted(str(row.name) for row in Attachment.objects.all()) == ["a.txt", "b.txt"]
        Message.objects.update(state="quarantined")
        ingest.retry(Message.objects.get())
        parse.parse_messages(mapping.pk)
        assert Attachment.objects.count() == 2


def test_a_type_that_a_sender_made_up_is_nowhere_in_clear(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("mimetype", "application/order-4711-of-nord")
    wrapped = base64.encodebytes(archive.getvalue())
    head = b"Subject: two\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    part = b"--b\r\nContent-Type: %s\r\nContent-Disposition: attachment; filename=a\r\n"
    server.deliver(
        head
        + (part % b"text/order-4711-of-nord" + b"\r\nhello\r\n")
        + (part % b"application/pdf" + b"Content-Transfer-Encoding: base64\r\n\r\n" + wrapped)
        + b"--b--\r\n"
    )
    with acme.work():
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        kept = Attachment.objects.filter(parent_path="").order_by("path")
        assert [(row.declared_type, row.media_type) for row in kept] == [
            ("", "text/plain"),
            ("application/pdf", "application/zip"),
        ]


def test_a_page_of_mail_is_indexed_outside_the_unit_and_written_in_short_ones(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_unit: list[bool] = []
    together: list[int] = []
    tokens = index.tokens

    def watched(text: str) -> set[str]:
        in_unit.append(unit.is_open())
        return tokens(text)

    def stored(messages: list[Message], **signal: object) -> None:
        together.append(len(messages))

    for number in range(parse.TOGETHER + 1):
        server.deliver(mail(f"number {number}"))
    message_stored.connect(stored, dispatch_uid="test")
    monkeypatch.setattr(index, "tokens", watched)
    try:
        with acme.work():
            sync.sync_folder(mapping.pk)
            parse.parse_messages(mapping.pk)
    finally:
        message_stored.disconnect(dispatch_uid="test")
    assert set(in_unit) == {False}
    assert together == [parse.TOGETHER, 1]


def test_row_15_other_mail_of_the_same_message_id_is_kept_and_flagged(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    for subject in ("one", "two"):
        server.deliver(mail(subject, "Message-ID: <same@nord.example>"))
    with acme.work():
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        found = {row.subject: row for row in rows().values()}
        assert {row.state for row in found.values()} == {"stored"}
        assert ["message_id_reused" in found[subject].flags for subject in ("one", "two")] == [False, True]
