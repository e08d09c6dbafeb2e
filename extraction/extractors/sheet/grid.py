"""Cells as a person sees them, whatever file they come from."""

from dataclasses import dataclass
from typing import Final

from extraction.extractor import UnreadableError

MAX_ROWS: Final = 10_000
MAX_COLUMNS: Final = 512
MAX_CELLS: Final = 400_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, its place as Excel writes it (`Sheet1!B7`), and where it starts in the file's text."""

    text: str
    place: str
    offset: int | None = None
    number: bool = False
    """Whether the file holds a number here, and the text is ours."""


Row = list[Cell]


@dataclass(frozen=True, slots=True)
class Grid:
    """One sheet, by rows; a row ends with its last cell that holds something. `text` is what the offsets are in: the
    sheets of a file one after the other, a workbook's with a tab after each cell."""

    name: str
    rows: list[Row]
    text: str

    @property
    def width(self) -> int:
        return max((len(row) for row in self.rows), default=0)


def place(sheet: str, row: int, column: int) -> str:
    """The reference of a cell; row and column count from 0."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    plain = sheet.isalnum()
    prefix = f"{sheet}!" if plain else "'{}'!".format(sheet.replace("'", "''")) if sheet else ""
    return f"{prefix}{letters}{row + 1}"


def checked(rows: int, columns: int) -> None:
    """Raises UnreadableError for a table that no order document fills."""
    if rows > MAX_ROWS or columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
        raise UnreadableError("too_large", f"The table has {rows} rows and {columns} columns.")
