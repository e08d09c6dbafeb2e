"""Cross Industry documents of every generation are read exactly, their answers kept."""

from typing import Any

import pytest

from extraction.extractor import Source
from extraction.registry import load
from extraction.schemas import CanonicalDocument
from tests.contracts.extractor import ExtractorContract
from tests.extraction.cross_industry import document, line

LINE = {
    "pos": "1",
    "seller_article": "H77",
    "buyer_article": "M-1",
    "gtin": "4012345001235",
    "description": "Leiste Eiche",
    "quantity": "12",
    "unit": "MTR",
    "unit_price": "250",
    "price_base": "100",
    "tax_rate": "19",
    "line_total": "30",
    "delivery_date": "2026-03-20",
    "order_line_ref": "10",
}
HEAD = {
    "number": "RE-2026-17",
    "issue_date": "2026-03-02",
    "order_reference": "4500012",
    "order_references": ["4500012"],
    "customer_number": "C-204",
    "seller_name": "Holz & Sohn KG",
    "seller_vat_id": "DE136695976",
    "buyer_name": "Acme GmbH",
    "ship_to": "Acme Lager, Ulm",
    "currency": "EUR",
    "net_total": "30",
    "tax_total": "5.7",
    "gross_total": "35.7",
}


def read(content: bytes) -> CanonicalDocument:
    return load("cii").extract(Source.of("x.xml", content))[0].document


class TestCii(ExtractorContract):
    key = "cii"

    def samples(self) -> dict[str, tuple[bytes, dict[str, Any]]]:
        invoice = {**HEAD, "doc_type": "invoice", "lines": [LINE]}
        response = document("order", code="231", status="3", lines=line(agreed="12"))
        return {
            "factur-x.xml": (document(), invoice),
            "zugferd-1.xml": (document("zugferd1"), invoice),
            "order-x.xml": (response, {**HEAD, "doc_type": "order_confirmation", "lines": [LINE]}),
            "marked.xml": (b"\xef\xbb\xbf\n" + document(), {"number": "RE-2026-17"}),
        }

    def broken(self) -> dict[str, tuple[bytes, str]]:
        entity = document().replace(
            b"?><rsm", b"?><!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/hostname'>]><rsm"
        )
        deep = document().replace(b"Leiste", b"<a>" * 5000 + b"</a>" * 5000)
        many = document().replace(b"Leiste", b"<a/>" * 1_600_000)
        return {
            "cut.xml": (document()[:900], "xml_broken"),
            "deep.xml": (deep, "xml_broken"),
            "many.xml": (many, "too_large"),
            "entity.xml": (entity.replace(b"Leiste", b"&f;"), "xml_entities"),
            "other.xml": (b"<a><!-- CrossIndustryInvoice --></a>", "not_cii"),
        }


@pytest.mark.parametrize(
    ("code", "doc_type"),
    [("381", "credit_note"), ("384", "invoice"), ("389", "invoice"), ("999", "invoice"), ("751", "invoice")],
)
def test_the_type_code_decides_what_an_invoice_is(code: str, doc_type: str) -> None:
    assert read(document(code=code)).doc_type == doc_type


@pytest.mark.parametrize(
    ("code", "doc_type"),
    [("220", "order"), ("230", "order_change"), ("231", "order_confirmation"), ("", "order")],
)
def test_the_type_code_decides_what_an_order_is(code: str, doc_type: str) -> None:
    assert read(document("order", code=code)).doc_type == doc_type


def test_the_answers_to_the_order_and_to_each_line_are_kept() -> None:
    lines = (
        line(1, status="5", agreed="12") + line(2, status="7", agreed="0") + line(3, status="1", agreed="3")
    )
    found = read(document("order", code="231", status="3", lines=lines))
    assert [(item.code, item.field) for item in found.findings] == [
        ("order_amended", None),
        ("line_accepted", "lines.0"),
        ("line_rejected", "lines.1"),
        ("line_added", "lines.2"),
    ]
    assert [str(item.quantity) for item in found.lines] == ["12", "0", "3"]


def test_what_was_agreed_goes_before_what_was_asked_for() -> None:
    assert str(read(document("order", code="231", lines=line(agreed="7"))).lines[0].quantity) == "7"


def test_a_line_that_is_only_a_text_is_no_position() -> None:
    note = (
        "<ram:IncludedSupplyChainTradeLineItem><ram:AssociatedDocumentLineDocument><ram:IncludedNote>"
        "<ram:Content>Frohes Fest</ram:Content></ram:IncludedNote></ram:AssociatedDocumentLineDocument>"
        "</ram:IncludedSupplyChainTradeLineItem>"
    )
    assert len(read(document("zugferd1", lines=note + line())).lines) == 1


@pytest.mark.parametrize(
    "told", ["LineStatusReasonCode>GROUP", "LineStatusReasonCode>INFORMATION", "LineStatusCode>GROUP"]
)
def test_a_line_that_sums_up_or_explains_others_is_no_position(told: str) -> None:
    other = line().replace("</ram:LineID>", f"</ram:LineID><ram:{told}</ram:{told.split('>')[0]}>")
    assert [item.pos for item in read(document(lines=other + line(2))).lines] == ["2"]


def test_an_article_that_takes_anothers_place_is_read() -> None:
    other = line().replace("SpecifiedTradeProduct>", "SubstitutedReferencedProduct>")
    assert read(document("order", code="231", lines=other)).lines[0].seller_article == "H77"


def test_one_allowance_in_percent_is_the_lines_discount() -> None:
    allowance = (
        "<ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator><udt:Indicator>false</udt:Indicator>"
        "</ram:ChargeIndicator><ram:CalculationPercent>10</ram:CalculationPercent></ram:SpecifiedTradeAllowanceCharge>"
    )
    assert str(read(document(lines=line(extra=allowance))).lines[0].discount) == "10"
    assert read(document(lines=line(extra=allowance * 2))).lines[0].discount is None


def test_totals_are_those_in_the_currency_of_the_document() -> None:
    twice = document().replace(
        b"<ram:GrandTotalAmount>",
        b'<ram:GrandTotalAmount currencyID="SEK">360.00</ram:GrandTotalAmount><ram:GrandTotalAmount currencyID="EUR">',
    )
    assert str(read(twice).gross_total) == "35.70"
    silent = twice.replace(b"<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>", b"")
    assert read(silent).currency == "SEK"


def test_a_seller_may_be_named_by_trade_alone() -> None:
    trading = b"<ram:SpecifiedLegalOrganization><ram:TradingBusinessName>Holz</ram:TradingBusinessName>"
    named = document().replace(
        b"<ram:Name>Holz &amp; Sohn KG</ram:Name>", trading + b"</ram:SpecifiedLegalOrganization>"
    )
    assert read(named).seller_name == "Holz"
