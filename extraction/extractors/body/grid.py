"""Cells set below one another in columns, as fixed-width text."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from extraction.layout.numbers import readings

COLUMN_GAP: Final = "    "
# So many lines in a row with as many marks are a table.
_LEAST: Final = 2
_RULE: Final = re.compile(r"[\s|+:=\-]*-{2,}[\s|+:=\-]*")
_GROUPS: Final = re.compile(r"(?<=\d) (?=\d)")
_LETTER: Final = re.compile(r"[^\W\d_]")

Cell = tuple[list[str], int]
"""The lines of a cell and how many columns it spans."""


def aligned(rows: Sequence[Sequence[Cell]]) -> list[str]:
    """The rows as lines of text, a column's numbers set to its right."""
    columns = max((sum(span for _, span in row) for row in rows), default=0)
    widths = [0] * columns
    numeric = [True] * columns
    for row in rows:
        column = 0
        for lines, span in row:
            if span == 1:
                widths[column] = max([widths[column], *(len(line) for line in lines)])
                texts = [line for line in lines if _LETTER.search(line) and not readings(line)]
                numeric[column] &= not texts or row is rows[0]
            column += span
    head = rows[0] if len(rows) > 1 and _is_heading(rows[0]) else None
    return [line for row in rows for line in _row(row, widths, numeric, is_head=row is head)]


def _is_heading(row: Sequence[Cell]) -> bool:
    texts = [line for lines, _ in row for line in lines]
    return len(row) > _LEAST and not any(char.isdigit() for text in texts for char in text)


def _row(
    row: Sequence[Cell], widths: Sequence[int], numeric: Sequence[bool], *, is_head: bool
) -> Iterator[str]:
    for level in range(max((len(lines) for lines, _ in row), default=0)):
        text = ""
        column = 0
        for lines, span in row:
            width = sum(widths[column : column + span]) + len(COLUMN_GAP) * (span - 1)
            cell = lines[level] if level < len(lines) else ""
            is_number = bool(readings(cell))
            # Neither the groups of a number nor the words of a heading stand in columns of their own.
            cell = (
                cell.replace(" ", "\u00a0") if is_head else _GROUPS.sub("\u00a0", cell) if is_number else cell
            )
            right = span > 1 or (numeric[column] and (is_head or is_number))
            text += (cell.rjust(width) if right else cell.ljust(width)) + COLUMN_GAP
            column += span
        yield text.rstrip()


def set_in_columns(lines: Sequence[str]) -> list[str]:
    """The lines with the cells of tables that tabs or upright strokes part set in columns; other tabs as spaces."""
    made: list[str] = []
    index = 0
    while index < len(lines):
        end, rows = max((_run(lines, index, mark) for mark in "\t|"), key=lambda item: item[0])
        if rows:
            made += aligned(rows)
            index = end
        else:
            made.append(lines[index].expandtabs(8))
            index += 1
    return made


def _run(lines: Sequence[str], start: int, mark: str) -> tuple[int, list[list[Cell]]]:
    """The rows of the table that begins here, and the line after its last; none where there is none. Rules and empty
    lines between rows are left out."""
    count = _marks(lines[start], mark)
    rows: list[list[Cell]] = []
    end = index = start
    while index < len(lines) and count >= _LEAST:
        line = lines[index]
        if _marks(line, mark) == count and not _RULE.fullmatch(line):
            cells = (line.strip().strip("|") if mark == "|" else line).split(mark)
            rows.append([([" ".join(cell.split())], 1) for cell in cells])
            end = index + 1
        elif line.strip() and not _RULE.fullmatch(line):
            break
        index += 1
    return (end, rows) if len(rows) >= _LEAST else (start, [])


def _marks(line: str, mark: str) -> int:
    return line.strip().strip("|").count(mark) if mark == "|" else line.count(mark)
