"""Positions are found without a heading, by what the numbers multiply or add up to."""

from collections.abc import Sequence

import pytest

from extraction.layout.document import Known, read_document, read_pages
from extraction.layout.geometry import Page
from extraction.schemas import CanonicalDocument
from tests.extraction.layout.test_tables import page

HEAD = [
    (20.0, ((20.0, "Invoice no. R-4711"),)),
    (40.0, ((20.0, "Date: 3 May 2026"),)),
]


def document(rows: Sequence[tuple[float, Sequence[tuple[float, str]]]]) -> CanonicalDocument:
    pages: list[Page] = [page([*HEAD, *rows])]
    found = read_document(pages, Known())
    assert found is not None
    return found.document


def test_without_a_heading_the_numbers_that_multiply_are_the_columns() -> None:
    rows = [
        (120.0, ((20.0, "1"), (60.0, "Steel spring"), (300.0, " 4"), (360.0, "2.50"), (440.0, "10.00"))),
        (140.0, ((20.0, "2"), (60.0, "Brass ring"), (300.0, "12"), (360.0, "8.00"), (440.0, "96.00"))),
        (170.0, ((20.0, "Net total"), (435.0, "106.00"))),
    ]
    lines = document(rows).lines
    assert [(line.pos, line.description, str(line.quantity), str(line.line_total)) for line in lines] == [
        ("1", "Steel spring", "4", "10.00"),
        ("2", "Brass ring", "12", "96.00"),
    ]


def test_a_list_of_amounts_above_their_sum_is_the_positions() -> None:
    rows = [
        (120.0, ((20.0, "Insurance of the house"), (440.0, "50.00"))),
        (132.0, ((20.0, "Insurance of the dog"), (445.0, "9.50"))),
        (144.0, ((20.0, "Net total"), (440.0, "59.50"))),
    ]
    lines = document(rows).lines
    assert [(line.description, str(line.line_total)) for line in lines] == [
        ("Insurance of the house", "50.00"),
        ("Insurance of the dog", "9.50"),
    ]


def test_amounts_that_do_not_make_the_sum_are_no_positions() -> None:
    rows = [
        (120.0, ((20.0, "Balance of last year"), (440.0, "51.00"))),
        (132.0, ((20.0, "Net total"), (440.0, "59.50"))),
    ]
    assert document(rows).lines == ()


def test_amounts_stand_below_their_labels_where_totals_are_side_by_side() -> None:
    rows = [
        (
            120.0,
            (
                (20.0, "Some text beside the totals"),
                (240.0, "Net total"),
                (340.0, "VAT"),
                (440.0, "Grand total"),
            ),
        ),
        (132.0, ((20.0, "that goes on for a while"),)),
        (138.0, ((245.0, "100.00"), (340.0, "20.00"), (445.0, "120.00"))),
    ]
    found = document(rows)
    assert (str(found.net_total), str(found.tax_total), str(found.gross_total)) == (
        "100.00",
        "20.00",
        "120.00",
    )


def test_the_name_over_an_address_is_the_buyer_without_any_label_or_legal_form() -> None:
    rows = [
        (60.0, ((20.0, "Sample Springs Ltd - 4 Mill Road - LS1 4DY Leeds"),)),
        (80.0, ((300.0, "Herrn"),)),
        (91.0, ((300.0, "Max Mustermann"),)),
        (102.0, ((300.0, "Ring 11"),)),
        (113.0, ((300.0, "12346 Musterhausen"),)),
    ]
    found = document(rows)
    assert (found.seller_name, found.buyer_name) == ("Sample Springs Ltd", "Max Mustermann")


def test_a_letters_date_after_its_place_is_its_date() -> None:
    found = read_document(
        [page([(20.0, ((20.0, "Invoice no. R-4711"),)), (40.0, ((300.0, "Ulm, 3. Mai 2026"),))])], Known()
    )
    assert found is not None
    assert str(found.document.issue_date) == "2026-05-03"


def test_a_label_that_goes_on_is_another_label() -> None:
    rows = [(60.0, ((20.0, "Invoice date of the reminder: 1 June 2025"),))]
    assert str(document(rows).issue_date) == "2026-05-03"


TABLE = [
    (100.0, ((20.0, "Pos"), (60.0, "Description"), (300.0, "Qty"), (360.0, "Price"), (440.0, "Total"))),
    (114.0, ((20.0, "1"), (60.0, "Spring"), (300.0, "4"), (360.0, "25.00"), (440.0, "100.00"))),
]


def test_of_a_charge_and_the_sum_of_charges_only_one_counts() -> None:
    rows = [
        *TABLE,
        (140.0, ((300.0, "Freight"), (445.0, "5.80"))),
        (152.0, ((300.0, "Total charges"), (445.0, "5.80"))),
        (164.0, ((300.0, "Net total"), (440.0, "105.80"))),
    ]
    assert str(document(rows).charges_total) == "5.80"


def test_a_charge_that_another_language_carries_over_is_a_charge() -> None:
    rows = [
        *TABLE,
        (128.0, ((300.0, "Transport"), (445.0, "12.50"))),
        (140.0, ((300.0, "Net total"), (440.0, "112.50"))),
    ]
    assert str(document(rows).charges_total) == "12.50"


def test_of_several_rows_below_the_labels_of_totals_those_that_add_up_count() -> None:
    rows = [
        *TABLE,
        (160.0, ((200.0, "Net total"), (300.0, "VAT"), (440.0, "Grand total"))),
        (172.0, ((205.0, "60.00"), (300.0, "12.00"), (445.0, "72.00"))),
        (184.0, ((205.0, "40.00"), (300.0, "8.00"), (445.0, "48.00"))),
        (196.0, ((200.0, "100.00"), (300.0, "20.00"), (440.0, "120.00"))),
    ]
    found = document(rows)
    assert (str(found.net_total), str(found.tax_total), str(found.gross_total)) == (
        "100.00",
        "20.00",
        "120.00",
    )


def test_a_line_without_number_and_amounts_among_numbered_ones_is_none() -> None:
    rows = [
        *TABLE,
        (128.0, ((60.0, "Discount each"), (300.0, "2"), (440.0, "1.00"))),
        (142.0, ((20.0, "2"), (60.0, "Ring"), (300.0, "2"), (360.0, "8.00"), (440.0, "16.00"))),
        (156.0, ((20.0, "3"), (60.0, "Bolt"), (300.0, "1"), (360.0, "8.00"), (440.0, "8.00"))),
    ]
    assert [line.pos for line in document(rows).lines] == ["1", "2", "3"]


def test_what_was_not_chosen_is_handed_out_beside_the_document() -> None:
    rows = [(60.0, ((20.0, "Invoice no. R-9999"),))]
    reading = read_pages([page([*HEAD, *rows])], Known())
    assert reading is not None
    assert reading.extraction.document.number == "R-4711"
    assert {item.text for item in reading.candidates if item.name == "number_invoice"} == {"R-4711", "R-9999"}


@pytest.mark.parametrize(
    "text", ["12 Transport Road · 67000 Sampletown", "Free of freight (orders > 300 EUR)"]
)
def test_a_text_that_happens_to_name_a_charge_is_none(text: str) -> None:
    rows = [(40.0, ((20.0, text),)), *TABLE, (140.0, ((300.0, "Net total"), (440.0, "100.00")))]
    assert document(rows).charges_total is None


def test_amounts_after_a_charge_that_is_led_in_are_taken() -> None:
    rows = [
        *TABLE,
        (150.0, ((300.0, "Subtotal"), (440.0, "100.00"))),
        (162.0, ((300.0, "plus freight"), (445.0, "12.50 EUR"))),
        (174.0, ((300.0, "Net total"), (440.0, "112.50"))),
    ]
    assert str(document(rows).charges_total) == "12.50"


def test_texts_under_article_are_descriptions_and_a_second_price_that_adds_up_is_the_total() -> None:
    rows = [
        (
            100.0,
            ((20.0, "Artikel"), (240.0, "Aantal"), (300.0, "Prijs per stuk"), (440.0, "Prijs incl. BTW")),
        ),
        (114.0, ((20.0, "Blauwe stoel hoog"), (250.0, "2"), (320.0, "20,00"), (460.0, "40,00"))),
        (128.0, ((20.0, "Tafel eiken 80"), (250.0, "1"), (320.0, "70,00"), (460.0, "70,00"))),
        (150.0, ((300.0, "Exclusief BTW"), (460.0, "90,91"))),
        (162.0, ((300.0, "BTW 21%"), (460.0, "19,09"))),
        (174.0, ((300.0, "Totaal"), (460.0, "110,00"))),
    ]
    found = document(rows)
    assert [(line.description, str(line.line_total)) for line in found.lines] == [
        ("Blauwe stoel hoog", "40.00"),
        ("Tafel eiken 80", "70.00"),
    ]
    assert (str(found.net_total), str(found.gross_total)) == ("90.91", "110.00")
