"""What does not add up is found under a stable code, and what does is left in peace."""

from datetime import date
from decimal import Decimal

import pytest

from extraction.schemas import CanonicalDocument, Finding, Line
from extraction.validation import CODES, validate

LINE = Line(
    pos="1",
    quantity=Decimal(50),
    unit="H87",
    unit_price=Decimal(107),
    price_base=Decimal(100),
    line_total=Decimal("53.5"),
)
DOCUMENT = CanonicalDocument(
    doc_type="order_confirmation",
    number="F-1",
    order_reference="45",
    issue_date=date(2026, 2, 3),
    seller_vat_id="DE136695976",
    seller_iban="DE89370400440532013000",
    currency="EUR",
    net_total=Decimal("53.5"),
    tax_total=Decimal("10.17"),
    gross_total=Decimal("63.67"),
    lines=(LINE,),
)


def codes(**changes: object) -> list[str]:
    return [
        finding.code for finding in validate(CanonicalDocument.from_json({**DOCUMENT.to_json(), **changes}))
    ]


def line_codes(**changes: object) -> list[str]:
    return [code for code in codes(lines=[{**LINE.to_json(), **changes}]) if code != "net_total_mismatch"]


def test_a_document_that_adds_up_has_no_findings() -> None:
    assert codes() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tax_total": "53.5", "gross_total": "107"}, "tax_total_implausible"),
        ({"net_total": "54"}, "net_total_mismatch"),
        ({"gross_total": "63.69"}, "gross_total_mismatch"),
        ({"number": None}, "number_missing"),
        ({"order_reference": None}, "order_reference_missing"),
        ({"lines": []}, "lines_missing"),
        ({"seller_vat_id": "DE136695977"}, "vat_id_invalid"),
        ({"buyer_vat_id": "ATU00000000"}, "vat_id_invalid"),
        ({"seller_iban": "DE88370400440532013000"}, "iban_invalid"),
        ({"issue_date": "1970-01-01"}, "issue_date_implausible"),
        ({"delivery_date": "2026-01-01"}, "delivery_before_issue"),
        ({"currency": "XXQ"}, "currency_unknown"),
    ],
)
def test_each_flaw_of_the_header_has_its_code(changes: dict[str, object], code: str) -> None:
    assert code in codes(**changes)
    assert code in CODES


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"line_total": "53.52"}, ["line_total_mismatch"]),
        ({"line_total": "53.51"}, []),
        ({"discount": "10", "line_total": "48.15"}, []),
        ({"quantity": None}, ["quantity_missing"]),
        ({"unit": "glorks"}, ["unit_unknown"]),
        ({"unit": "Karton"}, []),
        ({"delivery_date": "2025-12-24"}, ["delivery_before_issue"]),
    ],
)
def test_each_flaw_of_a_line_has_its_code(changes: dict[str, object], expected: list[str]) -> None:
    assert line_codes(**changes) == expected


def test_a_price_rounded_on_paper_is_allowed_half_its_last_digit_for_each_piece() -> None:
    rounded = {"quantity": "1000", "unit_price": "0.12", "price_base": None}
    assert line_codes(**rounded, line_total="123.4") == []
    assert line_codes(**rounded, line_total="126") == ["line_total_mismatch"]


def test_charges_and_allowances_belong_to_the_net_total() -> None:
    assert codes(charges_total="10", allowances_total="3.5", net_total="60", gross_total="70.17") == []


def test_the_tax_is_checked_where_all_lines_have_one_rate() -> None:
    taxed = [{**LINE.to_json(), "tax_rate": "19"}]
    assert codes(lines=taxed) == []
    assert codes(lines=taxed, tax_total="5", gross_total="58.5") == ["tax_total_mismatch"]


def test_validating_again_keeps_the_extractors_findings_and_repeats_nothing() -> None:
    said = (Finding(code="order_rejected", message="no"), Finding(code="number_missing", message="old"))
    found = validate(
        CanonicalDocument.from_json({**DOCUMENT.to_json(), "findings": [item.to_json() for item in said]})
    )
    assert [finding.code for finding in found] == ["order_rejected"]


def test_a_line_with_a_charge_of_its_own_need_not_be_quantity_times_price() -> None:
    adjusted = Finding(code="line_adjusted", field="lines.0.line_total", severity="info", message="")
    line = {**LINE.to_json(), "line_total": "55"}
    assert "line_total_mismatch" in codes(lines=[line])
    assert "line_total_mismatch" not in codes(lines=[line], findings=[adjusted.to_json()])
