"""openTRANS documents of both versions are read exactly."""

from typing import Any

from extraction.extractor import Source
from extraction.registry import best, load
from extraction.schemas import CanonicalDocument
from tests.contracts.extractor import ExtractorContract

NAMES = 'xmlns="http://www.opentrans.org/XMLSchema/2.1" xmlns:bmecat="http://www.bmecat.org/bmecat/2005"'


def party(role: str, number: str, name: str, more: str = "") -> str:
    return f"""<PARTY><bmecat:PARTY_ID type="supplier_specific">{number}</bmecat:PARTY_ID>
    <PARTY_ROLE>{role}</PARTY_ROLE>
    <ADDRESS><bmecat:NAME>{name}</bmecat:NAME><bmecat:CITY>Ulm</bmecat:CITY>{more}</ADDRESS></PARTY>"""


PARTIES = (
    party("buyer", "C-204", "Acme GmbH")
    + party("delivery", "C-205", "Acme Lager")
    + party("supplier", "1", "Holz &amp; Sohn KG", "<bmecat:VAT_ID>DE136695976</bmecat:VAT_ID>")
)
ITEM = """<{0}_ITEM><LINE_ITEM_ID>1</LINE_ITEM_ID><PRODUCT_ID><bmecat:SUPPLIER_PID>H77</bmecat:SUPPLIER_PID>
    <bmecat:INTERNATIONAL_PID type="ean">4012345001235</bmecat:INTERNATIONAL_PID>
    <bmecat:BUYER_PID>M-1</bmecat:BUYER_PID><bmecat:DESCRIPTION_SHORT>Leiste Eiche</bmecat:DESCRIPTION_SHORT>
    </PRODUCT_ID>
    <QUANTITY>12.0</QUANTITY><bmecat:ORDER_UNIT>MTR</bmecat:ORDER_UNIT><PRODUCT_PRICE_FIX>
    <bmecat:PRICE_AMOUNT>250.00</bmecat:PRICE_AMOUNT><bmecat:PRICE_QUANTITY>100</bmecat:PRICE_QUANTITY>
    <TAX_DETAILS_FIX><bmecat:TAX>0.19</bmecat:TAX></TAX_DETAILS_FIX></PRODUCT_PRICE_FIX>
    <PRICE_LINE_AMOUNT>30.00</PRICE_LINE_AMOUNT><DELIVERY_DATE><DELIVERY_START_DATE>2026-03-18</DELIVERY_START_DATE>
    <DELIVERY_END_DATE>2026-03-20T23:59:59</DELIVERY_END_DATE></DELIVERY_DATE>{1}</{0}_ITEM>"""


def document(kind: str, info: str, *, item: str = "", summary: str = "", parties: str = PARTIES) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?><{kind} {NAMES} version="2.1"><{kind}_HEADER><{kind}_INFO>{info}
    <PARTIES>{parties}</PARTIES><bmecat:CURRENCY>EUR</bmecat:CURRENCY></{kind}_INFO></{kind}_HEADER>
    <{kind}_ITEM_LIST>{ITEM.format(kind, item)}</{kind}_ITEM_LIST>
    <{kind}_SUMMARY><TOTAL_ITEM_NUM>1</TOTAL_ITEM_NUM>{summary}</{kind}_SUMMARY></{kind}>"""


RESPONSE = document(
    "ORDERRESPONSE",
    "<ORDER_ID>4500012</ORDER_ID><ORDERRESPONSE_DATE>2026-03-02T08:00:00+01:00</ORDERRESPONSE_DATE>"
    "<SUPPLIER_ORDER_ID>AB-17</SUPPLIER_ORDER_ID>",
    summary="<TOTAL_AMOUNT>30.00</TOTAL_AMOUNT>",
)
REFERENCE = "<ORDER_REFERENCE><ORDER_ID>4500012</ORDER_ID><LINE_ITEM_ID>10</LINE_ITEM_ID></ORDER_REFERENCE>"
DISPATCH = document(
    "DISPATCHNOTIFICATION",
    "<DISPATCHNOTIFICATION_ID>LS-9</DISPATCHNOTIFICATION_ID>"
    "<DISPATCHNOTIFICATION_DATE>2026-03-19</DISPATCHNOTIFICATION_DATE>",
    item=REFERENCE,
)
TAX = "<TAX_DETAILS_FIX><TAX_AMOUNT>{}</TAX_AMOUNT></TAX_DETAILS_FIX>"
INVOICE = document(
    "INVOICE",
    "<INVOICE_ID>RE-17</INVOICE_ID><INVOICE_DATE>2026-03-20</INVOICE_DATE>",
    item=REFERENCE,
    summary="<NET_VALUE_GOODS>30.00</NET_VALUE_GOODS><TOTAL_AMOUNT>35.70</TOTAL_AMOUNT>"
    f"<TOTAL_TAX>{TAX.format('5.00')}{TAX.format('0.70')}</TOTAL_TAX>",
)
OLD = """<?xml version="1.0" encoding="ISO-8859-1"?><ORDER version="1.0" type="standard"><ORDER_HEADER><ORDER_INFO>
    <ORDER_ID>4500012</ORDER_ID><ORDER_DATE>2003-05-13</ORDER_DATE><ORDER_PARTIES>
    <BUYER_PARTY><PARTY><PARTY_ID>7</PARTY_ID><ADDRESS><NAME>Acme GmbH</NAME></ADDRESS></PARTY></BUYER_PARTY>
    <SUPPLIER_PARTY><PARTY><PARTY_ID>8</PARTY_ID><ADDRESS><NAME>Möbel KG</NAME></ADDRESS></PARTY></SUPPLIER_PARTY>
    <SHIPMENT_PARTIES><DELIVERY_PARTY><PARTY><ADDRESS><NAME>Lager</NAME></ADDRESS></PARTY></DELIVERY_PARTY>
    </SHIPMENT_PARTIES></ORDER_PARTIES><PRICE_CURRENCY>EUR</PRICE_CURRENCY></ORDER_INFO></ORDER_HEADER>
    <ORDER_ITEM_LIST><ORDER_ITEM><LINE_ITEM_ID>1</LINE_ITEM_ID><ARTICLE_ID><SUPPLIER_AID>H77</SUPPLIER_AID>
    <DESCRIPTION_SHORT>Leiste</DESCRIPTION_SHORT></ARTICLE_ID><QUANTITY>3</QUANTITY><ORDER_UNIT>C62</ORDER_UNIT>
    <ARTICLE_PRICE type="net_list"><PRICE_AMOUNT>2.50</PRICE_AMOUNT><PRICE_LINE_AMOUNT>7.50</PRICE_LINE_AMOUNT>
    <TAX>0.16</TAX></ARTICLE_PRICE></ORDER_ITEM></ORDER_ITEM_LIST>
    <ORDER_SUMMARY><TOTAL_AMOUNT>7.50</TOTAL_AMOUNT></ORDER_SUMMARY></ORDER>""".encode("latin-1")

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
}


def read(content: bytes | str) -> CanonicalDocument:
    data = content.encode() if isinstance(content, str) else content
    return load("opentrans").extract(Source.of("x.xml", data))[0].document


class TestOpentrans(ExtractorContract):
    key = "opentrans"

    def samples(self) -> dict[str, tuple[bytes, dict[str, Any]]]:
        parties = {
            "seller_name": "Holz & Sohn KG",
            "seller_vat_id": "DE136695976",
            "buyer_name": "Acme GmbH",
            "customer_number": "C-204",
            "ship_to": "Acme Lager, Ulm",
            "order_reference": "4500012",
        }
        response = {"doc_type": "order_confirmation", "number": "AB-17", "issue_date": "2026-03-02"}
        dispatch = {"doc_type": "delivery_note", "number": "LS-9", "order_reference": "4500012"}
        totals = {"net_total": "30", "tax_total": "5.7", "gross_total": "35.7"}
        old_line = {"seller_article": "H77", "quantity": "3", "line_total": "7.5", "tax_rate": "16"}
        old = {"doc_type": "order", "seller_name": "Möbel KG", "buyer_name": "Acme GmbH", "ship_to": "Lager"}
        referring = {**LINE, "order_line_ref": "10"}
        return {
            "response.xml": (RESPONSE.encode(), {**response, **parties, "net_total": "30", "lines": [LINE]}),
            "dispatch.xml": (DISPATCH.encode(), {**dispatch, "lines": [referring]}),
            "invoice.xml": (INVOICE.encode(), {"doc_type": "invoice", **totals, **parties}),
            "old.xml": (OLD, {**old, "currency": "EUR", "lines": [old_line]}),
        }

    def broken(self) -> dict[str, tuple[bytes, str]]:
        entity = "<!DOCTYPE a [<!ENTITY a 'b'>]>"
        return {
            "cut.xml": (RESPONSE[:700].encode(), "xml_broken"),
            "entity.xml": (RESPONSE.replace("?><", f"?>{entity}<", 1).encode(), "xml_entities"),
            "empty.xml": (f"<ORDER {NAMES}/>".encode(), "not_opentrans"),
        }


def test_a_change_carries_the_number_of_the_order_it_changes() -> None:
    info = "<ORDER_ID>4500012</ORDER_ID><ORDERCHANGE_DATE>2026-03-03</ORDERCHANGE_DATE>"
    found = read(document("ORDERCHANGE", info))
    assert (found.doc_type, found.number, found.order_reference) == ("order_change", "4500012", "4500012")


def test_a_response_without_a_number_of_its_own_has_none() -> None:
    assert read(RESPONSE.replace("SUPPLIER_ORDER_ID", "REMARK")).number is None


def test_a_party_without_a_role_is_found_by_its_number() -> None:
    plain = PARTIES.replace("<PARTY_ROLE>supplier</PARTY_ROLE>", "").replace("<PARTIES>", "")
    info = "<ORDER_ID>1</ORDER_ID><ORDER_PARTIES_REFERENCE><bmecat:SUPPLIER_IDREF>1</bmecat:SUPPLIER_IDREF>"
    found = read(document("ORDER", f"{info}</ORDER_PARTIES_REFERENCE>", parties=plain))
    assert found.seller_name == "Holz & Sohn KG"


def test_a_quotation_is_a_quote_of_the_supplier() -> None:
    info = "<QUOTATION_ID>AN-5</QUOTATION_ID><QUOTATION_DATE>2026-02-02</QUOTATION_DATE>"
    found = read(document("QUOTATION", info, summary="<TOTAL_AMOUNT>30.00</TOTAL_AMOUNT>"))
    assert (found.doc_type, found.number, str(found.issue_date)) == ("quote", "AN-5", "2026-02-02")
    assert (found.seller_name, found.net_total, len(found.lines)) == ("Holz & Sohn KG", 30, 1)


def test_names_with_a_prefix_that_nobody_declared_are_read() -> None:
    careless = RESPONSE.replace('xmlns:bmecat="http://www.bmecat.org/bmecat/2005"', "")
    found = read(careless)
    assert (found.number, found.currency, found.lines[0].seller_article) == ("AB-17", "EUR", "H77")


def test_the_currency_may_stand_beside_the_prices_alone() -> None:
    stated = "<bmecat:CURRENCY>EUR</bmecat:CURRENCY>"
    beside = "<bmecat:PRICE_CURRENCY>EUR</bmecat:PRICE_CURRENCY><bmecat:PRICE_QUANTITY>"
    moved = RESPONSE.replace(stated, "").replace("<bmecat:PRICE_QUANTITY>", beside)
    assert read(moved).currency == "EUR"


def test_a_ubl_order_is_none_of_ours() -> None:
    other = b'<Order xmlns="urn:oasis:names:specification:ubl:schema:xsd:Order-2"/>'
    chosen = best(Source.of("x.xml", other))
    assert chosen is not None
    assert chosen.key == "ubl"
