"""The position table of a sheet: its heading row, which column is what, and its rows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from extraction.extractors.sheet.grid import Cell, Grid, Row
from extraction.layout.lexicon import Lexicon, tokens_of
from extraction.layout.numbers import leading_number, readings

# A heading stands among the first rows; a lower row of a long list is not looked at.
MAX_HEAD: Final = 200

AMOUNTS: Final = frozenset({"quantity", "unit_price", "line_total"})
GOODS: Final = frozenset({"description", "seller_article", "buyer_article", "gtin", "pos"})
_SUMS: Final = frozenset({"net_total", "sub_total", "tax_total", "gross_total", "charge", "allowance"})


@dataclass(slots=True)
class Table:
    """`roles` are line fields by column; `labels` what a column repeats of the header ("your order"), by column;
    `lines` the rows that are positions, `rest` those of the sheet that belong to no table."""

    head: int
    roles: dict[int, str]
    labels: dict[int, tuple[str, ...]]
    lines: list[dict[str, Cell]] = field(default_factory=list)
    repeated: dict[int, list[Cell]] = field(default_factory=dict)
    rest: list[tuple[int, Row]] = field(default_factory=list)


def read_table(grid: Grid, lexicon: Lexicon) -> Table | None:
    """The sheet's position table; None when no row looks like its heading."""
    best: Table | None = None
    for index, row in enumerate(grid.rows[:MAX_HEAD]):
        table = _heading(index, row, lexicon)
        if table and (best is None or len(table.roles) > len(best.roles)):
            best = table
    if best is not None:
        _fill(best, grid, lexicon)
    return best


def heads_table(row: Row, lexicon: Lexicon) -> bool:
    return _heading(0, row, lexicon) is not None


def _heading(index: int, row: Row, lexicon: Lexicon) -> Table | None:
    roles: dict[int, str] = {}
    labels: dict[int, tuple[str, ...]] = {}
    meanings = {
        column: _meaning(cell.text, lexicon)
        for column, cell in enumerate(row)
        if cell.text and not cell.number
    }
    for column, (names, exact) in meanings.items():
        text = row[column].text
        named = lexicon.labels.exact(tokens_of(text)) or lexicon.labels.exact(_plain(text))
        if named and not exact and not any(name in _SUMS for name in named):
            labels[column] = named
            if "delivery_date" not in named:
                continue
            names = ("delivery_date",)
        # Where a word may mean several columns, the one that is still free: "Netto" beside "Preis".
        free = [name for name in names if name not in roles.values()]
        if free:
            roles[column] = free[0]
            labels.pop(column, None)
    known = {role for role in roles.values() if role != "other"}
    if len(known) < 3 or not known & AMOUNTS or not known & GOODS:
        return None
    return Table(index, {column: role for column, role in roles.items() if role != "other"}, labels)


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


def _fill(table: Table, grid: Grid, lexicon: Lexicon) -> None:
    heading = [cell.text for cell in grid.rows[table.head]]
    for index, row in enumerate(grid.rows):
        if index < table.head:
            table.rest.append((index, row))
        elif index > table.head and [cell.text for cell in row] != heading:
            _take(table, index, row, lexicon)


def _take(table: Table, index: int, row: Row, lexicon: Lexicon) -> None:
    cells = {
        role: row[column] for column, role in table.roles.items() if column < len(row) and row[column].text
    }
    if _is_line(cells) and not _sums_up(row, lexicon):
        table.lines.append(cells)
        for column in table.labels:
            if column < len(row) and row[column].text:
                table.repeated.setdefault(column, []).append(row[column])
    elif set(cells) == {"description"} and table.lines and not _sums_up(row, lexicon) and _alone(row):
        _continue(table.lines[-1], cells["description"])
    elif any(cell.text for cell in row):
        table.rest.append((index, row))


def _is_line(cells: dict[str, Cell]) -> bool:
    """A position names goods and says how many, or what they cost."""
    numbers = {role for role in AMOUNTS & cells.keys() if readings(leading_number(cells[role].text)[0])}
    named = cells.keys() & GOODS
    return bool(named) and ("quantity" in numbers or len(numbers) > 1 or (bool(numbers) and len(named) > 1))


def _sums_up(row: Row, lexicon: Lexicon) -> bool:
    """Whether the row's first text is the label of a sum or a charge."""
    texts = [cell.text for cell in row if cell.text and not readings(cell.text)]
    tokens = tokens_of(texts[0]) if texts else ()
    match = lexicon.labels.at(tokens, 0) if tokens else None
    return match is not None and bool(set(match.names) & _SUMS) and len(texts) <= 2


def _alone(row: Row) -> bool:
    return sum(bool(cell.text) for cell in row) == 1


def _continue(line: dict[str, Cell], more: Cell) -> None:
    """A row that only goes on with the description above it."""
    first = line.get("description")
    if first is not None and len(first.text) < 1000:
        line["description"] = Cell(f"{first.text} {more.text}", first.place, first.offset)


def all_texts(grid: Grid) -> Iterator[str]:
    return (cell.text for row in grid.rows for cell in row if cell.text)
