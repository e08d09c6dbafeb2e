"""The heading of a sheet's position table: what its columns mean by their words, and by what stands below them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product, takewhile
from typing import Final

from extraction.extractors.sheet.grid import Cell, Row
from extraction.layout.arithmetic import closing_readings
from extraction.layout.columns import POSITION
from extraction.layout.dates import find_dates
from extraction.layout.lexicon import Lexicon, tokens_of, unit_code
from extraction.layout.numbers import leading_number, readings

AMOUNTS: Final = frozenset({"quantity", "unit_price", "line_total"})
GOODS: Final = frozenset({"description", "seller_article", "buyer_article", "gtin", "pos"})
SUMS: Final = frozenset({"net_total", "sub_total", "tax_total", "gross_total", "charge", "allowance"})
_ORDER: Final = ("quantity", "unit_price", "line_total")
# Labels of what a document has once: a column headed so says the same on every line, or is headed by another's word.
_ONCE: Final = frozenset(
    {"order_reference", "letter_reference", "customer_number", "delivery_note_reference"}
)
# So many rows below a heading say what its columns are.
_SAMPLE: Final = 60
_MAX_OPEN: Final = 5
_MOST: Final = 0.8


@dataclass(slots=True)
class Heading:
    """`roles` are line fields by column; `labels` what a column repeats of the header ("your order"), by column."""

    first: int
    last: int
    roles: dict[int, str] = field(default_factory=dict)
    labels: dict[int, tuple[str, ...]] = field(default_factory=dict)
    exact: int = 0
    """How many columns the lexicon knows as they are headed."""

    @property
    def weight(self) -> tuple[int, int]:
        return len(self.roles), self.exact

    def column(self, role: str) -> int | None:
        return next((column for column, name in self.roles.items() if name == role), None)


@dataclass(frozen=True, slots=True)
class _Column:
    """What a column may be: a field of the positions, a label of the document, or either."""

    names: tuple[str, ...]
    exact: bool
    labels: tuple[str, ...]

    @property
    def is_outer(self) -> bool:
        """Whether it may stand among columns of the document: labelled as one, and not the article's own."""
        return bool(self.labels) and not {"seller_article", "delivery_date"} & set(self.names)

    @property
    def may_be_once(self) -> bool:
        return any(name in _ONCE or name.startswith("number") for name in self.labels)


def headings(rows: Sequence[Row], index: int, lexicon: Lexicon) -> Iterator[Heading]:
    """The heading that begins in this row, in one row and in two, as far as they are one."""
    columns = {column: _column(text, lexicon) for column, text in _texts(rows[index])}
    below = _below(rows, index + 1, len(columns))
    heading = _assigned(Heading(index, index), columns, below)
    if heading:
        yield heading
    if index + 1 < len(rows) and _goes_on(rows[index], rows[index + 1]):
        upper, lower = dict(_texts(rows[index])), dict(_texts(rows[index + 1]))
        joined = {
            column: _column(" ".join(part[column] for part in (upper, lower) if column in part), lexicon)
            for column in sorted({*upper, *lower})
        }
        heading = _assigned(Heading(index, index + 1), joined, _below(rows, index + 2, len(joined)))
        if heading:
            yield heading


def _texts(row: Row) -> Iterator[tuple[int, str]]:
    return ((column, cell.text) for column, cell in enumerate(row) if cell.text and not cell.number)


def _goes_on(row: Row, lower: Row) -> bool:
    """Whether the lower row may be the second of a heading: both hold words only."""
    texts = [cell for cell in (*row, *lower) if cell.text]
    plain = not any(cell.number or any(map(str.isdigit, cell.text)) for cell in texts)
    return plain and sum(bool(cell.text) for cell in row) > 1 and any(cell.text for cell in lower)


def _below(rows: Sequence[Row], start: int, width: int) -> list[Row]:
    """The rows that fill at least half of the heading's columns."""
    return [row for row in rows[start : start + _SAMPLE] if sum(bool(cell.text) for cell in row) * 2 >= width]


def _assigned(heading: Heading, columns: dict[int, _Column], below: Sequence[Row]) -> Heading | None:
    """The heading with a role for each column; None where it heads no positions."""
    once = {number for number, column in columns.items() if column.may_be_once and column.names}
    if len(below) > 1:
        once = {number for number in once if _is_same(below, number)}
        clear = once
    else:
        clear = _at_the_sides(columns, once)
    plain = [number for number in columns if number not in once]
    for number in (*plain, *sorted(once)):
        column = columns[number]
        # Where a word may mean several columns, the one that is still free: "Netto" beside "Preis".
        free = [name for name in column.names if name not in heading.roles.values()]
        is_label = bool(column.labels) and (not column.exact or free[:1] == ["other"])
        if is_label and "delivery_date" in column.labels:
            free = [name for name in ("delivery_date",) if name not in heading.roles.values()]
            is_label = not free
        if number in clear or (number in once and not free):
            is_label = True
        elif "pos" in column.names and not _counts(below, number):
            # "Nummer" over one and the same, or over "AB-4711", is the document's and no position's.
            free = [name for name in free if name != "pos"]
            if not free:
                heading.labels[number] = column.labels or ("number",)
                continue
        if is_label:
            heading.labels[number] = column.labels
        elif free:
            heading.roles[number] = free[0]
            heading.exact += column.exact
    _quantity(heading)
    known = set(heading.roles.values()) - {"other"}
    if len(known) < 3 or not known & AMOUNTS or not known & GOODS:
        return None
    _complete(heading, columns, below)
    heading.roles = {number: role for number, role in heading.roles.items() if role != "other"}
    return heading


def _at_the_sides(columns: dict[int, _Column], once: set[int]) -> set[int]:
    """Of the columns that may be the document's those that stand before or after the positions' together with
    others that are: of a single position nothing tells what is the same on each."""
    found: set[int] = set()
    for numbers in (list(columns), list(columns)[::-1]):
        outer = list(takewhile(lambda number: columns[number].is_outer, numbers))
        theirs = {number for number in outer if "buyer_article" in columns[number].names}
        found |= theirs & once if len(outer) > 1 else set()
    return found


def _counts(below: Sequence[Row], column: int) -> bool:
    """Whether the column numbers the rows, as far as it says anything."""
    cells = _cells(below, column)
    same = len(below) > 1 and _is_same(below, column)
    return not same and (not cells or any(cell.number or POSITION.fullmatch(cell.text) for cell in cells))


def _is_same(below: Sequence[Row], column: int) -> bool:
    texts = {row[column].text for row in below if column < len(row)}
    return len(texts) == 1 and "" not in texts


def _quantity(heading: Heading) -> None:
    """What was ordered is the quantity where no other is given."""
    ordered = heading.column("other_quantity")
    if ordered is not None and heading.column("quantity") is None:
        heading.roles[ordered] = "quantity"


def _column(text: str, lexicon: Lexicon) -> _Column:
    names, exact = _meaning(text, lexicon)
    labels = lexicon.labels.exact(tokens_of(text)) or lexicon.labels.exact(_plain(text))
    return _Column(names, exact, () if SUMS & set(labels) else labels)


def _meaning(text: str, lexicon: Lexicon) -> tuple[tuple[str, ...], bool]:
    """What a heading may mean and whether the lexicon knows it as a whole; a unit in brackets changes nothing."""
    for tokens in (tokens_of(text), _plain(text)):
        exact = lexicon.columns.exact(tokens)
        if exact:
            return exact, True
    tokens = tokens_of(text)
    best: tuple[int, tuple[str, ...]] = (0, ())
    for start in range(len(tokens)):
        match = lexicon.columns.at(tokens, start)
        if match and match.end - match.start > best[0]:
            best = match.end - match.start, match.names
    return (best[1], False) if best[0] * 2 >= len(tokens) else ((), False)


def _plain(text: str) -> tuple[str, ...]:
    """The tokens without what stands in brackets."""
    return tokens_of(text.partition("(")[0].partition("[")[0])


def _complete(heading: Heading, columns: dict[int, _Column], below: Sequence[Row]) -> None:
    """Gives the columns whose heading says nothing the roles that their cells speak for."""
    if not below:
        return
    width = max(len(row) for row in below)
    free = [
        number
        for number in range(width)
        if number not in heading.roles
        and number not in heading.labels
        and _filled(below, number) > len(below) / 2
    ]
    counted = heading.column("quantity")
    if counted is not None and _is(below, counted, _is_unit) and heading.column("unit") is None:
        # "Units" may be how many or of what.
        heading.roles[counted] = "unit"
        _quantity(heading)
    _multiply(heading, columns, below, [number for number in free if _is(below, number, _is_number)])
    open_ = [number for number in free if number not in heading.roles]
    for role, holds in (("unit", _is_unit), ("delivery_date", _is_day), ("description", _is_text)):
        found = [number for number in open_ if number not in heading.roles and _is(below, number, holds)]
        if heading.column(role) is None and found:
            heading.roles[max(found, key=lambda number: _length(below, number))] = role


def _multiply(
    heading: Heading, columns: dict[int, _Column], below: Sequence[Row], free: Sequence[int]
) -> None:
    """Chooses quantity, price and total among the columns headed so and the open ones, where those that come first
    do not make the total on most rows and others do."""
    named = [heading.column(role) for role in _ORDER]
    if not free or (
        None not in named and _closing(heading, below, [number or 0 for number in named]) >= _MOST
    ):
        return
    choices = []
    for role, first in zip(_ORDER, named, strict=True):
        meant = [number for number in free if number in columns and role in columns[number].names]
        open_ = [number for number in free if number not in columns or not columns[number].names]
        choices.append([*([first] if first is not None else []), *meant, *open_][:_MAX_OPEN])
    best: tuple[float, Sequence[int]] = (_MOST / 2, ())
    for triple in product(*choices):
        if len(set(triple)) == len(_ORDER):
            share = _closing(heading, below, triple)
            if share > best[0]:
                best = share, triple
    if len(below) > 1 or None in named:
        for role, number in zip(_ORDER, best[1], strict=False):
            before = heading.column(role)
            if before is not None:
                del heading.roles[before]
            heading.roles[number] = role


def _closing(heading: Heading, below: Sequence[Row], triple: Sequence[int]) -> float:
    """On which share of the rows quantity and price make the total."""
    base, discount = heading.column("price_base"), heading.column("discount")
    closing = 0
    for row in below:
        quantity, price, total = (_numbers(row, number) for number in triple)
        parts = (quantity, price, _numbers(row, base), _numbers(row, discount), total)
        closing += closing_readings(*parts) is not None
    return closing / len(below)


def _numbers(row: Row, column: int | None) -> tuple[Decimal, ...]:
    if column is None or column >= len(row):
        return ()
    return readings(leading_number(row[column].text)[0])


def _cells(below: Iterable[Row], column: int) -> list[Cell]:
    return [row[column] for row in below if column < len(row) and row[column].text]


def _filled(below: Sequence[Row], column: int) -> int:
    return len(_cells(below, column))


def _length(below: Sequence[Row], column: int) -> int:
    return sum(len(cell.text) for cell in _cells(below, column))


def _is(below: Sequence[Row], column: int, holds: Callable[[Cell], bool]) -> bool:
    """Whether nearly all cells of the column are of a kind."""
    cells = _cells(below, column)
    return sum(map(holds, cells)) >= _MOST * len(cells)


def _is_number(cell: Cell) -> bool:
    return cell.number or bool(readings(leading_number(cell.text)[0]) and not find_dates(cell.text))


def _is_unit(cell: Cell) -> bool:
    return not cell.number and unit_code(cell.text) is not None


def _is_day(cell: Cell) -> bool:
    found = find_dates(cell.text)
    return len(found) == 1 and found[0].end - found[0].start >= len(cell.text) - 1


def _is_text(cell: Cell) -> bool:
    """Words: more than a number, a code, a day or a unit."""
    words = [word for word in cell.text.split() if sum(map(str.isalpha, word)) > 2]
    return not cell.number and len(cell.text) > 5 and bool(words) and not _is_day(cell) and not _is_unit(cell)
