"""Positions in two rows: numbers on the first, the article's name and its dates on the next."""

from decimal import Decimal

from zalion.demo.documents import Document, Line
from zalion.demo.paper.sheet import HELVETICA, POINT, Sheet
from zalion.demo.paper.wording import day, german, iban, labels, percent, quantity

LEFT, RIGHT, BOTTOM = 22.0, 194.0, 258.0
STOPS = {"pos": LEFT, "article": 34.0, "buyer": 76.0, "quantity": 124.0, "unit": 126.0, "price": 158.0}


def draw(document: Document) -> bytes:
    """The document with two-row positions."""
    sheet = Sheet(document, HELVETICA, size=9)
    supplier = document.supplier
    sheet.text(RIGHT, 18, "HYDRAULIK SÜD", size=22, bold=True, align="right", color=supplier.color)
    sheet.text(RIGHT, 23.5, supplier.tagline, size=9, align="right")
    sheet.rule(LEFT, 28, RIGHT, weight=2.5, color=supplier.color)
    _head(sheet, document)
    y = _header(sheet, document, 108)
    for line in document.lines:
        if y + 16 + 4 * len(line.deliveries) > BOTTOM:
            sheet.new_page()
            y = _header(sheet, document, 32)
        y = _position(sheet, document, line, y)
    y = _totals(sheet, document, y)
    _closing(sheet, document, y)
    return sheet.finish(lambda page, pages: _every_page(sheet, document, page, pages))


def _head(sheet: Sheet, document: Document) -> None:
    supplier, buyer = document.supplier, document.order.buyer
    sheet.text(LEFT, 44, f"{supplier.name}, {supplier.street}, {supplier.city}", size=6.5)
    sheet.block(LEFT, 51, [buyer.name, "Einkauf", buyer.street, buyer.city], size=10)
    title = labels(document)[document.kind]
    sheet.text(LEFT, 84, f"{title} Nr. {document.number}", size=14, bold=True)
    facts = [
        ("Datum:", day(document, document.issued)),
        ("Kunde:", supplier.customer_number),
        ("Ihr Zeichen:", document.order.person.name),
        ("Unser Zeichen:", supplier.person.name),
        ("Durchwahl:", supplier.person.phone),
    ]
    if document.delivery_note:
        facts.insert(1, ("Lieferschein:", document.delivery_note))
    y = 46.0
    for label, value in facts:
        sheet.text(128, y, label)
        sheet.text(RIGHT, y, value, align="right")
        y += 5
    reference = f"Ihre Bestellung {document.order.number} vom {day(document, document.order.placed)}"
    sheet.text(LEFT, 91, reference, bold=True)
    opening = "Wir bestätigen Ihren Auftrag zu den umseitigen Bedingungen:"
    if document.kind == "invoice":
        opening = f"Leistungsdatum {day(document, document.issued)}. Wir berechnen Ihnen:"
    sheet.text(LEFT, 99, opening)


def _header(sheet: Sheet, document: Document, y: float) -> float:
    below = "Bezeichnung / Liefertermin" if document.kind == "order_confirmation" else "Bezeichnung"
    step = sheet.size * POINT * 1.3
    sheet.rule(LEFT, y - 4.5, RIGHT, weight=0.8)
    for key, title, align in (
        ("pos", "Pos.", "left"),
        ("article", "Artikelnummer", "left"),
        ("buyer", "Ihre Artikelnummer", "left"),
        ("quantity", "Menge", "right"),
        ("unit", "Einheit", "left"),
        ("price", "Preis/Einheit", "right"),
    ):
        sheet.text(STOPS[key], y, title, bold=True, align=align, size=8)
    sheet.text(RIGHT, y, "Betrag EUR", bold=True, align="right", size=8)
    sheet.text(STOPS["article"], y + step, below, bold=True, size=8)
    sheet.rule(LEFT, y + step + 1.6, RIGHT, weight=0.8)
    return y + step + 6.5


def _position(sheet: Sheet, document: Document, line: Line, y: float) -> float:
    article = line.article
    step = sheet.size * POINT * 1.3
    sheet.text(STOPS["pos"], y, line.pos)
    sheet.text(STOPS["article"], y, article.number, bold=True)
    sheet.text(STOPS["buyer"], y, article.buyer_number)
    sheet.text(STOPS["quantity"], y, quantity(document, line.quantity), align="right")
    sheet.text(STOPS["unit"], y, article.unit)
    sheet.text(STOPS["price"], y, german(article.price), align="right")
    sheet.text(RIGHT, y, german(line.total), align="right")
    under = [article.name, *article.details]
    if document.kind == "order_confirmation" and len(line.deliveries) == 1:
        under.append(f"Liefertermin: {day(document, line.delivery)}")
    elif document.kind == "order_confirmation":
        under += [
            f"Teillieferung {quantity(document, amount)} {article.unit} am {day(document, when)}"
            for amount, when in line.deliveries
        ]
    y = sheet.block(STOPS["article"], y + step, under, leading=step)
    sheet.rule(LEFT, y - 2.4, RIGHT, weight=0.2, color=(150, 150, 150))
    return y + 2.2


def _totals(sheet: Sheet, document: Document, y: float) -> float:
    rows: list[tuple[str, Decimal]] = [("Summe Positionen", document.goods), *document.charges]
    rows += [
        ("Netto", document.net),
        (f"Umsatzsteuer {percent(document, document.tax_rate)} %", document.tax),
    ]
    if y + len(rows) * 5 + 10 > BOTTOM:
        sheet.new_page()
        y = 36
    for label, amount in rows:
        sheet.text(120, y + 1, label)
        sheet.text(RIGHT, y + 1, german(amount), align="right")
        y += 5
    sheet.rule(120, y - 2, RIGHT, weight=0.8)
    title = "Rechnungsbetrag EUR" if document.kind == "invoice" else "Auftragssumme EUR"
    sheet.text(120, y + 3, title, bold=True, size=10)
    sheet.text(RIGHT, y + 3, german(document.gross), bold=True, align="right", size=10)
    return y + 11


def _closing(sheet: Sheet, document: Document, y: float) -> None:
    supplier = document.supplier
    lines = [f"Zahlung: {supplier.terms}", f"Lieferung: {supplier.incoterm}", *document.notes]
    lines += ["", "Dieses Dokument wurde maschinell erstellt und ist ohne Unterschrift gültig."]
    if y + len(lines) * 4.2 > BOTTOM + 6:
        sheet.new_page()
        y = 36
    sheet.block(LEFT, y, lines)


def _every_page(sheet: Sheet, document: Document, page: int, pages: int) -> None:
    supplier = document.supplier
    if page > 1:
        sheet.text(LEFT, 20, f"{labels(document)[document.kind]} Nr. {document.number}", bold=True)
    sheet.text(RIGHT, 267, labels(document)["page"].format(page, pages), align="right", size=7.5)
    sheet.rule(LEFT, 270, RIGHT, weight=1, color=supplier.color)
    lines = [
        f"{supplier.name} · {supplier.street} · {supplier.city} · Telefon {supplier.phone} · {supplier.web}",
        f"{supplier.register} · USt-IdNr. {supplier.vat_id} · {supplier.directors}",
        f"Bankverbindung: {supplier.bank} · IBAN {iban(supplier.iban)} · BIC {supplier.bic}",
    ]
    sheet.block(LEFT, 274.5, lines, size=6.8, leading=3.2, color=(80, 80, 80))
