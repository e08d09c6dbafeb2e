"""What people upload: several files at once, each told apart by content, taken in once, and each refusal explained."""

import io
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from connectors import ingest, parse
from connectors.models import Mailbox, Message
from extraction import pipeline, uploads
from extraction.models import Document, ExtractionRun
from tests.cast import Company
from tests.connectors.mime import msgs
from tests.extraction.paper import Paper
from tests.zalion.tenancy.test_signin import sign_in

MAIL = b"From: a@nord.example\r\nSubject: hello\r\n\r\nwords\r\n"


@pytest.fixture
def rui(acme: Company) -> Client:
    return sign_in(acme.rui)


def send(client: Client, mailbox: Mailbox, **files: bytes) -> Any:
    """``name__pdf=b"..."`` is uploaded as name.pdf."""
    given = [SimpleUploadedFile(name.replace("__", "."), content) for name, content in files.items()]
    return client.post(reverse("portal:upload"), {"mailbox": mailbox.pk, "chosen": given})


def said(answer: Any) -> dict[str, tuple[str, str]]:
    return {outcome.name: (outcome.state, outcome.words) for outcome in answer.context["outcomes"]}


def read_all(company: Company, mailbox: Mailbox) -> None:
    with company.work():
        parse.parse_messages(ingest.upload_mapping(mailbox).pk)
        pipeline.run_due()


def test_several_files_come_in_at_once_and_one_that_is_refused_stops_no_other(
    acme: Company, mailbox: Mailbox, rui: Client
) -> None:
    answer = send(rui, mailbox, ab__pdf=Paper().pdf(), bad__exe=b"MZ\x90", a__eml=MAIL, none__txt=b"")
    assert said(answer) == {
        "ab.pdf": ("taken_in", ""),
        "bad.exe": ("refused", "This is a program. Programs are never taken in."),
        "a.eml": ("taken_in", ""),
        "none.txt": ("refused", "It is empty."),
    }
    read_all(acme, mailbox)
    with acme.work():
        document = Document.objects.get()
        assert (document.number, document.source_path) == ("F-2041", "2")
        message = document.message
        assert (message.subject, message.sender_name) == ("ab.pdf", "Rui Costa")
        assert message.sender_address == "rui@upload.invalid"
        assert message.recipients["to"][0]["address"] == mailbox.address
        assert message.mapping.kind == "upload"
        imported = AuditEvent.objects.filter(action="messages.imported", actor_id=str(acme.rui.pk))
        assert imported.count() == 2


def test_a_document_known_from_anywhere_is_linked_and_not_taken_in_again(
    acme: Company, mailbox: Mailbox, rui: Client
) -> None:
    first = send(rui, mailbox, ab__pdf=Paper().pdf())
    # Not read yet: the mail it lies in is named.
    again = send(rui, mailbox, other_name__pdf=Paper().pdf())
    message = first.context["outcomes"][0].message
    assert again.context["outcomes"][0].message == message
    assert reverse("portal:message", args=[message.pk]) in again.content.decode()
    read_all(acme, mailbox)
    third = send(rui, mailbox, ab__pdf=Paper().pdf())
    assert said(third) == {"ab.pdf": ("known", "")}
    with acme.work():
        assert Message.objects.count() == ExtractionRun.objects.count() == 1
        document = Document.objects.get()
    assert reverse("portal:document", args=[document.pk]) in third.content.decode()
    assert said(send(rui, mailbox, a__eml=MAIL)) == {"a.eml": ("taken_in", "")}
    assert said(send(rui, mailbox, b__eml=MAIL)) == {"b.eml": ("known", "")}


def test_the_documents_in_an_archive_are_read(acme: Company, mailbox: Mailbox, rui: Client) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("one.pdf", Paper().pdf())
        archive.writestr("two.pdf", Paper(facts=(("AB-Nr.:", "F-2042"), ("Datum:", "03.02.2026"))).pdf())
    assert said(send(rui, mailbox, all__zip=packed.getvalue())) == {"all.zip": ("taken_in", "")}
    read_all(acme, mailbox)
    with acme.work():
        assert {document.number for document in Document.objects.all()} == {"F-2041", "F-2042"}


def test_the_documents_in_a_mail_that_outlook_saved_are_read(
    acme: Company, mailbox: Mailbox, rui: Client
) -> None:
    saved = msgs.msg("Auftrag", msgs.attached(0, "ab.pdf", Paper().pdf()))
    assert said(send(rui, mailbox, order__msg=saved)) == {"order.msg": ("taken_in", "")}
    read_all(acme, mailbox)
    with acme.work():
        assert Document.objects.get().number == "F-2041"


def test_names_of_files_cannot_add_header_fields(acme: Company, mailbox: Mailbox) -> None:
    name = "a\r\nBcc: x@evil.example\r\n\u202efdp.\ud800/../../é" + "x" * 500
    content = Paper().pdf()
    with acme.work(acme.rui):
        given = [uploads.Upload(name, len(content), io.BytesIO(content))]
        [outcome] = uploads.take_in(mailbox, uploads=given, uploader=acme.rui)
        assert outcome.message is not None
        raw = ingest.read_raw(outcome.message)
    assert b"\nBcc:" not in raw
    assert len(outcome.name) <= 150


@pytest.mark.parametrize(
    ("content", "is_mail"),
    [
        (MAIL, True),
        (b"\xef\xbb\xbf\r\nReceived: by x\n\tfrom y\nFrom: a@b.example\n\nx", True),
        (b"From a@b.example Thu Jan  1 00:00:00 1970\nSubject: x\n\nx", True),
        (b"Order: 4711\nDate: 2026-01-01\n\nFrom: here on\n", False),
        (b"%PDF-1.4", False),
        (b"", False),
    ],
)
def test_a_mail_is_known_by_the_fields_that_every_mail_has(content: bytes, is_mail: bool) -> None:
    assert uploads.is_mail(content) == is_mail


def docx() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", "x")
        archive.writestr("word/document.xml", "x")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (docx(), "Word file"),
        (b"#!/bin/sh\n", "program"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Office file"),
        (b"GIF89a" + bytes(20), "kind of file"),
        (b"\x00\x01\x02", "kind of file"),
    ],
)
def test_what_is_not_read_is_refused_with_what_to_do(content: bytes, words: str) -> None:
    with pytest.raises(uploads.Refused, match=words):
        uploads.kind_of(content)


def test_a_document_too_large_to_be_looked_into_is_refused(
    acme: Company, mailbox: Mailbox, rui: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "DOCUMENT_BYTES", 1 << 10)
    answer = send(rui, mailbox, ab__pdf=Paper().pdf())
    assert answer.status_code == 422
    assert said(answer)["ab.pdf"][0] == "refused"
    with acme.work():
        assert not Message.objects.exists()


def test_a_form_without_a_file_is_asked_for_again(mailbox: Mailbox, rui: Client) -> None:
    answer = rui.post(reverse("portal:upload"), {"mailbox": mailbox.pk})
    assert answer.status_code == 422
    assert "This field is required." in answer.content.decode()
