"""Delimited text (RFC 4180, and what Excel makes of it in Europe): cells with their offsets."""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from extraction.extractor import UnreadableError
from extraction.extractors.sheet.grid import MAX_COLUMNS, MAX_ROWS, Cell, Grid, Row, checked, place
from extraction.extractors.sheet.heading import headings
from extraction.layout.lexicon import Lexicon
from extraction.layout.numbers import leading_number, readings

DELIMITERS: Final = (";", "\t", ",", "|")
MAX_CHARS: Final = 8_000_000
# Few of the lines of a running text hold two of these.
_TABULAR: Final = 0.5
_STATED: Final = re.compile(r"\ufeff?sep=(.)\r?\n", re.IGNORECASE)
_HEAD_ROWS: Final = 60
# What mails have and files of data do not: quoted lines, and the heads of other mails.
_MAIL: Final = re.compile(r"^>|^-- $|<\S+@\S+>|^\W{0,3}(?:Von|From|De|Da|Van)\s?:\s", re.MULTILINE)


def table_delimiter(text: str, lexicon: Lexicon) -> str | None:
    """The delimiter by which the text has a heading of positions, and such below it; None for one that is no table."""
    if _MAIL.search(text):
        return None
    stated = _STATED.match(text)
    best: tuple[tuple[int, int], str | None] = ((0, 0), None)
    for mark in (stated[1],) if stated else DELIMITERS:
        with suppress(UnreadableError):
            rows = read_delimited(text, mark).rows
            for index in range(min(len(rows), _HEAD_ROWS)):
                for heading in headings(rows, index, lexicon):
                    if _is_filled(rows[heading.last + 1 :], len(heading.roles)):
                        best = max(best, (heading.weight, mark), key=lambda item: item[0])
    return best[1]


def _is_filled(rows: Sequence[Row], columns: int) -> bool:
    """Whether the first row that is not empty has most of these columns, and a number in one of them."""
    first = next((row for row in rows if row), [])
    numbers = sum(bool(readings(leading_number(cell.text)[0])) for cell in first)
    return bool(numbers) and sum(bool(cell.text) for cell in first) * 2 > columns


def delimiter_of(text: str) -> str | None:
    """The delimiter that most lines have, in the same number; None for a text that is no table."""
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
