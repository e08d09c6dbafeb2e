"""Delimited text (RFC 4180, and what Excel makes of it in Europe): cells with their offsets."""

import re
from typing import Final

from extraction.extractor import UnreadableError
from extraction.extractors.sheet.grid import MAX_COLUMNS, MAX_ROWS, Cell, Grid, Row, checked, place

DELIMITERS: Final = (";", "\t", ",", "|")
MAX_CHARS: Final = 8_000_000
# Few of the lines of a running text hold two of these.
_TABULAR: Final = 0.5
_STATED: Final = re.compile(r"\ufeff?sep=(.)\r?\n", re.IGNORECASE)


def delimiter_of(text: str) -> str | None:
    """The delimiter that most lines have, in the same number; None for a text that is no table."""
    stated = _STATED.match(text)
    if stated:
        return stated[1]
    lines = [line for line in text.splitlines() if line.strip()][:200]
    best: tuple[int, str | None] = (0, None)
    for mark in DELIMITERS:
        counts = [len(_bare(line).split(mark)) - 1 for line in lines]
        tabular = [count for count in counts if count >= 2]
        if len(tabular) >= max(2, _TABULAR * len(lines)):
            usual = max(set(tabular), key=tabular.count)
            agreeing = tabular.count(usual)
            best = max(best, (agreeing * min(usual, 12), mark), key=lambda item: item[0])
    return best[1]


def read_delimited(text: str, delimiter: str) -> Grid:
    """The cells; a quoted one may hold delimiters and line ends. Raises UnreadableError."""
    if len(text) > MAX_CHARS:
        raise UnreadableError("too_large", "The table is larger than order documents are.")
    stated = _STATED.match(text)
    pattern = _cells(delimiter)
    rows: list[Row] = [[]]
    position = stated.end() if stated else len(text) - len(text.lstrip("\ufeff"))
    while position <= len(text):
        found = pattern.match(text, position)
        if found is None:
            break
        quoted, bare, end = found[1], found[2], found[3]
        value = quoted.replace('""', '"') if quoted is not None else bare
        start = found.start(1) if quoted is not None else found.start(2)
        start += len(value) - len(value.lstrip()) if quoted is None else 0
        at = place("", len(rows) - 1, len(rows[-1]))
        rows[-1].append(Cell(" ".join(value.split()), at, start))
        if not end:
            break
        position = found.end()
        if end != delimiter:
            _close(rows[-1])
            rows.append([])
        if len(rows) > MAX_ROWS or len(rows[-1]) > MAX_COLUMNS:
            raise UnreadableError("too_large", "The table is larger than order documents are.")
    _close(rows[-1])
    grid = Grid("", rows, text)
    checked(len(rows), grid.width)
    return grid


def _cells(delimiter: str) -> re.Pattern[str]:
    mark = re.escape(delimiter)
    return re.compile(rf'(?:[ ]*+"((?:[^"]|"")*+)"[^\r\n{mark}]*+|([^\r\n{mark}]*+))({mark}|\r\n|\n|\r|\Z)')


def _close(row: Row) -> None:
    while row and not row[-1].text:
        row.pop()


def _bare(line: str) -> str:
    """The line without what stands in quotes."""
    return re.sub(r'"(?:[^"]|"")*+"', "", line)
