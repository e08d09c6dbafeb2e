"""Heading rows of position tables: which column is where, what it may mean, and which word belongs to which."""

import re
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from extraction.layout.edges import AMOUNTS, NUMBERS, Gap, Print, edge, units
from extraction.layout.geometry import Row, Segment, Word, tokens_with_words
from extraction.layout.lexicon import Lexicon, tokens_of

# A heading's rows are not further apart than this many of their heights.
STACK_GAP: Final = 0.9
STACK_ROWS: Final = 4
# So many of its words are known ones; fewer will do where it touches the row beside it.
KNOWN_SHARE: Final = 0.6
TIGHT_SHARE: Final = 0.5
TIGHT_GAP: Final = 0.25
# The words of one heading are not further apart than this many heights.
LABEL_GAP: Final = 0.9

POSITION: Final = re.compile(r"[0-9]{1,6}(?:[.][0-9]{1,3})*[.)]?|[0-9]{1,3}[a-z]")
_DIGIT: Final = re.compile(r"\d")
TOTALS: Final = frozenset({"net_total", "sub_total", "tax_total", "gross_total"})
_EXTRAS: Final = frozenset({"charge", "allowance"})
# The label of a total is one of its first words.
_LEADING: Final = 2
# So many labels of totals in one row are a table of totals.
_SIDE_BY_SIDE: Final = 3
# A heading names at least so many columns.
_ROLES: Final = 3
_ALL: Final = 2
_ARTICLES: Final = frozenset({"seller_article", "buyer_article", "gtin"})
_GOODS: Final = frozenset({"description", "seller_article", "buyer_article", "pos"})
# What may be listed one above the other in a cell, as its heading says.
_STACKED: Final = frozenset({"seller_article", "buyer_article", "gtin", "description", "order_line_ref"})


@dataclass(slots=True)
class Column:
    """One column's heading. `names` are the line fields it may mean, the likeliest first, none where it is not
    known; `stack` lists the fields where the cell holds several values one above the other; `role` is what it was
    taken for."""

    words: list[Word]
    names: tuple[str, ...] = ()
    stack: tuple[str, ...] = ()
    role: str | None = None

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
    """The heading of one table: columns from left to right and the rows it takes."""

    columns: list[Column]
    first: int
    last: int
    pitch: float = 0.0
    """From one line of a stacked heading to the next."""
    edges: list[float] = field(default_factory=list)
    position: re.Pattern[str] = POSITION
    """What a position's number looks like."""
    settled: bool = False
    """Whether the columns' roles are known and not for arithmetic to choose."""

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(column.role for column in self.columns if column.role)

    def index_of(self, role: str) -> int | None:
        return next((index for index, column in enumerate(self.columns) if column.role == role), None)

    @property
    def total(self) -> int | None:
        """The column of totals; where none is headed so, the last whose heading is not known."""
        named = self.index_of("line_total")
        open_ = [index for index, column in enumerate(self.columns) if column.role is None]
        return open_[-1] if named is None and open_ else named

    def opens(self, cells: Collection[int]) -> bool:
        """Whether the columns filled are those of a row that only begins a position."""
        return False

    def split(self, words: Sequence[Word]) -> dict[int, list[Word]]:
        """The words by the index of the column they stand in."""
        cells: dict[int, list[Word]] = {}
        for unit in units(words):
            middle = (unit[0].x0 + unit[-1].x1) / 2
            cells.setdefault(bisect_right(self.edges, middle), []).extend(unit)
        return cells

    def fit(self, rows: Sequence[Sequence[Word]], texts: Sequence[Segment] = ()) -> None:
        """Sets the edges between the columns by what is printed below them. Texts count where they stand below one
        heading."""
        found = Print.of(rows)
        # An article's number is none of those that are counted.
        articles = [(column.x0, column.x1) for column in self.columns if column.role in _ARTICLES]
        found.numbers = [
            [middle for middle in row if not any(x0 < middle < x1 for x0, x1 in articles)]
            for row in found.numbers
        ]
        for text in texts:
            under = [column for column in self.columns if text.x0 < column.x1 and column.x0 < text.x1]
            if not under or (len(under) == 1 and under[0].role not in NUMBERS):
                found.add(text)
        numbered = [column.role in NUMBERS or column.role == "pos" for column in self.columns]
        middles = [float("-inf"), *(column.center for column in self.columns), float("inf")]
        self.edges = [
            edge(
                Gap(
                    (left.center, left.x1),
                    (right.x0, right.center),
                    (middles[number], middles[number + 3]),
                    (left.role, right.role),
                    (sum(numbered[: number + 1]), sum(numbered)),
                ),
                found,
            )
            for number, (left, right) in enumerate(pairwise(self.columns))
        ]


def find_header(rows: Sequence[Row], index: int, lexicon: Lexicon) -> Header | None:
    """The table heading whose richest row is rows[index], with what is stacked above and below it."""
    row = rows[index]
    words = row.words
    if len(words) < 3 or sum(bool(_DIGIT.search(word.text)) for word in words) > len(words) / 4:
        return None
    # A row of labels with their values, or of labels for those below, is a heading's opposite.
    if sum(":" in segment.text for segment in row.segments) * 2 >= len(row.segments):
        return None
    if sum(lexicon.columns.begins(word.text) for word in words) < _ROLES or _is_labelled(row, lexicon):
        return None
    columns = columns_of(row, lexicon)
    roles = {column.names[0] for column in columns if column.names}
    # The amounts may be headed in another of the heading's rows, where this one says enough without them.
    enough = _ROLES if roles & (AMOUNTS | {"other_quantity"}) else _ROLES + 1
    if len(roles - {"other"}) < enough or not roles & _GOODS:
        return None
    header = Header(columns, index, index)
    stack(header, rows, lexicon)
    assign(header.columns)
    if not header.roles & AMOUNTS or not header.roles & _GOODS:
        return None
    # Net, tax and gross side by side head the document's totals, unless a quantity or a price stands beside them.
    return header if header.roles & {"quantity", "unit_price"} or not lists_totals(row, lexicon) else None


def _is_labelled(row: Row, lexicon: Lexicon) -> bool:
    """Whether the row is labels of the document, each with its value: "Bon de livraison n° | 4711"."""
    labels, values = row.segments[::2], row.segments[1::2]
    if len(labels) != len(values) or not all(_DIGIT.search(value.text) for value in values):
        return False
    tokens = (tuple(token for text in label.texts for token in tokens_of(text)) for label in labels)
    return all(lexicon.labels.exact(label) for label in tokens)


def lists_totals(row: Row, lexicon: Lexicon) -> bool:
    """Whether a row is the labels of the totals side by side, with the amounts below; charges and discounts may stand
    between them."""
    if len(row.segments) < _ALL:
        return False
    found = [_total_named(segment, lexicon) for segment in row.segments]
    named = sum(map(bool, found))
    return "total" in found and named >= (_SIDE_BY_SIDE if named < len(row.segments) else _ALL)


def _total_named(segment: Segment, lexicon: Lexicon) -> str:
    """ "total" where the segment is the label of one, "extra" for a charge's or a discount's, nothing else."""
    names = [name for name, _ in tokens_with_words(segment.words)]
    # "+ 19 % USt" begins with its rate, and "zzgl. 19 % USt" has it inside.
    for start in [number for number, name in enumerate(names) if name.isalpha()][:_LEADING]:
        match = lexicon.labels.at(names, start)
        if match and (kinds := set(match.names) & (TOTALS | _EXTRAS)):
            return "total" if kinds & TOTALS else "extra"
    return ""


def columns_of(row: Row, lexicon: Lexicon) -> list[Column]:
    """The headings in a row: each segment, cut before every label known as a column's. Words without a meaning stay
    with the label before them, or with the first one after."""
    found: list[Column] = []
    for segment in row.segments:
        cuts = [first for first, _ in _labels(segment, lexicon)][1:]
        for start, stop in pairwise([0, *cuts, len(segment.words)]):
            words = [word for word in segment.words[start:stop] if _heads(word)]
            if words:
                column = Column(words)
                _name(column, lexicon)
                found.append(column)
    return found


def _labels(segment: Segment, lexicon: Lexicon) -> list[tuple[int, tuple[str, ...]]]:
    """The known labels of a segment: the index of the first word of each, and what it means."""
    tokens = tokens_with_words(segment.words)
    names = [token for token, _ in tokens]
    found = []
    position = 0
    while position < len(tokens):
        match = lexicon.columns.at(names, position)
        whole = match and (match.end == len(tokens) or tokens[match.end][1] != tokens[match.end - 1][1])
        begins = position == 0 or tokens[position - 1][1] != tokens[position][1]
        if match and whole and begins and _is_told(segment.words, tokens[position : match.end]):
            found.append((tokens[position][1], match.names))
            position = match.end
        else:
            position += 1
    return found


def _is_told(words: Sequence[Word], label: Sequence[tuple[str, int]]) -> bool:
    """Whether a label is more than a letter ("N.", "Q."); such a one is a heading where nothing else stands beside."""
    return len(label) > 1 or len(label[0][0]) > 1 or not label[0][0].isalpha() or len(words) == 1


def _heads(word: Word) -> bool:
    return any(char.isalnum() or char in "#%" for char in word.text)


def stack(header: Header, rows: Sequence[Row], lexicon: Lexicon, *, steps: Sequence[int] = (-1, 1)) -> None:
    """Takes in the rows right above and below that hold nothing but parts of headings, and names the columns anew."""
    for step in steps:
        for _ in range(STACK_ROWS):
            edge = header.first if step < 0 else header.last
            other = edge + step
            if not 0 <= other < len(rows):
                break
            upper, lower = (rows[other], rows[edge]) if step < 0 else (rows[edge], rows[other])
            apart = lower.y0 - upper.y1 > STACK_GAP * rows[edge].height
            tight = lower.y0 - upper.y1 < TIGHT_GAP * rows[edge].height
            if apart or not _is_heading(rows[other], lexicon, TIGHT_SHARE if tight else KNOWN_SHARE):
                break
            groups = columns_of(rows[other], lexicon)
            if step > 0 and not tight and len(groups) == 1 and not _ends_label(header, groups[0], lexicon):
                break
            for group in groups:
                _attach(header, group, lexicon)
            header.pitch = max(header.pitch, lower.y0 - upper.y0)
            header.first, header.last = min(header.first, other), max(header.last, other)
    header.columns.sort(key=lambda column: column.center)
    for column in header.columns:
        _name(column, lexicon)


def _ends_label(header: Header, group: Column, lexicon: Lexicon) -> bool:
    """Whether the only words below a heading end one of its labels; else they may head a group of positions."""
    over = [column for column in header.columns if column.x0 < group.x1 and group.x0 < column.x1]
    return any(_meaning([*column.words, *group.words], lexicon) for column in over) or not over


def _is_heading(row: Row, lexicon: Lexicon, share: float) -> bool:
    """Whether at least this share of a row's words are such as headings are made of."""
    words = [word for word in row.words if _heads(word)]
    digits = any(char.isdigit() for word in words for char in word.text)
    if not words or digits or row.text.rstrip().endswith(":"):
        return False
    known = sum(all(token in lexicon.column_words for token in tokens_of(word.text)) for word in words)
    return known >= len(words) * share


def _attach(header: Header, group: Column, lexicon: Lexicon) -> None:
    """Adds a part of a heading to the column above or below it. Parts that stood side by side are one heading when
    all together are a known one: "Net | Unit" above "Price"."""
    hits = [
        column
        for column in header.columns
        if min(column.x1, group.x1) - max(column.x0, group.x0) > 0.1 * group.words[0].height
    ]
    if not hits:
        header.columns.append(group)
        return
    for left, right in pairwise(hits):
        if _adjacent(left, right) and _meaning([*left.words, *right.words, *group.words], lexicon):
            left.words += [*right.words, *group.words]
            header.columns.remove(right)
            return
    best = max(hits, key=lambda column: min(column.x1, group.x1) - max(column.x0, group.x0))
    if not _part(header, best, group, lexicon):
        best.words += group.words


def _part(header: Header, column: Column, group: Column, lexicon: Lexicon) -> bool:
    """Parts two headings that stand as close as the words of one, where what stands above or below belongs to only one
    of them: "PRIX | UNITÉ" above "UNITAIRE". Whether they were two."""
    whole = _meaning([*column.words, *group.words], lexicon)
    # Two that say something each stand one above the other: "Désignation article" above "Référence".
    whole = whole or (_meaning(column.words, lexicon) and _meaning(group.words, lexicon))
    for cut in range(1, len(column.words) if not whole else 0):
        left, right = column.words[:cut], column.words[cut:]
        if group.x1 < right[0].x0:
            left = [*left, *group.words]
        elif group.x0 > left[-1].x1:
            right = [*right, *group.words]
        else:
            continue
        if _meaning(left, lexicon) and _meaning(right, lexicon):
            column.words = left
            header.columns.append(Column(right))
            return True
    return False


def _adjacent(left: Column, right: Column) -> bool:
    """Whether two headings stand on one line as close as the words of a text do."""
    a, b = left.words[-1], right.words[0]
    level = abs(a.y0 - b.y0) < a.height / 2
    return level and 0 <= b.x0 - a.x1 < LABEL_GAP * b.height / 2


def _name(column: Column, lexicon: Lexicon) -> None:
    """What the heading may mean, by all its words from top to bottom."""
    lines = _lines(column.words)
    column.words = [word for line in lines for word in line]
    tokens = [token for word in column.words for token in tokens_of(word.text)]
    exact = lexicon.columns.exact(tuple(tokens))
    if exact:
        column.names, column.stack = exact, ()
        return
    stack = [next((name for name in _meaning(line, lexicon) if name in _STACKED), "") for line in lines]
    if len({name for name in stack if name}) > 1:
        column.stack = tuple(stack)
    longest = 0
    names: tuple[str, ...] = ()
    # What goes on after a colon is a labelled value, and NAMES_OF_THIS_KIND are data.
    plain = not any("_" in word.text or word.text.endswith(":") for word in column.words)
    for start in range(len(tokens) if plain else 0):
        match = lexicon.columns.at(tokens, start)
        told = match and (match.end - start > 1 or len(tokens[start]) > 1 or len(tokens) == 1)
        if match and told and match.end - match.start > longest:
            longest, names = match.end - match.start, match.names
    column.names = names


def _meaning(line: Sequence[Word], lexicon: Lexicon) -> tuple[str, ...]:
    return lexicon.columns.exact(tuple(token for word in line for token in tokens_of(word.text)))


def _lines(words: Sequence[Word]) -> list[list[Word]]:
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: (word.y0, word.x0)):
        if lines and word.y0 - lines[-1][0].y0 < word.height / 2:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda word: word.x0) for line in lines]


def assign(columns: Sequence[Column]) -> None:
    """One column for each role: the first that may mean it; arithmetic may choose another later."""
    taken: set[str] = set()
    for column in columns:
        column.role = next((name for name in column.names if name not in taken), None)
        if column.role:
            taken.add(column.role)
    if "quantity" not in taken:
        # What was ordered is the quantity where no other is printed.
        for column in columns:
            if column.role == "other_quantity":
                column.role = "quantity"
                return
