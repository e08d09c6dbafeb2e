"""Position tables: from a heading through rows, rows over several lines and several pages, to the totals."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from extraction.layout.amounts import amounts_in
from extraction.layout.columns import Header, find_header
from extraction.layout.geometry import Page, Row, Segment, Word, text_of, tokens_with_words
from extraction.layout.header_fields import dates_in
from extraction.layout.lexicon import Lexicon
from extraction.layout.numbers import leading_number, readings

# A row further below the last one than this many of its heights no longer belongs to the line above.
CONTINUATION_GAP: Final = 1.6

_TOTALS: Final = frozenset({"net_total", "sub_total", "tax_total", "gross_total", "charge", "allowance"})
_SUBLINES: Final = frozenset(
    {"buyer_article", "seller_article", "delivery_date", "gtin", "order_line_ref", "discount"}
)
# Addresses of mail and web, accounts and telephones: the imprint at a page's foot, never a position.
_IMPRINT: Final = re.compile(
    r"[\w.]@\w+\.\w|^www\.|^https?:|^IBAN\b|^BIC\b|^Tel(?:\.|:|efon|ephone|éfono|efono)", re.IGNORECASE
)
_POS: Final = re.compile(r"[0-9]{1,6}(?:[.][0-9]{1,3})*[.)]?|[0-9]{1,3}[a-z]")


@dataclass(slots=True)
class RawLine:
    """One position as printed: the words of each field."""

    cells: dict[str, list[Word]] = field(default_factory=dict)

    def text(self, role: str) -> str:
        return text_of(self.cells.get(role, ()))

    def has_number(self, role: str) -> bool:
        return bool(readings(leading_number(self.text(role))[0]))


@dataclass(slots=True)
class Tables:
    """What the tables of a document gave: its positions, and which rows (page, index) they took."""

    lines: list[RawLine] = field(default_factory=list)
    rows: set[tuple[int, int]] = field(default_factory=set)


def read_tables(pages: Sequence[Page], lexicon: Lexicon) -> Tables:
    """Every position table of the document, as one sequence of lines."""
    tables = Tables()
    header: Header | None = None
    for page in pages:
        index = 0
        while index < len(page.rows):
            found = find_header(page.rows, index, lexicon)
            if found:
                tables.rows |= {(page.number, row) for row in range(found.first, found.last + 1)}
                header, index = found, found.last + 1
                _read_body(page, index, header, lexicon, tables)
                index = max((row + 1 for number, row in tables.rows if number == page.number), default=index)
            else:
                index += 1
    return tables


def _read_body(page: Page, start: int, header: Header, lexicon: Lexicon, tables: Tables) -> None:
    body = list(_body(page, start, header, lexicon))
    numeric = [
        row for _, row in body if len(row.segments) > 1 and any(readings(word.text) for word in row.words)
    ]
    rows = numeric or [row for _, row in body]
    header.fit([[word for word in row.words if _printed(word)] for row in rows])
    line: RawLine | None = None
    previous: Row | None = None
    for index, row in body:
        words = [word for word in row.words if _printed(word)]
        if not words:
            continue
        cells = header.split(words)
        if _carries_over(words, lexicon):
            tables.rows.add((page.number, index))
            previous = row
            continue
        kind = _kind(cells, header)
        near = previous is not None and row.y0 - previous.y1 <= CONTINUATION_GAP * row.height
        if kind == "numbers" and line is not None and near and not _has_amounts(line):
            _merge(line, cells)
        elif kind in {"line", "opening"} or (kind == "numbers" and line is None):
            line = RawLine(cells)
            tables.lines.append(line)
        elif line is not None and near:
            _continue(line, words, cells, lexicon)
        else:
            continue
        tables.rows.add((page.number, index))
        previous = row


def _body(page: Page, start: int, header: Header, lexicon: Lexicon) -> Iterator[tuple[int, Row]]:
    """The rows below the heading up to the totals, the closing texts, or the next heading."""
    for index in range(start, len(page.rows)):
        row = page.rows[index]
        if find_header(page.rows, index, lexicon) or _ends(row, lexicon):
            return
        yield index, row


def _ends(row: Row, lexicon: Lexicon) -> bool:
    words = [word for word in row.words if _printed(word)]
    names = [token for token, _ in tokens_with_words(words)]
    if not names or _carries_over(words, lexicon):
        return False
    if lexicon.table_end.at(names, 0) or is_imprint(words):
        return True
    return any(_is_total(row.segments[index:], lexicon) for index in range(len(row.segments)))


def _is_total(segments: Sequence[Segment], lexicon: Lexicon) -> bool:
    """Whether the first segment is the label of a total, alone or with its amount, and an amount follows."""
    tokens = tokens_with_words(segments[0].words)
    match = lexicon.labels.at([token for token, _ in tokens], 0) if tokens else None
    if match is None or not set(match.names) & _TOTALS:
        return False
    rest = segments[0].words[tokens[match.end - 1][1] + 1 :]
    # "Rabatt auf Sonderposten" may be a position, and "Rabatt 5 %" is part of one: it has no amount.
    if any(len(word.text) > 3 and word.text.isalpha() for word in rest) and set(match.names) & {
        "charge",
        "allowance",
    }:
        return False
    after = [*rest, *(word for segment in segments[1:] for word in segment.words)]
    return any(not amount.is_rate for amount in amounts_in(after))


def is_imprint(words: Sequence[Word]) -> bool:
    return any(_IMPRINT.search(word.text) for word in words)


def _carries_over(words: Sequence[Word], lexicon: Lexicon) -> bool:
    tokens = [token for token, _ in tokens_with_words(words)]
    match = lexicon.carry_over.at(tokens, 0) if tokens else None
    return match is not None and any(readings(word.text) for word in words[-2:]) and len(words) <= 8


def _kind(cells: dict[str, list[Word]], header: Header) -> str:
    """What a row is: a whole line, the opening of one whose numbers follow, numbers alone, or text."""
    line = RawLine(cells)
    amounts = [role for role in ("quantity", "unit_price", "line_total") if line.has_number(role)]
    named = [role for role in ("description", "seller_article", "buyer_article", "gtin") if cells.get(role)]
    numbered = bool(_POS.fullmatch(line.text("pos")))
    if "pos" in header.roles and not numbered and cells.get("pos"):
        return "text"
    if (
        len(amounts) >= 2 or ("quantity" in amounts and not header.roles & {"unit_price", "line_total"})
    ) and (named or numbered):
        return "line"
    if numbered and (amounts or named):
        return "line" if amounts else "opening"
    if amounts == ["line_total"] and named and "pos" not in header.roles and "quantity" not in header.roles:
        return "line"
    return "numbers" if len(amounts) >= 2 else "text"


def _has_amounts(line: RawLine) -> bool:
    return any(line.has_number(role) for role in ("quantity", "unit_price", "line_total"))


def _merge(line: RawLine, cells: dict[str, list[Word]]) -> None:
    for role, words in cells.items():
        line.cells.setdefault(role, []).extend(words)


def _continue(line: RawLine, words: list[Word], cells: dict[str, list[Word]], lexicon: Lexicon) -> None:
    """Adds a row below a position to it: as a labelled value, or to the description."""
    if _subline(line, words, lexicon):
        return
    text = cells.get("description")
    if text:
        line.cells.setdefault("description", []).extend(text)


def _subline(line: RawLine, words: list[Word], lexicon: Lexicon) -> bool:
    """Takes the labelled values of a row: "Your part no.: AM-1, ship date 3 May 2026"."""
    tokens = tokens_with_words(words)
    names = [token for token, _ in tokens]
    taken = False
    position = 0
    while position < len(tokens):
        matches = [
            item for item in (lexicon.columns.at(names, position), lexicon.labels.at(names, position)) if item
        ]
        step = 1
        for match in sorted(matches, key=lambda match: match.start - match.end):
            last = tokens[match.end - 1][1]
            role = next((name for name in match.names if name in _SUBLINES), None)
            value = _sub_value(role, words[: last + 1], words[last + 1 :]) if role else []
            if role and value:
                line.cells.setdefault(role, value)
                taken = True
                step = match.end - match.start
                break
        if position == 0 and not taken:
            return False
        position += step
    return taken


def _sub_value(role: str, label: list[Word], after: list[Word]) -> list[Word]:
    value = [word for word in after if _printed(word)]
    if role == "delivery_date":
        return next(dates_in(value[:6]), []) if value else []
    if not value or not any(char.isdigit() for char in value[0].text):
        return []
    colon = label[-1].text.endswith(":") or after[0].text == ":"
    # An article's number has the look of one; a word with a digit in a text has not, unless nothing follows it.
    return value[:1] if colon or len(value) == 1 or value[0].text[:1].isupper() else []


def _printed(word: Word) -> bool:
    return any(char.isalnum() for char in word.text)
