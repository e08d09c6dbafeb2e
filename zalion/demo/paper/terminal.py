"""The line printer's heir: an old ERP's form in Courier, prices per hundred, quantities with three places."""

from decimal import Decimal

from zalion.demo.documents import Document, Line
from zalion.demo.paper.sheet import COURIER, Column, Row, Sheet, Table
from zalion.demo.paper.wording import day, german, iban, labels

LEFT, RIGHT = 18.0, 196.0


def draw(document: Document) -> bytes:
    """The document as the old system prints it."""
    sheet = Sheet(document, COURIER, size=9)
    supplier, buyer = document.supplier, document.order.buyer
    sheet.text(LEFT, 18, supplier.name.upper(), size=13, bold=True)
    sheet.block(LEFT, 23, [f"{supplier.street} * {supplier.city}", f"TEL {supplier.phone}"], size=8)
    title = labels(document)[document.kind].upper()
    sheet.text(RIGHT, 18, title, size=12, bold=True, align="right")
    sheet.block(LEFT, 46, ["Firma", buyer.name, buyer.street, buyer.city])
    numbers = [
        (f"{'AUFTRAG' if document.kind == 'order_confirmation' else 'LIEFERSCHEIN'}-NR", document.number),
        ("DATUM", day(document, document.issued)),
        ("KUNDEN-NR", supplier.customer_number),
        ("IHRE BESTELL-NR", document.order.number),
        ("BESTELLDATUM", day(document, document.order.placed)),
        ("BEARBEITER", supplier.person.name),
        ("USTID", supplier.vat_id),
    ]
    y = 42.0
    for label, value in numbers:
        sheet.text(112, y, f"{label:<16}: {value}")
        y += 4.4
    sheet.text(LEFT, 80, f"VERSANDART: SPEDITION    LIEFERBED.: {supplier.incoterm.upper()}")
    columns = _columns(document)
    y = Table(sheet, columns, LEFT, RIGHT, 245, 30, gap=2.2).draw(
        85, [_row(document, line) for line in document.lines]
    )
    if document.priced:
        y = _totals(sheet, document, y)
    else:
        packages = len(document.lines) + 1
        y = sheet.block(LEFT, y + 6, [f"COLLI: {packages}    GEWICHT BRUTTO: {packages * 23},4 KG"])
        y = sheet.block(LEFT, y + 2, ["WARE ERHALTEN: ______________________   DATUM: ____________"])
    sheet.block(LEFT, y + 6, document.notes)
    return sheet.finish(lambda page, pages: _foot(sheet, document, page, pages))


def _columns(document: Document) -> list[Column]:
    columns = [
        Column("pos", "POS", LEFT, "left"),
        Column("article", "ARTIKEL", 27, "left"),
        Column("name", "BEZEICHNUNG", 60, "left", 52),
        Column("quantity", "MENGE", 137 if document.priced else 180),
        Column("unit", "ME", 139 if document.priced else 184, "left"),
    ]
    if document.priced:
        columns += [
            Column("price", "PREIS", 162),
            Column("base", "PE", 171),
            Column("total", "BETRAG EUR", RIGHT),
        ]
    return columns


def _row(document: Document, line: Line) -> Row:
    article = line.article
    cells = {
        "pos": line.pos,
        "article": article.number,
        "name": article.name,
        "quantity": german(line.quantity, 3),
        "unit": article.unit,
        "price": german(article.price),
        "base": str(article.base),
        "total": german(line.total),
    }
    under = [*article.details, f"IHR TEIL: {article.buyer_number}"]
    if document.kind == "order_confirmation":
        year, week, _ = line.delivery.isocalendar()
        under.append(f"TERMIN: KW {week:02d}/{year}")
    return Row(cells, tuple(under))


def _totals(sheet: Sheet, document: Document, y: float) -> float:
    rows: list[tuple[str, Decimal]] = [("WARENWERT", document.goods), *document.charges]
    rows += [("NETTO", document.net), (f"MWST {document.tax_rate:.2f} %".replace(".", ","), document.tax)]
    sheet.text(RIGHT, y + 4, "-" * 41, align="right")
    y += 8
    for label, amount in rows:
        sheet.text(118, y, label.upper())
        sheet.text(RIGHT, y, german(amount), align="right")
        y += 4.4
    sheet.text(118, y + 1.5, "ENDBETRAG EUR", bold=True)
    sheet.text(RIGHT, y + 1.5, german(document.gross), bold=True, align="right")
    sheet.text(RIGHT, y + 4.5, "=" * 41, align="right")
    return sheet.block(LEFT, y + 12, [f"ZAHLUNG: {document.supplier.terms.upper()}"])


def _foot(sheet: Sheet, document: Document, page: int, pages: int) -> None:
    supplier = document.supplier
    sheet.rule(LEFT, 272, RIGHT, weight=0.3)
    sheet.block(
        LEFT,
        276,
        [
            f"{supplier.register}  {supplier.bank}  IBAN {iban(supplier.iban)}  BIC {supplier.bic}",
            f"Es gelten unsere AGB. Gerichtsstand Köln.{' ' * 40}Seite {page}/{pages}",
        ],
        size=7,
    )
