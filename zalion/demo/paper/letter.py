"""The classic German letter: address window, information block on the right, sums carried over pages."""

from dataclasses import dataclass
from decimal import Decimal

from zalion.demo.documents import ZERO, Document, Line
from zalion.demo.paper.sheet import HELVETICA, TIMES, VERA, Column, Face, Row, Sheet, Table
from zalion.demo.paper.wording import day, german, iban, labels, percent, quantity

LEFT, RIGHT, BOTTOM = 25.0, 192.0, 262.0


@dataclass(frozen=True)
class House:
    """What sets one house's letters apart: face, size, and how it calls its numbers."""

    face: Face
    size: float
    number: str
    customer: str
    order: str
    thanks: str
    closing: str


HOUSES = {
    "nordstahl": House(
        HELVETICA,
        9,
        "Auftrags-Nr.",
        "Kunden-Nr.",
        "Ihre Bestellung",
        "vielen Dank für Ihre Bestellung, die wir zu unseren Verkaufsbedingungen wie folgt bestätigen:",
        "Bitte prüfen Sie diese Bestätigung. Abweichungen melden Sie uns bitte binnen zwei Arbeitstagen.",
    ),
    "althoff": House(
        TIMES,
        10,
        "Unsere Auftrags-Nr.",
        "Ihre Kundennummer",
        "Ihre Bestell-Nr.",
        "wir danken für Ihren Auftrag und bestätigen Ihnen die Ausführung wie nachstehend angegeben.",
        "Mengenabweichungen von ± 5 % sind gießereiüblich. Legierungszuschläge gelten am Tag der Bestellung.",
    ),
    "drews": House(
        VERA,
        8,
        "Beleg-Nr.",
        "Kundennummer",
        "Bestellnummer",
        "wir freuen uns über Ihren Auftrag und liefern Ihnen wie folgt:",
        "Europaletten werden Zug um Zug getauscht oder berechnet.",
    ),
}
NUMBER_TITLES = {"invoice": "Rechnungs-Nr.", "delivery_note": "Lieferschein-Nr.", "quote": "Angebots-Nr."}


def draw(document: Document) -> bytes:
    """The document as a letter."""
    house = HOUSES[document.supplier.key]
    sheet = Sheet(document, house.face, size=house.size)
    _letterhead(sheet, document)
    _window(sheet, document)
    _information(sheet, document, house)
    title = labels(document)[document.kind]
    sheet.text(LEFT, 103, f"{title} {document.number}", size=house.size + 4, bold=True)
    y = sheet.block(LEFT, 112, [document.order.person.greeting_de])
    opening = house.thanks
    if document.kind == "invoice":
        opening = "für unsere Lieferung erlauben wir uns zu berechnen:"
    y = sheet.paragraph(LEFT, y + 2, RIGHT - LEFT, opening) + 2
    table = Table(
        sheet,
        _columns(document),
        LEFT,
        RIGHT,
        BOTTOM - 12,
        32,
        carry=(lambda count: ("Übertrag", german(_sum(document.lines[:count])))) if document.priced else None,
    )
    y = table.draw(y, [_row(document, line) for line in document.lines])
    if document.priced:
        y = _totals(sheet, document, y)
    _closing(sheet, document, house, y)
    return sheet.finish(lambda page, pages: _every_page(sheet, document, page, pages))


def _sum(lines: tuple[Line, ...]) -> Decimal:
    return sum((line.total for line in lines), ZERO)


def _letterhead(sheet: Sheet, document: Document) -> None:
    supplier = document.supplier
    if supplier.key == "althoff":
        sheet.text(105, 20, supplier.name, size=20, bold=True, align="center", color=supplier.color)
        sheet.text(105, 26.5, supplier.tagline, size=10, align="center")
        sheet.rule(LEFT, 30, RIGHT, weight=1.2, color=supplier.color)
        return
    left = LEFT if supplier.key == "nordstahl" else 114.0
    sheet.box(left, 13, 13, 13, fill=supplier.color, line=None)
    initials = supplier.name.split()[-2][0] if supplier.key == "drews" else supplier.name[0]
    sheet.text(left + 6.5, 22.6, initials, size=24, bold=True, align="center", color=(255, 255, 255))
    sheet.text(left + 16, 19, supplier.name, size=13, bold=True, color=supplier.color)
    sheet.text(left + 16, 24.5, supplier.tagline, size=8)


def _window(sheet: Sheet, document: Document) -> None:
    supplier, buyer = document.supplier, document.order.buyer
    sender = " · ".join((supplier.name, supplier.street, supplier.city))
    sheet.text(LEFT, 49, sender, size=6)
    sheet.rule(LEFT, 50, LEFT + 84, weight=0.3)
    attention = f"{'Herrn' if document.order.person.greeting_de.startswith('Sehr geehrter') else 'Frau'} "
    sheet.block(
        LEFT,
        56,
        [buyer.name, attention + document.order.person.name, buyer.street, "", buyer.city],
        size=sheet.size + 1,
        leading=4.8,
    )


def _information(sheet: Sheet, document: Document, house: House) -> None:
    person = document.supplier.person
    rows = [
        (NUMBER_TITLES.get(document.kind, house.number), document.number),
        ("Datum", day(document, document.issued)),
        (house.customer, document.supplier.customer_number),
        (house.order, document.order.number),
        ("vom", day(document, document.order.placed)),
        ("Ansprechpartner", person.name),
        ("Telefon", person.phone),
        ("E-Mail", person.email),
    ]
    if document.delivery_note:
        rows.insert(3, ("Lieferschein-Nr.", document.delivery_note))
    y = 52.0
    for label, value in rows:
        sheet.text(114, y, label, size=sheet.size - 1)
        sheet.text(143, y, value, size=sheet.size - 1)
        y += 4.6


def _columns(document: Document) -> list[Column]:
    name = Column("name", "Bezeichnung", 63, "left", 56 if document.priced else 86)
    columns = [
        Column("pos", "Pos.", LEFT, "left"),
        Column("article", "Artikel-Nr.", 34, "left"),
        name,
        Column("quantity", "Menge", 135 if document.priced else 172),
        Column("unit", "ME", 138 if document.priced else 176, "left"),
    ]
    if document.priced:
        columns += [Column("price", "Einzelpreis", 167), Column("total", "Gesamt EUR", RIGHT)]
    return columns


def _row(document: Document, line: Line) -> Row:
    article = line.article
    under = [*article.details, f"Ihre Artikel-Nr.: {article.buyer_number}"]
    if document.kind == "order_confirmation":
        under.append(f"Liefertermin: {day(document, line.delivery)}")
    cells = {
        "pos": line.pos,
        "article": article.number,
        "name": article.name,
        "quantity": quantity(document, line.quantity),
        "unit": article.unit,
    }
    if document.priced:
        cells |= {"price": german(article.price), "total": german(line.total)}
    return Row(cells, tuple(under))


def _totals(sheet: Sheet, document: Document, y: float) -> float:
    words = labels(document)
    lines = [(label, amount, False) for label, amount in document.charges]
    if lines:
        lines.insert(0, (words["goods"], document.goods, False))
    lines.append((words["net"], document.net, False))
    lines.append((f"zzgl. {percent(document, document.tax_rate)} % MwSt.", document.tax, False))
    total = "Rechnungsbetrag" if document.kind == "invoice" else words["gross"]
    lines.append((f"{total} EUR", document.gross, True))
    if y + len(lines) * 5 + 6 > BOTTOM:
        sheet.new_page()
        y = 34
    sheet.rule(LEFT, y + 0.5, RIGHT)
    y += 5.5
    for label, amount, strong in lines:
        sheet.text(130, y, label, bold=strong)
        sheet.text(RIGHT, y, german(amount), align="right", bold=strong)
        y += 5
    sheet.rule(130, y - 3.4, RIGHT, weight=1)
    return y


def _closing(sheet: Sheet, document: Document, house: House, y: float) -> None:
    supplier = document.supplier
    lines: list[str] = []
    if document.priced:
        lines += [f"Zahlungsbedingungen: {supplier.terms}", f"Lieferbedingung: {supplier.incoterm}"]
    if document.kind == "order_confirmation":
        lines.append(
            f"Lieferanschrift: {', '.join((document.order.buyer.name, *document.order.buyer.address[:2]))}"
        )
        lines.extend(sheet.wrap(house.closing, RIGHT - LEFT))
    lines += [*document.notes, "", "Mit freundlichen Grüßen", supplier.name]
    step = sheet.size * 0.45
    if y + len(lines) * step + 4 > BOTTOM + 5:
        sheet.new_page()
        y = 34
    sheet.block(LEFT, y + 5, lines, leading=step)


def _every_page(sheet: Sheet, document: Document, page: int, pages: int) -> None:
    supplier = document.supplier
    if page > 1:
        sheet.text(LEFT, 20, supplier.name, bold=True, color=supplier.color)
        head = f"{labels(document)[document.kind]} {document.number} vom {day(document, document.issued)}"
        sheet.text(LEFT, 25, head)
    if pages > 1:
        sheet.text(RIGHT, 268, labels(document)["page"].format(page, pages), size=7.5, align="right")
    sheet.rule(LEFT, 271, RIGHT, weight=0.4, color=supplier.color)
    columns = (
        (LEFT, [supplier.name, supplier.street, supplier.city]),
        (70, [f"Tel. {supplier.phone}", supplier.web, f"USt-IdNr.: {supplier.vat_id}"]),
        (109, [supplier.bank, f"IBAN {iban(supplier.iban)}", f"BIC {supplier.bic}"]),
        (156, [supplier.register.replace(", ", ","), f"GF: {supplier.directors}"]),
    )
    for x, lines in columns:
        texts = [part.strip() for line in lines for part in (line.split(",") if x > 150 else [line])]
        sheet.block(x, 275, texts, size=6, leading=2.8, color=(70, 70, 70))
