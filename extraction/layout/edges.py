"""Where one column of a table ends and the next begins, by what is printed below the headings."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Final, Self

from extraction.layout.geometry import SEGMENT_GAP, Segment, Word
from extraction.layout.header_fields import dates_in
from extraction.layout.lexicon import month_names, tokens_of, unit_code
from extraction.layout.numbers import readings

# The groups of one number are not further apart than this many heights.
GROUP_GAP: Final = 0.4
AMOUNTS: Final = frozenset({"quantity", "line_total", "unit_price"})
NUMBERS: Final = AMOUNTS | {"discount", "tax_rate", "price_base", "other_quantity"}
_GROUP: Final = re.compile(r"\d{3}(?:[.,]\d{1,4})?")

Span = tuple[float, float]


@dataclass(slots=True)
class Print:
    """What stands in a table, from left to right: the spans of what is never cut, the gaps inside texts, and for each
    row the middles of the numbers that begin a cell and of the texts."""

    spans: list[Span] = field(default_factory=list)
    joins: list[Span] = field(default_factory=list)
    numbers: list[list[float]] = field(default_factory=list)
    texts: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Sequence[Sequence[Word]]) -> Self:
        found = cls()
        for words in rows:
            numbers: list[float] = []
            before: Sequence[Word] = ()
            for unit in units(words):
                found.spans.append((unit[0].x0, unit[-1].x1))
                near = before and unit[0].x0 - before[-1].x1 < SEGMENT_GAP * unit[0].height
                if near and before[-1].text.isalpha() and not unit_code(before[-1].text):
                    found.joins.append((before[-1].x1, unit[0].x0))
                middle = (unit[0].x0 + unit[-1].x1) / 2
                if not near and readings(unit[-1].text):
                    numbers.append(middle)
                elif any(map(str.isalpha, unit[0].text)):
                    found.texts.append(middle)
                before = unit
            found.numbers.append(numbers)
        return found

    def add(self, text: Segment) -> None:
        """Adds a text that stands in the table on a row of its own."""
        self.spans.append((text.x0, text.x1))
        self.texts.append((text.x0 + text.x1) / 2)


def units(words: Sequence[Word]) -> list[list[Word]]:
    """The words of a row, those of a written-out date and of a number in groups together: no column's edge runs
    through them."""
    dates: dict[int, list[Word]] = {}
    if any(_names_month(word.text) for word in words):
        dates = {id(word): hit for hit in dates_in(words) for word in hit}
    found: list[list[Word]] = []
    for word in words:
        hit = dates.get(id(word), [word])
        if hit[0] is not word:
            continue
        if found and _goes_on(found[-1][-1], word):
            found[-1].append(word)
        else:
            found.append(hit)
    return found


@lru_cache(maxsize=8192)
def _names_month(text: str) -> bool:
    return any(token in month_names() for token in tokens_of(text))


def _goes_on(left: Word, right: Word) -> bool:
    """Whether two words are one number, printed as `1 180,10`."""
    if not left.text.isdigit() or len(left.text) > 3 or not _GROUP.fullmatch(right.text):
        return False
    return right.x0 - left.x1 < GROUP_GAP * right.height


@dataclass(frozen=True, slots=True)
class Gap:
    """Between the headings of two columns: the middle and the end of the left one, the begin and the middle of the
    right one; the middles of those beside them; what the columns are for; and how many columns of numbers there are up
    to the left one, and in all."""

    left: Span
    right: Span
    beside: Span
    roles: tuple[str | None, str | None]
    numbered: tuple[int, int]


def edge(gap: Gap, found: Print) -> float:
    """Where the fewest words are cut, the fewest numbers and texts stand on the wrong side, and the fewest texts are
    cut between their words; of such gaps the widest, and of those that meet the gap between the headings rather than
    one beside it."""
    low, high = gap.left[0], gap.right[1]
    inside = [
        (max(start, low), min(stop, high)) for start, stop in found.spans if stop > low and start < high
    ]
    borders = sorted({low, high, *(border for span in inside for border in span)})
    starts, stops = sorted(start for start, _ in inside), sorted(stop for _, stop in inside)
    joins = [join for join in found.joins if join[1] > low and join[0] < high]
    begun, ended = sorted(start for start, _ in joins), sorted(stop for _, stop in joins)
    lefts, rights = _votes(gap, found)
    best, best_key = (gap.left[1] + gap.right[0]) / 2, (float("inf"), 0, 0, True, 0.0)
    for begin, end in pairwise(borders):
        middle = (begin + end) / 2
        cut = bisect_left(starts, middle) - bisect_right(stops, middle)
        wrong = len(lefts) - bisect_left(lefts, middle) + bisect_left(rights, middle)
        joined = bisect_left(begun, middle) - bisect_right(ended, middle) if joins else 0
        outside = end <= gap.left[1] or begin >= gap.right[0]
        key = (float(cut), wrong, joined, outside, begin - end)
        if key < best_key:
            best, best_key = middle, key
    return best


def _votes(gap: Gap, found: Print) -> tuple[list[float], list[float]]:
    """The middles of what stands between two headings and is surely the left column's, and the right one's."""
    low, high = gap.left[0], gap.right[1]
    left, right = gap.roles
    if left == "pos":
        return [], sorted(middle for middle in found.texts if low < middle < high)
    lefts: list[float] = []
    rights: list[float] = []
    before_edge, in_all = gap.numbered
    for row in found.numbers:
        if len(row) == in_all and left in NUMBERS:
            # A number for each column: they stand in the same order.
            lefts += row[:before_edge]
            rights += row[before_edge:]
            continue
        between = [middle for middle in row if low < middle < high]
        if not between:
            continue
        if left == "description" and right in NUMBERS:
            rights += between
        elif right == "description" and left in NUMBERS:
            lefts += between
        elif left in NUMBERS and right in NUMBERS and len(between) == 1:
            # Where one of two numbers is clearly below its heading, and no nearer to the one beside it, the other is
            # the other column's.
            before = any((gap.beside[0] + low) / 2 < middle <= low for middle in row)
            after = any(high <= middle < (high + gap.beside[1]) / 2 for middle in row)
            if before != after:
                (rights if before else lefts).append(between[0])
    return sorted(lefts), sorted(rights)
