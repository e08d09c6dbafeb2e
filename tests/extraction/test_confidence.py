"""Only what is proven by other values passes without a person."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from extraction.confidence import PROVEN, confidences, passes_without_person
from extraction.schemas import CanonicalDocument, Finding, Line

LINE = Line(
    pos="1",
    description="Spring",
    quantity=Decimal(4),
    unit_price=Decimal("2.50"),
    line_total=Decimal("10.00"),
)
PROVEN_INVOICE = CanonicalDocument(
    doc_type="invoice",
    number="R-1",
    issue_date=date(2026, 5, 3),
    seller_name="Sample Springs Ltd",
    currency="EUR",
    net_total=Decimal("10.00"),
    tax_total=Decimal("2.00"),
    gross_total=Decimal("12.00"),
    lines=(LINE,),
)


def test_a_document_whose_values_prove_each_other_passes() -> None:
    assert passes_without_person(PROVEN_INVOICE)
    assert min(confidences(PROVEN_INVOICE)[name] for name in ("net_total", "lines.0.quantity")) == PROVEN


@pytest.mark.parametrize(
    "change",
    [
        {"number": None},
        {"issue_date": None},
        {"gross_total": Decimal("13.00")},
        {"gross_total": None},
        {"net_total": Decimal("11.00"), "gross_total": Decimal("13.00")},
        {"lines": ()},
        {"lines": (replace(LINE, quantity=None),)},
        {"lines": (replace(LINE, description=None),)},
        {"lines": (replace(LINE, line_total=Decimal("11.00")),)},
        {"doc_type": "credit_note"},
        {"doc_type": "delivery_note"},
        {"doc_type": "order_confirmation"},
        {"order_references": ("PO-1", "PO-2")},
        {"buyer_name": "Sample Springs Ltd"},
        {"seller_iban": "DE00370400440532013000"},
        {"findings": (Finding(code="seller_guessed", field="seller_name", severity="info", message=""),)},
        {"findings": (Finding(code="texts_guessed", field="lines", severity="info", message=""),)},
        {"findings": (Finding(code="charge_guessed", field="net_total", severity="info", message=""),)},
        {"findings": (Finding(code="delivery_in_parts", field="lines", severity="info", message=""),)},
        {"findings": (Finding(code="text_recognised", severity="info", message=""),)},
    ],
)
def test_what_is_missing_open_or_contradicted_is_for_a_person(change: dict[str, Any]) -> None:
    assert not passes_without_person(replace(PROVEN_INVOICE, **change))


def test_an_order_without_taxes_passes_when_its_lines_make_its_net_total() -> None:
    order = replace(PROVEN_INVOICE, doc_type="order", tax_total=None, gross_total=None)
    assert passes_without_person(order)
    assert not passes_without_person(replace(order, net_total=Decimal("9.00")))


def test_a_value_that_a_check_doubts_is_less_sure_than_one_it_does_not() -> None:
    wrong = replace(PROVEN_INVOICE, lines=(replace(LINE, line_total=Decimal("11.00")),))
    assert confidences(wrong)["lines.0.line_total"] < confidences(PROVEN_INVOICE)["lines.0.line_total"]


def test_a_date_that_was_read_as_text_is_for_a_person_unless_the_goods_have_gone() -> None:
    line = replace(LINE, description="Spring ready 3 May 2026")
    order = replace(PROVEN_INVOICE, doc_type="order", lines=(line,))
    assert not passes_without_person(order)
    assert not passes_without_person(replace(order, lines=(replace(line, delivery_date=date(2026, 5, 2)),)))
    assert passes_without_person(replace(order, lines=(replace(LINE, delivery_date=date(2026, 5, 3)),)))
    assert passes_without_person(replace(order, doc_type="invoice"))


def test_a_net_total_before_its_charges_passes_only_where_net_and_tax_make_gross() -> None:
    charged = replace(PROVEN_INVOICE, charges_total=Decimal("3.00"))
    assert passes_without_person(charged)
    order = replace(charged, doc_type="order", tax_total=None, gross_total=None)
    assert not passes_without_person(order)
    assert passes_without_person(replace(order, net_total=Decimal("13.00")))


def test_a_price_that_is_rounded_by_too_much_proves_nothing() -> None:
    line = replace(LINE, quantity=Decimal(120000), unit_price=Decimal("0.001"), line_total=Decimal("175.00"))
    known = replace(PROVEN_INVOICE, lines=(line,), net_total=Decimal("175.00"), gross_total=Decimal("177.00"))
    assert not passes_without_person(known)
    near = replace(line, line_total=Decimal("123.00"))
    assert passes_without_person(
        replace(known, lines=(near,), net_total=near.line_total, gross_total=Decimal("125.00"))
    )
