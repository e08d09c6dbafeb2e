"""UBL 2.1 OrderResponse and Invoice, written element by element in the schema's order."""

from decimal import Decimal

from lxml import etree

from zalion.demo.documents import Document, Line
from zalion.demo.suppliers import Company

CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
ROOT = "urn:oasis:names:specification:ubl:schema:xsd:{}-2"
UNITS = {"pcs": "H87", "ea": "EA", "m": "MTR"}
COUNTRIES = {"Deutschland": "DE", "Nederland": "NL"}
PEPPOL_INVOICE = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"


def write(document: Document) -> bytes:
    """The document as UBL: an Invoice for an invoice, an OrderResponse for a confirmation."""
    return _invoice(document) if document.kind == "invoice" else _order_response(document)


class _Node:
    """Builds below one element, so that code reads like the document."""

    def __init__(self, element: etree._Element) -> None:
        self.element = element

    def add(self, name: str, text: str, **attributes: str) -> "_Node":
        child = etree.SubElement(self.element, f"{{{CBC}}}{name}", attributes)
        child.text = text
        return self

    def group(self, name: str) -> "_Node":
        return _Node(etree.SubElement(self.element, f"{{{CAC}}}{name}"))


def _root(name: str) -> _Node:
    namespaces = f'xmlns="{ROOT.format(name)}" xmlns:cac="{CAC}" xmlns:cbc="{CBC}"'
    return _Node(etree.fromstring(f"<{name} {namespaces}/>"))


def _bytes(root: _Node) -> bytes:
    return bytes(etree.tostring(root.element, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _order_response(document: Document) -> bytes:
    root = _root("OrderResponse")
    root.add("UBLVersionID", "2.1").add("ID", document.number).add("IssueDate", document.issued.isoformat())
    root.add("OrderResponseCode", "AP", listID="UNCL4343")
    root.add("Note", "We thank you for your order and confirm as follows.")
    root.add("DocumentCurrencyCode", document.supplier.currency)
    root.add("LineCountNumeric", str(len(document.lines)))
    reference = root.group("OrderReference")
    reference.add("ID", document.order.number).add("IssueDate", document.order.placed.isoformat())
    _party(root.group("SellerSupplierParty").group("Party"), document.supplier)
    _party(root.group("BuyerCustomerParty").group("Party"), document.order.buyer)
    terms = root.group("DeliveryTerms")
    terms.add("ID", document.supplier.incoterm.split()[0]).add("SpecialTerms", document.supplier.incoterm)
    root.group("PaymentTerms").add("Note", document.supplier.terms)
    _tax(root, document)
    _sums(root, document)
    for number, line in enumerate(document.lines, start=1):
        order_line = root.group("OrderLine")
        item = order_line.group("LineItem")
        item.add("ID", str(number)).add("LineStatusCode", "5")
        item.add("Quantity", str(line.quantity), unitCode=UNITS[line.article.unit])
        item.add("LineExtensionAmount", str(line.total), currencyID=document.supplier.currency)
        period = item.group("Delivery").group("PromisedDeliveryPeriod")
        period.add("StartDate", line.delivery.isoformat()).add("EndDate", line.delivery.isoformat())
        _price(item, document, line)
        _item(item, document, line)
        order_line.group("OrderLineReference").add("LineID", line.pos)
    return _bytes(root)


def _invoice(document: Document) -> bytes:
    root = _root("Invoice")
    root.add("CustomizationID", PEPPOL_INVOICE)
    root.add("ProfileID", "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0")
    root.add("ID", document.number).add("IssueDate", document.issued.isoformat()).add(
        "InvoiceTypeCode", "380"
    )
    root.add("DocumentCurrencyCode", document.supplier.currency)
    root.add("BuyerReference", document.order.person.name)
    root.group("OrderReference").add("ID", document.order.number)
    _party(root.group("AccountingSupplierParty").group("Party"), document.supplier)
    _party(root.group("AccountingCustomerParty").group("Party"), document.order.buyer)
    means = root.group("PaymentMeans").add("PaymentMeansCode", "30").add("PaymentID", document.number)
    account = means.group("PayeeFinancialAccount").add("ID", document.supplier.iban)
    account.group("FinancialInstitutionBranch").add("ID", document.supplier.bic)
    root.group("PaymentTerms").add("Note", document.supplier.terms)
    _tax(root, document)
    _sums(root, document)
    for number, line in enumerate(document.lines, start=1):
        group = root.group("InvoiceLine").add("ID", str(number))
        group.add("InvoicedQuantity", str(line.quantity), unitCode=UNITS[line.article.unit])
        group.add("LineExtensionAmount", str(line.total), currencyID=document.supplier.currency)
        group.group("OrderLineReference").add("LineID", line.pos)
        _item(group, document, line)
        _price(group, document, line)
    return _bytes(root)


def _party(party: _Node, company: Company) -> None:
    party.add("EndpointID", company.vat_id, schemeID="9944" if company.vat_id.startswith("NL") else "9930")
    party.group("PartyName").add("Name", company.name)
    code, _, town = company.city.partition(" ")
    if company.vat_id.startswith("NL"):
        code, town = company.city[:7], company.city[8:]
    address = party.group("PostalAddress").add("StreetName", company.street)
    address.add("CityName", town).add("PostalZone", code)
    address.group("Country").add("IdentificationCode", COUNTRIES[company.country])
    party.group("PartyTaxScheme").add("CompanyID", company.vat_id).group("TaxScheme").add("ID", "VAT")
    party.group("PartyLegalEntity").add("RegistrationName", company.name)
    contact = party.group("Contact").add("Name", company.person.name)
    contact.add("ElectronicMail", company.person.email)


def _tax(root: _Node, document: Document) -> None:
    currency = document.supplier.currency
    total = root.group("TaxTotal").add("TaxAmount", str(document.tax), currencyID=currency)
    part = total.group("TaxSubtotal").add("TaxableAmount", str(document.net), currencyID=currency)
    category = part.add("TaxAmount", str(document.tax), currencyID=currency).group("TaxCategory")
    category.add("ID", "K").add("Percent", str(document.tax_rate))
    category.add("TaxExemptionReasonCode", "VATEX-EU-IC").group("TaxScheme").add("ID", "VAT")


def _sums(root: _Node, document: Document) -> None:
    amounts: tuple[tuple[str, Decimal], ...] = (
        ("LineExtensionAmount", document.goods),
        ("TaxExclusiveAmount", document.net),
        ("TaxInclusiveAmount", document.gross),
        ("PayableAmount", document.gross),
    )
    group = root.group("LegalMonetaryTotal")
    for name, amount in amounts:
        group.add(name, str(amount), currencyID=document.supplier.currency)


def _price(group: _Node, document: Document, line: Line) -> None:
    price = group.group("Price")
    price.add("PriceAmount", str(line.article.price), currencyID=document.supplier.currency)
    price.add("BaseQuantity", str(line.article.base), unitCode=UNITS[line.article.unit])


def _item(group: _Node, document: Document, line: Line) -> None:
    article = line.article
    item = group.group("Item")
    if article.details:
        item.add("Description", ", ".join(article.details))
    item.add("Name", article.name)
    item.group("BuyersItemIdentification").add("ID", article.buyer_number)
    item.group("SellersItemIdentification").add("ID", article.number)
    category = item.group("ClassifiedTaxCategory").add("ID", "K").add("Percent", str(document.tax_rate))
    category.group("TaxScheme").add("ID", "VAT")
