"""The canonical JSON has exactly the agreed names, and takes what people type."""

from datetime import date
from decimal import Decimal

import pytest

from extraction.schemas import CanonicalDocument, Evidence, Extraction, Line, decimal_of, number_text

HEADER = [
    "doc_type",
    "number",
    "issue_date",
    "order_reference",
    "order_references",
    "customer_number",
    "delivery_note_reference",
    "seller_name",
    "seller_vat_id",
    "seller_iban",
    "seller_email",
    "buyer_name",
    "buyer_vat_id",
    "ship_to",
    "currency",
    "net_total",
    "tax_total",
    "gross_total",
    "charges_total",
    "allowances_total",
    "payment_terms",
    "incoterm",
    "delivery_date",
    "lines",
    "language",
    "confidence",
    "findings",
    "evidence",
]
LINE = [
    "pos",
    "seller_article",
    "buyer_article",
    "gtin",
    "description",
    "quantity",
    "unit",
    "unit_price",
    "price_base",
    "discount",
    "tax_rate",
    "line_total",
    "delivery_date",
    "order_line_ref",
]


def test_the_names_are_those_of_the_design() -> None:
    data = Extraction(document=CanonicalDocument(lines=(Line(),))).to_json()
    assert list(data) == HEADER
    assert list(data["lines"][0]) == LINE
    assert set(data["lines"][0].values()) == {None}


@pytest.mark.parametrize(
    ("value", "text"),
    [("1000", "1000"), ("1E+3", "1000"), ("2.50", "2.5"), ("-0.00", "0"), ("0.0000001", "0.0000001")],
)
def test_numbers_are_plain_digits_with_a_point(value: str, text: str) -> None:
    assert number_text(Decimal(value)) == text


@pytest.mark.parametrize("value", [None, "", "NaN", "Infinity", "1e400", "9" * 30, "zwölf", True, "1,5"])
def test_what_is_no_number_is_none(value: object) -> None:
    assert decimal_of(value) is None


def test_a_document_survives_the_way_through_json() -> None:
    document = CanonicalDocument(
        number="1",
        issue_date=date(2026, 2, 3),
        net_total=Decimal("10.50"),
        order_references=("a", "b"),
        lines=(Line(quantity=Decimal("1.5"), delivery_date=date(2026, 3, 4)),),
    )
    extraction = Extraction(
        document=document, evidence={"number": Evidence(text="1", page=1, box=(1, 2, 3, 4))}
    )
    again = Extraction.from_json(extraction.to_json())
    assert again == extraction
