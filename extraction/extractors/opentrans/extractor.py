"""openTRANS quotations, orders, responses, changes, dispatch notifications and invoices, of 1.0 and 2.1."""

import re
from collections.abc import Iterator
from typing import ClassVar, Final

from extraction import media
from extraction.extractor import Extractor, Source, UnreadableError
from extraction.schemas import CanonicalDocument, Evidence, Extraction, Line, decimal_of
from extraction.xmltree import Fields, Node, Paths, documents, opening, parse

ROOTS: Final = {
    "QUOTATION": "quote",
    "ORDER": "order",
    "ORDERRESPONSE": "order_confirmation",
    "ORDERCHANGE": "order_change",
    "DISPATCHNOTIFICATION": "delivery_note",
    "INVOICE": "invoice",
}
_START: Final = re.compile(rf"<(?:[\w.-]+:)?(?:{'|'.join(ROOTS)})[\s>]")

_DELIVERY: Final = ("DELIVERY_DATE/DELIVERY_END_DATE", "DELIVERY_DATE/DELIVERY_START_DATE")
_INFO: Final[Paths] = {
    "delivery_note_reference": ("DELIVERY_REFERENCE/DELIVERYNOTE_ID", "DELIVERYNOTE_ID"),
    "currency": ("CURRENCY", "PRICE_CURRENCY"),
    "payment_terms": ("PAYMENT/PAYMENT_TERMS/PAYMENT_TERM", "PAYMENT/PAYMENT_TERM"),
    "incoterm": ("TRANSPORT/INCOTERM",),
    "delivery_date": _DELIVERY,
}
# The document's own number, where it is not called by the document's name.
_NUMBERS: Final = {
    "ORDERRESPONSE": ("ORDERRESPONSE_ID", "SUPPLIER_ORDER_ID"),
    "ORDERCHANGE": ("ORDERCHANGE_ID", "ORDER_ID"),
    "DISPATCHNOTIFICATION": ("DISPATCHNOTIFICATION_ID", "DELIVERYNOTE_ID"),
}
_LINE: Final[Paths] = {
    "pos": ("LINE_ITEM_ID",),
    "seller_article": ("PRODUCT_ID/SUPPLIER_PID", "ARTICLE_ID/SUPPLIER_AID"),
    "buyer_article": ("PRODUCT_ID/BUYER_PID", "ARTICLE_ID/BUYER_AID"),
    "gtin": ("PRODUCT_ID/INTERNATIONAL_PID", "ARTICLE_ID/INTERNATIONAL_AID"),
    "description": (
        "PRODUCT_ID|ARTICLE_ID/DESCRIPTION_SHORT",
        "PRODUCT_ID|ARTICLE_ID/DESCRIPTION_LONG",
    ),
    "quantity": ("QUANTITY",),
    "unit": ("ORDER_UNIT",),
    "unit_price": ("PRODUCT_PRICE_FIX|ARTICLE_PRICE/PRICE_AMOUNT",),
    "price_base": ("PRODUCT_PRICE_FIX|ARTICLE_PRICE/PRICE_QUANTITY",),
    "line_total": ("PRICE_LINE_AMOUNT", "ARTICLE_PRICE/PRICE_LINE_AMOUNT"),
    "delivery_date": _DELIVERY,
    "order_line_ref": (
        "ORDER_REFERENCE/LINE_ITEM_ID",
        "CUSTOMER_ORDER_REFERENCE/LINE_ITEM_ID",
    ),
}
_SELLERS: Final = (
    ("supplier", "SUPPLIER_IDREF", "SUPPLIER_PARTY"),
    ("invoice_issuer", "INVOICE_ISSUER_IDREF", "INVOICE_ISSUER_PARTY"),
)
_BUYERS: Final = (
    ("buyer", "BUYER_IDREF", "BUYER_PARTY"),
    ("customer", "CUSTOMER_IDREF", "CUSTOMER_PARTY"),
    ("invoice_recipient", "INVOICE_RECIPIENT_IDREF", "INVOICE_PARTY"),
)
_RECEIVERS: Final = (
    ("delivery", "DELIVERY_IDREF", "DELIVERY_PARTY"),
    ("final_delivery", "FINAL_DELIVERY_IDREF", "FINAL_DELIVERY_PARTY"),
)
# Who writes a document of this kind, where no party is named the seller.
_WRITTEN_BY_SELLER: Final = frozenset({"QUOTATION", "ORDERRESPONSE", "DISPATCHNOTIFICATION", "INVOICE"})


class OpentransExtractor(Extractor):
    key: ClassVar[str] = "opentrans"
    version: ClassVar[str] = "2"

    def score(self, source: Source) -> int | None:
        if source.media_type != media.XML:
            return None
        head = opening(source.content)
        named = "opentrans" in head.lower()
        return 90 if _START.search(head) and (named or "_HEADER>" in head) else None

    def extract(self, source: Source) -> list[Extraction]:
        found = [_read(node) for node in documents(parse(source.content), _is_document)]
        if not found:
            raise UnreadableError("not_opentrans", "The XML holds no openTRANS document of a kind we read.")
        return found


def _is_document(node: Node) -> bool:
    return node.name in ROOTS and node.first(f"{node.name}_HEADER") is not None


def _read(root: Node) -> Extraction:
    name = root.name
    header = Fields(root)
    info = root.first(f"{name}_HEADER/{name}_INFO") or root
    header.node = info
    header.take("number", _NUMBERS.get(name, (f"{name}_ID",)))
    header.take("issue_date", (f"{name}_DATE",))
    header.take_all(_INFO)
    items = [node for node in root.all(f"{name}_ITEM_LIST/*") if node.name.endswith("_ITEM")]
    header.references(_orders(root, info, items))
    _parties(info, name, header)
    header.node = root
    # BMEcat states a currency beside each price.
    header.take("currency", (f"{name}_ITEM_LIST/*/PRODUCT_PRICE_FIX|ARTICLE_PRICE/PRICE_CURRENCY",))
    _totals(root, header)
    lines = [_line(node, header.below(node, f"lines.{index}.")) for index, node in enumerate(items)]
    document = CanonicalDocument(
        doc_type=_doc_type(root, info), lines=tuple(lines), confidence=1.0, **header.known()
    )
    return Extraction(document=document, evidence=header.evidence)


def _doc_type(root: Node, info: Node) -> str:
    kind = (info.attribute("type") or root.attribute("type") or info.value("INVOICE_TYPE")).lower()
    return "credit_note" if root.name == "INVOICE" and "credit" in kind else ROOTS[root.name]


def _orders(root: Node, info: Node, items: list[Node]) -> Iterator[Node]:
    """The orders referred to; a response and a change carry the number of the order itself."""
    if root.name in {"ORDERRESPONSE", "ORDERCHANGE"}:
        yield from info.all("ORDER_ID")
    if root.name != "ORDER":
        yield from root.all(f"{root.name}_HEADER/ORDER_HISTORY/ORDER_ID")
        for place in (info, *items):
            yield from place.all("ORDER_REFERENCE|ORDER_HISTORY/ORDER_ID")


def _parties(info: Node, name: str, header: Fields) -> None:
    seller = _party(info, _SELLERS)
    if seller is None and name in _WRITTEN_BY_SELLER:
        seller = _party(info, (("document_creator", "DOCUMENT_ISSUER_IDREF", ""),))
    buyer = _party(info, _BUYERS)
    for prefix, party in (("seller", seller), ("buyer", buyer)):
        if party is not None:
            header.node = party
            header.take(f"{prefix}_name", ("ADDRESS/NAME",))
            header.take(f"{prefix}_vat_id", ("ADDRESS/VAT_ID",))
    if seller is not None:
        header.node = seller
        header.take("seller_email", ("ADDRESS/EMAIL", "ADDRESS/CONTACT_DETAILS/EMAILS/EMAIL"))
        for account in seller.all("ACCOUNT/BANK_ACCOUNT"):
            if account.attribute("type") == "iban" and "seller_iban" not in header.values:
                header.put("seller_iban", account)
    for number in buyer.all("PARTY_ID") if buyer is not None else ():
        if number.attribute("type") == "supplier_specific":
            header.put("customer_number", number)
    receiver = _party(info, _RECEIVERS)
    if receiver is not None:
        parts = ("NAME", "NAME2", "STREET", "ZIP", "CITY", "COUNTRY")
        texts = [node.text for part in parts for node in receiver.all(f"ADDRESS/{part}")]
        header.put("ship_to", receiver, ", ".join(text for text in texts if text))


def _party(info: Node, wanted: tuple[tuple[str, str, str], ...]) -> Node | None:
    """The party of the first of these roles: by its role, by a reference to its number, or, in 1.0, by its place."""
    parties = list(info.all("PARTIES/PARTY"))
    for role, reference, place in wanted:
        for party in parties:
            if any(node.text.lower() == role for node in party.all("PARTY_ROLE")):
                return party
        for path in (place, f"*/{place}", f"*/SHIPMENT_PARTIES/{place}") if place else ():
            found = info.first(f"{path}/PARTY") or info.first(path)
            if found is not None:
                return found
        for path in (reference, f"*/{reference}", f"*/*/{reference}"):
            number = info.value(path)
            for party in parties:
                if number and any(node.text == number for node in party.all("PARTY_ID")):
                    return party
    return None


def _totals(root: Node, header: Fields) -> None:
    """An invoice sums up with tax; the total of the other kinds is that of their lines."""
    summary = root.first(f"{root.name}_SUMMARY")
    if summary is None:
        return
    header.node = summary
    if root.name == "INVOICE":
        header.take("net_total", ("NET_VALUE_GOODS", "TOTAL_AMOUNT_NET"))
        header.take("gross_total", ("TOTAL_AMOUNT",))
        header.sum("tax_total", list(summary.all("TOTAL_TAX/TAX_DETAILS_FIX|TAX_DETAILS/TAX_AMOUNT")))
    else:
        header.take("net_total", ("TOTAL_AMOUNT",))
    for name, kind in (("charges_total", "charge"), ("allowances_total", "allowance")):
        amounts = [
            amount
            for item in summary.all("ALLOW_OR_CHARGES_FIX/ALLOW_OR_CHARGE")
            if item.attribute("type") in {kind, f"sur{kind}"}
            for amount in item.all("ALLOW_OR_CHARGE_VALUE/AOC_MONETARY_AMOUNT")
        ]
        header.sum(name, amounts)


def _line(node: Node, line: Fields) -> Line:
    line.take_all(_LINE)
    paths = ("PRODUCT_PRICE_FIX|ARTICLE_PRICE/TAX_DETAILS_FIX|TAX_DETAILS/TAX", "ARTICLE_PRICE/TAX")
    for rate in (rate for path in paths for rate in node.all(path)):
        _percentage("tax_rate", rate, line)
    reductions = list(node.all("PRODUCT_PRICE_FIX/ALLOW_OR_CHARGES_FIX/ALLOW_OR_CHARGE"))
    if len(reductions) == 1 and reductions[0].attribute("type") == "allowance":
        for rate in reductions[0].all("ALLOW_OR_CHARGE_VALUE/AOC_PERCENTAGE_FACTOR"):
            _percentage("discount", rate, line)
    return Line(**line.values)


def _percentage(name: str, node: Node, line: Fields) -> None:
    """BMEcat writes 19 % as the factor 0.19; some senders write 19."""
    factor = decimal_of(node.text)
    if factor is not None and name not in line.values:
        place = Evidence(text=node.text, path=node.path)
        line.put_value(name, factor * 100 if factor < 1 else factor, place)
