"""Positions printed as a list: a text and an amount on each row, and below them their sum."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from extraction.layout.amounts import Amount, amounts_in
from extraction.layout.arithmetic import CENT
from extraction.layout.body import RawLine
from extraction.layout.geometry import Page, Row, printed
from extraction.layout.header_fields import labels_of
from extraction.layout.lexicon import Lexicon
from extraction.layout.numbers import NumberStyle
from extraction.layout.tables import Tables
from extraction.layout.totals import NAMES, Totals

_GAP: Final = 1.6
_ALIGNED: Final = 0.6


def read_list(
    pages: Sequence[Page], lexicon: Lexicon, style: NumberStyle, totals: Totals, tables: Tables
) -> None:
    """Adds the rows right above the first total that end in an amount below one another and make up that total."""
    for name in ("net_total", "gross_total"):
        value, amounts = totals.values.get(name), totals.amounts.get(name, ())
        if value is None or len(amounts) != 1:
            continue
        word = amounts[0].words[-1]
        for page in pages:
            for index, row in enumerate(page.rows):
                if word in row.words:
                    found = _above(page, index, amounts[0], value, lexicon, style)
                    tables.rows |= {(page.number, item) for item, _ in found}
                    tables.lines += [line for _, line in reversed(found)]
                    if found:
                        return


def _above(
    page: Page, index: int, total: Amount, value: Decimal, lexicon: Lexicon, style: NumberStyle
) -> list[tuple[int, RawLine]]:
    """The rows that add up to the total, from the lowest; none when no run of rows does."""
    found: list[tuple[int, RawLine]] = []
    missing = value
    reached = False
    for number in range(index - 1, -1, -1):
        row, below = page.rows[number], page.rows[number + 1]
        amount = _ending(row, total, lexicon)
        if amount is None or below.y0 - row.y1 > _GAP * row.height:
            break
        missing -= amount.values(style)[0]
        if missing < -CENT:
            break
        reached = reached or abs(missing) <= CENT
        texts = [word for word in printed(row.words) if word not in amount.words]
        found.append((number, RawLine({"description": texts, "line_total": list(amount.words)})))
    return found if reached and abs(missing) <= CENT else []


def _ending(row: Row, total: Amount, lexicon: Lexicon) -> Amount | None:
    """The one amount of a row, where it stands above the total and beside a text that is no total's label."""
    if len(row.segments) < 2:
        return None
    amounts = [item for item in amounts_in(row.segments[-1].words) if not item.is_rate]
    labels = labels_of(row.segments[0], lexicon)
    named = bool(labels) and labels[0][1] == 0 and bool(set(labels[0][0].names) & NAMES)
    letters = any(len(word.text) > 2 and any(map(str.isalpha, word.text)) for word in row.segments[0].words)
    if named or not letters or len(amounts) != 1:
        return None
    shift = abs(amounts[0].words[-1].x1 - total.words[-1].x1)
    return amounts[0] if shift < _ALIGNED * row.height else None
