"""Position tables: from a heading through rows, rows over several lines and several pages, to the totals."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from extraction.layout.columns import Header, find_header
from extraction.layout.dates import find_dates
from extraction.layout.geometry import Page, Row, Word, text_of, tokens_with_words
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
        if find_header(page.rows, index, lexicon) or _ends(row, header, lexicon):
            return
        yield index, row


def _ends(row: Row, header: Header, lexicon: Lexicon) -> bool:
    words = [word for word in row.words if _printed(word)]
    tokens = tokens_with_words(words)
    names = [token for token, _ in tokens]
    if not tokens:
        return False
    if lexicon.table_end.at(names, 0) or any(_IMPRINT.search(word.text) for word in words):
        return True
    if _carries_over(words, lexicon):
        return False
    match = lexicon.labels.at(names, 0)
    if match is None or not set(match.names) & _TOTALS:
        return False
    after = words[tokens[match.end - 1][1] + 1 :]
    # "Rabatt 5 %" under a position is a part of it; totals stand to the right of where descriptions begin.
    amounts = [word for word in after if readings(word.text) and not word.text.endswith("%")]
    starts = [cell.x0 for cell in header.cells if cell.role == "description"]
    return bool(amounts) and (not starts or words[0].x0 > starts[0] + words[0].height or bool(after))


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
    tokens = tokens_with_words(words)
    if not tokens:
        return False
    names = [token for token, _ in tokens]
    matches = [match for match in (lexicon.columns.at(names, 0), lexicon.labels.at(names, 0)) if match]
    for match in sorted(matches, key=lambda match: match.start - match.end):
        roles = [name for name in match.names if name in _SUBLINES]
        last = tokens[match.end - 1][1]
        value = [word for word in words[last + 1 :] if any(char.isalnum() for char in word.text)]
        if not roles or not value:
            continue
        role = roles[0]
        if role == "delivery_date":
            dates = find_dates(text_of(value))
            if not dates:
                continue
        elif not any(char.isdigit() for char in value[0].text) or not (
            text_of(words[: last + 1]).endswith(":") or words[last + 1].text == ":" or len(value) == 1
        ):
            continue
        line.cells.setdefault(role, value if role == "delivery_date" else value[:1])
        return True
    return False


def _printed(word: Word) -> bool:
    return any(char.isalnum() for char in word.text)
