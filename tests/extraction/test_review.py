"""From stored mail to a decided document, and what stops two people from overwriting each other."""

import pytest

from audit.models import AuditEvent
from connectors import parse, sync
from connectors.models import FolderMapping, Mailbox, Message
from extraction import codes, pages, pipeline, review
from extraction.models import Document, DocumentState, ExtractionRun, Review
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox
from tests.kept import kept
from tests.populated import confirmations, demo_mails


def take_in(company: Company, mailbox: Mailbox) -> None:
    """The whole line up to the documents, as the worker would run it."""
    with company.work():
        mapping = FolderMapping.objects.get(mailbox=mailbox)
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        pipeline.run_due()


@pytest.fixture
def documents(acme: Company, mailbox: Mailbox, server: MemoryMailbox) -> list[Document]:
    """Three of the demo's confirmations, read."""
    for mail in confirmations()[:3]:
        server.deliver(mail.raw, received_at=mail.arrived)

    def read() -> list[Document]:
        take_in(acme, mailbox)
        with acme.work():
            return list(review.waiting())

    return kept("three documents", read)


def test_each_mail_becomes_one_document_with_evidence(acme: Company, documents: list[Document]) -> None:
    truths = [mail.documents[0] for mail in confirmations()[:3]]
    with acme.work():
        assert {document.number for document in documents} == {truth.number for truth in truths}
        for document in documents:
            assert document.machine["evidence"]["number"]["text"]
            assert document.state == DocumentState.EXTRACTED
        assert ExtractionRun.objects.filter(state="done", outcome="documents").count() == 3


def test_a_second_reading_of_the_same_mail_is_kept_beside_the_first(
    acme: Company, mailbox: Mailbox, documents: list[Document]
) -> None:
    with acme.work():
        pipeline.run_due()
        assert Document.objects.count() == 3


def test_opening_puts_a_document_into_review_and_on_record(acme: Company, documents: list[Document]) -> None:
    with acme.work(acme.rui):
        review.open_document(documents[0])
        documents[0].refresh_from_db()
        assert documents[0].state == DocumentState.IN_REVIEW
        event = AuditEvent.objects.get(action="document.viewed")
        assert (event.actor_id, event.object_id) == (str(acme.rui.pk), str(documents[0].pk))


def test_a_correction_is_kept_beside_what_the_machine_read(acme: Company, documents: list[Document]) -> None:
    document = documents[0]
    with acme.work(acme.rui):
        read = document.machine["number"]
        review.correct(document, changes={"number": "AB-0815", "lines.0.quantity": "7"}, version=1)
        fresh = Document.objects.get(pk=document.pk)
        assert (fresh.number, fresh.machine["number"], fresh.version) == ("AB-0815", read, 2)
        assert fresh.current["lines"][0]["quantity"] == "7"
        assert "line_total_mismatch" in {finding["code"] for finding in fresh.current["findings"]}
        act = Review.objects.get(document=document)
        assert act.changes["number"] == {"from": read, "to": "AB-0815"}
        assert [found.pk for found in review.search("0815")] == [document.pk]


def test_lines_are_added_and_dropped_and_evidence_moves_along(
    acme: Company, documents: list[Document]
) -> None:
    with acme.work(acme.rui):
        document = next(d for d in documents if len(d.machine["lines"]) > 2)
        second = document.machine["evidence"].get("lines.1.description")
        count = len(document.machine["lines"])
        review.correct(
            document,
            changes={"lines.0": None, "lines.+": {"description": "Freight", "quantity": "1"}},
            version=1,
        )
        assert len(document.current["lines"]) == count
        assert document.current["lines"][-1]["description"] == "Freight"
        assert document.current["evidence"].get("lines.0.description") == second


def test_what_was_found_about_a_dropped_line_goes_and_the_rest_moves_along(
    acme: Company, documents: list[Document]
) -> None:
    with acme.work(acme.rui):
        document = next(d for d in documents if len(d.machine["lines"]) > 2)
        document.current["findings"] = [
            codes.line_answer(answer, number).to_json()
            for number, answer in enumerate(("amended", "rejected", "accepted"))
        ]
        review.correct(document, changes={"lines.0": None}, version=1)
        told = [(finding["code"], finding["field"]) for finding in document.current["findings"]]
        assert [item for item in told if item[1] in {"lines.0", "lines.1", "lines.2"}] == [
            ("line_rejected", "lines.0"),
            ("line_accepted", "lines.1"),
        ]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"net_total": "12,50"}, "net_total"),
        ({"issue_date": "3.11.2026"}, "issue_date"),
        ({"doc_type": "poem"}, "doc_type"),
        ({"colour": "red"}, "colour"),
        ({"lines.99.quantity": "1"}, "lines.99.quantity"),
        ({"lines.0.colour": "red"}, "lines.0.colour"),
        ({"machine": "{}"}, "machine"),
        ({"number": "x" * 2001}, "number"),
    ],
)
def test_a_value_that_does_not_fit_is_named_and_nothing_is_written(
    acme: Company, documents: list[Document], changes: dict[str, str], path: str
) -> None:
    with acme.work(acme.rui):
        with pytest.raises(review.InvalidCorrection) as raised:
            review.correct(documents[0], changes=changes, version=1)
        assert list(raised.value.errors) == [path]
        assert Document.objects.get(pk=documents[0].pk).version == 1


def test_two_operators_cannot_overwrite_each_other(acme: Company, documents: list[Document]) -> None:
    with acme.work(acme.rui):
        mine, yours = (Document.objects.get(pk=documents[0].pk) for _ in range(2))
        review.correct(mine, changes={"number": "A"}, version=1)
        with pytest.raises(review.Conflict):
            review.correct(yours, changes={"number": "B"}, version=1)
        with pytest.raises(review.Conflict):
            review.approve(yours, version=1)
        assert Document.objects.get(pk=documents[0].pk).number == "A"


def test_a_document_is_approved_once_and_the_next_one_is_named(
    acme: Company, documents: list[Document]
) -> None:
    with acme.work(acme.rui):
        review.approve(documents[0], version=1)
        with pytest.raises(review.NotAllowed):
            review.approve(documents[0], version=2)
        following = review.next_document(documents[0])
        assert following is not None
        assert following.pk in {d.pk for d in documents[1:]}
        assert AuditEvent.objects.filter(action="document.approved").count() == 1


def test_rejecting_needs_a_reason_and_can_be_taken_back(acme: Company, documents: list[Document]) -> None:
    with acme.work(acme.rui):
        with pytest.raises(review.InvalidCorrection):
            review.reject(documents[0], reason=" ", version=1)
        review.reject(documents[0], reason="Not ours", version=1)
        assert documents[0].state == DocumentState.REJECTED
        review.reopen(documents[0], version=2)
        assert Document.objects.get(pk=documents[0].pk).state == DocumentState.IN_REVIEW


def test_a_page_is_shown_as_a_picture_and_the_look_is_recorded(
    acme: Company, documents: list[Document]
) -> None:
    document = next(d for d in documents if d.media_type == "application/pdf")
    with acme.work(acme.rui):
        assert pages.page_sizes(document)[0] == pytest.approx([595.3, 841.9], abs=20)
        assert pages.page_image(document, page=1).startswith(b"\x89PNG")
        assert AuditEvent.objects.filter(action="document.page_viewed").count() == 1


def test_the_demos_mails_end_as_their_truth_says(
    acme: Company, mailbox: Mailbox, server: MemoryMailbox
) -> None:
    made = demo_mails()
    for mail in made:
        server.deliver(mail.raw, received_at=mail.arrived)
    take_in(acme, mailbox)
    with acme.work():
        assert Message.objects.count() == len(made)
        reasons = list(Message.objects.filter(state="skipped").values_list("reason", flat=True))
        skipped = ("auto_reply", "newsletter", "calendar")
        assert {r: reasons.count(r) for r in skipped} == {
            r: sum(mail.expected == r for mail in made) for r in skipped
        }
        numbers = {document.number for document in Document.objects.all()}
        truths = {
            truth.number
            for mail in made
            if mail.expected in ("document", "finding")
            for truth in mail.documents
        }
        assert truths <= numbers
        assert len(numbers) == Document.objects.count()


def with_broken_attachment(raw: bytes) -> bytes:
    """A confirmation whose first attachment is a PDF cut short; the second is whole."""
    from email import message_from_bytes

    mail = message_from_bytes(raw)
    whole = next(part for part in mail.walk() if part.get_content_type() == "application/pdf")
    cut = message_from_bytes(whole.as_bytes())
    del cut["Content-Transfer-Encoding"]
    cut.set_payload(b"%PDF-1.7\n" + bytes(range(256)) * 4)
    cut.add_header("Content-Transfer-Encoding", "binary")
    mail.get_payload().insert(1, cut)  # type: ignore[union-attr]
    return mail.as_bytes()


def test_an_attachment_that_cannot_be_read_stops_no_other(
    acme: Company, mailbox: Mailbox, server: MemoryMailbox
) -> None:
    made = next(mail for mail in confirmations() if b"application/pdf" in mail.raw)
    server.deliver(with_broken_attachment(made.raw), received_at=made.arrived)
    take_in(acme, mailbox)
    with acme.work():
        run = ExtractionRun.objects.get()
        outcomes = [told["outcome"] for told in run.sources]
        assert run.outcome == "documents"
        assert "documents" in outcomes
        assert len(outcomes) > outcomes.count("documents")
        assert Document.objects.count() == 1


def test_a_message_that_takes_too_long_is_left_with_what_was_read(
    acme: Company, mailbox: Mailbox, server: MemoryMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "BUDGET", 0.0)
    made = next(mail for mail in confirmations() if b"application/pdf" in mail.raw)
    server.deliver(made.raw, received_at=made.arrived)
    take_in(acme, mailbox)
    with acme.work():
        assert "out_of_time" in [told["outcome"] for told in ExtractionRun.objects.get().sources]
