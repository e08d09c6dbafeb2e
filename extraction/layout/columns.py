"""Header rows of position tables: which column is where, and which word belongs to which."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from extraction.layout.geometry import Row, Word, tokens_with_words
from extraction.layout.header_fields import dates_in
from extraction.layout.lexicon import Lexicon, month_names, tokens_of

# A label may not reach over a gap wider than this many word heights, a header may not be further from its next row.
LABEL_GAP: Final = 0.9
STACK_GAP: Final = 0.9
STACK_ROWS: Final = 3

_AMOUNTS: Final = frozenset({"quantity", "line_total", "unit_price"})
_GOODS: Final = frozenset({"description", "seller_article", "buyer_article", "pos"})


@dataclass(slots=True)
class HeaderCell:
    """One column's heading; `role` is a canonical line field, or None where the heading is not known."""

    words: list[Word]
    role: str | None

    @property
    def x0(self) -> float:
        return min(word.x0 for word in self.words)

    @property
    def x1(self) -> float:
        return max(word.x1 for word in self.words)

    @property
    def center(self) -> float:
        return (self.x0 + self.x1) / 2


@dataclass(slots=True)
class Header:
    """The heading of one table: cells from left to right and the rows they take."""

    cells: list[HeaderCell]
    first: int
    last: int
    edges: list[float] = field(default_factory=list)

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(cell.role for cell in self.cells if cell.role)

    def split(self, words: Sequence[Word]) -> dict[str, list[Word]]:
        """The words by the role of the column they stand in; those in a column of unknown meaning are left out."""
        cells: dict[str, list[Word]] = {}
        for unit in units(words):
            middle = (unit[0].x0 + unit[-1].x1) / 2
            role = self.cells[bisect_right(self.edges, middle)].role
            if role:
                cells.setdefault(role, []).extend(unit)
        return cells

    def fit(self, rows: Sequence[Sequence[Word]]) -> None:
        """Sets the edges between the columns where the fewest of the body's words are cut, in the widest gap."""
        spans = [(unit[0].x0, unit[-1].x1) for words in rows for unit in units(words)]
        self.edges = [_edge(left, right, spans) for left, right in pairwise(self.cells)]


def units(words: Sequence[Word]) -> list[list[Word]]:
    """The words of a row, those of a written-out date together: no column's edge runs through it."""
    if not any(token in month_names() for word in words for token in tokens_of(word.text)):
        return [[word] for word in words]
    dates = {id(word): hit for hit in dates_in(words) for word in hit}
    found: list[list[Word]] = []
    for word in words:
        hit = dates.get(id(word), [word])
        if hit[0] is word:
            found.append(hit)
    return found


def find_header(rows: Sequence[Row], index: int, lexicon: Lexicon) -> Header | None:
    """The table heading whose richest row is rows[index], with what is stacked above and below it."""
    row = rows[index]
    words = row.words
    if len(words) < 3 or sum(any(char.isdigit() for char in word.text) for word in words) > len(words) / 4:
        return None
    cells = _cells(row, lexicon)
    roles = {cell.role for cell in cells if cell.role}
    if len(roles - {"other"}) < 3 or not roles & _AMOUNTS or not roles & _GOODS:
        return None
    header = Header(cells, index, index)
    _stack(header, rows, lexicon)
    _settle(header, lexicon)
    return header if header.roles & _AMOUNTS and header.roles & _GOODS else None


def _cells(row: Row, lexicon: Lexicon) -> list[HeaderCell]:
    words = row.words
    tokens = tokens_with_words(words)
    names = [token for token, _ in tokens]
    cells: list[HeaderCell] = []
    claimed = -1
    position = 0
    while position < len(tokens):
        match = lexicon.columns.at(names, position)
        first = tokens[position][1]
        if (
            match
            and _whole(tokens, match.start, match.end)
            and _joined(words, first, tokens[match.end - 1][1])
        ):
            last = tokens[match.end - 1][1]
            cells.append(HeaderCell(list(words[first : last + 1]), match.names[0]))
            claimed = last
            position = match.end
            continue
        if first > claimed:
            previous = words[first - 1] if first else None
            near = previous is not None and words[first].x0 - previous.x1 < LABEL_GAP * words[first].height
            if cells and near and cells[-1].role is None:
                cells[-1].words.append(words[first])
            else:
                cells.append(HeaderCell([words[first]], None))
            claimed = first
        position += 1
    return cells


def _whole(tokens: list[tuple[str, int]], start: int, end: int) -> bool:
    """Whether the tokens make up whole words."""
    begins = start == 0 or tokens[start - 1][1] != tokens[start][1]
    return begins and (end == len(tokens) or tokens[end][1] != tokens[end - 1][1])


def _joined(words: Sequence[Word], first: int, last: int) -> bool:
    pairs = zip(words[first:last], words[first + 1 : last + 1], strict=True)
    return all(right.x0 - left.x1 < LABEL_GAP * right.height for left, right in pairs)


def _stack(header: Header, rows: Sequence[Row], lexicon: Lexicon) -> None:
    """Takes in the rows right above and below that hold nothing but parts of headings."""
    for step in (-1, 1):
        for _ in range(STACK_ROWS):
            edge = header.first if step < 0 else header.last
            other = edge + step
            if not 0 <= other < len(rows) or rows[other].page != rows[edge].page:
                break
            upper, lower = (rows[other], rows[edge]) if step < 0 else (rows[edge], rows[other])
            if lower.y0 - upper.y1 > STACK_GAP * rows[edge].height or not _heading_words(
                rows[other], lexicon
            ):
                break
            for word in rows[other].words:
                _attach(header, word, above=step < 0)
            header.first, header.last = min(header.first, other), max(header.last, other)
    header.cells.sort(key=lambda cell: cell.center)


def _heading_words(row: Row, lexicon: Lexicon) -> bool:
    words = [word for word in row.words if any(char.isalnum() or char == "%" for char in word.text)]
    if (
        not words
        or any(char.isdigit() for word in words for char in word.text)
        or row.text.rstrip().endswith(":")
    ):
        return False
    known = sum(all(token in lexicon.column_words for token in tokens_of(word.text)) for word in words)
    return known >= len(words) * 0.6


def _attach(header: Header, word: Word, *, above: bool) -> None:
    def overlap(cell: HeaderCell) -> float:
        return min(cell.x1, word.x1) - max(cell.x0, word.x0)

    best = max(header.cells, key=overlap)
    if overlap(best) <= 0:
        header.cells.append(HeaderCell([word], None))
    elif above:
        same = [index for index, other in enumerate(best.words) if other.y0 > word.y0 + word.height / 2]
        best.words.insert(same[0] if same else len(best.words), word)
    else:
        best.words.append(word)


def _settle(header: Header, lexicon: Lexicon) -> None:
    """Names each cell by all its words, and keeps one column for each role: the first."""
    taken: set[str] = set()
    for cell in header.cells:
        tokens = [token for word in cell.words for token in tokens_of(word.text)]
        names = lexicon.columns.exact(tuple(tokens))
        if not names:
            matches = [match for start in range(len(tokens)) if (match := lexicon.columns.at(tokens, start))]
            longest = max(matches, key=lambda match: match.end - match.start, default=None)
            names = longest.names if longest else ()
        free = [name for name in names if name not in taken]
        cell.role = free[0] if free else None
        if cell.role:
            taken.add(cell.role)


def _edge(left: HeaderCell, right: HeaderCell, spans: Sequence[tuple[float, float]]) -> float:
    """Where between two headings' centres the fewest spans are cut; of such gaps the widest, and of those that meet
    the gap between the headings rather than one beside it."""
    low, high = left.center, right.center
    inside = [(max(start, low), min(stop, high)) for start, stop in spans if stop > low and start < high]
    borders = sorted({low, high, *(border for span in inside for border in span)})
    starts, stops = sorted(start for start, _ in inside), sorted(stop for _, stop in inside)
    best, best_key = (left.x1 + right.x0) / 2, (float("inf"), True, 0.0)
    for begin, end in pairwise(borders):
        middle = (begin + end) / 2
        cut = bisect_left(starts, middle) - bisect_right(stops, middle)
        outside = end <= left.x1 or begin >= right.x0
        key = (float(cut), outside, begin - end)
        if key < best_key:
            best, best_key = middle, key
    return best
