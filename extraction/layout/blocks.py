"""Positions without a table: each a block of labelled values, as in plain-text mails."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from extraction.layout.body import RawLine
from extraction.layout.columns import TOTALS
from extraction.layout.dates import find_dates
from extraction.layout.geometry import Page, Row, Word, text_of, tokens_with_words
from extraction.layout.lexicon import Lexicon, tokens_of
from extraction.layout.numbers import leading_number, readings
from extraction.layout.tables import Tables

_NAMES: Final = frozenset({"seller_article", "buyer_article", "gtin", "description"})
_ROLES: Final = _NAMES | {
    "pos",
    "quantity",
    "other_quantity",
    "unit",
    "unit_price",
    "price_base",
    "discount",
    "line_total",
    "delivery_date",
    "order_line_ref",
}
# So many words may stand between a known label and its colon: "Entrega prevista:".
_TAIL: Final = 2
_SIDES: Final = 2
# A label has at most so many words.
_LABEL: Final = 4
# Rows further below the one above than so many heights stand apart from it.
_APART: Final = 0.9
_TRIM: Final = ";,"

Pair = tuple[str, list[Word]]
Spot = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Row:
    """One printed row: where it stands, the fields it names, whether a label stands there that is no field's, whether
    the row stands apart from that above, and whether it may begin the totals."""

    spot: Spot
    pairs: list[Pair]
    is_labelled: bool
    is_apart: bool
    ends: bool


@dataclass(slots=True)
class _Block:
    line: RawLine = field(default_factory=RawLine)
    rows: set[Spot] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        cells = self.line.cells.keys()
        return self.line.has_number("quantity") and bool(cells & (_NAMES | {"unit_price", "line_total"}))

    def settle(self) -> None:
        """Takes what was ordered for the quantity where no other is printed."""
        ordered = self.line.cells.pop("other_quantity", None)
        if ordered:
            self.line.cells.setdefault("quantity", ordered)

    def fill(self, row: _Row) -> None:
        """Takes the fields that the position has not yet."""
        for role, words in row.pairs:
            if role not in self.line.cells:
                self.line.cells[role] = words
                self.rows.add(row.spot)


def read_blocks(pages: Sequence[Page], lexicon: Lexicon, tables: Tables) -> None:
    """Adds the positions printed as labelled values. A position begins with the label of its number; where none is
    numbered, with that of a name or a quantity, and again with each label the position has already."""
    rows = [row for page in pages for row in _rows(page, lexicon)]
    for opens in (_is_named,) if _numbered_inside(rows) else (_is_numbered, _is_named):
        blocks = list(_blocks(rows, opens))
        for block in blocks:
            block.settle()
        whole = [block for block in blocks if block.is_whole]
        if whole:
            tables.lines.extend(block.line for block in whole)
            tables.rows |= {spot for block in whole for spot in block.rows}
            return


def _numbered_inside(rows: Sequence[_Row]) -> bool:
    """Whether each position's number stands below others of its labels, and begins nothing."""
    numbered = [(above, row) for above, row in pairwise(rows) if _is_numbered(row, None)]
    return bool(numbered) and all(
        bool(above.pairs or above.is_labelled) and not row.is_apart and len(row.pairs) == 1
        for above, row in numbered
    )


def _rows(page: Page, lexicon: Lexicon) -> Iterator[_Row]:
    bottom = 0.0
    for index, row in enumerate(page.rows):
        names = [token for text in row.segments[0].texts for token in tokens_of(text)]
        match = lexicon.labels.at(names, 0) if names else None
        apart = row.y0 - bottom > _APART * row.height
        ends = apart and match is not None and not TOTALS.isdisjoint(match.names)
        colon = any(text.endswith(":") for text in row.segments[0].texts[:_LABEL])
        labelled = not apart and (len(row.segments) == _SIDES or colon)
        yield _Row((page.number, index), _pairs(row, lexicon), labelled, apart, ends)
        bottom = row.y1


def _blocks(rows: Sequence[_Row], opens: Callable[[_Row, _Block | None], bool]) -> Iterator[_Block]:
    block: _Block | None = None
    for row in rows:
        again = opens(row, block)
        if block and (again or row.ends or not (row.pairs or row.is_labelled)):
            yield block
            block = None
        if again:
            block = _Block()
        if block:
            block.fill(row)
    if block:
        yield block


def _is_numbered(row: _Row, _: _Block | None) -> bool:
    return bool(row.pairs) and row.pairs[0][0] == "pos"


def _is_named(row: _Row, block: _Block | None) -> bool:
    roles = {role for role, _ in row.pairs}
    names = roles & (_NAMES | {"quantity", "other_quantity", "pos"})
    # A row that says how many of what is a position of its own.
    whole = bool(names & _NAMES) and "quantity" in names
    return bool(roles) and (block is None or row.is_apart or whole or not names.isdisjoint(block.line.cells))


def _pairs(row: Row, lexicon: Lexicon) -> list[Pair]:
    """The labels of a row that end in a colon, each with the words up to the next; a label alone in the first of two
    segments, as in a table of labels and values, needs none."""
    hits = _labels(row.words, lexicon)
    if not hits and len(row.segments) == _SIDES:
        label, other = row.segments
        named = next((name for name in _meant(label.text, lexicon) if name in _ROLES), None)
        return _values(named, list(other.words)) if named else []
    pairs: list[Pair] = []
    for number, (role, _, last) in enumerate(hits):
        stop = hits[number + 1][1] if number + 1 < len(hits) else len(row.words)
        words = row.words[last + 1 : stop]
        if len(hits) > _SIDES:
            # In a run of labelled values each ends at its semicolon, whatever label follows.
            ends = (index for index, word in enumerate(words, 1) if word.text.endswith(";"))
            words = words[: next(ends, len(words))]
        value = [word for word in words if any(char.isalnum() for char in word.text)]
        pairs.extend(_values(role, value))
    return pairs


def _meant(label: str, lexicon: Lexicon) -> tuple[str, ...]:
    """What a label may mean: as a whole, without what stands in brackets, or by what it begins with."""
    plain = label.partition("(")[0]
    names = lexicon.columns.exact(tokens_of(label)) or lexicon.columns.exact(tokens_of(plain))
    tokens = tokens_of(plain)
    match = lexicon.columns.at(tokens, 0) if tokens and not names else None
    return match.names if match and match.end * 2 >= len(tokens) else names


def _labels(words: Sequence[Word], lexicon: Lexicon) -> list[tuple[str, int, int]]:
    """The fields that labels before colons name, each with the index of its first word and of that with the colon."""
    tokens = tokens_with_words(words)
    names = [token for token, _ in tokens]
    hits: list[tuple[str, int, int]] = []
    position = 0
    while position < len(tokens):
        # "Ordernummer" is no "Nummer".
        begins = position == 0 or tokens[position - 1][1] != tokens[position][1]
        match = lexicon.columns.at(names, position) if begins else None
        role = next((name for name in match.names if name in _ROLES), None) if match else None
        if match and role:
            last = tokens[match.end - 1][1]
            first = tokens[match.start][1]
            leads = first == 0 or words[first - 1].text.endswith((";", ",", "|"))
            colon = _colon(words, last, lexicon) if role != "pos" else None
            if role == "pos" and leads and words[last].text.endswith(":"):
                colon = last
            if colon is None and role == "pos" and not hits and _numbered(words, last):
                colon = last
            if colon is not None:
                hits.append((role, first, colon))
                position = next(
                    (number for number in range(match.end, len(tokens)) if tokens[number][1] > colon),
                    len(tokens),
                )
                continue
        position += 1
    return hits


def _colon(words: Sequence[Word], last: int, lexicon: Lexicon) -> int | None:
    """The index of the word that ends a label in a colon; the label may be numbered ("Text 1:")."""
    for index in range(last, min(last + _TAIL + 1, len(words))):
        text = words[index].text
        plain = text.strip(":.()")
        if index > last and lexicon.columns.exact(tokens_of(plain)):
            return None
        if text.endswith(":") and (index == last or not plain or plain.isalpha() or len(plain) == 1):
            return index
        if text.endswith(tuple(_TRIM)) or (index > last and not plain.isalpha()):
            return None

    return None


def _numbered(words: Sequence[Word], last: int) -> bool:
    return (
        last + 1 < len(words)
        and words[last + 1].text.strip(":.").isdigit()
        and words[last + 1].text.endswith(":")
    )


def _values(role: str, words: list[Word]) -> list[Pair]:
    if not words:
        return []
    if words[-1].text[-1] in _TRIM:
        words = [*words[:-1], replace(words[-1], text=words[-1].text.rstrip(_TRIM))]
    if role == "pos":
        number = words[0].text.strip(":.)")
        if not number.isdigit():
            return []
        rest = words[1:]
        return [("pos", words[:1]), *([("description", rest)] if rest else [])]
    if role == "delivery_date":
        return [(role, words)] if find_dates(text_of(words)) else []
    if role in {"quantity", "other_quantity", "unit_price", "line_total", "discount"}:
        return [(role, words)] if readings(leading_number(text_of(words))[0]) else []
    return [(role, words)]
