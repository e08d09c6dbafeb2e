"""cXML OrderRequest, ConfirmationRequest, ShipNoticeRequest and InvoiceDetailRequest."""

from collections.abc import Callable
from typing import ClassVar, Final

from extraction import media
from extraction.codes import line_answer, order_answer
from extraction.extractor import Extractor, Source, UnreadableError
from extraction.schemas import CanonicalDocument, Extraction, Finding, Line
from extraction.xmltree import Fields, Node, Paths, documents, opening, parse

_ORDER: Final[Paths] = {
    "number": ("OrderRequestHeader/@orderID",),
    "issue_date": ("OrderRequestHeader/@orderDate",),
    "delivery_date": ("OrderRequestHeader/@requestedDeliveryDate",),
    "net_total": ("OrderRequestHeader/Total/Money",),
    "tax_total": ("OrderRequestHeader/Tax/Money",),
    "charges_total": ("OrderRequestHeader/Shipping/Money",),
    "buyer_name": ("OrderRequestHeader/BillTo/Address/Name",),
    "incoterm": ("OrderRequestHeader/TermsOfDelivery/TransportTerms/@value",),
}
_CONFIRMATION: Final[Paths] = {
    "number": ("ConfirmationHeader/@confirmID",),
    "issue_date": ("ConfirmationHeader/@noticeDate",),
    "net_total": ("ConfirmationHeader/Total/Money",),
    "tax_total": ("ConfirmationHeader/Tax/Money",),
    "charges_total": ("ConfirmationHeader/Shipping/Money",),
}
_SHIP_NOTICE: Final[Paths] = {
    "number": ("ShipNoticeHeader/@shipmentID",),
    "issue_date": ("ShipNoticeHeader/@noticeDate", "ShipNoticeHeader/@shipmentDate"),
    "delivery_date": ("ShipNoticeHeader/@deliveryDate", "ShipNoticeHeader/@requestedDeliveryDate"),
    "incoterm": ("ShipNoticeHeader/TermsOfDelivery/TransportTerms/@value",),
}
_INVOICE: Final[Paths] = {
    "number": ("InvoiceDetailRequestHeader/@invoiceID",),
    "issue_date": ("InvoiceDetailRequestHeader/@invoiceDate",),
    "delivery_note_reference": (
        "InvoiceDetailOrder/InvoiceDetailItem/ShipNoticeIDInfo/@shipNoticeID",
        "InvoiceDetailRequestHeader/ShipNoticeIDInfo/@shipNoticeID",
    ),
    "net_total": ("InvoiceDetailSummary/SubtotalAmount/Money",),
    "tax_total": ("InvoiceDetailSummary/Tax/Money",),
    "gross_total": (
        "InvoiceDetailSummary/GrossAmount/Money",
        "InvoiceDetailSummary/NetAmount/Money",
        "InvoiceDetailSummary/DueAmount/Money",
    ),
    "allowances_total": ("InvoiceDetailSummary/InvoiceDetailDiscount/Money",),
}
# cXML 1.2 user's guide: where each request refers to the order it is about.
_ORDERS: Final = (
    "OrderReference/@orderID",
    "OrderIDInfo/@orderID",
    "ShipNoticePortion/OrderReference|OrderIDInfo/@orderID",
    "InvoiceDetailOrder|InvoiceDetailHeaderOrder/InvoiceDetailOrderInfo/OrderReference|OrderIDInfo/@orderID",
)
_CURRENCIES: Final = tuple(
    f"{path}/Money/@currency" for path in ("*/Total", "*/*", "*/*/UnitPrice", "*/*/*/UnitPrice")
)
_LINES: Final = (
    "ItemOut",
    "ConfirmationItem",
    "ShipNoticePortion/ShipNoticeItem",
    "InvoiceDetailOrder/InvoiceDetailItem|InvoiceDetailServiceItem",
    "InvoiceDetailHeaderOrder/InvoiceDetailOrderSummary",
)

_DETAIL: Final = "ItemDetail|ShipNoticeItemDetail|BlanketItemDetail"
_REFERENCE: Final = "InvoiceDetailItemReference|InvoiceDetailServiceItemReference"
# What is confirmed stands in the status; what an invoice is about, in its reference.
_STATUS: Final = "ItemIn"
_LINE: Final[Paths] = {
    "pos": ("@invoiceLineNumber", "@lineNumber", "@shipNoticeLineNumber"),
    "seller_article": (
        "ItemID/SupplierPartID",
        f"{_REFERENCE}/ItemID/SupplierPartID",
        f"{_STATUS}/ItemID/SupplierPartID",
        "SupplierPartID",
    ),
    "buyer_article": (
        "ItemID/BuyerPartID",
        f"{_REFERENCE}/ItemID/BuyerPartID",
        f"{_STATUS}/ItemID/BuyerPartID",
    ),
    "gtin": (
        f"{_DETAIL}/ItemDetailIndustry/ItemDetailRetail/EANID",
        f"{_REFERENCE}/InvoiceDetailItemReferenceIndustry/InvoiceDetailItemReferenceRetail/EANID",
    ),
    "quantity": ("@quantity",),
    "unit": ("UnitOfMeasure", f"{_DETAIL}|UnitRate/UnitOfMeasure"),
    "unit_price": (
        "UnitPrice|UnitRate/Money",
        f"{_DETAIL}/UnitPrice/Money",
        f"{_STATUS}/{_DETAIL}/UnitPrice/Money",
    ),
    "price_base": (
        "PriceBasisQuantity/@quantity",
        "UnitRate/PriceBasisQuantity/@quantity",
        f"{_DETAIL}/PriceBasisQuantity/@quantity",
        f"{_STATUS}/{_DETAIL}/PriceBasisQuantity/@quantity",
    ),
    "discount": ("InvoiceDetailDiscount/@percentageRate",),
    "tax_rate": ("Tax/TaxDetail/@percentageRate",),
    "line_total": ("SubtotalAmount/Money",),
    "delivery_date": ("@deliveryDate", "@requestedDeliveryDate", "@shipmentDate"),
    "order_line_ref": (f"{_REFERENCE}/@lineNumber",),
}
_DESCRIPTIONS: Final = (
    f"{_DETAIL}/Description",
    f"{_REFERENCE}/Description",
    "Description",
    f"{_STATUS}/{_DETAIL}/Description",
)

_ANSWERS: Final = {
    "accept": "accepted",
    "allDetail": "detailed",
    "detail": "amended",
    "except": "amended",
    "replace": "amended",
    "reject": "rejected",
    "backordered": "backordered",
    "unknown": "undecided",
}


class CxmlExtractor(Extractor):
    key: ClassVar[str] = "cxml"
    version: ClassVar[str] = "2"

    def score(self, source: Source) -> int | None:
        if source.media_type != media.XML:
            return None
        return 90 if "<cXML" in opening(source.content) else None

    def extract(self, source: Source) -> list[Extraction]:
        found = [
            _KINDS[node.name](node) for node in documents(parse(source.content), lambda n: n.name in _KINDS)
        ]
        if not found:
            raise UnreadableError("not_cxml", "The cXML holds no order document of a kind we read.")
        return found


def _order(root: Node) -> Extraction:
    header = _header(root, _ORDER)
    head = root.first("OrderRequestHeader") or root
    _ship_to(head.first("ShipTo/Address"), header)
    kind = head.attribute("type") or "new"
    findings = [order_answer("cancelled")] if kind == "delete" else []
    doc_type = {"new": "order", "delete": "order_cancellation"}.get(kind, "order_change")
    return _made(root, header, doc_type, findings)


def _confirmation(root: Node) -> Extraction:
    header = _header(root, _CONFIRMATION)
    head = root.first("ConfirmationHeader")
    answer = _ANSWERS.get((head.attribute("type") or "") if head is not None else "")
    findings = [order_answer(answer)] if answer in {"accepted", "detailed", "amended", "rejected"} else []
    return _made(root, header, "order_confirmation", findings)


def _ship_notice(root: Node) -> Extraction:
    header = _header(root, _SHIP_NOTICE)
    for contact in root.all("ShipNoticeHeader/Contact"):
        if contact.attribute("role") == "shipTo":
            _ship_to(contact, header)
    return _made(root, header, "delivery_note", [])


def _invoice(root: Node) -> Extraction:
    header = _header(root, _INVOICE)
    head = root.first("InvoiceDetailRequestHeader") or root
    _partners(head, header)
    summary = "InvoiceDetailSummary/ShippingAmount|SpecialHandlingAmount/Money"
    extra = [node for node in root.all(summary) if node.text]
    header.sum("charges_total", extra)
    credit = "credit" in (head.attribute("purpose") or "").lower()
    return _made(root, header, "credit_note" if credit else "invoice", [])


_KINDS: Final[dict[str, Callable[[Node], Extraction]]] = {
    "OrderRequest": _order,
    "ConfirmationRequest": _confirmation,
    "ShipNoticeRequest": _ship_notice,
    "InvoiceDetailRequest": _invoice,
}


def _header(root: Node, places: Paths) -> Fields:
    header = Fields(root)
    header.take_all(places)
    header.references(node for path in _ORDERS for node in root.all(path))
    _parties(root, header)
    header.take("currency", _CURRENCIES)
    return header


def _parties(root: Node, header: Fields) -> None:
    for contact in root.all("*/Contact"):
        if contact.attribute("role") in {"supplierCorporate", "supplierAccount", "supplierMasterAccount"}:
            header.node = contact
            header.take("seller_name", ("Name",))
            header.take("seller_email", ("Email",))
    header.node = root


def _partners(head: Node, header: Fields) -> None:
    """Who is who on an invoice: partners by role, and numbers that Ariba keeps in extrinsics."""
    roles = {
        "seller": ("from", "issuerOfInvoice", "remitTo"),
        "buyer": ("soldTo", "billTo"),
    }
    contacts = list(head.all("InvoicePartner/Contact"))
    for prefix, names in roles.items():
        for contact in (
            contact for name in names for contact in contacts if contact.attribute("role") == name
        ):
            header.node = contact
            header.take(f"{prefix}_name", ("Name",))
    for name, extrinsic in (("seller_vat_id", "supplierVatID"), ("buyer_vat_id", "buyerVatID")):
        for node in head.all("Extrinsic"):
            if node.attribute("name") == extrinsic and name not in header.values:
                header.put(name, node)
    for contact in head.all("InvoiceDetailShipping/Contact"):
        if contact.attribute("role") == "shipTo":
            _ship_to(contact, header)


def _ship_to(address: Node | None, header: Fields) -> None:
    if address is None:
        return
    parts = ("Name", "PostalAddress/DeliverTo|Street|City|PostalCode|Country")
    texts = [node.text for part in parts for node in address.all(part)]
    header.put("ship_to", address, ", ".join(text for text in texts if text))


def _made(root: Node, header: Fields, doc_type: str, findings: list[Finding]) -> Extraction:
    lines: list[Line] = []
    for node in (node for path in _LINES for node in root.all(path)):
        # A line confirmed in parts is one line for each part: each has its own quantity, date and answer.
        parts: list[Node | None] = [*node.all("ConfirmationStatus")]
        for part in parts or [None]:
            findings += _state(part, len(lines))
            line = header.below(part or node, f"lines.{len(lines)}.")
            for place in (part or node, node):
                line.node = place
                line.take_all(_LINE)
                _describe(line, place)
            _refer(line, node)
            lines.append(Line(**line.values))
    document = CanonicalDocument(
        doc_type=doc_type,
        lines=tuple(lines),
        confidence=1.0,
        findings=tuple(findings),
        **header.known(),
    )
    return Extraction(document=document, evidence=header.evidence)


def _refer(line: Fields, node: Node) -> None:
    """The line of the order, whose number answers bear, and the one delivery that it is asked for in."""
    line.node = node
    if node.name in {"ConfirmationItem", "ShipNoticeItem"}:
        line.take("order_line_ref", ("@lineNumber",))
    schedules = list(node.all("ScheduleLine"))
    if len(schedules) == 1:
        line.node = schedules[0]
        line.take("delivery_date", ("@requestedDeliveryDate",))


def _describe(line: Fields, place: Node) -> None:
    """A description may begin with a short name of its own, and comes in several languages, the first of them ours."""
    for node in (node for path in _DESCRIPTIONS for node in place.all(path)):
        if "description" not in line.values:
            line.put("description", node, node.joined(" "))


def _state(status: Node | None, index: int) -> list[Finding]:
    answer = _ANSWERS.get((status.attribute("type") or "") if status is not None else "")
    return [line_answer(answer, index)] if answer else []
