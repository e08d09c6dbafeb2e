"""UBL 2 orders and their answers, quotations, invoices, credit notes and despatch advices, read by local name."""

from typing import ClassVar, Final

from extraction import media
from extraction.codes import (
    DOCUMENT_CODES,
    LINE_CODES,
    RESPONSE_CODES,
    line_answer,
    order_answer,
)
from extraction.extractor import Extractor, Source, UnreadableError
from extraction.layout.arithmetic import line_changed
from extraction.schemas import CanonicalDocument, Extraction, Finding, Line, decimal_of
from extraction.xmltree import Fields, Node, documents, opening, parse

_NAMESPACE: Final = "urn:oasis:names:specification:ubl:schema:"

ROOTS: Final = {
    "Order": "order",
    "OrderResponse": "order_confirmation",
    "OrderResponseSimple": "order_confirmation",
    "OrderChange": "order_change",
    "OrderCancellation": "order_cancellation",
    "Quotation": "quote",
    "Invoice": "invoice",
    "SelfBilledInvoice": "invoice",
    "FreightInvoice": "invoice",
    "DebitNote": "invoice",
    "CreditNote": "credit_note",
    "SelfBilledCreditNote": "credit_note",
    "DespatchAdvice": "delivery_note",
}
_BILLS: Final = frozenset({"invoice", "credit_note"})

_SELLERS: Final = (
    "SellerSupplierParty/Party",
    "AccountingSupplierParty/Party",
    "DespatchSupplierParty/Party",
)
_BUYERS: Final = ("BuyerCustomerParty/Party", "AccountingCustomerParty/Party", "DeliveryCustomerParty/Party")
_NAMES: Final = ("PartyLegalEntity/RegistrationName", "PartyName/Name", "PartyTaxScheme/RegistrationName")
_TOTALS: Final = (
    "LegalMonetaryTotal",
    "AnticipatedMonetaryTotal",
    "RequestedMonetaryTotal",
    "QuotedMonetaryTotal",
)
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
    "seller_email": tuple(f"{party}/Contact/ElectronicMail" for party in _SELLERS),
    "seller_iban": ("PaymentMeans/PayeeFinancialAccount/ID",),
    "currency": ("DocumentCurrencyCode", "PricingCurrencyCode"),
    "net_total": tuple(f"{total}/TaxExclusiveAmount" for total in _TOTALS),
    "gross_total": tuple(f"{total}/TaxInclusiveAmount" for total in _TOTALS),
    "charges_total": tuple(f"{total}/ChargeTotalAmount" for total in _TOTALS),
    "allowances_total": tuple(f"{total}/AllowanceTotalAmount" for total in _TOTALS),
    "payment_terms": ("PaymentTerms/Note",),
    "incoterm": ("DeliveryTerms/ID",),
    "delivery_date": _DELIVERY,
}
_QUANTITIES: Final = (
    "InvoicedQuantity",
    "CreditedQuantity",
    "DebitedQuantity",
    "DeliveredQuantity",
    "Quantity",
)
_LINE: Final[dict[str, tuple[str, ...]]] = {
    "pos": ("ID",),
    "seller_article": ("Item/SellersItemIdentification/ID",),
    "buyer_article": ("Item/BuyersItemIdentification/ID",),
    "gtin": ("Item/StandardItemIdentification/ID",),
    "description": ("Item/Name", "Item/Description"),
    "quantity": _QUANTITIES,
    "unit": tuple(f"{quantity}/@unitCode" for quantity in _QUANTITIES),
    "unit_price": ("Price/PriceAmount",),
    "price_base": ("Price/BaseQuantity",),
    "tax_rate": ("Item/ClassifiedTaxCategory/Percent",),
    "line_total": ("LineExtensionAmount",),
    "delivery_date": _DELIVERY,
}
_LINES: Final = (
    "InvoiceLine",
    "CreditNoteLine",
    "DebitNoteLine",
    "DespatchLine",
    "OrderLine",
    "QuotationLine",
)
# Where an amount says in what currency the document is, when nothing else does.
_AMOUNTS: Final = (
    *(f"{total}/*/@currencyID" for total in _TOTALS),
    *(
        f"{line}/{amount}/@currencyID"
        for line in _LINES
        for amount in ("*", "LineItem/*", "LineItem/Price/*")
    ),
)


class UblExtractor(Extractor):
    key: ClassVar[str] = "ubl"
    version: ClassVar[str] = "3"

    def score(self, source: Source) -> int | None:
        if source.media_type != media.XML:
            return None
        return 90 if _NAMESPACE in opening(source.content) else None

    def extract(self, source: Source) -> list[Extraction]:
        found = [_read(node) for node in documents(parse(source.content), _is_document)]
        if not found:
            raise UnreadableError("not_ubl", "The XML holds no UBL document of a kind we read.")
        return found


def _is_document(node: Node) -> bool:
    return node.name in ROOTS and node.namespace.startswith(_NAMESPACE)


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
        findings.extend(_line_state(node, index))
        changes = (node.first("LineItem") or node).all("AllowanceCharge")
        given = ((item.value("ChargeIndicator"), item.value("Amount")) for item in changes)
        findings.extend(line_changed(lines[-1], given, index))
    document = CanonicalDocument(
        doc_type=_doc_type(root),
        lines=tuple(lines),
        confidence=1.0,
        findings=tuple(findings),
        **header.known(),
    )
    return Extraction(document=document, evidence=header.evidence)


def _doc_type(root: Node) -> str:
    named = ROOTS[root.name]
    # An Invoice can be a credit note by its code (UNCL 1001).
    coded = DOCUMENT_CODES.get(root.value("InvoiceTypeCode"))
    return coded if coded == "credit_note" else named


def _order_references(root: Node, header: Fields) -> None:
    """The order referred to: of the header, or of the lines where they name several."""
    paths = ("OrderReference/ID", *(f"{line}/OrderLineReference/OrderReference/ID" for line in _LINES))
    # Peppol prescribes "NA" where an invoice has a sales order but no purchase order number.
    header.references(node for path in paths for node in root.all(path) if node.text != "NA")
    if root.name == "Order" and not header.values["order_references"]:
        # An order refers to the requisition it came from.
        header.references(root.all("OriginatorDocumentReference/ID"))


def _parties(root: Node, header: Fields) -> None:
    is_bill = ROOTS[root.name] in _BILLS
    for prefix, roles in (("seller", _SELLERS), ("buyer", _BUYERS)):
        # Seller and buyer of a bill are the accounting parties (EN 16931 BG-4, BG-7); others may be named beside them.
        parties = sorted(roles, key=lambda role: not role.startswith("Accounting")) if is_bill else roles
        header.take(f"{prefix}_name", tuple(f"{party}/{name}" for party in parties for name in _NAMES))
        for scheme in (node for party in parties for node in root.all(f"{party}/PartyTaxScheme")):
            number = scheme.first("CompanyID")
            if number is not None and number.text and _is_vat(scheme):
                header.put(f"{prefix}_vat_id", number)
                break
    # EN 16931 BT-46; a number with a scheme is nobody's customer number.
    for number in root.all("AccountingCustomerParty/Party/PartyIdentification/ID") if is_bill else ():
        if "customer_number" not in header.values and number.attribute("schemeID") is None:
            header.put("customer_number", number)
    for path in ("Delivery/DeliveryLocation/Address", "Delivery/DeliveryAddress"):
        address = root.first(path)
        if address is not None and address.joined():
            header.put("ship_to", address, address.joined())
            break


def _is_vat(scheme: Node) -> bool:
    """UN/ECE 5153, which some write with the country; OIOUBL has a number for it."""
    named = [scheme.value(f"TaxScheme/{name}").upper() for name in ("ID", "TaxTypeCode")]
    return not any(named) or any(name in {"VA", "63"} or name.split()[-1:] == ["VAT"] for name in named)


def _totals(root: Node, header: Fields) -> None:
    currency = header.values.get("currency")
    # A second TaxTotal states the tax in the accounting currency (EN 16931 BT-111).
    amounts = [node for node in root.all("TaxTotal/TaxAmount") if node.text]
    own = [node for node in amounts if currency is None or node.attribute("currencyID") in {None, currency}]
    for node in (own or amounts)[:1]:
        header.put("tax_total", node)
    if currency is None:
        header.take("currency", _AMOUNTS)
    # What is to be paid is the total only where nothing was paid before and nothing is rounded.
    between = "PrepaidAmount|PayableRoundingAmount"
    if not any(decimal_of(node.text) for total in _TOTALS for node in root.all(f"{total}/{between}")):
        header.take("gross_total", tuple(f"{total}/PayableAmount" for total in _TOTALS))


def _line(node: Node, line: Fields) -> Line:
    item = node.first("LineItem") or node
    line.node = item
    line.take_all(_LINE)
    # Several allowances of one line add up in ways that one percentage does not tell.
    allowances = list(item.all("AllowanceCharge"))
    if len(allowances) == 1 and allowances[0].value("ChargeIndicator").lower() in {"false", "0"}:
        line.node = allowances[0]
        line.take("discount", ("MultiplierFactorNumeric",))
    for owner in (node, item):
        line.node = owner
        line.take("order_line_ref", ("OrderLineReference/LineID",))
    return Line(**line.values)


def _response(root: Node) -> list[Finding]:
    """Peppol BIS Ordering 3: the order response code, or that of a simple response."""
    if root.name == "OrderCancellation":
        return [order_answer("cancelled")]
    accepted = root.first("AcceptedIndicator")
    if accepted is not None:
        return [order_answer("accepted" if accepted.text.lower() in {"true", "1"} else "rejected")]
    answer = RESPONSE_CODES.get(root.value("OrderResponseCode"))
    return [order_answer(answer)] if answer else []


def _line_state(node: Node, index: int) -> list[Finding]:
    answer = LINE_CODES.get(node.value("LineItem/LineStatusCode"))
    return [line_answer(answer, index)] if answer else []
