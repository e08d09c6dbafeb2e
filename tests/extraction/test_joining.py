"""Several sources of one mail: what is one document becomes one, and nothing else does."""

from extraction.joining import join
from extraction.schemas import CanonicalDocument, Line, decimal_of
from extraction.sources import BODY, Reading, Source


def document(number=None, *, gross=None, net=None, doc_type="invoice", lines=1):
    return CanonicalDocument(
        doc_type=doc_type,
        number=number,
        gross_total=decimal_of(gross),
        net_total=decimal_of(net),
        lines=tuple(Line(quantity=decimal_of("1")) for _ in range(lines)),
    ).to_json()


def reading(extractor, *documents, path="1"):
    return Reading(Source(path, path, ""), "documents", extractor, "1", documents)


def told(*readings):
    return [(found.extractor, document["number"]) for found, document in join(readings)]


def test_the_source_with_structure_leads_and_the_others_bear_it_out():
    found = told(
        reading("body", document("RE 47/11"), path=BODY),
        reading("pdf", document("RE-47-11")),
        reading("ubl", document("re4711"), path="2"),
    )
    assert found == [("ubl", "re4711")]


def test_a_source_without_a_number_is_known_by_its_total():
    assert told(reading("ubl", document("7", gross="119.00")), reading("ocr", document(gross="119"))) == [
        ("ubl", "7")
    ]
    assert told(reading("sheet", document(net="100")), reading("pdf", document("8", net="100.0"))) == [
        ("pdf", "8")
    ]


def test_two_papers_without_numbers_are_two():
    assert len(told(reading("ocr", document(), path="1"), reading("ocr", document(), path="2"))) == 2
    assert len(told(reading("ocr", document(gross="5"), document(gross="5")))) == 2
    assert len(told(reading("ocr", document(gross="5")), reading("ocr", document(gross="6"), path="2"))) == 2


def test_one_number_for_an_order_and_its_confirmation_is_two_documents():
    two = (reading("pdf", document("9")), reading("pdf", document("9", doc_type="order"), path="2"))
    assert len(told(*two)) == 2


def test_a_covering_letter_is_a_document_of_its_own_only_with_a_new_number_and_lines():
    paper = reading("pdf", document("1"))
    assert told(paper, reading("body", document("2", lines=0), path=BODY)) == [("pdf", "1")]
    assert told(paper, reading("body", document("2"), path=BODY)) == [("pdf", "1"), ("body", "2")]
