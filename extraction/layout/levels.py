"""Headings of two levels: names on the first row of a position, its numbers below them on the second."""

import re
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from extraction.layout.columns import STACK_GAP, Header, assign, columns_of, find_header, stack
from extraction.layout.edges import AMOUNTS, NUMBERS
from extraction.layout.geometry import Row, Segment, Word, printed
from extraction.layout.lexicon import Lexicon

_NAMES: Final = frozenset({"description", "seller_article"})
_NUMBER: Final = re.compile(r"[-€£$]?\d[\d.,'’]*(?:/\d+)?[€£%]?")
# So many columns of a level have a number of theirs on its row.
_NUMBERED: Final = 2
# A position's numbers come within so many rows of the heading; its group may have one before.
_SOON: Final = 4
# So many rows show whether the names run over the numbers' columns.
_ROWS: Final = 16
# Numbers stand no further left of their level's first heading than this many heights.
_REACH: Final = 4.0


@dataclass(slots=True)
class Levelled(Header):
    """The heading of a table whose positions take two rows each: a row is split by the level it belongs to."""

    upper: Header = field(default_factory=lambda: Header([], 0, 0))
    lower: Header = field(default_factory=lambda: Header([], 0, 0))

    def __post_init__(self) -> None:
        # A copy has edges of its own, at either level.
        self.upper, self.lower = replace(self.upper), replace(self.lower)

    def split(self, words: Sequence[Word]) -> dict[int, list[Word]]:
        if not self.is_lower(words):
            return self.upper.split(words)
        start = len(self.upper.columns)
        return {start + index: cell for index, cell in self.lower.split(words).items()}

    def opens(self, cells: Collection[int]) -> bool:
        """Whether the columns filled are those of a position's first row, where it has more than a text."""
        return len(self.upper.columns) > 1 and all(index in cells for index in range(len(self.upper.columns)))

    def fit(self, rows: Sequence[Sequence[Word]], texts: Sequence[Segment] = ()) -> None:
        self.upper.fit([row for row in rows if not self.is_lower(row)], texts)
        self.lower.fit([row for row in rows if self.is_lower(row)])
        self.edges = [*self.upper.edges, *self.lower.edges]

    def is_lower(self, words: Sequence[Word]) -> bool:
        """Whether the words are a position's numbers: several of the lower columns have one of theirs."""
        columns = self.lower.columns
        first = self.upper.columns[0]
        if not words or (first.role == "pos" and words[0].x0 < first.center):
            return False
        left = columns[0].x0 - _REACH * words[0].height
        middles = [(before.x1 + after.x0) / 2 for before, after in pairwise(columns)]
        numbers = [word for word in words if _NUMBER.fullmatch(word.text) and word.x0 > left]
        hits = {bisect_right(middles, word.center) for word in numbers}
        return sum(columns[index].role in NUMBERS for index in hits) >= _NUMBERED


def find_headers(rows: Sequence[Row], lexicon: Lexicon) -> dict[int, Header]:
    """Every table heading on a page, by the index of its first row."""
    found: dict[int, Header] = {}
    index = 0
    while index < len(rows):
        header = find_levelled(rows, index, lexicon) or find_header(rows, index, lexicon)
        if header:
            found[header.first] = header
            index = header.last
        index += 1
    return found


def find_levelled(rows: Sequence[Row], index: int, lexicon: Lexicon) -> Levelled | None:
    """The heading of two levels that begins with this row; the rows below it show that it is one."""
    if index + 3 >= len(rows) or rows[index + 1].y0 - rows[index].y1 > STACK_GAP * rows[index].height:
        return None
    if not (_may_head(rows[index], lexicon, 1) and _may_head(rows[index + 1], lexicon, _NUMBERED)):
        return None
    upper = Header(columns_of(rows[index], lexicon), index, index)
    names = {column.names[0] for column in upper.columns if column.names}
    if not names & _NAMES or names & AMOUNTS or len(names) < len(upper.columns):
        return None
    lower = Header(columns_of(rows[index + 1], lexicon), index + 1, index + 1)
    if not _is_numbers(lower):
        return None
    stack(lower, rows, lexicon, steps=(1,))
    if not _is_numbers(lower):
        return None
    columns = [*upper.columns, *lower.columns]
    assign(columns)
    header = Levelled(columns, index, lower.last, upper=upper, lower=lower)
    below = [printed(row.words) for row in rows[lower.last + 1 : lower.last + 1 + _ROWS]]
    levels = [header.is_lower(words) for words in below[:_SOON]]
    # Names that run on over the numbers' columns are on another level; else the heading merely has two rows.
    over = any(
        words and words[-1].x1 > lower.columns[0].center for words in below if not header.is_lower(words)
    )
    return header if over and any(levels) and not levels[0] else None


def _may_head(row: Row, lexicon: Lexicon, least: int) -> bool:
    """Whether the row has words that headings begin with, and no number: cheap, and never wrong where it says no."""
    words = row.words
    return (
        not any(map(str.isdigit, row.text))
        and sum(lexicon.columns.begins(word.text) for word in words) >= least
    )


def _is_numbers(header: Header) -> bool:
    names = {column.names[0] for column in header.columns if column.names}
    return len(names & AMOUNTS) >= _NUMBERED and not names & {*_NAMES, "pos"}
