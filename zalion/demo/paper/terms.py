"""A page of general terms: paper that often comes along and is no document."""

from zalion.demo.documents import Document
from zalion.demo.paper.sheet import HELVETICA, Sheet

CLAUSES = """\
§ 1 Geltung: Unsere Lieferungen erfolgen ausschließlich zu diesen Bedingungen. Abweichende Bedingungen des \
Bestellers erkennen wir nur an, wenn wir ihnen schriftlich zustimmen.
§ 2 Preise: Es gelten die am Tag der Bestellung gültigen Preise ab Werk zuzüglich Verpackung, Fracht und \
der gesetzlichen Umsatzsteuer.
§ 3 Lieferzeit: Liefertermine sind verbindlich, wenn wir sie schriftlich bestätigt haben. Teillieferungen \
sind zulässig, soweit sie dem Besteller zumutbar sind.
§ 4 Eigentumsvorbehalt: Die Ware bleibt bis zur vollständigen Bezahlung unser Eigentum. Der Besteller darf \
sie im ordentlichen Geschäftsgang weiterverarbeiten.
§ 5 Mängel: Offene Mängel sind innerhalb von acht Tagen nach Eingang der Ware anzuzeigen, verdeckte \
unverzüglich nach ihrer Entdeckung.
§ 6 Gerichtsstand: Erfüllungsort und Gerichtsstand ist der Sitz des Lieferers. Es gilt deutsches Recht."""


def draw(document: Document) -> bytes:
    """The supplier's general terms on one page."""
    sheet = Sheet(document, HELVETICA, size=8)
    sheet.text(
        20, 25, f"Allgemeine Verkaufs- und Lieferbedingungen der {document.supplier.name}", size=11, bold=True
    )
    y = 36.0
    for line in CLAUSES.splitlines():
        title, clause = line.split(": ", 1)
        sheet.text(20, y, title, bold=True)
        y = sheet.paragraph(20, y + 4, 170, clause) + 3
    return sheet.finish(lambda page, pages: None)
