"""With a virus scanner set, no mail is read, shown or handed out before it has passed."""

import base64
import binascii
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from connectors import errors, ingest, parse, reading, sync
from connectors import scanner as virus_scanner
from connectors.models import Attachment, FolderMapping, Mailbox, Message
from extraction import pipeline
from extraction.models import ExtractionRun
from tests.cast import Company
from tests.connectors.test_senders import signed_in
from tests.contracts.memory import MemoryMailbox
from tests.servers.clamd import EICAR, NAME, Clamd, nobody
from zalion import health
from zalion.models import Circuit

CLEAN = b"From: s@nord.example\r\nSubject: clean\r\n\r\nHello.\r\n"


def carrying(content: bytes) -> bytes:
    return (
        b"From: s@nord.example\r\nSubject: infected\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
        b"Hello\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename=a.com\r\n\r\n"
        + base64.encodebytes(content)
        + b"--b--\r\n"
    )


def uuencoded(content: bytes) -> bytes:
    lines = b"".join(binascii.b2a_uu(content[at : at + 45]) for at in range(0, len(content), 45))
    return b"Subject: uu\r\n\r\nHello\r\n\r\nbegin 644 a.com\r\n" + lines + b"`\r\nend\r\n"


@pytest.fixture
def scanner(settings: Any) -> Iterator[Clamd]:
    with Clamd() as server:
        settings.CLAMD = server.address
        yield server


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox) -> FolderMapping:
    with acme.work():
        return FolderMapping.objects.get(mailbox=mailbox)


def take_in(company: Company, server: MemoryMailbox, mapping: FolderMapping, *mails: bytes) -> None:
    for raw in mails:
        server.deliver(raw)
    with company.work():
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)


def rows() -> list[Message]:
    return list(Message.objects.order_by("identity"))


def later() -> None:
    """As if every delay were over."""
    Message.objects.exclude(parse_due_at=None).update(parse_due_at=timezone.now() - timedelta(seconds=1))
    Circuit.objects.update(open_until=None)


def told() -> health.Finding:
    return next(finding for finding in health.health() if finding.name == "Virus scanner")


def test_what_it_finds_is_quarantined_and_handed_to_nobody(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, scanner: Clamd
) -> None:
    """Field note 52."""
    infected = carrying(EICAR)
    take_in(acme, server, mapping, infected, CLEAN)
    assert scanner.scanned == [infected, CLEAN]
    with acme.work():
        bad, good = rows()
        assert (bad.state, bad.reason, bad.parse_due_at, bad.subject) == (
            "quarantined",
            "malware",
            None,
            None,
        )
        assert (good.state, good.subject) == ("stored", "clean")
        assert [run.message_id for run in ExtractionRun.objects.all()] == [good.pk]
        event = AuditEvent.objects.get(action="message.quarantined")
        assert (event.object_id, event.reason, event.facts) == (str(bad.pk), "malware", {"signature": NAME})
        Attachment.objects.create(message=bad, path="1", name="a.com", media_type="text/plain", size=68)
        for look in (reading.raw, reading.body, lambda row: reading.attachment(row, path="1")):
            with pytest.raises(reading.Withheld):
                look(bad)
        assert AuditEvent.objects.filter(action="access.refused", reason="not_passed").count() == 3
        assert reading.raw(good) == CLEAN


def test_its_page_says_so_and_offers_no_download(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, scanner: Clamd
) -> None:
    take_in(acme, server, mapping, carrying(EICAR))
    with acme.work():
        key = rows()[0].pk
    page = reverse("portal:message", args=[key])
    original = reverse("portal:message-raw", args=[key])
    rui = signed_in(acme)
    shown = rui.get(page).content.decode()
    assert "The virus scanner found something in this mail" in shown
    assert original not in shown
    assert "<iframe" not in shown
    refused = rui.get(original, follow=True)
    assert refused.redirect_chain == [(page, 302)]
    assert EICAR not in refused.content
    body = rui.get(reverse("portal:message-body", args=[key])).content
    assert b"The virus scanner found something" in body


def test_files_that_a_scanner_may_not_see_in_a_mail_are_scanned_as_they_are_handed_out(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, scanner: Clamd
) -> None:
    take_in(acme, server, mapping, uuencoded(EICAR))
    assert scanner.scanned[1:] == [EICAR]
    with acme.work():
        assert [(row.state, row.reason) for row in rows()] == [("quarantined", "malware")]


def test_attachments_of_an_ambiguous_mail_are_taken_out_as_many_at_a_time_as_fit(
    acme: Company,
    server: MemoryMailbox,
    mapping: FolderMapping,
    scanner: Clamd,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(virus_scanner, "TOGETHER", 10)
    parts = [b"one", b"two and three", b"four", b"fi", b"", b"six" * 9]
    boundary = b"\r\n--b\r\nContent-Disposition: attachment; filename=a.bin\r\n\r\n"
    raw = (
        b"Subject: unclosed\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + boundary
        + boundary.join(parts)
    )
    take_in(acme, server, mapping, raw + b"\r\n")
    assert [content.strip() for content in scanner.scanned[1:]] == [part for part in parts if part]


def test_mail_waits_while_the_scanner_is_down_and_passes_when_it_is_back(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, scanner: Clamd, settings: Any,
) -> None:  # fmt: skip
    """Field note 52: held, not released."""
    settings.CLAMD = nobody()
    take_in(acme, server, mapping, CLEAN, CLEAN + b"2")
    with acme.work():
        # It was asked for the first mail and left alone for the second.
        assert Circuit.objects.get(name="virus_scanner").failures == 1
        for _ in range(12):
            later()
            parse.parse_messages(mapping.pk)
        assert [(row.state, row.parsed_at, row.parse_attempts) for row in rows()] == [("stored", None, 0)] * 2
        assert not ExtractionRun.objects.exists()
        with pytest.raises(reading.Withheld):
            reading.raw(rows()[0])
        with pytest.raises(ValueError, match="parsed"):
            pipeline.rerun(rows()[0])
        assert told().state == "failed"
        assert "13 in a row" in told().detail
    page = signed_in(acme).get(reverse("portal:mailbox", args=[mapping.mailbox_id]))
    assert "2 mails wait for it" in page.content.decode()
    settings.CLAMD = scanner.address
    with acme.work():
        later()
        parse.parse_messages(mapping.pk)
        assert [row.subject for row in rows()] == ["clean", "clean"]
        assert told().state == "ok"


def test_a_scanner_that_is_left_alone_is_not_asked(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, scanner: Clamd
) -> None:
    scanner.fault = "garbage"
    take_in(acme, server, mapping, CLEAN)
    asked = len(scanner.commands)
    with acme.work():
        parse.parse_messages(mapping.pk)
        assert len(scanner.commands) == asked
        assert rows()[0].parse_due_at is not None


@pytest.mark.parametrize("fault", ["slow", "error", "hangs up"])
def test_a_mail_that_the_scanner_fails_on_stops_no_other_and_is_not_released(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, scanner: Clamd, fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(virus_scanner, "SECONDS", 0.3)
    scanner.fault, scanner.slowness = fault, 2.0
    take_in(acme, server, mapping, CLEAN)
    scanner.fault = ""
    take_in(acme, server, mapping, CLEAN + b"2")
    with acme.work():
        assert [row.subject for row in rows()] == [None, "clean"]
        scanner.fault = fault
        for _ in range(2):
            later()
            parse.parse_messages(mapping.pk)
        row = rows()[0]
        assert (row.state, row.reason) == ("quarantined", "scan_failed")
        with pytest.raises(reading.Withheld):
            reading.raw(row)
        scanner.fault = ""
        ingest.retry(row)
        with pytest.raises(reading.Withheld):
            reading.raw(rows()[0])
        parse.parse_messages(mapping.pk)
        assert [row.subject for row in rows()] == ["clean", "clean"]


def test_mail_larger_than_the_scanner_takes_is_held_with_the_reason(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, scanner: Clamd
) -> None:
    scanner.longest = 1000
    take_in(acme, server, mapping, CLEAN + bytes(2000))
    with acme.work():
        row = rows()[0]
        assert (row.state, row.reason) == ("quarantined", "scan_limit")
        with pytest.raises(reading.Withheld, match="StreamMaxLength"):
            reading.raw(row)


def test_what_did_not_pass_does_not_pass_by_having_no_scanner(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, scanner: Clamd, settings: Any
) -> None:
    take_in(acme, server, mapping, carrying(EICAR))
    settings.CLAMD = ""
    with acme.work():
        with pytest.raises(errors.UnsupportedOperation):
            ingest.retry(rows()[0])
        assert ingest.retry_all().tried == 0
        with pytest.raises(reading.Withheld):
            reading.raw(rows()[0])


def test_without_a_scanner_nothing_is_scanned_and_health_says_so(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    take_in(acme, server, mapping, carrying(EICAR))
    with acme.work():
        assert rows()[0].state == "stored"
        assert reading.raw(rows()[0]) == carrying(EICAR)
        assert told().state == "ok"
        assert "No scanner is set" in told().detail
