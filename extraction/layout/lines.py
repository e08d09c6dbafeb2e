"""From the printed cells of a position to its values: arithmetic chooses between the readings of its numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from extraction.layout.arithmetic import closing_readings
from extraction.layout.dates import find_dates
from extraction.layout.geometry import Word, text_of
from extraction.layout.lexicon import unit_code
from extraction.layout.numbers import NumberStyle, leading_number, ordered, readings
from extraction.layout.tables import RawLine

_BASE: Final = re.compile(r"(?:/|\bper\b|\bpro\b|\bpar\b|\bje\b|\bp\.)\s*(\d{1,5})\b", re.IGNORECASE)
_TRIM: Final = " :;,()[]*"


@dataclass(slots=True)
class ReadLine:
    """A position's values and the words each came from; `closes` when its arithmetic is right."""

    values: dict[str, Any] = field(default_factory=dict)
    words: dict[str, list[Word]] = field(default_factory=dict)
    closes: bool = False

    def put(self, name: str, value: object, words: Sequence[Word]) -> None:
        if value not in (None, "") and words:
            self.values[name] = value
            self.words[name] = list(words)


def read_line(raw: RawLine, style: NumberStyle, *, month_first: bool) -> ReadLine:
    """The values of one position."""
    line = ReadLine()
    for role in ("pos", "seller_article", "buyer_article", "gtin", "order_line_ref", "description"):
        words = raw.cells.get(role, [])
        trim = " " if role == "description" else _TRIM
        text = text_of(words).strip(trim)
        line.put(role, text.rstrip(".") if role == "pos" else text, words)
    _numbers(raw, style, line)
    _unit(raw, line)
    words = raw.cells.get("delivery_date", [])
    line.put("delivery_date", first_date(words, month_first=month_first), words)
    return line


def price_base_in(text: str) -> Decimal | None:
    """The base a price names itself: `107,00/100`, `12,50 per 10`."""
    found = _BASE.search(text)
    return Decimal(found[1]) if found and int(found[1]) > 0 else None


def first_date(words: Sequence[Word], *, month_first: bool) -> date | None:
    found = find_dates(text_of(words))
    return found[0].read(month_first=month_first) if found else None


def _numbers(raw: RawLine, style: NumberStyle, line: ReadLine) -> None:
    parts = {
        role: _number_words(raw.cells.get(role, []))
        for role in ("quantity", "unit_price", "line_total", "discount")
    }
    options = {role: ordered(leading_number(text_of(words))[0], style) for role, words in parts.items()}
    base_words = raw.cells.get("price_base", [])
    bases = [number for number in ordered(leading_number(text_of(base_words))[0], style) if number > 0]
    printed = price_base_in(raw.text("unit_price"))
    if printed:
        bases, base_words = [printed], raw.cells["unit_price"]
    closing = None
    if options["quantity"] and options["unit_price"] and options["line_total"]:
        closing = closing_readings(
            options["quantity"], options["unit_price"], bases, options["discount"], options["line_total"]
        )
    if closing:
        line.closes = True
        chosen = dict(
            zip(("quantity", "unit_price", "price_base", "discount", "line_total"), closing, strict=True)
        )
    else:
        chosen = {role: found[0] for role, found in options.items() if found}
        chosen |= {"price_base": bases[0]} if bases else {}
    for role, words in parts.items():
        if options[role]:
            line.put(role, chosen[role], words)
    if bases:
        line.put("price_base", chosen["price_base"], base_words)
    rate = raw.cells.get("tax_rate", [])
    rates = ordered(leading_number(text_of(rate))[0], style)
    if rates and 0 <= rates[0] <= 100:
        line.put("tax_rate", rates[0], rate)


def _number_words(words: Sequence[Word]) -> list[Word]:
    """The words that make up the number a cell begins with; all of them when a sign or currency comes first."""
    best: list[Word] = []
    for end in range(1, min(len(words), 4) + 1):
        text = text_of(words[:end])
        if readings(text) or (end == 1 and readings(leading_number(text)[0])):
            best = list(words[:end])
    return best


def _unit(raw: RawLine, line: ReadLine) -> None:
    words = raw.cells.get("unit", [])
    if not words:
        after = raw.cells.get("quantity", [])[len(line.words.get("quantity", [])) :]
        words = [word for word in after if any(char.isalpha() for char in word.text)][:1]
    if words:
        text = text_of(words).strip(_TRIM)
        line.put("unit", unit_code(text) or text, words)
