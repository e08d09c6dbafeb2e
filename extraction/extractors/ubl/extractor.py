"""UBL 2 orders, responses, changes, invoices, credit notes and despatch advices, read by local name."""

from dataclasses import fields
from typing import ClassVar, Final

from extraction import media
from extraction.extractor import Extractor, Source, UnreadableError
from extraction.extractors.ubl.tree import Fields, Node, documents, parse
from extraction.schemas import CanonicalDocument, Extraction, Finding, Line

ROOTS: Final = {
    "Order": "order",
    "OrderResponse": "order_confirmation",
    "OrderResponseSimple": "order_confirmation",
    "OrderChange": "order_change",
    "OrderCancellation": "order_change",
    "Invoice": "invoice",
    "CreditNote": "credit_note",
    "DespatchAdvice": "delivery_note",
}

# UNCL 1001 codes of an Invoice that make it a credit note.
_CREDIT_CODES: Final = frozenset({"381", "261", "262", "296", "308", "396", "420", "458", "532"})

_SELLERS: Final = (
    "SellerSupplierParty/Party",
    "AccountingSupplierParty/Party",
    "DespatchSupplierParty/Party",
)
_BUYERS: Final = ("BuyerCustomerParty/Party", "AccountingCustomerParty/Party", "DeliveryCustomerParty/Party")
_NAMES: Final = ("PartyLegalEntity/RegistrationName", "PartyName/Name")
_TOTALS: Final = ("LegalMonetaryTotal", "AnticipatedMonetaryTotal", "RequestedMonetaryTotal")
_DELIVERY: Final = (
    "Delivery/PromisedDeliveryPeriod/EndDate",
    "Delivery/PromisedDeliveryPeriod/StartDate",
    "Delivery/ActualDeliveryDate",
    "Delivery/RequestedDeliveryPeriod/EndDate",
    "Delivery/RequestedDeliveryPeriod/StartDate",
    "Delivery/LatestDeliveryDate",
    "Shipment/Delivery/EstimatedDeliveryPeriod/EndDate",
    "Delivery/RequestedDeliveryDate",
)

_HEADER: Final[dict[str, tuple[str, ...]]] = {
    "number": ("ID",),
    "issue_date": ("IssueDate",),
    "customer_number": (
        "BuyerCustomerParty/SupplierAssignedAccountID",
        "AccountingCustomerParty/SupplierAssignedAccountID",
    ),
    "delivery_note_reference": ("DespatchDocumentReference/ID",),
    "seller_name": tuple(f"{party}/{name}" for party in _SELLERS for name in _NAMES),
    "seller_email": tuple(f"{party}/Contact/ElectronicMail" for party in _SELLERS),
    "seller_iban": ("PaymentMeans/PayeeFinancialAccount/ID",),
    "buyer_name": tuple(f"{party}/{name}" for party in _BUYERS for name in _NAMES),
    "currency": ("DocumentCurrencyCode",),
    "net_total": tuple(f"{total}/TaxExclusiveAmount" for total in _TOTALS),
    "gross_total": tuple(f"{total}/TaxInclusiveAmount" for total in _TOTALS),
    "charges_total": tuple(f"{total}/ChargeTotalAmount" for total in _TOTALS),
    "allowances_total": tuple(f"{total}/AllowanceTotalAmount" for total in _TOTALS),
    "payment_terms": ("PaymentTerms/Note",),
    "incoterm": ("DeliveryTerms/ID",),
    "delivery_date": _DELIVERY,
}
_LINE: Final[dict[str, tuple[str, ...]]] = {
    "pos": ("ID",),
    "seller_article": ("Item/SellersItemIdentification/ID",),
    "buyer_article": ("Item/BuyersItemIdentification/ID",),
    "gtin": ("Item/StandardItemIdentification/ID",),
    "description": ("Item/Name", "Item/Description"),
    "quantity": ("InvoicedQuantity", "CreditedQuantity", "DeliveredQuantity", "Quantity"),
    "unit_price": ("Price/PriceAmount",),
    "price_base": ("Price/BaseQuantity",),
    "tax_rate": ("Item/ClassifiedTaxCategory/Percent",),
    "line_total": ("LineExtensionAmount",),
    "delivery_date": _DELIVERY,
}
_LINES: Final = ("InvoiceLine", "CreditNoteLine", "DespatchLine", "OrderLine")

# Peppol BIS Ordering 3, order response codes (UNCL 4343) and line status codes (UNCL 1229).
_RESPONSES: Final = {
    "AB": ("order_received", "info", "The supplier has received the order and not yet decided."),
    "AP": ("order_accepted", "info", "The supplier accepts the order."),
    "CA": ("order_amended", "warning", "The supplier accepts the order with changes."),
    "RE": ("order_rejected", "error", "The supplier rejects the order."),
}
_LINE_STATES: Final = {
    "1": ("line_added", "warning", "The supplier added this line."),
    "3": ("line_amended", "warning", "The supplier changed this line."),
    "5": ("line_accepted", "info", "The supplier accepts this line."),
    "7": ("line_rejected", "error", "The supplier rejects this line."),
    "42": ("line_delivered", "info", "This line has already been delivered."),
}


class UblExtractor(Extractor):
    key: ClassVar[str] = "ubl"
    version: ClassVar[str] = "1"

    def score(self, source: Source) -> int | None:
        if source.media_type != media.XML:
            return None
        return 90 if b"oasis:names:specification:ubl:schema" in source.content[:65536] else None

    def extract(self, source: Source) -> list[Extraction]:
        found = documents(parse(source.content), ROOTS)
        if not found:
            raise UnreadableError("not_ubl", "The XML holds no UBL document of a kind we read.")
        return [_read(node) for node in found]


def _read(root: Node) -> Extraction:
    header = Fields(root)
    header.take_all(_HEADER)
    _order_references(root, header)
    _parties(root, header)
    _totals(root, header)
    findings = _response(root)
    lines = []
    for index, node in enumerate(child for name in _LINES for child in root.all(name)):
        line = header.below(node, f"lines.{index}.")
        lines.append(_line(node, line))
        findings.extend(_line_state(node, f"lines.{index}"))
    known = {item.name for item in fields(CanonicalDocument)}
    document = CanonicalDocument(
        doc_type=_doc_type(root),
        lines=tuple(lines),
        confidence=1.0,
        findings=tuple(findings),
        **{name: value for name, value in header.values.items() if name in known},
    )
    return Extraction(document=document, evidence=header.evidence)


def _doc_type(root: Node) -> str:
    code = root.first("InvoiceTypeCode")
    if code is not None and code.text in _CREDIT_CODES:
        return "credit_note"
    return ROOTS[root.name]


def _order_references(root: Node, header: Fields) -> None:
    """The order referred to: of the header, or of the lines where they name several."""
    seen: dict[str, Node] = {}
    for path in ("OrderReference/ID", *(f"{line}/OrderLineReference/OrderReference/ID" for line in _LINES)):
        for node in root.all(path):
            # Peppol prescribes "NA" where an invoice has a sales order but no purchase order number.
            if node.text and node.text != "NA":
                seen.setdefault(node.text, node)
    for index, node in enumerate(seen.values()):
        if index == 0:
            header.put("order_reference", node)
        header.note(f"order_references.{index}", node)
    header.values["order_references"] = tuple(seen)


def _parties(root: Node, header: Fields) -> None:
    for name, parties in (("seller_vat_id", _SELLERS), ("buyer_vat_id", _BUYERS)):
        for scheme in (node for party in parties for node in root.all(f"{party}/PartyTaxScheme")):
            kind, number = scheme.first("TaxScheme/ID"), scheme.first("CompanyID")
            if number is not None and number.text and (kind is None or kind.text in {"VAT", "VA", ""}):
                header.put(name, number)
                break
    for path in ("Delivery/DeliveryLocation/Address", "Delivery/DeliveryAddress"):
        address = root.first(path)
        if address is not None and address.joined():
            header.put("ship_to", address, address.joined())
            break


def _totals(root: Node, header: Fields) -> None:
    currency = header.values.get("currency")
    # A second TaxTotal states the tax in the accounting currency (EN 16931 BT-111).
    amounts = [node for node in root.all("TaxTotal/TaxAmount") if node.text]
    own = [node for node in amounts if currency is None or node.attribute("currencyID") in {None, currency}]
    for node in (own or amounts)[:1]:
        header.put("tax_total", node)
    if currency is None:
        for node in (node for total in _TOTALS for node in root.all(f"{total}/*")):
            if node.attribute("currencyID"):
                header.put_attribute("currency", node, "currencyID")
                break
    if "gross_total" not in header.values and not any(
        root.first(f"{total}/PrepaidAmount") for total in _TOTALS
    ):
        header.take("gross_total", tuple(f"{total}/PayableAmount" for total in _TOTALS))


def _line(node: Node, line: Fields) -> Line:
    item = node.first("LineItem") or node
    line.node = item
    line.take_all(_LINE)
    for path in _LINE["quantity"]:
        quantity = item.first(path)
        if quantity is not None and quantity.attribute("unitCode"):
            line.put_attribute("unit", quantity, "unitCode")
            break
    for allowance in item.all("AllowanceCharge"):
        factor, charge = allowance.first("MultiplierFactorNumeric"), allowance.first("ChargeIndicator")
        if (
            factor is not None
            and factor.text
            and charge is not None
            and charge.text.lower() in {"false", "0"}
        ):
            line.put("discount", factor)
            break
    for owner in (node, item):
        line.node = owner
        line.take("order_line_ref", ("OrderLineReference/LineID",))
    return Line(**line.values)


def _response(root: Node) -> list[Finding]:
    code = root.first("OrderResponseCode")
    if root.name == "OrderCancellation":
        return [Finding(code="order_cancelled", message="The buyer cancels the order.", severity="warning")]
    accepted = root.first("AcceptedIndicator")
    text = code.text if code is not None else ""
    if accepted is not None:
        text = "AP" if accepted.text.lower() in {"true", "1"} else "RE"
    if text not in _RESPONSES:
        return []
    name, severity, message = _RESPONSES[text]
    return [Finding(code=name, severity=severity, message=message)]


def _line_state(node: Node, path: str) -> list[Finding]:
    code = node.first("LineItem/LineStatusCode")
    if code is None or code.text not in _LINE_STATES:
        return []
    name, severity, message = _LINE_STATES[code.text]
    return [Finding(code=name, field=path, severity=severity, message=message)]
