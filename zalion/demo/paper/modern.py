"""The designed page: a coloured band, wide margins, cards of facts, prices in a light table."""

from decimal import Decimal

from zalion.demo.documents import Document, Line
from zalion.demo.paper.sheet import HELVETICA, VERA, Column, Row, Sheet, Table
from zalion.demo.paper.wording import country, day, exemption, iban, labels, number, percent, quantity

LEFT, RIGHT, BOTTOM = 20.0, 190.0, 255.0
SOFT = (110, 110, 110)
WHITE = (255, 255, 255)


def draw(document: Document) -> bytes:
    """The document on a designed page."""
    supplier = document.supplier
    sheet = Sheet(document, HELVETICA if supplier.key in ("shannon", "vandoorn") else VERA, size=8.4)
    sheet.box(0, 0, 7, sheet.height, fill=supplier.color, line=None)
    sheet.text(LEFT, 24, supplier.name, size=17, bold=True, color=supplier.color)
    sheet.text(LEFT, 30, supplier.tagline, size=8.5, color=SOFT)
    sheet.text(LEFT, 48, labels(document)[document.kind], size=20)
    _parties(sheet, document)
    y = _facts(sheet, document)
    table = Table(
        sheet,
        _columns(document),
        LEFT,
        RIGHT,
        BOTTOM,
        30,
        gap=2.6,
        bold_first=True,
        zebra=(244, 246, 248),
        header_fill=supplier.color,
        header_color=WHITE,
    )
    y = table.draw(y, [_row(document, line) for line in document.lines])
    y = _totals(sheet, document, y + 4)
    _notes(sheet, document, y)
    return sheet.finish(lambda page, pages: _foot(sheet, document, page, pages))


def _german(document: Document) -> bool:
    return document.supplier.language == "de"


def _parties(sheet: Sheet, document: Document) -> None:
    buyer, person = document.order.buyer, document.order.person
    to = "Prepared for" if document.kind == "quote" else "Sold to"
    for x, german, english in ((LEFT, "Kunde", to), (110.0, "Lieferadresse", "Ship to")):
        sheet.text(x, 58, german if _german(document) else english, size=7.2, color=SOFT)
        name = person.name if x == LEFT else ("Wareneingang" if _german(document) else "Goods in")
        sheet.block(x, 63, [buyer.name, name, buyer.street, buyer.city, country(document)])


def _facts(sheet: Sheet, document: Document) -> float:
    german, supplier = _german(document), document.supplier
    kinds = {
        "order_confirmation": ("Auftragsnummer", "Acknowledgement no."),
        "invoice": ("Rechnungsnummer", "Invoice no."),
        "quote": ("Angebotsnummer", "Quotation no."),
    }
    order = ("Ihre Bestellung", "Your order no.")
    if document.kind == "quote":
        order = ("Ihre Anfrage", "Your enquiry")
    facts = [
        (kinds[document.kind], document.number),
        (("Datum", "Date"), day(document, document.issued)),
        (order, document.order.number),
        (("Bestelldatum", "Order date"), day(document, document.order.placed)),
        (("Kundennr.", "Account"), supplier.customer_number),
    ]
    if document.kind == "quote":
        facts[3] = (("Gültig bis", "Valid until"), day(document, document.valid_until or document.issued))
    sheet.rule(LEFT, 88, RIGHT, weight=0.6, color=supplier.color)
    for index, (label, value) in enumerate(facts):
        x = LEFT + index * 35
        sheet.text(x, 93, label[0 if german else 1], size=7, color=SOFT)
        sheet.text(x, 98, value, bold=True, size=8)
    sheet.rule(LEFT, 101.5, RIGHT, weight=0.6, color=supplier.color)
    return 107


def _columns(document: Document) -> list[Column]:
    titles = ("#", "Beschreibung", "Menge", "Einzelpreis", "Betrag")
    if not _german(document):
        titles = ("#", "Description", "Qty", "Unit price", "Amount")
    return [
        Column("pos", titles[0], LEFT + 2, "left"),
        Column("name", titles[1], LEFT + 10, "left", 82),
        Column("quantity", titles[2], 136),
        Column("price", f"{titles[3]}", 163),
        Column("total", f"{titles[4]}", RIGHT - 2),
    ]


def _row(document: Document, line: Line) -> Row:
    article, german = line.article, _german(document)
    cells = {
        "pos": line.pos,
        "name": article.name,
        "quantity": f"{quantity(document, line.quantity)} {article.unit}",
        "price": number(document, article.price),
        "total": number(document, line.total),
    }
    codes = ("Art.-Nr. {} / Ihre Nr. {}", "Part no. {} / your ref. {}")[not german]
    under = [codes.format(article.number, article.buyer_number), *article.details]
    if document.kind == "order_confirmation" and len(line.deliveries) > 1:
        under += [
            f"{quantity(document, amount)} {article.unit} {'am' if german else 'on'} {day(document, when)}"
            for amount, when in line.deliveries
        ]
    elif document.kind == "order_confirmation":
        under.append(f"{'Lieferung' if german else 'Dispatch date'}: {day(document, line.delivery)}")
    return Row(cells, tuple(under))


def _totals(sheet: Sheet, document: Document, y: float) -> float:
    german, supplier = _german(document), document.supplier
    words = labels(document)
    rows: list[tuple[str, Decimal]] = [(words["goods"], document.goods), *document.charges]
    if document.charges:
        rows.append((words["net"], document.net))
    tax = "USt" if german else "VAT"
    rows.append((f"{tax} {percent(document, document.tax_rate)}%", document.tax))
    if y + len(rows) * 5 + 12 > BOTTOM + 10:
        sheet.new_page()
        y = 36
    for label, amount in rows:
        sheet.text(128, y + 3, label, color=SOFT)
        sheet.text(RIGHT - 2, y + 3, number(document, amount), align="right")
        y += 5
    sheet.box(124, y + 1, RIGHT - 124, 8, fill=supplier.color, line=None)
    sheet.text(128, y + 6.3, f"{words['gross']} {supplier.currency}", bold=True, color=WHITE)
    sheet.text(RIGHT - 2, y + 6.3, number(document, document.gross), bold=True, align="right", color=WHITE)
    return y + 16


def _notes(sheet: Sheet, document: Document, y: float) -> None:
    german, supplier = _german(document), document.supplier
    lines = [
        f"{'Zahlung' if german else 'Payment terms'}: {supplier.terms}",
        f"{'Lieferbedingung' if german else 'Delivery terms'}: {supplier.incoterm}",
    ]
    if reason := exemption(document):
        lines.append(reason)
        lines.append(f"{'USt-IdNr. Kunde' if german else 'Customer VAT no.'}: {document.order.buyer.vat_id}")
    sheet.block(LEFT, y, [*lines, *document.notes], size=7.6, color=(60, 60, 60))


def _foot(sheet: Sheet, document: Document, page: int, pages: int) -> None:
    german, supplier = _german(document), document.supplier
    vat = "UID-Nr." if supplier.vat_id.startswith("ATU") else "VAT reg. no."
    board = "Geschäftsführer" if german else "Directors"
    contact = [supplier.phone, supplier.person.email, supplier.web]
    lines = [
        " · ".join((supplier.name, *supplier.address)),
        " · ".join(part for part in contact if part),
        f"{supplier.register} · {vat} {supplier.vat_id} · {board}: {supplier.directors}",
        f"{supplier.bank} · IBAN {iban(supplier.iban)} · BIC {supplier.bic}",
    ]
    if page > 1:
        sheet.box(0, 0, 7, sheet.height, fill=supplier.color, line=None)
        sheet.text(LEFT, 22, f"{labels(document)[document.kind]} {document.number}", color=SOFT)
    sheet.block(LEFT, 274, lines, size=6.6, leading=3.3, color=SOFT)
    sheet.text(RIGHT, 287, f"{page} / {pages}", size=6.6, align="right", color=SOFT)
