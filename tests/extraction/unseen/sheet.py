"""Drawing on pages, and the ways numbers and dates are written."""

import io
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from tests.extraction.unseen.trade import Choices, Trade

WIDTH, HEIGHT = A4
_BOLD: Final = {"Helvetica": "Helvetica-Bold", "Times-Roman": "Times-Bold", "Courier": "Courier-Bold"}
_MARKS: Final = {
    "DE": (".,", ".,", ",") , "AT": (".,", ".,"), "CH": ("'.",), "GB": (",.", ",.", "."), "IE": (",.",), "US": (",.",),
    "FR": ("\u00a0,", " ,", ",", "\u00a0,"), "BE": (".,", " ,"), "IT": (".,", ".,", ","), "ES": (".,", ".,", " ,"),
    "NL": (".,", ".,", ","),
}  # fmt: skip
_DATES: Final = {
    "de": ("%d.%m.%Y", "%d.%m.%Y", "%d.%m.%y", "%-d. {month} %Y", "%Y-%m-%d"),
    "en": ("%d/%m/%Y", "%d/%m/%Y", "%-d {month} %Y", "%d {short} %Y", "%d-{short}-%y", "%Y-%m-%d"),
    "fr": ("%d/%m/%Y", "%d/%m/%Y", "%d/%m/%y", "%-d {month} %Y", "%d.%m.%Y"),
    "it": ("%d/%m/%Y", "%d/%m/%Y", "%d/%m/%y", "%-d {month} %Y", "%d.%m.%Y"),
    "es": ("%d/%m/%Y", "%d/%m/%Y", "%d-%m-%Y", "%-d de {month} de %Y", "%d.%m.%y"),
    "nl": ("%d-%m-%Y", "%d-%m-%Y", "%d-%m-%y", "%-d {month} %Y", "%d.%m.%Y"),
}


class Sheet:
    """Pages to draw on; y counts from the top, as the reader's boxes do."""

    def __init__(self, font: str) -> None:
        self.buffer = io.BytesIO()
        self.canvas = Canvas(self.buffer, pagesize=A4, invariant=True)
        self.font = font
        self.page = 1

    def text(
        self, x: float, y: float, text: str, size: float = 9, *, align: str = "l", bold: bool = False
    ) -> None:
        self.canvas.setFont(_BOLD[self.font] if bold else self.font, size)
        drawers: dict[str, Callable[..., None]] = {
            "l": self.canvas.drawString, "r": self.canvas.drawRightString, "c": self.canvas.drawCentredString
        }  # fmt: skip
        drawers[align](x, HEIGHT - y, text)

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        return stringWidth(text, _BOLD[self.font] if bold else self.font, size)

    def rule(self, x0: float, y: float, x1: float) -> None:
        self.canvas.setLineWidth(0.5)
        self.canvas.line(x0, HEIGHT - y, x1, HEIGHT - y)

    def box(self, x0: float, y0: float, x1: float, y1: float) -> None:
        self.canvas.setLineWidth(0.5)
        self.canvas.rect(x0, HEIGHT - y1, x1 - x0, y1 - y0)

    def wrapped(self, text: str, width: float, size: float) -> list[str]:
        lines = [""]
        for word in text.split(" "):
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and self.width(longer, size) > width:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines

    def turn(self) -> None:
        self.canvas.showPage()
        self.page += 1

    def pdf(self) -> bytes:
        self.canvas.showPage()
        self.canvas.save()
        return self.buffer.getvalue()


class Style:
    """How this paper writes numbers and dates."""

    def __init__(self, choices: Choices, trade: Trade) -> None:
        self.words = trade.words
        self.currency = trade.currency
        country = trade.seller.country
        self.marks = choices.pick(f"marks_{country}", *_MARKS[country])
        self.marks = self.marks if len(self.marks) == 2 else f"\0{self.marks}"
        self.day = choices.pick(f"date_{trade.language}", *_DATES[trade.language])
        if country == "US":
            self.day = choices.pick("date_US", "%m/%d/%Y", "{month} %-d, %Y")
        # Swiss papers put full stops whatever their language.
        if country == "CH" and "/" in self.day:
            self.day = "%d.%m.%Y"
        self.quantities = int(choices.pick("quantity_digits", "0", "0", "0", "2", "3"))
        self.week = choices.one(self.words["weeks"]) if choices.happens("weeks", 0.12) else None
        self.dress = choices.pick(
            "currency", "after", "sign after", "before", "sign before", "apart", "heading", "fact"
        )

    def number(self, value: Decimal, digits: int = 2) -> str:
        thousands, mark = self.marks
        text = f"{value:,.{digits}f}".replace(",", "_").replace(".", mark)
        return text.replace("_", thousands.strip("\0"))

    def quantity(self, value: Decimal) -> str:
        digits = self.quantities or (0 if value == value.to_integral_value() else 2)
        return self.number(value, digits)

    def date(self, day: date) -> str:
        name = self.words["months"][day.month - 1]
        return day.strftime(self.day).format(month=name, short=name[:3])

    def due(self, day: date) -> tuple[str, date]:
        """As printed, and the day it stands for."""
        if self.week is None:
            return self.date(day), day
        monday = day - timedelta(days=day.weekday())
        year, week, _ = day.isocalendar()
        return self.week.format(week=f"{week:02}", year=year, date=self.date(monday)), monday

    def total(self, value: Decimal) -> str:
        """An amount of the totals with its currency."""
        number, code = self.number(value), self.currency
        sign = {"EUR": "\u20ac", "GBP": "\u00a3", "USD": "$"}.get(code, code)
        dressed = {
            "after": f"{number} {code}",
            "sign after": f"{number} {sign}",
            "before": f"{code} {number}",
        }
        dressed["sign before"] = f"{sign}{'' if len(sign) == 1 else ' '}{number}"
        return dressed.get(self.dress, number)
