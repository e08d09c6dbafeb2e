"""Papers of three made-up suppliers whose words, columns and dates the reader cannot know, and what each says."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

GOODS = (
    ("Rollenbock", "RB"), ("Federstecker", "FS"), ("Klemmhebel", "KH"), ("Passscheibe", "PS"), ("Gabelkopf", "GK"),
    ("Winkelgelenk", "WG"), ("Spannhülse", "SH"), ("Sterngriff", "SG"),
)  # fmt: skip
BUYER = ("Acme Maschinenbau GmbH", "Ring 1", "20095 Hamburg")


@dataclass(frozen=True)
class Odd:
    """One paper and its truth, as a person would have it."""

    pdf: bytes
    truth: dict[str, Any]


class Sheet:
    """A page to draw on; y counts from the top, as the reader's boxes do."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()
        self.canvas = Canvas(self.buffer, pagesize=A4, invariant=True)

    def text(self, x: float, y: float, text: str, *, size: float = 9, right: bool = False) -> None:
        self.canvas.setFont("Helvetica", size)
        draw: Callable[..., None] = self.canvas.drawRightString if right else self.canvas.drawString
        draw(x, A4[1] - y, text)

    def row(self, y: float, columns: Sequence[tuple[float, bool]], texts: Sequence[str]) -> None:
        for (x, right), text in zip(columns, texts, strict=True):
            self.text(x, y, text, right=right)

    def pdf(self) -> bytes:
        self.canvas.showPage()
        self.canvas.save()
        return self.buffer.getvalue()


def comma(value: Decimal) -> str:
    """1.234,50"""
    return f"{value:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")


def point(value: Decimal) -> str:
    return f"{value:,.2f}"


def _rows(draw: Random, step: int = 1) -> list[tuple[str, str, int, Decimal]]:
    """Article, name, quantity, price of two to five positions."""
    return [
        (
            f"{code}-{draw.randint(100, 999)}",
            name,
            draw.randint(2, 60) * step,
            Decimal(draw.randint(150, 9900)) / 100,
        )
        for name, code in draw.sample(GOODS, draw.randint(2, 5))
    ]


def _line(**known: Any) -> dict[str, Any]:
    return {key: None if value is None else str(value) for key, value in known.items()}


def polish(number: int) -> Odd:
    """A confirmation in a language the lexicons do not have."""
    draw = Random(f"polish {number}")
    sheet, day = Sheet(), date(2026, 3, 1) + timedelta(days=draw.randint(0, 90))
    own, ref = f"ZS/{draw.randint(1000, 9999)}/26", f"45{draw.randint(10000, 99999)}"
    sheet.text(50, 60, "Odlewnia Wisla Sp. z o.o., ul. Hutnicza 4, 40-241 Katowice", size=8)
    for index, text in enumerate(BUYER):
        sheet.text(50, 95 + 13 * index, text)
    facts = (("Znak sprawy", own), ("Wystawiono dnia", f"{day:%d.%m.%Y}"), ("Zlecenie klienta", ref))
    for index, (label, value) in enumerate(facts):
        sheet.text(350, 95 + 13 * index, label)
        sheet.text(450, 95 + 13 * index, value)
    sheet.text(50, 190, "Potwierdzenie zamowienia", size=15)
    columns = ((50, False), (80, False), (150, False), (370, True), (380, False), (460, True), (540, True))
    sheet.row(230, columns, ("Lp", "Indeks", "Nazwa towaru", "Sztuk", "J.m.", "Cena", "Kwota"))
    lines, total, y = [], Decimal(0), 230.0
    for place, (article, name, count, price) in enumerate(_rows(draw), start=1):
        y += 16
        amount = count * price
        total += amount
        sheet.row(
            y, columns, (str(place), article, f"{name} ocynk", str(count), "szt", comma(price), comma(amount))
        )
        lines.append(
            _line(pos=place, seller_article=article, description=f"{name} ocynk", quantity=count, unit="H87",
                  unit_price=price, line_total=amount)
        )  # fmt: skip
    tax = (total * Decimal("0.23")).quantize(Decimal("0.01"))
    sums = (("Suma pozycji", total), ("Podatek", tax), ("Naleznosc", total + tax))
    for label, value in sums:
        y += 18
        sheet.text(400, y, label)
        sheet.text(540, y, f"{comma(value)} PLN", right=True)
    sheet.text(50, 800, "KRS 0000123456   biuro@odlewnia-wisla.example", size=7)
    truth = {
        "doc_type": "order_confirmation", "number": own, "issue_date": f"{day}", "order_reference": ref,
        "seller_name": "Odlewnia Wisla Sp. z o.o.", "currency": "PLN", "net_total": str(total), "tax_total": str(tax),
        "gross_total": str(total + tax), "lines": lines,
    }  # fmt: skip
    return Odd(sheet.pdf(), truth)


def works(number: int) -> Odd:
    """A confirmation with words of the house: numbered P-001, the name in a logo, promised and wanted quantities."""
    draw = Random(f"works {number}")
    sheet, day = Sheet(), date(2026, 2, 1) + timedelta(days=draw.randint(0, 90))
    own, ref = f"{draw.randint(100, 999)} {draw.randint(10, 99)}", f"B-{draw.randint(10000, 99999)}"
    for index, text in enumerate(BUYER):
        sheet.text(50, 95 + 13 * index, text)
    sheet.text(50, 180, "Auftragsbestätigung", size=16)
    boxes = (
        (50, "Laufzettel", own),
        (150, "Belegtag", f"{day:%d.%m.%Y}"),
        (260, "Bezug", ref),
        (360, "Druck", "01.01.2026"),
    )
    for x, label, value in boxes:
        sheet.text(x, 205, label, size=7)
        sheet.text(x, 216, value)
    sheet.text(50, 240, "Wir danken und sagen zu wie folgt, Angaben in EUR:")
    columns = ((50, False), (95, False), (240, True), (300, True), (330, False), (460, True), (540, True))
    sheet.row(265, columns, ("Satz", "Ware", "gewünscht", "zugesagt", "Abgang Werk", "je Stück", "Betrag"))
    lines, total, y = [], Decimal(0), 265.0
    for place, (article, name, count, price) in enumerate(_rows(draw), start=1):
        y += 16
        leaves, amount = day + timedelta(days=draw.randint(10, 40)), count * price
        total += amount
        wanted = count + draw.choice((0, 0, 5))
        sheet.row(
            y, columns,
            (f"P-{place:03}", name, str(wanted), str(count), f"{leaves:%d.%m.%Y}", comma(price), comma(amount)),
        )  # fmt: skip
        y += 12
        sheet.text(95, y, f"Sachnummer {article}")
        lines.append(
            _line(pos=f"P-{place:03}", seller_article=article, description=name, quantity=count, unit_price=price,
                  line_total=amount, delivery_date=leaves)
        )  # fmt: skip
    tax = (total * Decimal("0.19")).quantize(Decimal("0.01"))
    for label, value in (("Nettobetrag", total), ("MwSt. 19 %", tax), ("Gesamtbetrag", total + tax)):
        y += 18
        sheet.text(400, y, label)
        sheet.text(540, y, comma(value), right=True)
    truth = {
        "doc_type": "order_confirmation", "number": own, "issue_date": f"{day}", "order_reference": ref,
        "seller_name": "Hammerwerk Sued", "currency": "EUR", "net_total": str(total), "tax_total": str(tax),
        "gross_total": str(total + tax), "lines": lines,
    }  # fmt: skip
    return Odd(sheet.pdf(), truth)


def northern(number: int) -> Odd:
    """An American paper in euros: month before day, prices for a hundred without saying so, its number unlabelled."""
    draw = Random(f"northern {number}")
    sheet, day = Sheet(), date(2026, draw.randint(1, 12), draw.randint(1, 12))
    own, ref = f"NF{draw.randint(10000, 99999)}", f"PO{draw.randint(1000, 9999)}"
    sheet.text(50, 60, "Northern Fasteners Ltd", size=14)
    sheet.text(50, 75, "88 Harbour Road, Halifax NS", size=8)
    sheet.text(430, 60, own, size=11)
    for index, text in enumerate(BUYER):
        sheet.text(50, 110 + 13 * index, text)
    sheet.text(50, 180, "Sales Order Acknowledgement", size=14)
    for index, (label, value) in enumerate((("Entered:", f"{day:%m/%d/%Y}"), ("Against:", ref))):
        sheet.text(330, 110 + 13 * index, label)
        sheet.text(430, 110 + 13 * index, value)
    columns = ((50, False), (110, False), (330, True), (350, False), (450, True), (540, True))
    sheet.row(230, columns, ("Stock code", "Description", "Qty", "Ready", "Rate", "Extension"))
    lines, total, y = [], Decimal(0), 230.0
    for article, name, count, price in _rows(draw, 100):
        y += 16
        ready, amount = date(2027, draw.randint(1, 12), draw.randint(1, 12)), count * price / 100
        total += amount
        sheet.row(y, columns, (article, name, str(count), f"{ready:%m/%d/%Y}", point(price), point(amount)))
        lines.append(
            _line(seller_article=article, description=name, quantity=count, unit_price=price, price_base=100,
                  line_total=amount.normalize(), delivery_date=ready)
        )  # fmt: skip
    sheet.text(400, y + 24, "Grand total")
    sheet.text(540, y + 24, f"EUR {point(total)}", right=True)
    truth = {
        "doc_type": "order_confirmation", "number": own, "issue_date": f"{day}", "order_reference": ref,
        "seller_name": "Northern Fasteners Ltd", "currency": "EUR", "gross_total": str(total), "lines": lines,
    }  # fmt: skip
    return Odd(sheet.pdf(), truth)


LAYOUTS: dict[str, Callable[[int], Odd]] = {"polish": polish, "works": works, "northern": northern}
# What the built-in fonts can print of our words.
assert pdfmetrics.stringWidth("ü", "Helvetica", 9) > 0
