"""One small page: a strip of facts, one line per position, German in Vera or American on letter paper."""

from decimal import Decimal

from reportlab.lib.pagesizes import A4, LETTER

from zalion.demo.documents import Document, Line
from zalion.demo.paper.sheet import HELVETICA, VERA, Column, Row, Sheet, Table
from zalion.demo.paper.wording import day, iban, labels, number, percent, quantity

LEFT = 14.0


def draw(document: Document) -> bytes:
    """The document on one dense page."""
    german = document.supplier.language == "de"
    sheet = Sheet(
        document, VERA if german else HELVETICA, size=7.2 if german else 8, paper=A4 if german else LETTER
    )
    supplier, buyer = document.supplier, document.order.buyer
    right = sheet.width - LEFT
    sheet.text(LEFT, 15, supplier.name, size=12, bold=True)
    sheet.text(LEFT, 19.5, ", ".join(supplier.address[: 2 if german else 3]), size=6.8)
    contact = f"Tel. {supplier.person.phone} | {supplier.person.email}" if german else supplier.person.email
    sheet.text(LEFT, 23, contact, size=6.8)
    sheet.text(right, 15, _title(document), size=11, bold=True, align="right")
    _facts(sheet, document, right)
    to = [buyer.name, document.order.person.name, buyer.street, buyer.city]
    sheet.block(LEFT, 33, to if german else [*to, "Germany"])
    table = Table(sheet, _columns(document, right), LEFT, right, sheet.height - 45, 25, gap=1.1, under="name")
    y = table.draw(58, [_row(document, line) for line in document.lines])
    y = _totals(sheet, document, y + 3, right)
    if german:
        lines = [f"Zahlung {supplier.terms}. Lieferung {supplier.incoterm}. Eigentumsvorbehalt gem. AGB."]
    else:
        lines = [
            f"Terms: {supplier.terms}   Ship via: best way   {supplier.incoterm}",
            "Prices in US dollars.",
        ]
    y = sheet.block(LEFT, y + 3, [*lines, *document.notes])
    return sheet.finish(lambda page, pages: _foot(sheet, document, right, page, pages))


def _title(document: Document) -> str:
    if document.supplier.currency == "USD" and document.kind == "order_confirmation":
        return "SALES ORDER CONFIRMATION"
    return labels(document)[document.kind]


def _facts(sheet: Sheet, document: Document, right: float) -> None:
    when, placed = day(document, document.issued), day(document, document.order.placed)
    if document.supplier.language == "de":
        numbers = "Rechnung" if document.kind == "invoice" else "AB-Nr."
        facts = [(numbers, document.number), ("Datum", when), ("Kd.-Nr.", document.supplier.customer_number)]
        facts += [("Ihre Bestellung", document.order.number), ("vom", placed)]
        if document.delivery_note:
            facts.append(("LS-Nr.", document.delivery_note))
    else:
        facts = [("Sales Order #", document.number), ("Order Date", when)]
        facts += [("Customer #", document.supplier.customer_number), ("Customer PO", document.order.number)]
        facts += [("PO Date", placed)]
    y = 21.0
    for label, value in facts:
        sheet.text(right - 32, y, f"{label}:", align="right")
        sheet.text(right - 30, y, value, bold=True)
        y += 3.8


def _columns(document: Document, right: float) -> list[Column]:
    german = document.supplier.language == "de"
    titles = ("Pos", "Artikel", "Bezeichnung", "Menge", "ME", "Liefertermin", "Preis", "Summe")
    if not german:
        titles = ("Ln", "Item", "Description", "Qty", "UM", "Promise Date", "Unit Price", "Extended")
    columns = [
        Column("pos", titles[0], LEFT, "left"),
        Column("article", titles[1], 23, "left"),
        Column("name", titles[2], 55, "left", 52),
        Column("quantity", titles[3], 118),
        Column("unit", titles[4], 120, "left"),
        Column("delivery", titles[5], 130, "left"),
        Column("price", titles[6], 172),
        Column("total", titles[7], right),
    ]
    return [column for column in columns if document.kind != "invoice" or column.key != "delivery"]


def _row(document: Document, line: Line) -> Row:
    article = line.article
    cells = {
        "pos": line.pos,
        "article": article.number,
        "name": article.name,
        "quantity": quantity(document, line.quantity),
        "unit": article.unit,
        "delivery": day(document, line.delivery),
        "price": number(document, article.price),
        "total": number(document, line.total),
    }
    own = "Ihre Nr." if document.supplier.language == "de" else "Your P/N"
    return Row(cells, (*article.details, f"{own} {article.buyer_number}"))


def _totals(sheet: Sheet, document: Document, y: float, right: float) -> float:
    rows: list[tuple[str, Decimal]]
    if document.supplier.language == "de":
        rows = [*document.charges, ("Summe netto", document.net)]
        rows.append((f"+ {percent(document, document.tax_rate)} % USt", document.tax))
        final = "Gesamt EUR"
    else:
        rows = [("Subtotal", document.goods), *document.charges, ("Sales tax", document.tax)]
        final = "Order Total USD"
    for label, amount in rows:
        sheet.text(right - 32, y + 2, label, align="right")
        sheet.text(right, y + 2, number(document, amount), align="right")
        y += 4
    sheet.text(right - 32, y + 2.4, final, align="right", bold=True)
    sheet.text(right, y + 2.4, number(document, document.gross), align="right", bold=True)
    return y + 8


def _foot(sheet: Sheet, document: Document, right: float, page: int, pages: int) -> None:
    supplier = document.supplier
    y = sheet.height - 16
    sheet.rule(LEFT, y, right, weight=0.3)
    if supplier.language == "de":
        parts = (
            f"{supplier.register} | GF {supplier.directors} | USt-ID {supplier.vat_id}",
            f"{supplier.bank} | {iban(supplier.iban)} | {supplier.bic}",
        )
    else:
        parts = (
            f"{supplier.register} | {supplier.phone} | {supplier.web}",
            "This sale is subject to our standard terms and conditions of sale.",
        )
    sheet.block(LEFT, y + 4, parts, size=6.2)
    sheet.text(right, y + 4, f"{page}/{pages}", size=6.2, align="right")
