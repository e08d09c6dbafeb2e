"""cXML documents are read exactly, split confirmations and every answer kept."""

from typing import Any

import pytest

from extraction.extractor import Source
from extraction.registry import load
from extraction.schemas import CanonicalDocument
from tests.contracts.extractor import ExtractorContract

DOCTYPE = '<!DOCTYPE cXML SYSTEM "http://127.0.0.1:1/schemas/cXML/1.2.040/Fulfill.dtd">'


def envelope(request: str, doctype: str = DOCTYPE) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>{doctype}<cXML payloadID="1@x" timestamp="2026-03-02T10:00:00Z"
    xml:lang="en"><Header><From><Credential domain="DUNS"><Identity>1</Identity></Credential></From></Header>
    <Request deploymentMode="production">{request}</Request></cXML>"""


def money(amount: str) -> str:
    return f'<Money currency="USD">{amount}</Money>'


def address(name: str) -> str:
    return f"""<Address><Name xml:lang="en">{name}</Name><PostalAddress><Street>Main St 1</Street><City>Ulm</City>
    <Country isoCountryCode="DE">Germany</Country></PostalAddress></Address>"""


ORDER = envelope(f"""<OrderRequest><OrderRequestHeader orderID="4500012" orderDate="2026-03-01T09:00:00Z" type="new">
    <Total>{money("30.00")}</Total><ShipTo>{address("Acme Store")}</ShipTo><BillTo>{address("Acme Inc")}</BillTo>
    <Contact role="supplierCorporate"><Name>Wood Ltd</Name><Email>sales@wood.example</Email></Contact>
    </OrderRequestHeader><ItemOut quantity="12" lineNumber="1" requestedDeliveryDate="2026-03-20">
    <ItemID><SupplierPartID>H77</SupplierPartID><BuyerPartID>M-1</BuyerPartID></ItemID><ItemDetail>
    <UnitPrice>{money("250.00")}</UnitPrice><Description xml:lang="en">Oak strip</Description>
    <UnitOfMeasure>MTR</UnitOfMeasure><PriceBasisQuantity quantity="100" conversionFactor="1"/></ItemDetail></ItemOut>
    </OrderRequest>""")


def confirmation(kind: str, items: str) -> str:
    return envelope(f"""<ConfirmationRequest><ConfirmationHeader confirmID="AB-17" operation="new" type="{kind}"
    noticeDate="2026-03-02T10:00:00-05:00"/><OrderReference orderID="4500012"/>{items}</ConfirmationRequest>""")


def status(quantity: str, kind: str, date: str = "", more: str = "") -> str:
    day = f' deliveryDate="{date}T12:00:00+01:00"' if date else ""
    return f"""<ConfirmationStatus quantity="{quantity}" type="{kind}"{day}><UnitOfMeasure>EA</UnitOfMeasure>{more}
    </ConfirmationStatus>"""


def item(number: str, quantity: str, *parts: str) -> str:
    return f"""<ConfirmationItem lineNumber="{number}" quantity="{quantity}"><UnitOfMeasure>EA</UnitOfMeasure>
    {"".join(parts)}</ConfirmationItem>"""


CONFIRMED = confirmation(
    "detail", item("1", "5", status("5", "detail", "2026-04-01", f"<UnitPrice>{money('9.50')}</UnitPrice>"))
)
SHIPPED = envelope("""<ShipNoticeRequest><ShipNoticeHeader shipmentID="LS-9" noticeDate="2026-03-19T18:00:00Z"
    deliveryDate="2026-03-20T09:00:00Z"/><ShipNoticePortion><OrderReference orderID="4500012"/>
    <ShipNoticeItem quantity="12" lineNumber="1"><ItemID><SupplierPartID>H77</SupplierPartID></ItemID>
    <ShipNoticeItemDetail><Description xml:lang="en">Oak strip</Description></ShipNoticeItemDetail>
    <UnitOfMeasure>MTR</UnitOfMeasure></ShipNoticeItem></ShipNoticePortion></ShipNoticeRequest>""")


def invoice(purpose: str = "standard") -> str:
    return envelope(f"""<InvoiceDetailRequest><InvoiceDetailRequestHeader invoiceID="RE-17" purpose="{purpose}"
    operation="new" invoiceDate="2026-03-21T00:00:00Z"><InvoicePartner>
    <Contact role="from"><Name>Wood Ltd</Name></Contact></InvoicePartner>
    <InvoicePartner><Contact role="soldTo"><Name>Acme Inc</Name></Contact></InvoicePartner>
    <Extrinsic name="supplierVatID">DE136695976</Extrinsic></InvoiceDetailRequestHeader>
    <InvoiceDetailOrder><InvoiceDetailOrderInfo><OrderReference orderID="4500012"/></InvoiceDetailOrderInfo>
    <InvoiceDetailItem invoiceLineNumber="1" quantity="4"><UnitOfMeasure>EA</UnitOfMeasure>
    <UnitPrice>{money("25")}</UnitPrice><InvoiceDetailItemReference lineNumber="10"><ItemID>
    <SupplierPartID>H77</SupplierPartID></ItemID><Description xml:lang="en">Oak strip</Description>
    </InvoiceDetailItemReference><SubtotalAmount>{money("100.00")}</SubtotalAmount><Tax>{money("19")}
    <TaxDetail category="vat" percentageRate="19"/></Tax></InvoiceDetailItem></InvoiceDetailOrder>
    <InvoiceDetailSummary><SubtotalAmount>{money("100.00")}</SubtotalAmount><Tax>{money("19.00")}</Tax>
    <SpecialHandlingAmount>{money("2.50")}</SpecialHandlingAmount><ShippingAmount>{money("5.00")}</ShippingAmount>
    <GrossAmount>{money("126.50")}</GrossAmount></InvoiceDetailSummary></InvoiceDetailRequest>""")


def read(text: str) -> CanonicalDocument:
    return load("cxml").extract(Source.of("x.xml", text.encode()))[0].document


class TestCxml(ExtractorContract):
    key = "cxml"

    def samples(self) -> dict[str, tuple[bytes, dict[str, Any]]]:
        order_line = {
            "pos": "1",
            "seller_article": "H77",
            "buyer_article": "M-1",
            "description": "Oak strip",
            "quantity": "12",
            "unit": "MTR",
            "unit_price": "250",
            "price_base": "100",
            "delivery_date": "2026-03-20",
        }
        order = {
            "doc_type": "order",
            "number": "4500012",
            "issue_date": "2026-03-01",
            "currency": "USD",
            "net_total": "30",
            "seller_name": "Wood Ltd",
            "seller_email": "sales@wood.example",
            "buyer_name": "Acme Inc",
            "ship_to": "Acme Store, Main St 1, Ulm, Germany",
            "lines": [order_line],
        }
        confirmed = {
            "pos": "1",
            "quantity": "5",
            "unit": "EA",
            "unit_price": "9.5",
            "delivery_date": "2026-04-01",
        }
        shipped = {"seller_article": "H77", "quantity": "12", "unit": "MTR", "description": "Oak strip"}
        billed = {
            "pos": "1",
            "order_line_ref": "10",
            "tax_rate": "19",
            "line_total": "100",
            "unit_price": "25",
        }
        totals = {"net_total": "100", "tax_total": "19", "gross_total": "126.5", "charges_total": "7.5"}
        names = {"seller_name": "Wood Ltd", "seller_vat_id": "DE136695976", "buyer_name": "Acme Inc"}
        head = {
            "number": "AB-17",
            "issue_date": "2026-03-02",
            "order_reference": "4500012",
            "currency": "USD",
        }
        return {
            "order.xml": (ORDER.encode(), order),
            "confirmation.xml": (
                CONFIRMED.encode(),
                {**head, "doc_type": "order_confirmation", "lines": [confirmed]},
            ),
            "shipped.xml": (
                SHIPPED.encode(),
                {
                    "doc_type": "delivery_note",
                    "number": "LS-9",
                    "order_reference": "4500012",
                    "lines": [shipped],
                },
            ),
            "invoice.xml": (
                invoice().encode(),
                {"doc_type": "invoice", **totals, **names, "lines": [billed]},
            ),
        }

    def broken(self) -> dict[str, tuple[bytes, str]]:
        inner = '<!DOCTYPE cXML SYSTEM "http://127.0.0.1:1/a.dtd" [<!ENTITY a "b">]>'
        return {
            "cut.xml": (ORDER[:700].encode(), "xml_broken"),
            "entity.xml": (envelope("<OrderRequest/>", inner).encode(), "xml_entities"),
            "punchout.xml": (envelope("<PunchOutSetupRequest/>").encode(), "not_cxml"),
        }


@pytest.mark.parametrize(
    ("kind", "code"),
    [("accept", "order_accepted"), ("except", "order_amended"), ("reject", "order_rejected")],
)
def test_the_answer_to_the_order_is_kept(kind: str, code: str) -> None:
    assert [found.code for found in read(confirmation(kind, "")).findings] == [code]


def test_a_line_confirmed_in_parts_is_one_line_for_each_part() -> None:
    parts = item("1", "9", status("5", "accept", "2026-04-01"), status("4", "backordered", "2026-05-01"))
    found = read(confirmation("detail", parts + item("2", "3", status("3", "reject"))))
    assert [(line.pos, str(line.quantity), str(line.delivery_date)) for line in found.lines] == [
        ("1", "5", "2026-04-01"),
        ("1", "4", "2026-05-01"),
        ("2", "3", "None"),
    ]
    assert [(finding.code, finding.field) for finding in found.findings if finding.field] == [
        ("line_accepted", "lines.0"),
        ("line_backordered", "lines.1"),
        ("line_rejected", "lines.2"),
    ]


def test_a_changed_order_and_a_credit_memo_are_told_apart() -> None:
    assert read(ORDER.replace('type="new"', 'type="update"')).doc_type == "order_change"
    deleted = read(ORDER.replace('type="new"', 'type="delete"'))
    assert (deleted.doc_type, deleted.findings[0].code) == ("order_cancellation", "order_cancelled")
    assert read(invoice("creditMemo")).doc_type == "credit_note"


def test_a_description_keeps_its_short_name_and_what_stands_after_it() -> None:
    both = ORDER.replace("Oak strip", "<ShortName>Strip</ShortName> Oak, oiled, 2 m")
    assert read(both).lines[0].description == "Strip Oak, oiled, 2 m"
    short = ORDER.replace("Oak strip", "<ShortName>Strip</ShortName>")
    french = short.replace(
        "<UnitOfMeasure>", '<Description xml:lang="fr">Baguette</Description><UnitOfMeasure>'
    )
    assert read(french).lines[0].description == "Strip"


def test_a_service_is_billed_by_its_rate() -> None:
    service = f"""<InvoiceDetailServiceItem invoiceLineNumber="1" quantity="8"><InvoiceDetailServiceItemReference
    lineNumber="3"><Description xml:lang="en">Repair</Description></InvoiceDetailServiceItemReference>
    <SubtotalAmount>{money("640.00")}</SubtotalAmount><UnitRate>{money("80.00")}<UnitOfMeasure>HUR</UnitOfMeasure>
    </UnitRate></InvoiceDetailServiceItem></InvoiceDetailOrder>"""
    line = read(invoice().replace("</InvoiceDetailOrder>", service)).lines[1]
    assert (line.pos, line.order_line_ref, line.description, line.quantity) == ("1", "3", "Repair", 8)
    assert (line.unit, line.unit_price, line.line_total) == ("HUR", 80, 640)


def test_commas_between_thousands_are_no_decimals() -> None:
    found = read(ORDER.replace("30.00", "13,030.00"))
    assert found.net_total == 13030


def test_an_answer_to_a_line_refers_to_it() -> None:
    assert read(CONFIRMED).lines[0].order_line_ref == "1"
    assert read(SHIPPED).lines[0].order_line_ref == "1"
    assert read(ORDER).lines[0].order_line_ref is None


def test_a_line_asked_for_in_one_delivery_is_due_on_its_day() -> None:
    plain = ORDER.replace(' requestedDeliveryDate="2026-03-20"', "")
    day = '<ScheduleLine quantity="6" requestedDeliveryDate="2026-04-{}"/>'
    for days, due in (("1",), "2026-04-01"), (("1", "9"), "None"):
        schedules = "".join(day.format(f"{int(number):02}") for number in days)
        assert str(read(plain.replace("</ItemOut>", f"{schedules}</ItemOut>")).lines[0].delivery_date) == due
