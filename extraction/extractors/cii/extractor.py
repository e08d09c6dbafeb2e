"""Cross Industry orders and invoices, in the names of ZUGFeRD 1 (2014) and of all that came after it."""

from typing import ClassVar, Final

from extraction import media
from extraction.codes import (
    DOCUMENT_CODES,
    FUNCTION_CODES,
    LINE_CODES,
    STATUS_CODES,
    line_answer,
    order_answer,
)
from extraction.extractor import Extractor, Source, UnreadableError
from extraction.layout.arithmetic import line_changed
from extraction.schemas import CanonicalDocument, Extraction, Finding, Line
from extraction.xmltree import Fields, Node, Paths, documents, opening, parse

_ORDER_ROOTS: Final = ("SCRDMCCBDACIO", "CrossIndustryOrder")
_ROOTS: Final = (*_ORDER_ROOTS, "CrossIndustryInvoice", "CrossIndustryDocument")

_EXCHANGED: Final = "ExchangedDocument|HeaderExchangedDocument"
_DEAL: Final = "SupplyChainTradeTransaction|SpecifiedSupplyChainTradeTransaction"
_AGREEMENT: Final = f"{_DEAL}/ApplicableHeaderTradeAgreement|ApplicableSupplyChainTradeAgreement"
_DELIVERY: Final = f"{_DEAL}/ApplicableHeaderTradeDelivery|ApplicableSupplyChainTradeDelivery"
_SETTLEMENT: Final = f"{_DEAL}/ApplicableHeaderTradeSettlement|ApplicableSupplyChainTradeSettlement"
_SUMS: Final = (
    f"{_SETTLEMENT}/SpecifiedTradeSettlementHeaderMonetarySummation|SpecifiedTradeSettlementMonetarySummation"
)
_LINES: Final = f"{_DEAL}/IncludedSupplyChainTradeLineItem"
_NUMBER: Final = "IssuerAssignedID|ID"
_DAY: Final = "DateTimeString|DateTime|DateString|Date"
_NAMES: Final = ("Name", "SpecifiedLegalOrganization/TradingBusinessName")
_TOTALS: Final = {
    "net_total": "TaxBasisTotalAmount",
    "tax_total": "TaxTotalAmount",
    "gross_total": "GrandTotalAmount",
}

# What the supplier says of a delivery goes before what the buyer wished for.
_EVENTS: Final = tuple(
    f"{kind}{movement}SupplyChainEvent/{when}/{_DAY}"
    for kind in ("Promised", "Planned", "Actual", "Requested")
    for movement in ("Delivery", "Despatch", "PickUp")
    for when in (
        "OccurrenceDateTime",
        "OccurrenceSpecifiedPeriod/EndDateTime",
        "OccurrenceSpecifiedPeriod/StartDateTime",
    )
)

_HEADER: Final[Paths] = {
    "number": (f"{_EXCHANGED}/ID",),
    "issue_date": (f"{_EXCHANGED}/IssueDateTime/{_DAY}", f"{_EXCHANGED}/IssueDateTime"),
    "customer_number": (f"{_AGREEMENT}/BuyerTradeParty/ID",),
    "delivery_note_reference": (
        f"{_DELIVERY}/DespatchAdviceReferencedDocument/{_NUMBER}",
        f"{_DELIVERY}/DeliveryNoteReferencedDocument/{_NUMBER}",
    ),
    "seller_name": tuple(f"{_AGREEMENT}/SellerTradeParty/{name}" for name in _NAMES),
    "seller_email": (
        f"{_AGREEMENT}/SellerTradeParty/DefinedTradeContact/EmailURIUniversalCommunication/URIID|CompleteNumber",
    ),
    "seller_iban": (
        f"{_SETTLEMENT}/SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/IBANID",
    ),
    "buyer_name": tuple(f"{_AGREEMENT}/BuyerTradeParty/{name}" for name in _NAMES),
    "currency": (f"{_SETTLEMENT}/InvoiceCurrencyCode|OrderCurrencyCode", f"{_SUMS}/*/@currencyID"),
    "charges_total": (f"{_SUMS}/ChargeTotalAmount",),
    "allowances_total": (f"{_SUMS}/AllowanceTotalAmount",),
    "payment_terms": (f"{_SETTLEMENT}/SpecifiedTradePaymentTerms/Description",),
    "incoterm": (
        f"{_AGREEMENT}/ApplicableTradeDeliveryTerms/DeliveryTypeCode",
        f"{_DELIVERY}/ApplicableTradeDeliveryTerms/DeliveryTypeCode",
    ),
    "delivery_date": tuple(f"{_DELIVERY}/{event}" for event in _EVENTS),
}

_LINE_DOCUMENT: Final = "AssociatedDocumentLineDocument"
_LINE_AGREEMENT: Final = "SpecifiedLineTradeAgreement|SpecifiedSupplyChainTradeAgreement"
_LINE_DELIVERY: Final = "SpecifiedLineTradeDelivery|SpecifiedSupplyChainTradeDelivery"
_LINE_SETTLEMENT: Final = "SpecifiedLineTradeSettlement|SpecifiedSupplyChainTradeSettlement"
_LINE_SUMS: Final = (
    f"{_LINE_SETTLEMENT}/"
    "SpecifiedTradeSettlementLineMonetarySummation|SpecifiedTradeSettlementMonetarySummation"
)
_QUANTITIES: Final = tuple(
    f"{_LINE_DELIVERY}/{kind}Quantity" for kind in ("Agreed", "Billed", "Despatched", "Requested")
)
# Order-X names an article that takes another's place in a way of its own.
_PRODUCTS: Final = ("SpecifiedTradeProduct", "SubstitutedReferencedProduct")
_LINE: Final[Paths] = {
    "pos": (f"{_LINE_DOCUMENT}/LineID",),
    "seller_article": tuple(f"{product}/SellerAssignedID" for product in _PRODUCTS),
    "buyer_article": tuple(f"{product}/BuyerAssignedID" for product in _PRODUCTS),
    "gtin": tuple(f"{product}/GlobalID" for product in _PRODUCTS),
    "description": tuple(f"{product}/{name}" for product in _PRODUCTS for name in ("Name", "Description")),
    "quantity": _QUANTITIES,
    "unit": tuple(f"{quantity}/@unitCode" for quantity in _QUANTITIES),
    "unit_price": (
        f"{_LINE_AGREEMENT}/NetPriceProductTradePrice/ChargeAmount",
        f"{_LINE_AGREEMENT}/GrossPriceProductTradePrice/ChargeAmount",
    ),
    "price_base": (
        f"{_LINE_AGREEMENT}/NetPriceProductTradePrice/BasisQuantity",
        f"{_LINE_AGREEMENT}/GrossPriceProductTradePrice/BasisQuantity",
    ),
    "tax_rate": (f"{_LINE_SETTLEMENT}/ApplicableTradeTax/RateApplicablePercent|ApplicablePercent",),
    "line_total": (f"{_LINE_SUMS}/LineTotalAmount",),
    "delivery_date": tuple(f"{_LINE_DELIVERY}/{event}" for event in _EVENTS),
    "order_line_ref": (f"{_LINE_AGREEMENT}/BuyerOrderReferencedDocument/LineID",),
}


class CiiExtractor(Extractor):
    key: ClassVar[str] = "cii"
    version: ClassVar[str] = "3"

    def score(self, source: Source) -> int | None:
        if source.media_type != media.XML:
            return None
        head = opening(source.content)
        return 90 if any(root in head for root in _ROOTS) else None

    def extract(self, source: Source) -> list[Extraction]:
        found = [_read(node) for node in documents(parse(source.content), _is_document)]
        if not found:
            raise UnreadableError("not_cii", "The XML holds no Cross Industry document of a kind we read.")
        return found


def _is_document(node: Node) -> bool:
    return node.name.startswith(_ROOTS)


def _read(root: Node) -> Extraction:
    header = Fields(root)
    header.take_all(_HEADER)
    places = (_AGREEMENT, f"{_LINES}/{_LINE_AGREEMENT}")
    header.references(
        node for place in places for node in root.all(f"{place}/BuyerOrderReferencedDocument/{_NUMBER}")
    )
    _parties(root, header)
    _totals(root, header)
    doc_type = _doc_type(root)
    findings = _answer(root) if doc_type == "order_confirmation" else []
    lines: list[Line] = []
    for node in root.all(_LINES):
        if not _is_position(node):
            continue
        answer = LINE_CODES.get(node.value(f"{_LINE_DOCUMENT}/LineStatusCode"))
        if answer:
            findings.append(line_answer(answer, len(lines)))
        lines.append(_line(node, header.below(node, f"lines.{len(lines)}.")))
        changes = node.all(f"{_LINE_SETTLEMENT}/SpecifiedTradeAllowanceCharge")
        given = ((item.value("ChargeIndicator/Indicator"), item.value("ActualAmount")) for item in changes)
        findings.extend(line_changed(lines[-1], given, len(lines) - 1))
    document = CanonicalDocument(
        doc_type=doc_type,
        lines=tuple(lines),
        confidence=1.0,
        findings=tuple(findings),
        **header.known(),
    )
    return Extraction(document=document, evidence=header.evidence)


def _is_position(node: Node) -> bool:
    """ZUGFeRD 1 keeps free texts in lines of their own; the profile EXTENDED has lines that sum up or explain others
    (BT-X-7, BT-X-8), which would count twice."""
    kinds = {item.text.upper() for item in node.all(f"{_LINE_DOCUMENT}/LineStatusReasonCode|LineStatusCode")}
    if kinds & {"GROUP", "INFORMATION"}:
        return False
    return node.first("|".join(_PRODUCTS)) is not None or node.first(_LINE_SUMS) is not None


def _doc_type(root: Node) -> str:
    coded = DOCUMENT_CODES.get(root.value(f"{_EXCHANGED}/TypeCode"))
    return coded or ("order" if root.name.startswith(_ORDER_ROOTS) else "invoice")


def _parties(root: Node, header: Fields) -> None:
    for name, party in (("seller_vat_id", "SellerTradeParty"), ("buyer_vat_id", "BuyerTradeParty")):
        for number in root.all(f"{_AGREEMENT}/{party}/SpecifiedTaxRegistration/ID"):
            if number.attribute("schemeID") in {"VA", "VAT", None} and name not in header.values:
                header.put(name, number)
    if "seller_email" not in header.values:
        for address in root.all(f"{_AGREEMENT}/SellerTradeParty/URIUniversalCommunication/URIID"):
            if address.attribute("schemeID") == "EM":
                header.put("seller_email", address)
    party_to = root.first(f"{_DELIVERY}/ShipToTradeParty")
    if party_to is not None:
        parts = [node.text for path in ("Name", "PostalTradeAddress/*") for node in party_to.all(path)]
        header.put("ship_to", party_to, ", ".join(part for part in parts if part))


def _totals(root: Node, header: Fields) -> None:
    currency = header.values.get("currency")
    for name, total in _TOTALS.items():
        # A second amount states the same in the accounting currency (EN 16931 BT-111).
        amounts = [node for node in root.all(f"{_SUMS}/{total}") if node.text]
        own = [node for node in amounts if node.attribute("currencyID") in {None, currency}]
        for node in (own or amounts)[:1]:
            header.put(name, node)


def _line(node: Node, line: Fields) -> Line:
    line.take_all(_LINE)
    # Several allowances of one line add up in ways that one percentage does not tell.
    allowances = list(node.all(f"{_LINE_SETTLEMENT}/SpecifiedTradeAllowanceCharge"))
    if len(allowances) == 1 and allowances[0].value("ChargeIndicator/Indicator").lower() in {"false", "0"}:
        line.node = allowances[0]
        line.take("discount", ("CalculationPercent",))
    return Line(**line.values)


def _answer(root: Node) -> list[Finding]:
    answer = STATUS_CODES.get(root.value(f"{_EXCHANGED}/StatusCode")) or FUNCTION_CODES.get(
        root.value(f"{_EXCHANGED}/PurposeCode")
    )
    return [order_answer(answer)] if answer else []
