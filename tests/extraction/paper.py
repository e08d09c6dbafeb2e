"""Small papers of our own, drawn with reportlab: a confirmation in any language the tests need."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

Row = Sequence[str]
# From the page as shown to the page as it lies in the file, for each value of /Rotate (clockwise).
TURNS = {
    0: (1, 0, 0, 1, 0, 0),
    90: (0, 1, -1, 0, A4[1], 0),
    180: (-1, 0, 0, -1, A4[0], A4[1]),
    270: (0, -1, 1, 0, 0, A4[0]),
}


@dataclass
class Paper:
    """What is printed; `columns` are (x, right-aligned) and each row has a text for each."""

    title: str = "Auftragsbestätigung"
    sender: str = "Muster Federn GmbH · Talweg 3 · 70173 Stuttgart"
    buyer: Sequence[str] = ("Acme Maschinenbau GmbH", "Ring 1", "20095 Hamburg")
    facts: Sequence[tuple[str, str]] = (
        ("AB-Nr.:", "F-2041"),
        ("Datum:", "03.02.2026"),
        ("Ihre Bestellung:", "4500077"),
    )
    columns: Sequence[tuple[float, bool]] = (
        (50, False),
        (80, False),
        (150, False),
        (370, True),
        (375, False),
        (460, True),
        (540, True),
    )
    heading: Row = ("Pos.", "Art.-Nr.", "Bezeichnung", "Menge", "Einh.", "Einzelpreis", "Gesamt")
    rows: Sequence[Row] = (
        ("1", "F-10", "Druckfeder 2 mm", "1.000", "Stk.", "0,25", "250,00"),
        ("", "", "verzinkt", "", "", "", ""),
        ("2", "F-20", "Zugfeder", "12", "Stk.", "1.234,50", "14.814,00"),
    )
    totals: Sequence[tuple[str, str]] = (
        ("Nettobetrag", "15.064,00 €"),
        ("MwSt. 19 %", "2.862,16 €"),
        ("Gesamtbetrag", "17.926,16 €"),
    )
    imprint: str = "USt-IdNr. DE136695976   IBAN DE89370400440532013000   info@muster-federn.example"
    pages: Sequence[Sequence[Row]] = field(default_factory=list)
    password: str | None = None

    def pdf(self, *, rotation: int = 0) -> bytes:
        """The file; with a rotation the page lies on its side in it and /Rotate stands it up again."""
        buffer = io.BytesIO()
        canvas = Canvas(buffer, pagesize=A4, encrypt=self.password, invariant=True)
        canvas.setPageRotation(rotation)
        canvas.transform(*TURNS[rotation])
        self._head(canvas)
        last = self._table(canvas, 520, self.rows)
        for rows in self.pages:
            canvas.showPage()
            canvas.setFont("Helvetica", 9)
            last = self._table(canvas, 760, rows)
        for label, amount in self.totals:
            last -= 16
            canvas.drawString(380, last, label)
            canvas.drawRightString(540, last, amount)
        canvas.setFont("Helvetica", 7)
        canvas.drawString(50, 40, self.imprint)
        canvas.showPage()
        canvas.save()
        return buffer.getvalue()

    def _head(self, canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 7)
        canvas.drawString(50, 730, self.sender)
        canvas.setFont("Helvetica", 10)
        for index, text in enumerate(self.buyer):
            canvas.drawString(50, 710 - 13 * index, text)
        for index, (label, value) in enumerate(self.facts):
            canvas.drawString(350, 710 - 13 * index, label)
            canvas.drawString(450, 710 - 13 * index, value)
        canvas.setFont("Helvetica-Bold", 15)
        canvas.drawString(50, 580, self.title)
        canvas.setFont("Helvetica", 9)

    def _table(self, canvas: Canvas, top: float, rows: Sequence[Row]) -> float:
        for index, row in enumerate((self.heading, *rows)):
            for (x, right), text in zip(self.columns, row, strict=True):
                (canvas.drawRightString if right else canvas.drawString)(x, top - 14 * index, text)
        return top - 14 * (len(rows) + 1)
