"""Position tables: from a heading through rows, rows over several lines and several pages, to the totals."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from extraction.layout.adjustments import adjustment_of
from extraction.layout.amounts import amounts_in
from extraction.layout.body import Body, RawLine
from extraction.layout.columns import TOTALS, Header, lists_totals
from extraction.layout.edges import AMOUNTS
from extraction.layout.geometry import Page, Row, Segment, Word, printed, tokens_with_words
from extraction.layout.header_fields import labels_of
from extraction.layout.levels import find_headers
from extraction.layout.lexicon import Lexicon
from extraction.layout.numbers import NumberStyle, readings
from extraction.layout.roles import settle

__all__ = ["RawLine", "Tables", "carries_over", "is_imprint", "read_tables", "table_rows"]

# What is so many heights below a table's last row does not belong to it.
_FAR: Final = 12
_EXTRAS: Final = frozenset({"charge", "allowance"})
# A position that follows within so many rows goes on with the table.
_SOON: Final = 8
# The numbers of a position stand within so many rows.
_NEXT: Final = 4
_TIGHT: Final = 0.9
# Quantity, price and total.
_FACTORS: Final = 3
_ALIGNED: Final = 0.3
# Addresses of mail and web, accounts and telephones: the imprint at a page's foot, never a position.
_IMPRINT: Final = re.compile(
    r"[\w.]@\w+\.\w|^www\.|^https?:|^IBAN\b|^BIC\b|^Tel(?:\.|:|efono?\b|ephone\b|éfono\b)", re.IGNORECASE
)


@dataclass(slots=True)
class Tables:
    """What the tables of a document gave: its positions, and which rows (page, index) they took."""

    lines: list[RawLine] = field(default_factory=list)
    rows: set[tuple[int, int]] = field(default_factory=set)
    counted: bool = False
    """Only their number says which texts belong to which position."""


@dataclass(slots=True)
class _Read:
    """A heading with the positions below it; tables under like headings are one."""

    header: Header
    lines: list[RawLine]


Headings = Mapping[int, Mapping[int, Header]]


def read_tables(
    pages: Sequence[Page], lexicon: Lexicon, style: NumberStyle, known: Headings | None = None
) -> Tables:
    """Every position table of the document, as one sequence of lines; below the known headings, by page and row,
    where there are any."""
    tables = Tables()
    read: list[_Read] = []
    open_: Header | None = None
    for page in pages:
        headers = known.get(page.number, {}) if known else find_headers(page.rows, lexicon)
        stop = min(headers, default=len(page.rows))
        if open_ is not None:
            start = _resumes(page, stop, open_, lexicon)
            if start is not None:
                open_ = _read(page, start, stop, open_, lexicon, tables, read)
        for first in sorted(headers):
            header = headers[first]
            if read and not _is_alike(read[0].header, header):
                continue
            tables.rows |= {(page.number, row) for row in range(header.first, header.last + 1)}
            stop = min((other for other in headers if other > first), default=len(page.rows))
            open_ = _read(page, header.last + 1, stop, header, lexicon, tables, read)
    for group in _groups(read):
        settle([item.header for item in group], [item.lines for item in group], style)
    lines = [line for item in read for line in item.lines if line.cells]
    tables.lines = [line for line in lines if not _is_stray(line, lines)]
    return tables


def _is_stray(line: RawLine, lines: Sequence[RawLine]) -> bool:
    """Whether a line without a number and without all of its amounts stands among numbered ones that have them."""
    if "pos" in line.cells or sum("pos" in other.cells for other in lines) * 3 < len(lines) * 2:
        return False
    usual = [role for role in AMOUNTS if sum(other.has_number(role) for other in lines) * 3 >= len(lines) * 2]
    return any(not line.has_number(role) for role in usual)


def _is_alike(first: Header, other: Header) -> bool:
    """Whether a later heading is one of positions too: those of taxes, charges and parts of a position name fewer of
    quantity, price and total."""
    return len(first.roles & other.roles & AMOUNTS) >= min(2, len(first.roles & AMOUNTS))


def _groups(read: Sequence[_Read]) -> list[list[_Read]]:
    groups: dict[tuple[tuple[str, ...], ...], list[_Read]] = {}
    for item in read:
        groups.setdefault(tuple(column.names for column in item.header.columns), []).append(item)
    return list(groups.values())


def _read(
    page: Page,
    start: int,
    stop: int,
    header: Header,
    lexicon: Lexicon,
    tables: Tables,
    read: list[_Read],
) -> Header | None:
    """Reads the rows from start up to the end of the table; the heading when it may go on on the next page."""
    rows, ended = table_rows(page, start, stop, lexicon, header)
    copy = replace(header)
    body = Body(copy, lexicon)
    body.read([(index, row) for index, row in rows if not carries_over(printed(row.words), lexicon)])
    tables.counted = tables.counted or body.counted
    tables.rows |= {(page.number, index) for index in body.taken}
    tables.rows |= {(page.number, index) for index, row in rows if carries_over(printed(row.words), lexicon)}
    read.append(_Read(copy, body.lines))
    return None if ended or not body.lines else copy


def table_rows(
    page: Page, start: int, stop: int, lexicon: Lexicon, header: Header | None = None
) -> tuple[list[tuple[int, Row]], bool]:
    """The rows up to the totals or the closing texts, and whether these came: a page's foot does not end a table.
    A charge or a discount ends it where its amount stands in the column of totals and no position follows; elsewhere
    it is a remark to a position and left out."""
    column = header.total if header else None
    total = header.columns[column].x0 if header and column is not None else 0.0
    rows: list[tuple[int, Row]] = []
    for index in range(start, stop):
        row = page.rows[index]
        if rows and row.y0 - rows[-1][1].y1 > _FAR * row.height:
            return rows, False
        carries = carries_over(printed(row.words), lexicon)
        extra = _is_total(row, lexicon, _EXTRAS) and not carries
        ends = _ends(row, lexicon)
        if (ends or (extra and row.segments[-1].x1 > total)) and not (
            header and rows and _goes_on(page, index, stop, lexicon, header, rows)
        ):
            return rows, not is_imprint(row.words)
        if not ends and (not extra or row.segments[-1].x1 > total):
            rows.append((index, row))
    return rows, False


def _goes_on(
    page: Page, index: int, stop: int, lexicon: Lexicon, header: Header, rows: Sequence[tuple[int, Row]]
) -> bool:
    """Whether a sum or a discount is a group's or a position's: numbers that add up come soon after it, or it stands
    right below a position and is the printed share of its total; without a rate, below its text."""
    row = page.rows[index]
    discount = adjustment_of(row, lexicon)
    if not discount and not _is_total(row, lexicon, TOTALS):
        return False
    body: Body | None = None
    for other in page.rows[index + 1 : min(stop, index + _SOON)]:
        if sum(bool(readings(word.text)) for word in other.words) >= _FACTORS:
            body = body or _fitted(header, lexicon, rows)
            if body.adds_up(other):
                return True
        if _ends(other, lexicon) and adjustment_of(other, lexicon) is None:
            break
    above = [item for _, item in rows[-_SOON:]]
    if not discount or row.y0 - above[-1].y1 > _TIGHT * row.height:
        return False
    if discount.rate:
        return any(discount.is_of(amount) for item in above for amount in amounts_in(item.words))
    return _is_below_text(row, above, page.rows[index + 1 : index + 2], header)


def _fitted(header: Header, lexicon: Lexicon, rows: Sequence[tuple[int, Row]]) -> Body:
    fitted = replace(header)
    fitted.fit([printed(item.words) for _, item in rows])
    return Body(fitted, lexicon)


def _is_below_text(row: Row, above: Sequence[Row], below: Sequence[Row], header: Header) -> bool:
    """Whether the row begins where a description of the rows above does, and the row below elsewhere."""
    near = _ALIGNED * row.height
    x0 = row.segments[0].x0
    texts = [segment for item in above for segment in item.segments if any(map(str.isalpha, segment.text))]
    described = header.index_of("description")
    if described is not None:
        column = header.columns[described]
        texts = [segment for segment in texts if segment.x0 < column.x1 and column.x0 < segment.x1]
    inner = any(abs(segment.x0 - x0) < near for segment in texts)
    return inner and not any(abs(item.segments[0].x0 - x0) < near for item in below)


def _resumes(page: Page, stop: int, header: Header, lexicon: Lexicon) -> int | None:
    """Where a table of the page before goes on without a heading: at the first whole line of its shape."""
    for index in range(stop):
        row = page.rows[index]
        if _ends(row, lexicon) and not is_imprint(row.words):
            return None
        body = Body(header, lexicon)
        if body.is_line(row) or (
            body.is_opening(row)
            and any(body.adds_up(other) for other in page.rows[index + 1 : index + _NEXT])
        ):
            return index
    return None


def _ends(row: Row, lexicon: Lexicon) -> bool:
    words = printed(row.words)
    names = [token for token, _ in tokens_with_words(words)]
    if not names or carries_over(words, lexicon):
        return False
    if lexicon.table_end.at(names, 0) or is_imprint(words):
        return True
    return _is_total(row, lexicon, TOTALS) or lists_totals(row, lexicon)


def _is_total(row: Row, lexicon: Lexicon, names: frozenset[str]) -> bool:
    """Whether a segment is the label of such a total, alone or with its amount, and an amount follows."""
    return any(_labels_total(row.segments[index:], lexicon, names) for index in range(len(row.segments)))


def _labels_total(segments: Sequence[Segment], lexicon: Lexicon, names: frozenset[str]) -> bool:
    labels = labels_of(segments[0], lexicon)
    if not labels or labels[0][1] > 0 or names.isdisjoint(labels[0][0].names):
        return False
    rest = segments[0].words[labels[0][2] + 1 :]
    # "Rabatt auf Sonderposten" may be a position, and "Rabatt 5 %" is part of one: it has no amount.
    if names is _EXTRAS and any(len(word.text) > 3 and word.text.isalpha() for word in rest):
        return False
    after = [*rest, *(word for segment in segments[1:] for word in segment.words)]
    return any(not amount.is_rate for amount in amounts_in(after))


def is_imprint(words: Sequence[Word]) -> bool:
    return any(_IMPRINT.search(word.text) for word in words)


def carries_over(words: Sequence[Word], lexicon: Lexicon) -> bool:
    """Whether a row brings the sum so far to the next page, or from the one before."""
    tokens = [token for token, _ in tokens_with_words(words)]
    # "Total à reporter": what is brought forward may be called a total.
    start = bool(tokens[1:]) and bool(TOTALS & set(lexicon.labels.exact((tokens[0],))))
    match = lexicon.carry_over.at(tokens, 0) if tokens else None
    match = match or (lexicon.carry_over.at(tokens, 1) if start else None)
    return match is not None and any(readings(word.text) for word in words[-2:]) and len(words) <= 8
