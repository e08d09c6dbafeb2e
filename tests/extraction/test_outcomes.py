"""What became of each file is said where people look: while it is read, and why nothing came of it."""

import io
import zipfile

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from connectors.models import Attachment, Mailbox
from extraction import outcomes
from extraction.models import ExtractionRun
from tests.cast import Company
from tests.extraction.paper import Paper
from tests.extraction.test_uploads import read_all, send
from tests.zalion.tenancy.test_signin import sign_in


@pytest.fixture
def rui(acme: Company) -> Client:
    return sign_in(acme.rui)


def test_the_upload_page_follows_each_file_until_it_is_read_and_says_why_one_was_not(
    acme: Company, borealis: Company, mailbox: Mailbox, rui: Client
) -> None:
    answer = send(rui, mailbox, ab__pdf=Paper().pdf(), locked__pdf=Paper(password="x").pdf())
    page = answer.content.decode()
    good, locked = (outcome.message for outcome in answer.context["outcomes"])
    address = f"{reverse('portal:reading-progress')}?mail={good.pk}&mail={locked.pk}"
    assert "0 of 2 read" in page
    assert address.replace("&", "&amp;") in page
    assert 'data-refresh="2"' in rui.get(address).content.decode()
    read_all(acme, mailbox)
    told = rui.get(address).content.decode()
    assert "data-refresh" not in told
    assert "All read" in told
    assert "1 document</a>" in told
    assert "No document. The PDF needs a password; ask the sender for one without." in told
    assert "The PDF needs a password" in rui.get(reverse("portal:message", args=[locked.pk])).content.decode()
    assert "1 mail has files that could not be read" in rui.get("/").content.decode()
    listed = rui.get(reverse("portal:unreadable")).content.decode()
    assert "locked.pdf" in listed
    assert "The PDF needs a password" in listed
    assert "ab.pdf" not in listed
    assert str(good.pk) not in sign_in(borealis.otto).get(address).content.decode()
    assert rui.get(f"{reverse('portal:reading-progress')}?mail=x").status_code == 404


def packed(*members: tuple[str, bytes], locked: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    # PKWARE's application note, 4.4.4: the lowest bit of the flags says that a file is encrypted.
    made = bytearray(buffer.getvalue())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        if locked:
            made[made.index(mark) + place] |= 1
    return bytes(made)


def test_a_locked_archive_is_told_and_a_logo_is_not(acme: Company, mailbox: Mailbox, rui: Client) -> None:
    picture = io.BytesIO()
    Image.new("L", (40, 40), 255).save(picture, "PNG")
    send(rui, mailbox, a__zip=packed(("ab.pdf", Paper().pdf()), locked=True), b__png=picture.getvalue())
    read_all(acme, mailbox)
    listed = rui.get(reverse("portal:unreadable"))
    assert [(message.subject, {item.words for item in told}) for message, told in listed.context["rows"]] == [
        ("a.zip", {"It needs a password; ask the sender for one without."})
    ]


def run(*sources: dict[str, object]) -> ExtractionRun:
    return ExtractionRun(sources=[{"extractor": "pdf", "version": "1", **source} for source in sources])


def test_what_could_not_be_read_is_told_though_another_file_gave_a_document() -> None:
    found = run(
        {"path": "2", "outcome": "documents"},
        {"path": "3", "outcome": "timed_out"},
        {
            "path": "body",
            "outcome": "no_document",
            "findings": [{"code": "no_document", "severity": "info", "message": "Nothing in it."}],
        },
    )
    assert [(item.name, item.severity) for item in outcomes.told(found, [], found=True)] == [
        ("attachment 3", "error")
    ]
    assert [item.name for item in outcomes.told(found, [], found=False)] == [
        "attachment 3",
        "The mail’s own text",
    ]


@pytest.mark.parametrize(
    ("outcome", "taken", "words"),
    [
        ("model_values", 3, "3 values were taken"),
        ("model_gave_nothing", 0, "Nothing that it pointed to"),
        ("model_left_alone", 0, "left alone for a while"),
        ("http_500", 0, "It gave no answer: http 500."),
    ],
)
def test_what_came_of_the_language_model_is_said(outcome: str, taken: int, words: str) -> None:
    model = {"name": "small", "outcome": outcome, "taken": taken, "seconds": 1.0}
    found = run({"path": "2", "outcome": "documents", "model": model}, {"path": "3", "outcome": "documents"})
    told = outcomes.of_model(found, path="2")
    assert [item.name for item in told] == ["small"]
    assert words in told[0].words
    assert outcomes.of_model(found, path="3") == []


def test_a_files_name_takes_no_page() -> None:
    part = Attachment(path="2", name="x" * 5000, media_type="application/pdf")
    told = outcomes.told(run({"path": "2", "outcome": "crashed"}), [part], found=False)
    assert len(told[0].name) == 80
