"""The position table of a sheet: its rows, and those of the sheet that belong to none."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from extraction.extractors.sheet.grid import Cell, Grid, Row
from extraction.extractors.sheet.heading import AMOUNTS, GOODS, SUMS, Heading, headings
from extraction.layout.lexicon import Lexicon, tokens_of
from extraction.layout.numbers import leading_number, readings

# A heading stands among the first rows; a lower row of a long list is not looked at.
MAX_HEAD: Final = 200


@dataclass(slots=True)
class Table:
    """`lines` are the rows that are positions, each its cells by line field; `repeated` the cells of the columns that
    repeat a label of the document; `rest` the rows of the sheet that belong to no table."""

    heading: Heading
    lines: list[dict[str, Cell]] = field(default_factory=list)
    repeated: dict[int, list[Cell]] = field(default_factory=dict)
    rest: list[tuple[int, Row]] = field(default_factory=list)
    open: bool = False
    """Whether the last row was a position or went on with one."""


def read_table(grid: Grid, lexicon: Lexicon) -> Table | None:
    """The sheet's position table; None when no row looks like its heading."""
    best: Heading | None = None
    for index in range(min(len(grid.rows), MAX_HEAD)):
        for heading in headings(grid.rows, index, lexicon):
            # Where the row below says as much as the heading without it, it is a part of it.
            longer = best is not None and best.first == index and heading.weight >= best.weight
            if best is None or heading.weight > best.weight or longer:
                best = heading
    if best is None:
        return None
    table = Table(best)
    _fill(table, grid, lexicon)
    return table


def _fill(table: Table, grid: Grid, lexicon: Lexicon) -> None:
    first, last = table.heading.first, table.heading.last
    heads = [[cell.text for cell in row] for row in grid.rows[first : last + 1]]
    for index, row in enumerate(grid.rows):
        if index < first:
            table.rest.append((index, row))
        elif index > last and [cell.text for cell in row] not in heads:
            _take(table, index, row, lexicon)


def _take(table: Table, index: int, row: Row, lexicon: Lexicon) -> None:
    cells = {
        role: row[column]
        for column, role in table.heading.roles.items()
        if column < len(row) and row[column].text
    }
    if _is_line(cells) and not _sums_up(row, lexicon):
        table.lines.append(cells)
        for column in table.heading.labels:
            if column < len(row) and row[column].text:
                table.repeated.setdefault(column, []).append(row[column])
        table.open = True
    elif set(cells) == {"description"} and table.open and not _sums_up(row, lexicon) and _alone(row):
        _continue(table.lines[-1], cells["description"])
    else:
        # What stands below an empty row, or anything else, goes on with no position.
        table.open = False
    if not table.open and any(cell.text for cell in row):
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
    return match is not None and bool(set(match.names) & SUMS) and len(texts) <= 2


def _alone(row: Row) -> bool:
    return sum(bool(cell.text) for cell in row) == 1


def _continue(line: dict[str, Cell], more: Cell) -> None:
    """A row that only goes on with the description above it."""
    first = line.get("description")
    if first is not None and len(first.text) < 1000:
        line["description"] = Cell(f"{first.text} {more.text}", first.place, first.offset)


def all_texts(grid: Grid) -> Iterator[str]:
    return (cell.text for row in grid.rows for cell in row if cell.text)
