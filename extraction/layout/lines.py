"""From the printed cells of a position to its values: arithmetic chooses between the readings of its numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from extraction.layout.amounts import amounts_in
from extraction.layout.arithmetic import closing_readings, line_closes
from extraction.layout.body import RawLine
from extraction.layout.dates import find_dates
from extraction.layout.geometry import Word, text_of
from extraction.layout.lexicon import unit_code
from extraction.layout.numbers import NumberStyle
from extraction.layout.roles import number_options

_BASE: Final = re.compile(r"(?:/|\bper\b|\bpro\b|\bpar\b|\bje\b|\bp\.)\s*(\d{1,5})\b", re.IGNORECASE)
_TRIM: Final = " :;,()[]*"
_AMOUNTS: Final = ("quantity", "unit_price", "line_total")

Options = list[tuple[Decimal, list[Word]]]


@dataclass(slots=True)
class ReadLine:
    """A position's values and the words each came from; `closes` when its arithmetic is right."""

    values: dict[str, Any] = field(default_factory=dict)
    words: dict[str, list[Word]] = field(default_factory=dict)
    closes: bool = False
    sums: dict[str, str] = field(default_factory=dict)
    """The amounts that a value is the sum of, as printed and joined by " + " or " - "."""
    changed: bool = False
    """By a charge or a discount of its own that no rate says: the total is not what quantity and price make."""

    def put(self, name: str, value: object, words: Sequence[Word]) -> None:
        if value not in (None, "") and words:
            self.values[name] = value
            self.words[name] = list(words)


def read_line(raw: RawLine, style: NumberStyle, *, month_first: bool) -> ReadLine:
    """The values of one position."""
    line = ReadLine()
    for role in ("pos", "seller_article", "buyer_article", "gtin", "order_line_ref", "description"):
        words = raw.cells.get(role, [])
        text = running_text(words).strip(" -–;,:") if role == "description" else text_of(words).strip(_TRIM)
        line.put(role, text.rstrip(".") if role == "pos" else text, words)
    _numbers(raw, style, line)
    _adjust(raw, style, line)
    _unit(raw, line)
    words = raw.cells.get("delivery_date", [])
    line.put("delivery_date", first_date(words, month_first=month_first), words)
    return line


def running_text(words: Sequence[Word]) -> str:
    """The words as a text, those divided at the end of a line together again."""
    text = ""
    middle = 0.0
    for word in words:
        if (
            text
            and word.y0 > middle
            and text.endswith("-")
            and not text.endswith(" -")
            and word.text[:1].isalpha()
        ):
            text = text if word.text[:1].isupper() or text[-2:-1].isdigit() else text[:-1]
        elif text and not (word.y0 > middle and _goes_on(text, word.text)):
            text += " "
        text += word.text
        middle = (word.y0 + word.y1) / 2
    return text


def _goes_on(text: str, word: str) -> bool:
    """Whether a word at the begin of a line ends a compound: "Fahrten" above "-Karte"."""
    return text[-1:].isalnum() and word[:1] == "-" and word[1:2].isalpha()


def price_base_in(text: str) -> Decimal | None:
    """The base a price names itself: `107,00/100`, `12,50 per 10`."""
    found = _BASE.search(text)
    return Decimal(found[1]) if found and int(found[1]) > 0 else None


def first_date(words: Sequence[Word], *, month_first: bool) -> date | None:
    found = find_dates(text_of(words))
    return found[0].read(month_first=month_first) if found else None


def _numbers(raw: RawLine, style: NumberStyle, line: ReadLine) -> None:
    amounts = [number_options(raw.cells.get(role, []), style) for role in _AMOUNTS]
    bases, discounts = _bases(raw, style), _percents(raw, style)
    quantity, price, total = amounts
    closing = None
    if all(amounts):
        closing = closing_readings(
            [value for value, _ in quantity],
            [value for value, _ in price],
            [value for value, _ in bases],
            [value for value, _ in discounts],
            [value for value, _ in total],
        )
    line.closes = closing is not None
    chosen = (closing[0], closing[1], closing[4]) if closing else (None, None, None)
    for role, options, value in zip(_AMOUNTS, amounts, chosen, strict=True):
        _put(line, role, options, value)
    _put(line, "price_base", bases, closing[2] if closing else None)
    # A closed line without the discount has it in its price already; an amount then is none in percent.
    if discounts and (closing is None or closing[3] or "%" in raw.text("discount")):
        _put(line, "discount", discounts, closing[3] if closing and closing[3] else None)
    rates = [(value, words) for value, words in _rates(raw.cells.get("tax_rate", []), style) if value <= 100]
    _put(line, "tax_rate", rates, None)


def _adjust(raw: RawLine, style: NumberStyle, line: ReadLine) -> None:
    """Takes the position's own discounts and charges into its total, unless the printed total has them in it."""
    quantity, price, total = (line.values.get(role) for role in _AMOUNTS)
    if not raw.adjustments or quantity is None or price is None or total is None:
        return
    base, change = line.values.get("price_base"), sum(item.value(style) for item in raw.adjustments)
    after, inside = total + change, line_closes(total - change, quantity, price, base)
    if line.closes and "discount" not in line.values:
        _put_changed(raw, style, line, after)
    elif not line.closes and inside:
        after, line.closes = total, True
    else:
        return
    rates = [item.rate for item in raw.adjustments if item.rate and item.sign < 0]
    for value in rates[0].values(style) if len(rates) == len(raw.adjustments) == 1 else ():
        if line_closes(after, quantity, price, base, abs(value)):
            line.put("discount", abs(value), rates[0].words)
            return
    line.changed = True


def _put_changed(raw: RawLine, style: NumberStyle, line: ReadLine, after: Decimal) -> None:
    """The total after the changes: where it is printed below them, else as the sum it is."""
    for value, words in number_options(raw.cells.get("line_total", []), style):
        if value == after:
            line.put("line_total", value, words)
            return
    printed = [line.words["line_total"], *(list(item.amount.words) for item in raw.adjustments)]
    text = text_of(printed[0])
    for item, words in zip(raw.adjustments, printed[1:], strict=True):
        # What a discount takes away is printed with its minus or without.
        text += f" {'-' if item.sign < 0 < item.amount.values(style)[0] else '+'} {text_of(words)}"
    line.put("line_total", after, [word for words in printed for word in words])
    line.sums["line_total"] = text


def _put(line: ReadLine, role: str, options: Options, value: Decimal | None) -> None:
    """The chosen value, or the likeliest, with the words it stands in."""
    for option, words in options:
        if value is None or option == value:
            line.put(role, option, words)
            return


def _bases(raw: RawLine, style: NumberStyle) -> Options:
    words = raw.cells.get("unit_price", [])
    printed = price_base_in(text_of(words))
    if printed:
        return [(printed, words)]
    return [item for item in number_options(raw.cells.get("price_base", []), style) if item[0] > 0]


def _percents(raw: RawLine, style: NumberStyle) -> Options:
    return [(value, words) for value, words in _rates(raw.cells.get("discount", []), style) if value <= 100]


def _rates(words: Sequence[Word], style: NumberStyle) -> Options:
    """The numbers of a cell of percentages; those with a percent sign where there is one."""
    amounts = amounts_in(words)
    amounts = [amount for amount in amounts if amount.is_rate] or amounts
    return [(abs(value), list(amount.words)) for amount in amounts for value in amount.values(style)]


def _unit(raw: RawLine, line: ReadLine) -> None:
    """The unit's own column, else what follows the quantity, else what follows the base of the price."""
    words = raw.cells.get("unit", []) or _after(raw, line, "quantity")
    words = words or [word for word in raw.cells.get("price_base", []) if unit_code(word.text)][:1]
    if words:
        text = text_of(words).strip(_TRIM)
        line.put("unit", unit_code(text) or text, words)


def _after(raw: RawLine, line: ReadLine, role: str) -> list[Word]:
    number = line.words.get(role, [])
    cell = raw.cells.get(role, [])
    if not number or number[-1] not in cell:
        return []
    follows = cell[cell.index(number[-1]) + 1 :][:1]
    return [word for word in follows if any(char.isalpha() for char in word.text) and word.text[0] != "("]
