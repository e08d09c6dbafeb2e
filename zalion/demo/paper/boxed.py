"""A form of boxes: label above value in a grid on top, a ruled table with a discount column."""

from zalion.demo.documents import Document, Line
from zalion.demo.paper.sheet import HELVETICA, Column, Row, Sheet, Table
from zalion.demo.paper.wording import day, german, iban, labels, percent, quantity

LEFT, RIGHT = 16.0, 196.0
GREY = (235, 235, 235)
WHITE = (255, 255, 255)


def draw(document: Document) -> bytes:
    """The document as a boxed form."""
    sheet = Sheet(document, HELVETICA, size=8.5)
    supplier, buyer = document.supplier, document.order.buyer
    sheet.box(0, 0, sheet.width, 24, fill=supplier.color, line=None)
    sheet.text(LEFT, 13, supplier.name, size=19, bold=True, color=WHITE)
    sheet.text(LEFT, 19, supplier.tagline, size=9, color=WHITE)
    sheet.text(
        RIGHT, 13, labels(document)[document.kind].upper(), size=15, bold=True, align="right", color=WHITE
    )
    _grid(sheet, document)
    sheet.text(LEFT, 56, "Rechnungsanschrift", size=7, color=(90, 90, 90))
    sheet.block(LEFT, 61, [buyer.name, document.order.person.name, buyer.street, buyer.city])
    sheet.text(110, 56, "Lieferanschrift", size=7, color=(90, 90, 90))
    sheet.block(110, 61, [buyer.name, "Wareneingang Halle 2", buyer.street, buyer.city])
    columns = [
        Column("pos", "Pos", LEFT + 1.5, "left"),
        Column("article", "Artikel", 25, "left"),
        Column("name", "Beschreibung", 48, "left", 62),
        Column("quantity", "Menge", 118),
        Column("unit", "Einheit", 120, "left"),
        Column("price", "Listenpreis", 150),
        Column("discount", "Rabatt", 164),
        Column("total", "Gesamtpreis", RIGHT - 1.5),
    ]
    table = Table(
        sheet, columns, LEFT, RIGHT, 250, 30, header_fill=supplier.color, header_color=WHITE, grid=True, gap=2
    )
    y = table.draw(84, [_row(document, line) for line in document.lines])
    y = _totals(sheet, document, y + 4)
    notes = [
        f"Zahlungsziel: {supplier.terms}",
        f"Lieferung: {supplier.incoterm}",
        "Alle Preise in EUR zuzüglich gesetzlicher Mehrwertsteuer.",
        *document.notes,
    ]
    sheet.block(LEFT, y + 6, notes)
    return sheet.finish(lambda page, pages: _foot(sheet, document, page, pages))


def _grid(sheet: Sheet, document: Document) -> None:
    supplier = document.supplier
    number = "AB-Nummer" if document.kind == "order_confirmation" else "Belegnummer"
    cells = (
        (number, document.number),
        ("Belegdatum", day(document, document.issued)),
        ("Kundennummer", supplier.customer_number),
        ("Ihre Bestellung Nr.", document.order.number),
        ("Bestelldatum", day(document, document.order.placed)),
        ("Sachbearbeiter/in", supplier.person.name),
    )
    width = (RIGHT - LEFT) / len(cells)
    for index, (label, value) in enumerate(cells):
        x = LEFT + index * width
        sheet.box(x, 31, width, 12, fill=GREY if index % 2 else None, line=(120, 120, 120))
        sheet.text(x + 1.5, 35, label, size=6.5, color=(90, 90, 90))
        sheet.text(x + 1.5, 40.5, value, size=9, bold=True)


def _row(document: Document, line: Line) -> Row:
    article = line.article
    cells = {
        "pos": line.pos,
        "article": article.number,
        "name": article.name,
        "quantity": quantity(document, line.quantity),
        "unit": article.unit,
        "price": german(article.price),
        "discount": f"{percent(document, article.discount)} %",
        "total": german(line.total),
    }
    under = (
        *article.details,
        f"Ihre Mat.-Nr. {article.buyer_number}",
        f"Versandtermin {day(document, line.delivery)}",
    )
    return Row(cells, under)


def _totals(sheet: Sheet, document: Document, y: float) -> float:
    rows = [("Warenwert netto", document.goods), *document.charges]
    if document.charges:
        rows.append(("Summe netto", document.net))
    rows.append((f"MwSt. {percent(document, document.tax_rate)} %", document.tax))
    height = (len(rows) + 1) * 5.5 + 1
    sheet.box(122, y, RIGHT - 122, height, line=(120, 120, 120))
    sheet.box(122, y + height - 6.5, RIGHT - 122, 6.5, fill=GREY, line=(120, 120, 120))
    y += 4.5
    for label, amount in rows:
        sheet.text(124, y, label)
        sheet.text(RIGHT - 1.5, y, f"{german(amount)} €", align="right")
        y += 5.5
    sheet.text(124, y + 0.4, "Gesamtsumme brutto", bold=True)
    sheet.text(RIGHT - 1.5, y + 0.4, f"{german(document.gross)} €", bold=True, align="right")
    return y + 6


def _foot(sheet: Sheet, document: Document, page: int, pages: int) -> None:
    supplier = document.supplier
    sheet.box(0, 280, sheet.width, 17, fill=GREY, line=None)
    lines = [
        f"{supplier.name} | {supplier.street} | {supplier.city} | Tel. {supplier.phone} | {supplier.web}",
        f"{supplier.register} | Geschäftsführer: {supplier.directors} | USt-IdNr. {supplier.vat_id}",
        f"{supplier.bank} | IBAN {iban(supplier.iban)} | BIC {supplier.bic}",
    ]
    for index, line in enumerate(lines):
        sheet.text(105, 285 + index * 3.3, line, size=6.8, align="center")
    sheet.text(RIGHT, 277, labels(document)["page"].format(page, pages), size=7, align="right")
