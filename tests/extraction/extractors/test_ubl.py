"""UBL documents are read exactly, from any envelope, and no XML trick gets through."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from extraction.extractor import Source, UnreadableError
from extraction.grounding import ungrounded
from extraction.registry import load
from extraction.validation import validate
from tests.contracts.extractor import ExtractorContract

NS = "urn:oasis:names:specification:ubl:schema:xsd:"
HEAD = f'xmlns:cac="{NS}CommonAggregateComponents-2" xmlns:cbc="{NS}CommonBasicComponents-2"'


def party(role: str, name: str, vat: str = "") -> str:
    scheme = (
        f"<cac:PartyTaxScheme><cbc:CompanyID>{vat}</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
        "</cac:PartyTaxScheme>"
    )
    return (
        f"<cac:{role}><cac:Party>{scheme if vat else ''}<cac:PartyLegalEntity><cbc:RegistrationName>{name}"
        f"</cbc:RegistrationName></cac:PartyLegalEntity></cac:Party></cac:{role}>"
    )


def response(code: str = "CA", line_code: str = "3") -> str:
    return f"""<OrderResponse xmlns="{NS}OrderResponse-2" {HEAD}>
    <cbc:ID>AB-17</cbc:ID><cbc:IssueDate>2026-03-02</cbc:IssueDate><cbc:OrderResponseCode>{code}</cbc:OrderResponseCode>
    <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
    <cac:OrderReference><cbc:ID>4500012</cbc:ID></cac:OrderReference>
    {party("SellerSupplierParty", "Holz &amp; Sohn KG", "DE136695976")}{party("BuyerCustomerParty", "Acme GmbH")}
    <cac:OrderLine><cac:LineItem><cbc:ID>10</cbc:ID><cbc:LineStatusCode>{line_code}</cbc:LineStatusCode>
      <cbc:Quantity unitCode="MTR">12.5</cbc:Quantity>
      <cbc:LineExtensionAmount currencyID="EUR">31.25</cbc:LineExtensionAmount>
      <cac:Delivery><cac:PromisedDeliveryPeriod>
        <cbc:EndDate>2026-03-20</cbc:EndDate></cac:PromisedDeliveryPeriod></cac:Delivery>
      <cac:Price><cbc:PriceAmount currencyID="EUR">250.00</cbc:PriceAmount>
        <cbc:BaseQuantity>100</cbc:BaseQuantity></cac:Price>
      <cac:Item><cbc:Name>Leiste</cbc:Name>
        <cac:BuyersItemIdentification><cbc:ID>M-1</cbc:ID></cac:BuyersItemIdentification>
        <cac:SellersItemIdentification><cbc:ID>H77</cbc:ID></cac:SellersItemIdentification></cac:Item>
      </cac:LineItem><cac:OrderLineReference><cbc:LineID>1</cbc:LineID></cac:OrderLineReference></cac:OrderLine>
    </OrderResponse>"""


def invoice(code: str = "380", extra: str = "") -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?><ubl:Invoice xmlns:ubl="{NS}Invoice-2" {HEAD}>
    <cbc:ID>R1</cbc:ID><cbc:IssueDate>2026-04-01</cbc:IssueDate><cbc:InvoiceTypeCode>{code}</cbc:InvoiceTypeCode>
    <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
    <cac:OrderReference><cbc:ID>NA</cbc:ID></cac:OrderReference>
    {party("AccountingSupplierParty", "Holz KG")}{party("AccountingCustomerParty", "Acme GmbH")}
    <cac:TaxTotal><cbc:TaxAmount currencyID="SEK">200</cbc:TaxAmount></cac:TaxTotal>
    <cac:TaxTotal><cbc:TaxAmount currencyID="EUR">19.00</cbc:TaxAmount></cac:TaxTotal>
    <cac:LegalMonetaryTotal><cbc:TaxExclusiveAmount currencyID="EUR">100</cbc:TaxExclusiveAmount>{extra}
    <cbc:PayableAmount currencyID="EUR">119</cbc:PayableAmount></cac:LegalMonetaryTotal></ubl:Invoice>"""


def read(text: str) -> Any:
    return load("ubl").extract(Source.of("x.xml", text.encode()))


def test_a_line_with_a_charge_of_its_own_says_so() -> None:
    told = "<cbc:ChargeIndicator>{}</cbc:ChargeIndicator><cbc:Amount>2</cbc:Amount>"
    charge = f"<cac:AllowanceCharge>{told}</cac:AllowanceCharge>"
    for indicator, total, said in (
        ("true", "33.25", True),
        ("false", "29.25", True),
        ("true", "31.25", False),
    ):
        text = (
            response()
            .replace("31.25", total)
            .replace("<cac:Price>", charge.format(indicator) + "<cac:Price>")
        )
        document = read(text)[0].document
        assert ("line_adjusted" in {finding.code for finding in document.findings}) is said
        assert "line_total_mismatch" not in {finding.code for finding in validate(document)}


class TestUbl(ExtractorContract):
    key = "ubl"

    def samples(self) -> dict[str, tuple[bytes, dict[str, Any]]]:
        line = {
            "pos": "10",
            "seller_article": "H77",
            "buyer_article": "M-1",
            "quantity": "12.5",
            "unit": "MTR",
            "unit_price": "250",
            "price_base": "100",
            "line_total": "31.25",
            "delivery_date": "2026-03-20",
            "order_line_ref": "1",
        }
        head = {"doc_type": "order_confirmation", "number": "AB-17", "issue_date": "2026-03-02"}
        names = {
            "seller_name": "Holz & Sohn KG",
            "seller_vat_id": "DE136695976",
            "order_reference": "4500012",
        }
        envelope = f"<Envelope>{response()}</Envelope>"
        return {
            "response.xml": (response().encode(), {**head, **names, "lines": [line]}),
            "envelope.xml": (envelope.encode(), head),
            "invoice.xml": (
                invoice().encode(),
                {"doc_type": "invoice", "tax_total": "19", "gross_total": "119"},
            ),
        }

    def broken(self) -> dict[str, tuple[bytes, str]]:
        laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
        bomb = f'<!DOCTYPE o [<!ENTITY l0 "lol">{laughs}]>{response()}'.replace("Leiste", "&l9;")
        file = f'<!DOCTYPE o [<!ENTITY f SYSTEM "file:///etc/hostname">]>{response()}'.replace(
            "Leiste", "&f;"
        )
        return {
            "cut.xml": (response().encode()[:900], "xml_broken"),
            "bomb.xml": (bomb.encode(), "xml_broken"),
            "file.xml": (file.encode(), "xml_entities"),
            "foreign.xml": (f'<Other xmlns="{NS}Order-2"/>'.encode(), "not_ubl"),
        }


def test_a_dtd_is_never_fetched_and_no_parameter_entity_opened() -> None:
    outside = f'<!DOCTYPE o SYSTEM "http://127.0.0.1:1/x.dtd">{response()}'
    assert read(outside)[0].document.number == "AB-17"
    with pytest.raises(UnreadableError):
        read(f'<!DOCTYPE o [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p"> %p;]>{response()}')


@pytest.mark.parametrize(
    ("code", "finding"),
    [("AP", "order_accepted"), ("CA", "order_amended"), ("RE", "order_rejected"), ("AB", "order_received")],
)
def test_the_response_code_is_kept_as_a_finding(code: str, finding: str) -> None:
    assert [item.code for item in read(response(code, "7"))[0].document.findings] == [
        finding,
        "line_rejected",
    ]


def test_a_credit_note_under_an_invoice_root_is_one() -> None:
    assert read(invoice("381"))[0].document.doc_type == "credit_note"


def test_a_cancellation_is_a_kind_of_its_own_and_says_who_cancels() -> None:
    order = "<cac:OrderReference><cbc:ID>4500012</cbc:ID></cac:OrderReference>"
    cancelled = f'<OrderCancellation xmlns="{NS}OrderCancellation-2" {HEAD}>'
    cancelled += f"<cbc:ID>C-3</cbc:ID>{order}</OrderCancellation>"
    found = read(cancelled)[0].document
    assert (found.doc_type, found.number, found.order_reference) == ("order_cancellation", "C-3", "4500012")
    assert [finding.code for finding in found.findings] == ["order_cancelled"]


def test_what_was_prepaid_does_not_pass_for_the_gross_total() -> None:
    prepaid = invoice(extra='<cbc:PrepaidAmount currencyID="EUR">50</cbc:PrepaidAmount>')
    assert read(prepaid)[0].document.gross_total is None


def test_what_is_paid_after_rounding_does_not_pass_for_the_gross_total() -> None:
    rounding = '<cbc:PayableRoundingAmount currencyID="EUR">{}</cbc:PayableRoundingAmount>'
    assert read(invoice(extra=rounding.format("0.02")))[0].document.gross_total is None
    assert read(invoice(extra=rounding.format("0.00")))[0].document.gross_total == 119


@pytest.mark.parametrize(
    ("scheme", "taken"),
    [
        ("<cbc:ID>VAT</cbc:ID>", True),
        ("<cbc:ID>UK VAT</cbc:ID><cbc:TaxTypeCode>VAT</cbc:TaxTypeCode>", True),
        ("<cbc:ID>63</cbc:ID><cbc:Name>Moms</cbc:Name>", True),
        ("<cbc:ID>FC</cbc:ID>", False),
        ("<cbc:ID>TAX</cbc:ID>", False),
    ],
)
def test_only_a_number_of_value_added_tax_is_one(scheme: str, taken: bool) -> None:
    text = response().replace("<cbc:ID>VAT</cbc:ID>", scheme)
    assert read(text)[0].document.seller_vat_id == ("DE136695976" if taken else None)


def test_a_bill_is_between_the_accounting_parties_and_an_order_is_not() -> None:
    others = party("AccountingCustomerParty", "Konzern AG") + party("AccountingSupplierParty", "Factoring AG")
    order = read(response().replace("<cac:OrderLine>", f"{others}<cac:OrderLine>"))[0].document
    assert (order.seller_name, order.buyer_name) == ("Holz & Sohn KG", "Acme GmbH")
    others = party("BuyerCustomerParty", "Werk 2") + party("SellerSupplierParty", "Laden 3")
    bill = read(invoice().replace("<cac:TaxTotal>", f"{others}<cac:TaxTotal>", 1))[0].document
    assert (bill.seller_name, bill.buyer_name) == ("Holz KG", "Acme GmbH")


@pytest.mark.parametrize(
    ("root", "line", "counted", "doc_type"),
    [
        ("SelfBilledInvoice", "InvoiceLine", "InvoicedQuantity", "invoice"),
        ("FreightInvoice", "InvoiceLine", "InvoicedQuantity", "invoice"),
        ("CreditNote", "CreditNoteLine", "CreditedQuantity", "credit_note"),
        ("SelfBilledCreditNote", "CreditNoteLine", "CreditedQuantity", "credit_note"),
        ("DebitNote", "DebitNoteLine", "DebitedQuantity", "invoice"),
        ("DespatchAdvice", "DespatchLine", "DeliveredQuantity", "delivery_note"),
        ("Quotation", "QuotationLine", "LineItem", "quote"),
    ],
)
def test_every_kind_counts_its_lines_in_its_own_words(
    root: str, line: str, counted: str, doc_type: str
) -> None:
    quantity = f'<cbc:{counted} unitCode="C62">3</cbc:{counted}>'
    if counted == "LineItem":
        quantity = (
            '<cac:LineItem><cbc:ID>1</cbc:ID><cbc:Quantity unitCode="C62">3</cbc:Quantity></cac:LineItem>'
        )
    text = f"""<{root} xmlns="{NS}{root}-2" {HEAD}><cbc:ID>7</cbc:ID>
    <cac:{line}><cbc:ID>1</cbc:ID>{quantity}</cac:{line}></{root}>"""
    document = read(text)[0].document
    assert (document.doc_type, document.number) == (doc_type, "7")
    assert [(item.pos, item.quantity, item.unit) for item in document.lines] == [("1", 3, "C62")]


def test_the_currency_is_that_of_the_amounts_where_none_is_named() -> None:
    text = response().replace("<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>", "")
    assert read(text)[0].document.currency == "EUR"


@pytest.mark.parametrize(
    ("stated", "written"),
    [("UTF-16", "utf-16"), ("UTF-8", "utf-16"), ("UTF-16", "utf-8"), ("UTF-8", "cp1252")],
)
def test_the_encoding_is_the_one_really_used(stated: str, written: str) -> None:
    text = f'<?xml version="1.0" encoding="{stated}"?>' + response().replace("Leiste", "Stütze")
    source = Source.of("x.xml", text.encode(written))
    assert load("ubl").score(source) == 90
    assert load("ubl").extract(source)[0].document.lines[0].description == "Stütze"


def test_an_invoice_may_carry_a_large_file() -> None:
    file = f'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf">{"QUJD" * 2_600_000}'
    carried = f"<cac:Attachment>{file}</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
    found = read(invoice().replace("<cac:TaxTotal>", f"{carried}<cac:TaxTotal>", 1))[0].document
    assert (found.number, found.tax_total) == ("R1", 19)


def test_a_tree_without_end_is_left_in_peace() -> None:
    deep = f"<Envelope>{'<a>' * 390_000}{'x' * 10_000_000}{'</a>' * 390_000}</Envelope>"
    with pytest.raises(UnreadableError):
        read(deep)


def test_one_allowance_in_percent_is_the_lines_discount() -> None:
    factor = "<cbc:MultiplierFactorNumeric>10</cbc:MultiplierFactorNumeric>"
    allowance = (
        f"<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>{factor}</cac:AllowanceCharge>"
    )
    for count, discount in ((1, 10), (2, None)):
        text = response().replace("<cac:Price>", allowance * count + "<cac:Price>")
        assert read(text)[0].document.lines[0].discount == discount


def test_the_buyers_number_with_the_seller_is_no_number_of_a_register() -> None:
    ids = "<cac:PartyIdentification><cbc:ID{}</cbc:ID></cac:PartyIdentification>"
    both = ids.format(' schemeID="0088">4012345000009') + ids.format(">C-204")
    start = "<cac:AccountingCustomerParty><cac:Party>"
    assert read(invoice().replace(start, start + both))[0].document.customer_number == "C-204"


def test_a_remark_in_html_makes_no_page_of_an_order() -> None:
    remark = "<cbc:Note><![CDATA[<html><body>Danke</body></html>]]></cbc:Note>"
    source = Source.of("x.xml", response().replace("<cbc:IssueDate>", f"{remark}<cbc:IssueDate>").encode())
    assert load("ubl").score(source) == 90


def test_what_transfers_leave_behind_the_end_is_no_fault() -> None:
    assert read(response() + "\r\n\x1a\0")[0].document.number == "AB-17"


@pytest.mark.parametrize(
    ("printed", "number"),
    [
        ("1,031.25", "1031.25"),
        ("1.031,25", "1031.25"),
        ("31,25", "31.25"),
        ("0,125", "0.125"),
        ("31,250", None),
    ],
)
def test_a_number_written_as_it_is_printed_is_read_if_it_can_mean_one_thing(
    printed: str, number: str | None
) -> None:
    line = read(response().replace("31.25", printed))[0].document.lines[0]
    assert line.line_total == (Decimal(number) if number else None)


def test_no_order_number_is_none_rather_than_na() -> None:
    assert read(invoice())[0].document.order_reference is None


def test_huge_numbers_are_no_numbers() -> None:
    huge = response().replace("12.5", "1" * 5000).replace("31.25", "1E+999999")
    line = read(huge)[0].document.lines[0]
    assert line.quantity is None
    assert line.line_total is None


def test_the_shared_ubl_files_are_read_exactly(shared: Path) -> None:
    folder = shared / "data" / "documents"
    entries = [
        item for item in json.loads((folder / "manifest.json").read_text()) if item["kind"] == "xml-ubl"
    ]
    assert entries
    for entry in entries:
        truth = json.loads((folder / entry["truth"]).read_text())
        extraction = read_file(folder / entry["path"])
        found = extraction.to_json()
        assert not list(ungrounded(extraction))
        for field in ("number", "issue_date", "seller_name", "currency"):
            assert truth[field] in (None, found[field]), (entry["path"], field)
        assert [line["quantity"] for line in truth["lines"] or []] == [
            line["quantity"] for line in found["lines"]
        ]


def read_file(path: Path) -> Any:
    return load("ubl").extract(Source.of(path.name, path.read_bytes()))[0]
