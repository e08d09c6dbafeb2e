"""A mail read again keeps its documents; what the newer run read is kept, compared, and taken over on demand."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.models import AuditEvent
from connectors import ingest
from connectors.models import Mailbox, Message
from extraction import pipeline, review
from extraction.models import Document, ExtractionRun, Review
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox
from tests.extraction.test_review import take_in
from tests.kept import kept
from tests.populated import NOW, confirmations
from tests.zalion.tenancy.test_signin import sign_in


@pytest.fixture
def document(acme: Company, mailbox: Mailbox, server: MemoryMailbox) -> Document:
    """A confirmation of the demo that an older version read: it took another sum for the net total, and lost a line."""
    mail = confirmations()[0]
    server.deliver(mail.raw, received_at=mail.arrived)
    return kept("read by an older version", lambda: read_wrongly(acme, mailbox))


def read_wrongly(acme: Company, mailbox: Mailbox) -> Document:
    take_in(acme, mailbox)
    with acme.work():
        found = Document.objects.get()
        older = {
            **found.machine,
            "net_total": "1.00",
            "incoterm": "EXW",
            "lines": found.machine["lines"][:-1],
        }
        found.machine = found.current = older
        found.extractor_version = "0"
        found.save()
        run = found.run
        run.readings = [{**run.readings[0], "document": older, "extractor_version": "0"}]
        run.save()
    return found


def read_again(company: Company, document: Document) -> ExtractionRun:
    with company.work(company.rui):
        pipeline.rerun(document.message)
        pipeline.run_due()
        newest = ExtractionRun.objects.order_by("-created_at").first()
        assert newest is not None
        return newest


def fresh(document: Document) -> Document:
    return Document.objects.get(pk=document.pk)


def test_reading_a_mail_again_makes_no_second_document_and_keeps_what_was_read(
    acme: Company, document: Document
) -> None:
    run = read_again(acme, document)
    with acme.work():
        assert Document.objects.count() == 1
        assert run.outcome == "known_document"
        reading = pipeline.reading_of(run, document)
        assert reading is not None
        assert reading["document"]["net_total"] != "1.00"
        assert fresh(document).machine["net_total"] == "1.00"
        event = AuditEvent.objects.get(action="message.read_again")
        assert (event.actor_id, event.object_id) == (str(acme.rui.pk), str(document.message_id))


def test_a_document_that_only_the_newer_run_finds_is_made(acme: Company, document: Document) -> None:
    with acme.work():
        document.machine = {**document.machine, "number": "ANOTHER"}
        document.source_hmac = "0" * 64
        document.save()
    read_again(acme, document)
    with acme.work():
        assert Document.objects.count() == 2


def test_the_newer_reading_is_taken_over_with_what_people_corrected_and_taken_back(
    acme: Company, document: Document
) -> None:
    run = read_again(acme, document)
    with acme.work(acme.rui):
        review.correct(document, changes={"incoterm": "DAP", "lines.0.quantity": "77"}, version=1)
        before, first = fresh(document).current, document.run
        review.take_over(document, run=run, version=2)
        taken = fresh(document)
        read = taken.machine["lines"]
        assert (taken.run, taken.state, taken.version) == (run, "in_review", 3)
        assert taken.current["net_total"] == taken.machine["net_total"] != "1.00"
        assert taken.current["incoterm"] == "DAP"
        assert [line["quantity"] for line in taken.current["lines"]] == [
            "77",
            *(line["quantity"] for line in read[1:]),
        ]
        assert len(read) == len(before["lines"]) + 1
        assert taken.extractor_version != "0"
        act = Review.objects.get(action="take_over")
        assert act.changes["net_total"] == {"from": "1.00", "to": taken.current["net_total"]}
        event = AuditEvent.objects.get(action="document.reading_taken")
        assert event.object_id == str(document.pk)
        assert "1.00" not in str(event.facts)
        review.take_over(taken, run=first, version=3)
        assert fresh(document).current == before
        assert fresh(document).machine["net_total"] == "1.00"


def test_a_decided_document_a_stale_page_and_a_run_without_it_take_nothing_over(
    acme: Company, document: Document
) -> None:
    run = read_again(acme, document)
    with acme.work(acme.rui):
        with pytest.raises(review.Conflict):
            review.take_over(document, run=run, version=9)
        empty = ExtractionRun.objects.create(message=document.message, state="done", readings=[])
        with pytest.raises(review.NotAllowed, match="did not find"):
            review.take_over(document, run=empty, version=1)
        review.approve(document, version=1)
        with pytest.raises(review.NotAllowed, match="approved"):
            review.take_over(document, run=run, version=2)
        assert fresh(document).machine["net_total"] == "1.00"


@pytest.fixture
def rui(acme: Company) -> Client:
    return sign_in(acme.rui)


def page(client: Client, document: Document, **asked: Any) -> Any:
    return client.get(reverse("portal:document-readings", args=[document.pk]), asked)


def test_the_page_shows_the_reading_in_use_beside_the_newest(
    acme: Company, document: Document, rui: Client
) -> None:
    assert "one reading so far" in page(rui, document).content.decode()
    run = read_again(acme, document)
    shown = page(rui, document)
    assert [side.stands for side in shown.context["sides"]] == [True, False]
    assert {row["label"]: row["item"].kind for row in shown.context["fields"]}["Incoterm"] in {
        "changed",
        "lost",
    }
    assert shown.context["compared"].counts()["same"] > 10
    assert [line["pair"].kind for line in shown.context["lines"]] == ["added"]
    text = shown.content.decode()
    assert "Take over the newer reading" in text
    with acme.work():
        event = AuditEvent.objects.filter(action="document.readings_compared").latest("sequence")
        assert event.facts["runs"] == [str(document.run_id), str(run.pk)]
        review.correct(document, changes={"net_total": "1.50"}, version=1)
    assert page(rui, document).context["compared"].verdicts()["neither"] == 1
    with acme.work():
        review.approve(document, version=2)
    assert "Take over the newer reading" not in page(rui, document).content.decode()


def test_the_act_on_the_page_is_carried_out_or_refused_with_words(
    acme: Company, document: Document, rui: Client
) -> None:
    run = read_again(acme, document)
    address = reverse("portal:document-take-over", args=[document.pk])
    for posted in ({}, {"run": "x", "version": "1"}, {"run": run.pk, "version": "-1"}):
        answer = rui.post(address, posted, follow=True)
        assert "That was not understood." in answer.content.decode()
    answer = rui.post(address, {"run": run.pk, "version": "8"}, follow=True)
    assert "Somebody else changed this document" in answer.content.decode()
    assert rui.post(address, {"run": run.pk, "version": "1"}).status_code == 302
    with acme.work():
        assert fresh(document).run_id == run.pk


def test_a_documents_page_leads_to_a_newer_reading_until_it_is_in_use(
    acme: Company, document: Document, rui: Client
) -> None:
    def leads() -> bool:
        text = rui.get(reverse("portal:document", args=[document.pk])).content.decode()
        return "Newer reading" in text

    assert not leads()
    run = read_again(acme, document)
    assert leads()
    with acme.work(acme.rui):
        review.take_over(fresh(document), run=run, version=1)
    assert not leads()


def test_a_mail_with_a_document_known_from_another_leads_to_it(
    acme: Company, mailbox: Mailbox, document: Document, server: MemoryMailbox, rui: Client
) -> None:
    with acme.work():
        raw = ingest.read_raw(document.message)
    server.deliver(raw.replace(b"Subject: ", b"Subject: Fwd: ", 1), received_at=NOW)
    take_in(acme, mailbox)
    with acme.work():
        other = Message.objects.exclude(pk=document.message_id).get()
        assert not Document.objects.filter(message=other).exists()
    text = rui.get(reverse("portal:message", args=[other.pk])).content.decode()
    assert "Read before, in another mail" in text
    assert reverse("portal:document", args=[document.pk]) in text


def test_the_page_costs_the_same_however_often_the_mail_was_read(
    acme: Company, document: Document, rui: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert page(rui, document).status_code == 200
        return sum(not query["sql"].startswith(("SAVEPOINT", "RELEASE")) for query in seen.captured_queries)

    read_again(acme, document)
    queries()
    cost = queries()
    read_again(acme, document)
    read_again(acme, document)
    assert queries() == cost
