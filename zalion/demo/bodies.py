"""What people write: notes, signatures, quoted orders, and orders confirmed in the mail itself."""

from html import escape

from zalion.demo.documents import Document, Order
from zalion.demo.paper.wording import country, day, exemption, iban, labels, number, percent, quantity
from zalion.demo.suppliers import Company

WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
MONTHS = (
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
)
NOTES = {
    ("de", "order_confirmation"): """vielen Dank für Ihre Bestellung {order}. \
Anbei erhalten Sie unsere Auftragsbestätigung {number}.

Bitte prüfen Sie Mengen, Preise und Termine. Bei Rückfragen melden Sie sich gern.""",
    ("de", "invoice"): "anbei erhalten Sie unsere Rechnung {number} zu Ihrer Bestellung {order} als PDF.",
    ("de", "delivery_note"): """die Ware zu Ihrer Bestellung {order} hat heute unser Haus verlassen. \
Den Lieferschein {number} finden Sie im Anhang.""",
    ("en", "order_confirmation"): """thank you for your order {order}. \
Please find our acknowledgement {number} attached.

Kindly check quantities, prices and dates and tell us within two days if anything is amiss.""",
    ("en", "invoice"): "please find attached invoice {number} for your order {order}.",
    ("en", "quote"): """thank you for your enquiry {order}. \
Please find our quotation {number} attached; we look forward to your order.""",
}


def signed(text: str, company: Company) -> str:
    """A text and the signature block below it."""
    return f"{text}\n\n{signature(company)}\n"


def confirmed(document: Document) -> str:
    """Greeting and the whole document, as plain text."""
    return f"{greeting(document.order, document.supplier)}\n\n{confirmation_text(document)}"


def greeting(order: Order, supplier: Company) -> str:
    if supplier.language == "de":
        return order.person.greeting_de
    return f"Dear {order.person.name.split()[0]},"


def note(document: Document) -> str:
    """The covering note without signature."""
    words = NOTES[document.supplier.language, document.kind]
    text = words.format(order=document.order.number, number=document.number)
    return f"{greeting(document.order, document.supplier)}\n\n{text}"


def signature(company: Company) -> str:
    """A signature block with what the law wants on business letters."""
    person, german = company.person, company.language == "de"
    lines = ["Mit freundlichen Grüßen" if german else "Kind regards,", "", person.name, person.role, ""]
    lines += [company.name, *company.address]
    if person.phone:
        lines.append(f"{'Tel.' if german else 'Phone'}: {person.phone}")
    lines += [f"E-Mail: {person.email}", company.web, ""]
    lines.append(company.register)
    if company.directors:
        board = "Geschäftsführung: " if german else "Directors: "
        lines.append(company.directors if ":" in company.directors else board + company.directors)
    if company.vat_id:
        lines.append(f"{'USt-IdNr.' if german else 'VAT no.'}: {company.vat_id}")
    return "\n".join(lines)


def quoted_order(document: Document) -> str:
    """The buyer's own order as Outlook leaves it below a reply."""
    order = document.order
    placed = order.placed
    when = f"{WEEKDAYS[placed.weekday()]}, {placed.day}. {MONTHS[placed.month - 1]} {placed.year} 09:14"
    head = [
        "________________________________",
        f"Von: {order.person.name} <{order.person.email}>",
        f"Gesendet: {when}",
        f"An: {document.supplier.person.name} <{document.supplier.person.email}>",
        f"Betreff: Bestellung {order.number}",
        "",
        "Guten Tag,",
        "",
        f"hiermit bestellen wir unter der Nummer {order.number}:",
        "",
    ]
    lines = [
        f"Pos. {line.pos}  {line.article.buyer_number}  {line.article.name}  "
        f"{quantity(document, line.quantity)} {line.article.unit} à {number(document, line.article.price)}"
        for line in document.lines
    ]
    tail = [
        "",
        "Bitte bestätigen Sie uns den Auftrag an orders@acme.example.",
        "",
        "Mit freundlichen Grüßen",
        order.person.name,
        f"{order.buyer.name}, {order.buyer.street}, {order.buyer.city}",
        f"USt-IdNr. {order.buyer.vat_id}",
    ]
    return "\n".join(head + lines + tail)


def facts(document: Document) -> list[tuple[str, str]]:
    """The numbers and dates above a confirmation that stands in the mail itself."""
    german = document.supplier.language == "de"
    title = labels(document)[document.kind]
    placed = day(document, document.order.placed)
    if german:
        return [
            (f"{title} Nr.", document.number),
            ("Datum", day(document, document.issued)),
            ("Ihre Bestellung", f"{document.order.number} vom {placed}"),
            ("Kundennummer", document.supplier.customer_number),
        ]
    first = "Confirmation No." if document.supplier.currency == "USD" else "Acknowledgement no."
    return [
        (first, document.number),
        ("Date", day(document, document.issued)),
        ("Your PO", f"{document.order.number} dated {placed}"),
        ("Customer no.", document.supplier.customer_number),
    ]


def sums(document: Document) -> list[tuple[str, str]]:
    """Label and amount of every sum below the positions; none where the paper has no prices."""
    if not document.priced:
        return []
    german, currency = document.supplier.language == "de", document.supplier.currency
    rows = [("Warenwert" if german else "Subtotal", document.goods), *document.charges]
    rows.append(("Nettobetrag" if german else "Net total", document.net))
    if document.supplier.vat_id:
        rate = percent(document, document.tax_rate)
        rows.append((f"MwSt. {rate} %" if german else f"VAT {rate}%", document.tax))
    else:
        rows.append(("Sales tax", document.tax))
    rows.append((f"Gesamtbetrag {currency}" if german else f"Total {currency}", document.gross))
    return [(label, number(document, amount)) for label, amount in rows]


def confirmation_text(document: Document) -> str:
    """The whole document as aligned plain text."""
    german = document.supplier.language == "de"
    lines = [f"{label + ':':<26}{value}" for label, value in facts(document)]
    heads = ("Pos", "Artikel", "Bezeichnung", "Menge", "Preis", "Gesamt")
    if not german:
        heads = ("Ln", "Part no.", "Description", "Qty", "Price", "Amount")
    shape = "{:<4}{:<17}{:<42}{:>9}" + ("{:>11}{:>12}" if document.priced else "")
    lines += ["", shape.format(*heads).rstrip(), "-" * (95 if document.priced else 72)]
    for line in document.lines:
        amount = f"{quantity(document, line.quantity)} {line.article.unit}"
        money = (number(document, line.article.price), number(document, line.total))
        lines.append(shape.format(line.pos, line.article.number, line.article.name, amount, *money))
        own = f"{'Ihre Art.-Nr.' if german else 'Your part no.'} {line.article.buyer_number}"
        if document.kind == "order_confirmation":
            own += f", {'Liefertermin' if german else 'Ship date'} {day(document, line.delivery)}"
        lines.append(f"    {own}")
    if document.priced:
        lines.append("-" * 95)
    lines += [f"{label:>83}{value:>12}" for label, value in sums(document)]
    if document.priced:
        lines += ["", f"{'Zahlung' if german else 'Payment terms'}: {document.supplier.terms}"]
        lines.append(f"{'Lieferung' if german else 'Delivery terms'}: {document.supplier.incoterm}")
    return "\n".join(lines)


def confirmation_html(document: Document) -> str:
    """The whole document as an HTML table with inline styles, as shop systems write it."""
    german, supplier = document.supplier.language == "de", document.supplier
    color = "#{:02x}{:02x}{:02x}".format(*supplier.color)
    heads = ("Pos.", "Artikel-Nr.", "Bezeichnung", "Menge", "Einzelpreis", "Gesamtpreis")
    if not german:
        heads = ("Line", "Part no.", "Description", "Qty", "Unit price", "Amount")
    cell = 'style="padding:4px 8px;border-bottom:1px solid #ddd"'
    right = 'style="padding:4px 8px;border-bottom:1px solid #ddd;text-align:right"'
    shown = heads if document.priced else heads[:4]
    rows = "".join(f"<th {cell}>{escape(head)}</th>" for head in shown)
    for line in document.lines:
        article = line.article
        under = [
            *article.details,
            f"{'Ihre Artikelnummer' if german else 'Your part'}: {article.buyer_number}",
        ]
        if document.kind == "order_confirmation":
            under.append(f"{'Liefertermin' if german else 'Delivery'}: {day(document, line.delivery)}")
        name = "<br>".join(escape(text) for text in (article.name, *under))
        amount = f"{quantity(document, line.quantity)} {article.unit}"
        cells = [(line.pos, cell), (article.number, cell), (name, cell), (amount, right)]
        if document.priced:
            cells += [(number(document, article.price), right), (number(document, line.total), right)]
        rows += "</tr>\n<tr>" + "".join(f"<td {style}>{text}</td>" for text, style in cells)
    for label, value in sums(document):
        rows += f'</tr>\n<tr><td colspan="5" {right}>{escape(label)}</td><td {right}>{value}</td>'
    top = "".join(
        f"<tr><td {cell}>{escape(label)}</td><td {cell}><b>{escape(value)}</b></td></tr>\n"
        for label, value in facts(document)
    )
    return (
        f'<h2 style="color:{color};font-family:Arial">{escape(labels(document)[document.kind])}</h2>\n'
        f'<table cellspacing="0" style="font-family:Arial;font-size:13px">{top}</table><br>\n'
        f'<table cellspacing="0" width="680" style="font-family:Arial;font-size:13px">\n'
        f'<tr style="background:{color};color:#fff;text-align:left">{rows}</tr>\n</table>\n<br>\n'
        + _small_print(document)
    )


def _small_print(document: Document) -> str:
    german, supplier, buyer = document.supplier.language == "de", document.supplier, document.order.buyer
    to = ", ".join((buyer.name, buyer.street, buyer.city, country(document)))
    lines = [f"{'Lieferanschrift' if german else 'Ship to'}: {to}"]
    if document.priced:
        lines.append(f"{'Zahlungsbedingungen' if german else 'Payment'}: {supplier.terms}")
        lines.append(f"{'Lieferbedingung' if german else 'Delivery terms'}: {supplier.incoterm}")
        lines.append(f"{supplier.bank}, IBAN {iban(supplier.iban)}, BIC {supplier.bic}")
    lines.append(exemption(document))
    return "<p>" + "<br>\n".join(escape(line) for line in lines if line) + "</p>"


def html(text: str) -> str:
    """Plain text as the paragraphs of an HTML mail."""
    paragraphs = text.split("\n\n")
    return "\n".join("<p>" + escape(part).replace("\n", "<br>\n") + "</p>" for part in paragraphs)


def page(content: str, charset: str, head: str = "") -> str:
    """A whole HTML document around a body."""
    meta = f'<meta http-equiv="Content-Type" content="text/html; charset={charset}">'
    style = "<style>p{margin:0 0 8px 0;font-family:Calibri,Arial,sans-serif;font-size:11pt}</style>"
    return f"<html>\n<head>\n{meta}\n{style}{head}\n</head>\n<body>\n{content}\n</body>\n</html>\n"
