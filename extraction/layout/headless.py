"""Tables without a heading: numbers one below the other are columns, named by what they multiply to."""

from collections.abc import Sequence
from itertools import permutations
from statistics import median
from typing import Final

from extraction.layout.amounts import Amount, amounts_in
from extraction.layout.arithmetic import closing_readings
from extraction.layout.body import Body
from extraction.layout.columns import POSITION, Column, Header
from extraction.layout.geometry import Page, Row, Segment, printed
from extraction.layout.lexicon import Lexicon
from extraction.layout.numbers import NumberStyle
from extraction.layout.tables import RawLine, Tables, table_rows

_SHARE: Final = 0.8
_MAX_COLUMNS: Final = 7
# Numbers whose right edges differ by less than this many heights stand in one column.
_ALIGNED: Final = 0.6


def read_headless(pages: Sequence[Page], lexicon: Lexicon, style: NumberStyle, tables: Tables) -> None:
    """Adds the positions of tables without a heading: rows of a text and numbers, three of which multiply."""
    for page in pages:
        rows, _ = table_rows(page, 0, len(page.rows), lexicon)
        candidates = [row for _, row in rows if _is_candidate(row)]
        header = _header(candidates, style)
        if header is None:
            continue
        start = next(number for number, (_, row) in enumerate(rows) if row is candidates[0])
        body = Body(header, lexicon)
        body.read(rows[start:])
        for line in body.lines:
            _name(line, header)
        tables.lines += [line for line in body.lines if line.has_number("line_total")]
        tables.rows |= {(page.number, index) for index in body.taken}


def _is_candidate(row: Row) -> bool:
    words = printed(row.words)
    text = any(len(word.text) > 2 and any(map(str.isalpha, word.text)) for word in words)
    return text and len(_amounts(row)) >= 3


def _amounts(row: Row) -> list[Amount]:
    return [amount for segment in row.segments for amount in amounts_in(segment.words) if not amount.is_rate]


def _header(rows: Sequence[Row], style: NumberStyle) -> Header | None:
    """The columns of these rows; None where no three of numbers multiply on nearly all of them."""
    if len(rows) < 2:
        return None
    groups = _aligned(rows)
    best: tuple[int, tuple[int, ...]] = (0, ())
    for triple in permutations(range(len(groups)), 3):
        if triple[2] != max(triple):
            continue
        closing = sum(_closes(row, [groups[index] for index in triple], style) for row in groups[triple[2]])
        if closing > best[0]:
            best = closing, triple
    if best[0] < max(2, _SHARE * len(rows)):
        return None
    quantity, price, total = best[1]
    chosen = [amount for index in best[1] for amount in groups[index].values()]
    columns = _text_columns(rows, [amount.words[0].x0 for amount in chosen])
    roles = {quantity: "quantity", price: "unit_price", total: "line_total"}
    for index, group in enumerate(groups):
        words = [word for amount in group.values() for word in amount.words]
        if not any(column.x0 <= words[0].center <= column.x1 for column in columns if column.role == "pos"):
            columns.append(Column(words, role=roles.get(index)))
    columns.sort(key=lambda column: column.center)
    return Header(columns, 0, 0)


def _closes(row: int, groups: Sequence[dict[int, Amount]], style: NumberStyle) -> bool:
    quantity, price, total = (group.get(row) for group in groups)
    if not quantity or not price or not total:
        return False
    totals = [value for value in total.values(style) if value]
    return closing_readings(quantity.values(style), price.values(style), [], [], totals) is not None


def _aligned(rows: Sequence[Row]) -> list[dict[int, Amount]]:
    """The numbers by column, from left to right; each column has at most one of a row."""
    groups: list[dict[int, Amount]] = []
    for number, row in enumerate(rows):
        for amount in _amounts(row):
            edge, height = amount.words[-1].x1, row.height
            for group in groups:
                if number not in group and abs(_edge(group) - edge) < _ALIGNED * height:
                    group[number] = amount
                    break
            else:
                groups.append({number: amount})
    full = [group for group in groups if len(group) >= _SHARE * len(rows)]
    return sorted(full, key=_edge)[:_MAX_COLUMNS]


def _edge(group: dict[int, Amount]) -> float:
    return median(amount.words[-1].x1 for amount in group.values())


def _text_columns(rows: Sequence[Row], edges: Sequence[float]) -> list[Column]:
    """The columns left of the numbers: positions where every row begins with one, then the description. Where the
    numbers come first, the description is what stands between them."""
    firsts: list[Segment] = [row.segments[0] for row in rows]
    numbered = all(POSITION.fullmatch(segment.words[0].text) for segment in firsts)
    columns = [Column([segment.words[0] for segment in firsts], role="pos")] if numbered else []
    words = [word for row in rows for word in printed(row.words) if any(map(str.isalpha, word.text))]
    left = [word for word in words if word.x1 <= min(edges)]
    between = [word for word in words if min(edges) < word.x0 and word.x1 <= max(edges)]
    if left or between:
        columns.append(Column(left or between, role="description"))
    return columns


def _name(line: RawLine, header: Header) -> None:
    for index, words in line.columns.items():
        role = header.columns[index].role
        if role:
            line.cells.setdefault(role, words)
