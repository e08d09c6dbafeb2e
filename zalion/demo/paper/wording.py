"""How a house writes numbers, dates and the names of things, by language."""

from datetime import date
from decimal import Decimal

from zalion.demo.documents import Document

GERMAN = {
    "order_confirmation": "Auftragsbestätigung",
    "invoice": "Rechnung",
    "delivery_note": "Lieferschein",
    "quote": "Angebot",
    "page": "Seite {} von {}",
    "net": "Nettobetrag",
    "goods": "Warenwert",
    "gross": "Gesamtbetrag",
    "carried": "Übertrag",
}
ENGLISH = {
    "order_confirmation": "Order Acknowledgement",
    "invoice": "Invoice",
    "delivery_note": "Delivery Note",
    "quote": "Quotation",
    "page": "Page {} of {}",
    "net": "Net total",
    "goods": "Goods total",
    "gross": "Total",
    "carried": "Carried forward",
}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
EXEMPT = {
    "GB": "VAT: 0% - zero-rated export of goods",
    "NL": "VAT 0% - intra-Community supply, reverse charge",
    "IE": "VAT 0% - intra-Community supply, reverse charge",
    "AT": "Steuerfreie innergemeinschaftliche Lieferung gem. Art. 6 Abs. 1 UStG 1994",
}


def labels(document: Document) -> dict[str, str]:
    return GERMAN if document.supplier.language == "de" else ENGLISH


def german(amount: Decimal, places: int = 2) -> str:
    """1234.5 as 1.234,50."""
    return f"{amount:,.{places}f}".translate(str.maketrans(",.", ".,"))


def english(amount: Decimal, places: int = 2) -> str:
    """1234.5 as 1,234.50."""
    return f"{amount:,.{places}f}"


def number(document: Document, amount: Decimal, places: int = 2) -> str:
    write = german if document.supplier.language == "de" else english
    return write(amount, places)


def quantity(document: Document, amount: Decimal) -> str:
    """A quantity with as many places as it needs."""
    places = max(0, -int(amount.normalize().as_tuple().exponent))
    return number(document, amount, places)


def day(document: Document, when: date) -> str:
    """04.11.2026 in German, 04 Nov 2026 in English, Nov 4, 2026 in American paper."""
    if document.supplier.language == "de":
        return f"{when:%d.%m.%Y}"
    if document.supplier.currency == "USD":
        return f"{MONTHS[when.month - 1]} {when.day}, {when.year}"
    return f"{when.day:02d} {MONTHS[when.month - 1]} {when.year}"


def iban(text: str) -> str:
    """An IBAN in groups of four."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def exemption(document: Document) -> str:
    """Why no tax is charged; empty where it is, or where the country has none to charge."""
    return "" if document.tax_rate else EXEMPT.get(document.supplier.vat_id[:2], "")


def percent(document: Document, rate: Decimal) -> str:
    places = 1 if rate % 1 else 0
    return number(document, rate, places)


def country(document: Document) -> str:
    """The buyer's country in the supplier's language."""
    name = document.order.buyer.country
    return {"Deutschland": "Germany"}.get(name, name) if document.supplier.language == "en" else name
