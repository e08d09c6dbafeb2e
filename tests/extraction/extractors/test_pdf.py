"""PDF pages are read by their layout, whatever the language, the rotation or the tricks."""

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pypdfium2
import pytest
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from extraction.extractor import Hints, Source
from extraction.pdfium.words import page_words
from extraction.reader import page_image, page_sizes, read
from extraction.registry import load
from extraction.schemas import CanonicalDocument
from tests.contracts.extractor import ExtractorContract
from tests.extraction.paper import Paper

ENGLISH = Paper(
    title="Order Confirmation",
    sender="Sample Springs Ltd · 4 Mill Road · LS1 4DY Leeds",
    facts=(("Our order no.", "SO-881"), ("Date", "15 July 2026"), ("Customer PO", "PO-77/26")),
    heading=("Item", "Part no.", "Description", "Qty", "Unit", "Unit price", "Total"),
    rows=(
        ("10", "S-1", "Spring 2 mm", "1,000", "pcs", "0.25", "250.00"),
        ("", "", "Your part no.: M4711", "", "", "", ""),
        ("", "", "Delivery date: 3 August 2026", "", "", "", ""),
    ),
    totals=(("Subtotal", "£250.00"), ("VAT 20%", "£50.00"), ("Grand total", "£300.00")),
    imprint="VAT Reg. No. GB980780684   sales@springs.example",
)


def document(paper: Paper, hints: Hints | None = None, **options: Any) -> CanonicalDocument:
    source = Source.of("paper.pdf", paper.pdf(**options), hints)
    return load("pdf").extract(source)[0].document


class TestPdf(ExtractorContract):
    key = "pdf"

    def samples(self) -> dict[str, tuple[bytes, dict[str, Any]]]:
        german = {
            "doc_type": "order_confirmation",
            "number": "F-2041",
            "issue_date": "2026-02-03",
            "order_reference": "4500077",
            "seller_name": "Muster Federn GmbH",
            "seller_vat_id": "DE136695976",
            "seller_iban": "DE89370400440532013000",
            "seller_email": "info@muster-federn.example",
            "buyer_name": "Acme Maschinenbau GmbH",
            "currency": "EUR",
            "net_total": "15064",
            "tax_total": "2862.16",
            "gross_total": "17926.16",
            "language": "de",
            "lines": [
                {
                    "pos": "1",
                    "seller_article": "F-10",
                    "description": "Druckfeder 2 mm verzinkt",
                    "quantity": "1000",
                    "unit": "H87",
                    "unit_price": "0.25",
                    "line_total": "250",
                },
                {
                    "pos": "2",
                    "seller_article": "F-20",
                    "description": "Zugfeder",
                    "quantity": "12",
                    "unit": "H87",
                    "unit_price": "1234.5",
                    "line_total": "14814",
                },
            ],
        }
        english = {
            "number": "SO-881",
            "issue_date": "2026-07-15",
            "order_reference": "PO-77/26",
            "currency": "GBP",
            "gross_total": "300",
            "lines": [{"quantity": "1000", "buyer_article": "M4711", "delivery_date": "2026-08-03"}],
        }
        return {"german.pdf": (Paper().pdf(), german), "english.pdf": (ENGLISH.pdf(), english)}

    def broken(self) -> dict[str, tuple[bytes, str]]:
        return {
            "empty.pdf": (b"%PDF-1.7\n", "pdf_broken"),
            "cut.pdf": (Paper().pdf()[:400], "pdf_broken"),
            "locked.pdf": (replace(Paper(), password="secret").pdf(), "pdf_encrypted"),
            "scan.pdf": (blank(1), "no_text_layer"),
            "long.pdf": (blank(201), "too_many_pages"),
        }


def blank(pages: int) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for _ in range(pages):
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_rotated_page_is_read_as_it_is_shown(rotation: int) -> None:
    turned = Paper().pdf(rotation=rotation)
    found = load("pdf").extract(Source.of("turned.pdf", turned))[0]
    width, height = page_sizes(turned)[0]
    assert found.document.number == "F-2041"
    assert (round(width), round(height)) == (595, 842)
    # The number is printed 450 points from the left and 710 from the bottom.
    box = found.evidence["number"].box
    assert box is not None
    assert box[0] == pytest.approx(450, abs=2)
    assert box[1] < height - 710 < box[3]


def test_a_table_goes_on_over_pages_and_carried_sums_are_no_lines() -> None:
    more: Sequence[Sequence[str]] = (
        ("", "", "Übertrag", "", "", "", "15.064,00"),
        ("3", "F-30", "Ring", "1", "Stk.", "36,00", "36,00"),
    )
    paper = replace(Paper(), pages=[more], totals=(("Nettobetrag", "15.100,00 EUR"),))
    assert [line.pos for line in document(paper).lines] == ["1", "2", "3"]


def test_arithmetic_chooses_the_reading_of_an_ambiguous_number() -> None:
    rows = (("1", "F-10", "Stahl", "2,500", "t", "1.200", "3.000,00"),)
    line = document(replace(Paper(), rows=rows)).lines[0]
    assert (str(line.quantity), str(line.unit_price)) == ("2.500", "1200")


def test_a_price_for_a_hundred_keeps_its_base() -> None:
    rows = (("1", "F-10", "Scheibe", "50", "Stk.", "107,00/100", "53,50"),)
    line = document(replace(Paper(), rows=rows)).lines[0]
    assert (str(line.unit_price), str(line.price_base)) == ("107.00", "100")


def test_text_drawn_twice_counts_once() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setFont("Helvetica", 12)
    for shift in (0, 0.3):
        canvas.drawString(50 + shift, 700, "Rechnung Nr. 4711 vom 3. Mai 2026 über Federn und Ringe")
    canvas.save()
    found = load("pdf").extract(Source.of("bold.pdf", buffer.getvalue()))[0].document
    assert found.number == "4711"


def test_our_own_name_is_never_the_seller() -> None:
    paper = replace(Paper(), sender="Acme Maschinenbau GmbH · Ring 1 · 20095 Hamburg")
    assert (
        document(paper, Hints(own_names=("Acme Maschinenbau GmbH",))).seller_name != "Acme Maschinenbau GmbH"
    )


def test_a_wrong_total_is_a_finding() -> None:
    rows = (("1", "F-10", "Feder", "2", "Stk.", "10,00", "21,00"),)
    result = read("paper.pdf", replace(Paper(), rows=rows).pdf())
    codes = [finding.code for finding in result.documents[0].document.findings]
    assert codes == ["line_total_mismatch", "net_total_mismatch"]


def test_a_number_of_forty_digits_is_no_number() -> None:
    rows = (("1", "F-10", "Feder", "9" * 40, "Stk.", "10,00", "20,00"),)
    assert [line.quantity for line in document(replace(Paper(), rows=rows)).lines] == [None]


def test_page_images_have_the_size_evidence_boxes_are_in() -> None:
    width, height = page_sizes(Paper().pdf())[0]
    picture = Image.open(io.BytesIO(page_image(Paper().pdf(), 1, 2.0)))
    assert (round(width), round(height)) == (595, 842)
    assert (picture.width, picture.height) == pytest.approx((2 * width, 2 * height), abs=2)


def test_a_surcharge_we_have_no_word_for_is_found_by_what_is_missing() -> None:
    totals = (("Warenwert", "15.064,00"), ("Legierungsaufgeld", "36,00"), ("Nettobetrag", "15.100,00 EUR"))
    result = read("paper.pdf", replace(Paper(), totals=totals).pdf())
    found = result.documents[0].document
    assert (str(found.charges_total), str(found.net_total)) == ("36.00", "15100.00")
    assert [finding.code for finding in found.findings] == ["charge_guessed"]


def test_several_labelled_values_on_one_line_below_a_position_are_all_taken() -> None:
    rows = (
        ("1", "F-10", "Feder", "2", "Stk.", "10,00", "20,00"),
        ("", "", "Ihre Art.-Nr. AM-7, Liefertermin 3. März 2026", "", "", "", ""),
    )
    line = document(replace(Paper(), rows=rows)).lines[0]
    assert (line.buyer_article, str(line.delivery_date), line.description) == ("AM-7", "2026-03-03", "Feder")


def test_the_date_after_the_documents_number_is_its_date() -> None:
    facts = (("Ihre Bestellung:", "4500077 vom 1. Februar 2026"),)
    paper = replace(Paper(), title="Auftragsbestätigung Nr. F-9 vom 3. Februar 2026", facts=facts)
    found = document(paper)
    assert (found.number, str(found.issue_date), found.order_reference) == ("F-9", "2026-02-03", "4500077")


def test_a_label_and_an_amount_in_a_text_are_no_total() -> None:
    paper = replace(
        Paper(), imprint="MwSt-Nr. DE136695976 - Gesellschaft mit Kapital von 120 000,00 €", totals=()
    )
    assert document(paper).tax_total is None


def test_text_that_runs_upwards_along_the_margin_is_not_read() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=True)
    canvas.setFont("Helvetica", 10)
    for y, row in zip(
        (600, 570, 550), (("Pos", "Text", "Menge"), ("1", "Feder", "4"), ("2", "Ring", "6")), strict=True
    ):
        for x, text in zip((50, 100, 300), row, strict=True):
            canvas.drawString(x, y, text)
    canvas.drawString(50, 700, "Lieferschein Nr. 4711")
    canvas.rotate(90)
    canvas.drawString(500, -30, "Formular 12 Seite 3 von 9")
    canvas.save()
    found = load("pdf").extract(Source.of("margin.pdf", buffer.getvalue()))[0].document
    assert [str(line.quantity) for line in found.lines] == ["4", "6"]


@pytest.mark.parametrize("angle", [90, -90])
def test_a_page_whose_text_lies_on_its_side_is_turned(angle: int) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(600, 800), invariant=True)
    canvas.setFont("Helvetica", 10)
    canvas.rotate(angle)
    canvas.translate(0, -600) if angle == 90 else canvas.translate(-800, 0)
    for x, y, text in (
        (100, 500, "Rechnung Nr. 4711"),
        (100, 470, "Datum: 3. Mai 2026"),
        (100, 400, "Danke sehr"),
    ):
        canvas.drawString(x, y, text)
    canvas.save()
    found = load("pdf").extract(Source.of("side.pdf", buffer.getvalue()))[0]
    assert (found.document.number, str(found.document.issue_date)) == ("4711", "2026-05-03")
    box = found.evidence["number"].box
    # As shown, the text is a narrow strip 500 from the foot of the turned page.
    assert box is not None
    assert box[3] - box[1] > box[2] - box[0]
    assert 0 < box[0] < box[2] < 600
    assert 0 < box[1] < box[3] < 800


def test_pictures_among_the_letters_do_not_break_the_text() -> None:
    paper = replace(Paper(), sender="Muster Federn GmbH \U0001f4e7 Talweg 3 · 70173 Stuttgart")
    found = load("pdf").extract(Source.of("icon.pdf", paper.pdf()))[0]
    assert str(found.to_json()).encode()


def test_a_word_divided_at_a_lines_end_keeps_its_hyphen() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=True)
    for y, text in (
        (700, "Rechnung Nr. 4711"),
        (680, "Datum: 3. Mai 2026"),
        (660, "Sicherheits-"),
        (648, "schuhe"),
    ):
        canvas.drawString(50, y, text)
    canvas.save()
    page = pypdfium2.PdfDocument(buffer.getvalue())[0]
    assert [word.text for word in page_words(page, 1)][-2:] == ["Sicherheits-", "schuhe"]


def test_a_number_printed_right_behind_its_sign_is_found() -> None:
    facts = (("Confirmation", "n°562044387 du 2 juillet 2025"), ("Votre commande:", "No.4500077"))
    paper = replace(Paper(), title="Confirmation de commande", facts=facts)
    found = load("pdf").extract(Source.of("glued.pdf", paper.pdf()))[0]
    assert (found.document.number, found.document.order_reference) == ("562044387", "4500077")
    assert found.evidence["number"].text == "562044387"


def pasted(*papers: bytes) -> bytes:
    whole = pypdfium2.PdfDocument.new()
    for paper in papers:
        part = pypdfium2.PdfDocument(paper)
        whole.import_pages(part)
        part.close()
    buffer = io.BytesIO()
    whole.save(buffer)
    whole.close()
    return buffer.getvalue()


def test_two_documents_in_one_file_are_two_documents() -> None:
    other = replace(
        Paper(), facts=(("AB-Nr.:", "F-9000"), ("Datum:", "04.02.2026"), ("Ihre Bestellung:", "4500088"))
    )
    found = load("pdf").extract(Source.of("two.pdf", pasted(Paper().pdf(), other.pdf())))
    assert [(item.document.number, len(item.document.lines)) for item in found] == [
        ("F-2041", 2),
        ("F-9000", 2),
    ]
    assert [item.evidence["number"].page for item in found] == [1, 2]


def test_a_page_that_shows_the_number_of_the_one_before_goes_on() -> None:
    found = load("pdf").extract(Source.of("copy.pdf", pasted(Paper().pdf(), Paper().pdf())))
    assert len(found) == 1
