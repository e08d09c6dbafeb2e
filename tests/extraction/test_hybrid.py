"""A PDF with data inside is read by its data, and the data are held to what the page shows."""

import io
import zlib
from decimal import Decimal
from typing import Any

import pikepdf
import pytest

from extraction.embedded import MAX_FILES, embedded_files
from extraction.grounding import ungrounded
from extraction.reader import ReadResult, read, source_text
from extraction.schemas import CanonicalDocument
from tests.extraction.cross_industry import document, line
from tests.extraction.paper import Paper
from tests.extraction.workbooks import xlsx

ROWS = (("1", "H77", "Leiste Eiche", "12", "m", "2,50", "30,00"),)
TOTALS = (("Nettobetrag", "30,00 €"), ("MwSt. 19 %", "5,70 €"), ("Gesamtbetrag", "35,70 €"))


def paper(number: str = "RE-2026-17", gross: str = "35,70 €", **more: Any) -> bytes:
    facts = (("Rechnungsnummer:", number), ("Datum:", "02.03.2026"), ("Ihre Bestellung:", "4500012"))
    totals = (*TOTALS[:2], ("Gesamtbetrag", gross))
    sheet: dict[str, Any] = {"title": "Rechnung", "facts": facts, "rows": ROWS, "totals": totals, **more}
    return Paper(**sheet).pdf()


def attach(pdf: bytes, *files: tuple[str, bytes]) -> bytes:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for name, content in files:
            opened.attachments[name] = pikepdf.AttachedFileSpec(opened, content, mime_type="text/xml")
        buffer = io.BytesIO()
        opened.save(buffer)
    return buffer.getvalue()


def hybrid(xml: bytes, pdf: bytes | None = None, name: str = "factur-x.xml") -> ReadResult:
    return read("paper.pdf", attach(paper() if pdf is None else pdf, (name, xml)))


def only(result: ReadResult) -> CanonicalDocument:
    assert len(result.documents) == 1
    return result.documents[0].document


def codes(found: CanonicalDocument) -> set[tuple[str, str | None]]:
    return {
        (item.code, item.field) for item in found.findings if item.code in {"page_differs", "not_on_page"}
    }


@pytest.mark.parametrize(
    "name", ["factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml", "order-x.xml", "data.bin"]
)
def test_the_data_inside_lead_whatever_the_file_is_called(name: str) -> None:
    result = hybrid(document(), name=name)
    found = only(result)
    assert result.extractor == "cii+pdf"
    assert found.number == "RE-2026-17"
    assert found.lines[0].buyer_article == "M-1"
    assert not codes(found)


def test_a_value_that_the_page_shows_has_its_place_there_too() -> None:
    evidence = hybrid(document()).documents[0].evidence
    assert evidence["number"].box
    assert (evidence["number"].path or "").startswith("/CrossIndustryInvoice/")
    assert evidence["gross_total"].box
    assert evidence["lines.0.gtin"].box is None


def test_a_page_that_says_another_sum_is_a_finding() -> None:
    result = hybrid(document(gross="9935.70"))
    found, place = only(result), result.documents[0].evidence["gross_total"]
    assert ("page_differs", "gross_total") in codes(found)
    assert (place.text, place.page) == ("9935.70", 1)
    assert place.box
    assert place.path
    (told,) = [item.message for item in found.findings if item.code == "page_differs"]
    assert told == "The page says “35,70”, the data inside the PDF say “9935.7”."
    assert found.gross_total == Decimal("9935.70")
    assert found.confidence < 0.9


def test_a_page_with_another_number_is_a_finding() -> None:
    assert ("page_differs", "number") in codes(only(hybrid(document(number="RE-99"))))


def test_a_line_that_the_page_does_not_show_is_a_finding() -> None:
    found = only(hybrid(document(lines=line() + line(2, quantity="777"))))
    assert ("not_on_page", "lines.1.quantity") in codes(found)


def test_a_profile_without_lines_takes_those_of_the_page() -> None:
    result = hybrid(document(lines=""))
    found = only(result)
    assert [(item.seller_article, str(item.line_total)) for item in found.lines] == [("H77", "30.00")]
    assert "lines_from_page" in {item.code for item in found.findings}
    assert result.documents[0].evidence["lines.0.line_total"].box
    assert not list(ungrounded(result.documents[0]))


def test_an_order_response_without_lines_stays_without() -> None:
    assert not only(hybrid(document("order", code="231", status="1", lines=""))).lines


def test_data_that_cannot_be_read_leave_the_page_and_say_so() -> None:
    result = hybrid(document()[:900])
    assert result.extractor == "pdf"
    assert only(result).number == "RE-2026-17"
    assert [item.code for item in result.findings] == ["embedded_data_unreadable"]


def test_of_two_documents_inside_the_one_on_the_page_is_read() -> None:
    content = attach(paper(), ("a.xml", document("order", code="220", number="PO-1")), ("b.xml", document()))
    assert only(read("x.pdf", content)).doc_type == "invoice"


def test_a_picture_of_a_page_is_read_by_its_data_and_says_it_was_not_checked() -> None:
    blank = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(blank)
    result = hybrid(document(), blank.getvalue())
    assert only(result).number == "RE-2026-17"
    assert "page_not_checked" in [item.code for item in result.findings]


def test_other_attachments_are_left_alone() -> None:
    assert read("x.pdf", attach(paper(), ("note.xml", b"<note/>"), ("a.txt", b"Hallo"))).extractor == "pdf"


def test_files_among_the_associated_and_the_annotations_are_found() -> None:
    with pikepdf.open(io.BytesIO(paper())) as pdf:
        associated = pikepdf.AttachedFileSpec(pdf, b"one", filename="one").obj
        noted = pikepdf.AttachedFileSpec(pdf, b"two", filename="two").obj
        pdf.Root.AF = pdf.make_indirect(pikepdf.Array([associated]))
        note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FileAttachment, FS=noted)
        pdf.pages[0].obj.Annots = pikepdf.Array([pdf.make_indirect(note)])
        buffer = io.BytesIO()
        pdf.save(buffer)
    assert [file.content for file in embedded_files(buffer.getvalue())] == [b"one", b"two"]


def test_bombs_and_crowds_of_files_are_bounded() -> None:
    bomb = zlib.compress(bytes(40 << 20), 9)
    with pikepdf.open(io.BytesIO(paper())) as pdf:
        for number in range(2 * MAX_FILES):
            pdf.attachments[f"{number:03}"] = pikepdf.AttachedFileSpec(pdf, b"x")
        stream = pdf.attachments["000"].get_file().obj
        stream.write(bomb, filter=pikepdf.Name.FlateDecode)
        buffer = io.BytesIO()
        pdf.save(buffer, compress_streams=False)
    found = embedded_files(buffer.getvalue())
    assert 0 < len(found) < MAX_FILES
    assert {file.content for file in found} == {b"x"}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_hybrid_ends_with_a_finding_or_a_document(share: float) -> None:
    whole = attach(paper(), ("factur-x.xml", document()))
    result = read("x.pdf", whole[: int(len(whole) * share)])
    assert result.documents or result.findings


def test_a_workbook_is_shown_as_the_text_its_evidence_points_into() -> None:
    content = xlsx({"AB": [["AB-Nr.", "AB-17"], ["Pos.", "Artikel-Nr.", "Menge"], [1, "H77", 12.5]]})
    text = source_text(content)
    assert text == "[AB]\nAB-Nr.\tAB-17\t\nPos.\tArtikel-Nr.\tMenge\n1\tH77\t12.5\n"
    for place in read("x.xlsx", content).documents[0].evidence.values():
        assert place.offset is not None
        assert place.text is not None
        assert text[place.offset :].startswith(place.text)
