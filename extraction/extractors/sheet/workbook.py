"""Workbooks opened by calamine, after a look at what they would unpack to."""

import io
import re
import zipfile
import zlib
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    XmlError,
    ZipError,
)

from extraction.extractor import UnreadableError
from extraction.extractors.sheet.grid import MAX_CELLS, Cell, Grid, Row, checked, place
from extraction.schemas import number_text

MAX_UNPACKED: Final = 64 * 1024 * 1024
MAX_ENTRIES: Final = 1000
MAX_SHEETS: Final = 50
_CHUNK: Final = 1 << 20
# A reader keeps a sheet as a full rectangle: one value far out is enough to fill the memory.
_REFERENCE: Final = re.compile(rb'<(?:\w+:)?c\s[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"[^>]*(?<!/)>')
_REPEATED: Final = re.compile(rb"(?:rows|columns)-repeated=\"([0-9]{4,})\"")
_ROW_END: Final = b"</table:table-row>"


def workbook(content: bytes) -> list[Grid]:
    """The visible sheets. Raises UnreadableError."""
    if content.startswith(b"PK"):
        _weigh(content)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            names = [
                sheet.name
                for sheet in book.sheets_metadata
                if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
            ]
            found: list[Grid] = []
            length = 0
            for name in names[:MAX_SHEETS]:
                grid = _grid(book, name, length)
                found.append(grid)
                length += len(grid.text)
    except PasswordError as error:
        message = "The workbook needs a password; ask the sender for one without."
        raise UnreadableError("sheet_encrypted", message) from error
    except (CalamineError, XmlError, ZipError, OSError, ValueError) as error:
        message = "The workbook cannot be opened; ask the sender for the file again."
        raise UnreadableError("sheet_broken", message) from error
    return found


def _grid(book: CalamineWorkbook, name: str, length: int) -> Grid:
    sheet = book.get_sheet_by_name(name)
    checked(sheet.total_height, sheet.total_width)
    rows: list[Row] = []
    lines = [f"[{name}]"]
    length += len(lines[0]) + 1
    for index, values in enumerate(sheet.to_python(skip_empty_area=False)):
        row: Row = []
        for column, value in enumerate(values):
            text, number = _shown(value)
            row.append(Cell(text, place(name, index, column), length, number))
            length += len(text) + 1
        lines.append("\t".join(cell.text for cell in row))
        length += not row
        while row and not row[-1].text:
            row.pop()
        rows.append(row)
    text = "\n".join(lines) + "\n"
    return Grid(name, rows if any(rows) else [], text)


def _shown(value: Any) -> tuple[str, bool]:
    """The cell's text, and whether it is one we made of a number."""
    if isinstance(value, bool) or value is None:
        return "", False
    if isinstance(value, (int, float)):
        # Fifteen digits are what Excel keeps; the rest is the noise of binary fractions.
        return number_text(Decimal(format(value, ".15g"))), True
    if isinstance(value, datetime):
        return value.date().isoformat(), False
    if isinstance(value, date):
        return value.isoformat(), False
    if isinstance(value, (time, timedelta)):
        return "", False
    return " ".join(str(value).split()), False


def _weigh(content: bytes) -> None:
    """Unpacks every part once and throws it away: what the directory says of sizes is not believed."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_ENTRIES or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise UnreadableError("too_large", "The workbook unpacks to more than order documents have.")
            for part in parts:
                with archive.open(part) as file:
                    _weigh_part(part.filename, file)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        message = "The workbook cannot be unpacked; ask the sender for the file again."
        raise UnreadableError("sheet_broken", message) from error


def _weigh_part(name: str, file: Any) -> None:
    rows = columns = 0
    rest = b""
    is_sheet = name.startswith("xl/worksheets/") and name.endswith(".xml")
    is_table = name == "content.xml"
    while chunk := file.read(_CHUNK):
        if is_sheet:
            text = rest + chunk
            for letters, number in _REFERENCE.findall(text):
                rows, columns = max(rows, int(number)), max(columns, _column(letters))
            rest = text[-256:]
        elif is_table:
            rest += chunk
    if is_sheet:
        checked(rows, columns)
    if is_table:
        _weigh_repeats(rest)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _weigh_repeats(text: bytes) -> None:
    """OpenDocument repeats a row or a cell by an attribute; thousands of repeats are meant for empty ones only."""
    for found in _REPEATED.finditer(text):
        start = text.rfind(b"<", 0, found.start())
        is_row = text.startswith(b"<table:table-row", start)
        end = text.find(_ROW_END if is_row else b">", found.end())
        if int(found[1]) > MAX_CELLS // 100 and b"value-type=" in text[start : end if end >= 0 else None]:
            raise UnreadableError(
                "too_large", "The workbook repeats a cell more often than order documents do."
            )
