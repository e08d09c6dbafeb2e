"""The rows below a table's heading: which begin a position, which belong to one, and what each of their cells says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Final

from extraction.layout.adjustments import Adjustment, adjustment_of
from extraction.layout.amounts import amounts_in
from extraction.layout.arithmetic import closing_readings
from extraction.layout.columns import Header
from extraction.layout.edges import NUMBERS
from extraction.layout.geometry import Row, Word, printed, text_of
from extraction.layout.leading import Item, lead
from extraction.layout.lexicon import Lexicon, tokens_of
from extraction.layout.numbers import NumberStyle, leading_number, readings
from extraction.layout.sublines import labelled_values

# A row further below the last one than this many of its heights no longer belongs to the position above.
CONTINUATION_GAP: Final = 1.6
ADJUSTMENT_GAP: Final = 3.0

_AMOUNTS: Final = ("quantity", "unit_price", "line_total")
_NAMES: Final = ("description", "seller_article", "buyer_article", "gtin")
# "(A) 6,00", "- 1,00 €": a number with at most a mark before it and a unit after it.
_LONE: Final = re.compile(r"(?:\([A-Z]{1,3}\)\s*)?[-+−]?\s*[€£$]?\s*\d[\d.,'’\s]*(?:[€£$%]|EUR)?")


@dataclass(slots=True)
class RawLine:
    """One position as printed: the words of each field, and of each column whose meaning arithmetic may choose."""

    cells: dict[str, list[Word]] = field(default_factory=dict)
    columns: dict[int, list[Word]] = field(default_factory=dict)
    labelled: set[str] = field(default_factory=set)
    """The fields that were printed with a label of their own."""
    adjustments: list[Adjustment] = field(default_factory=list)
    in_parts: bool = False
    """Comes on several days."""

    def label(self, role: str, words: list[Word]) -> None:
        """Puts a labelled value; it comes before what merely stands in the field's column without being one."""
        known = self.cells.get(role)
        if role == "delivery_date" and role in self.labelled and text_of(known or ()) != text_of(words):
            self.in_parts = True
        if not known or (role not in self.labelled and not any(char.isdigit() for char in text_of(known))):
            self.cells[role] = words
            self.labelled.add(role)

    def text(self, role: str) -> str:
        return text_of(self.cells.get(role, ()))

    def has_number(self, role: str) -> bool:
        return has_number(self.cells.get(role, ()))


def legible(words: Sequence[Word]) -> list[Word]:
    """The printed words and the signs between them; none where there are only signs."""
    kept = [word for word in words if len(word.text) < 3 or any(map(str.isalnum, word.text))]
    return kept if any(any(map(str.isalnum, word.text)) for word in kept) else []


def has_number(words: Sequence[Word]) -> bool:
    if not any(char.isdigit() for word in words for char in word.text):
        return False
    return any(not amount.is_rate for amount in amounts_in(words)) or bool(
        readings(leading_number(text_of(words))[0])
    )


def values_in(words: Sequence[Word]) -> list[Decimal]:
    """Every reading of the numbers among the words."""
    return [value for amount in amounts_in(words) for value in amount.values(NumberStyle())]


class Body:
    """Reads the rows of one table on one page."""

    def __init__(self, header: Header, lexicon: Lexicon) -> None:
        self.header = header
        self.lexicon = lexicon
        self.lines: list[RawLine] = []
        self.taken: list[int] = []
        self.counted = False
        self._line: RawLine | None = None
        self._top = 0.0
        self._label: list[Word] = []

    def is_line(self, row: Row) -> bool:
        """Whether the row is a whole position of this table."""
        cells = self.header.split(printed(row.words))
        return self._kind(cells) == "line" and len(self._numeric(cells)) >= 2

    def is_opening(self, row: Row) -> bool:
        """Whether the row begins a position whose numbers follow."""
        return self._kind(self.header.split(printed(row.words))) == "opening"

    def adds_up(self, row: Row) -> bool:
        """Whether quantity and price of the row make its total, as the headings name them."""
        cells = self.header.split(printed(row.words))
        by_role = {self.header.columns[index].role: words for index, words in cells.items()}
        numbers = [values_in(by_role.get(role, ())) for role in (*_AMOUNTS, "price_base", "discount")]
        quantity, price, total, base, discount = numbers
        return closing_readings(quantity, price, base, discount, total) is not None

    def read(self, rows: Sequence[tuple[int, Row]]) -> None:
        numeric = [item for item in rows if _is_numeric_row(item[1])]
        self.header.fit([printed(row.words) for _, row in numeric or rows])
        self._read(rows)
        own = [(index, row) for index, row in numeric if index in self.taken]
        if own and len(own) < len(rows):
            # What stands between and below the positions has columns of its own: only the positions' count.
            texts = [
                segment
                for index, row in rows
                if index in self.taken and not _is_numeric_row(row)
                for segment in row.segments
            ]
            before = self.header.edges
            self.header.fit([printed(row.words) for _, row in own], texts)
            if self._differs(rows, before):
                self.lines, self.taken, self._line, self._label = [], [], None, []
                self._read(rows)

    def _differs(self, rows: Sequence[tuple[int, Row]], edges: Sequence[float]) -> bool:
        """Whether any word stands in another column by the new edges than by these."""
        moved = [tuple(sorted(pair)) for pair in zip(edges, self.header.edges, strict=True)]
        return any(
            low < word.center <= high
            for low, high in moved
            if low < high
            for _, row in rows
            for word in row.words
        )

    def _read(self, rows: Sequence[tuple[int, Row]]) -> None:
        items = self._headed([self._item(index, row) for index, row in rows if printed(row.words)])
        self.counted = lead(items)
        previous: Row | None = None
        waiting: list[Item] = []
        for item in items:
            reach = ADJUSTMENT_GAP if item.adjustment else CONTINUATION_GAP
            near = previous is not None and item.row.y0 - previous.y1 <= reach * item.row.height
            if item.leads:
                waiting.append(item)
                previous = item.row
                continue
            if not self._take(item, waiting, near=near):
                continue
            waiting = []
            self.taken.append(item.index)
            previous = item.row

    def _take(self, item: Item, waiting: Sequence[Item], *, near: bool) -> bool:
        """Adds the row to the open position or opens a new one; whether it belongs to the table at all."""
        line = self._line
        goes_on = item.kind == "numbers" or (item.kind == "line" and self._is_unnumbered(item.cells))
        if goes_on and line is not None and near and self._completes(line, item):
            self._top = item.row.y0
            self._fill(line, item, first=True)
            return True
        if item.kind in {"line", "opening"} or (item.kind == "numbers" and (line is None or waiting)):
            self._line = line = RawLine()
            self.lines.append(line)
            self._top = item.row.y0
            for above in waiting:
                self._continue(line, above)
                self.taken.append(above.index)
            self._fill(line, item, first=True)
            return True
        if line is None or not near:
            return False
        self._continue(line, item)
        return True

    def _item(self, index: int, row: Row) -> Item:
        cells = self._mended(row, self.header.split(legible(row.words)))
        item = Item(index, row, cells)
        # "Rabatt 1: 2,00 % Basis: 3,00" has numbers and is a remark.
        first = row.segments[0]
        remark = first.text.endswith(":") and not self.header.position.fullmatch(first.words[0].text)
        labelled = self._labelled_position(cells)
        item.adjustment = self._adjustment(row, cells)
        item.kind = "text" if labelled or remark or item.adjustment else self._kind(cells)
        return item

    def _headed(self, items: list[Item]) -> list[Item]:
        """The rows without the headings of groups: texts that begin in the column of positions, right above one, where
        few positions have such a text."""
        pos = self.header.index_of("pos")
        if pos is None:
            return items
        lines = sum(item.kind in {"line", "opening"} for item in items)
        heads = {
            item.index
            for item, after in pairwise(items)
            if item.kind == "text" and pos in item.cells and after.kind in {"line", "opening"}
        }
        if not heads or (len(heads) * 2 > lines and items[0].index not in heads):
            return items
        return [item for item in items if item.index not in heads]

    def _adjustment(self, row: Row, cells: dict[int, list[Word]]) -> Adjustment | None:
        """The row's discount or charge, where its amount stands in the column of totals."""
        total = self.header.total
        if total is None or total not in cells or self.header.index_of("pos") in cells:
            return None
        if self.header.index_of("quantity") in cells and self.header.index_of("unit_price") in cells:
            return None
        found = adjustment_of(row, self.lexicon)
        return found if found and found.amount.words[-1] in cells[total] else None

    def _mended(self, row: Row, cells: dict[int, list[Word]]) -> dict[int, list[Word]]:
        """Gives the tail of a text that runs on into a column of numbers back to the column it began in."""
        mended: dict[int, list[Word]] = {index: list(words) for index, words in cells.items()}
        for segment in row.segments:
            if len(segment.words) < 3:
                continue
            pieces = [
                (index, [word for word in words if word in segment.words]) for index, words in mended.items()
            ]
            pieces = sorted((item for item in pieces if item[1]), key=lambda item: item[1][0].x0)
            if len(pieces) < 2 or self._is_numeric(pieces[0][0]):
                continue
            for index, words in pieces[1:]:
                if not self._is_numeric(index):
                    break
                if not _LONE.fullmatch(text_of(words)) and not self._has_unit(words):
                    mended[pieces[0][0]] += words
                    mended[index] = [word for word in mended[index] if word not in words]
        return {index: words for index, words in mended.items() if words}

    def _has_unit(self, words: Sequence[Word]) -> bool:
        number, rest = leading_number(text_of(words))
        return bool(number) and len(rest.split()) <= 1

    def _is_numeric(self, index: int) -> bool:
        role = self.header.columns[index].role
        return role is None or role in NUMBERS

    def _numeric(self, cells: dict[int, list[Word]]) -> set[str]:
        found = set()
        for index, words in cells.items():
            role = self.header.columns[index].role
            if role in _AMOUNTS and has_number(words):
                found.add(role)
        return found

    def _kind(self, cells: dict[int, list[Word]]) -> str:
        """What a row is: a whole line, the opening of one whose numbers follow, numbers alone, or text."""
        roles = self.header.roles
        by_role = {self.header.columns[index].role or "": words for index, words in cells.items()}
        amounts = self._numeric(cells)
        named = any(by_role.get(role) for role in _NAMES)
        position = text_of(by_role.get("pos", ()))
        numbered = bool(self.header.position.fullmatch(position))
        if "pos" in roles and not numbered and position:
            return "text"
        if self.header.opens(cells):
            return "opening"
        if named and self._is_labelled(by_role):
            return "text"
        bare = "quantity" in amounts and not roles & {"unit_price", "line_total"}
        if (len(amounts) >= 2 or bare) and (named or numbered):
            # Where positions are numbered and have totals, a row with neither is a remark to one.
            remark = {"pos", "line_total"} <= roles and not numbered and "line_total" not in amounts
            return "text" if remark else "line"
        if numbered and (amounts or named):
            return "line" if amounts else "opening"
        if amounts == {"line_total"} and named and not roles & {"pos", "quantity"}:
            return "line"
        return "numbers" if len(amounts) >= 2 else "text"

    def _is_labelled(self, by_role: dict[str, list[Word]]) -> bool:
        """Whether the row is a labelled value, "Bruttopreis : 4,00", and no position."""
        names = [words for role in _NAMES if (words := by_role.get(role))]
        return any(words[-1].text.endswith(":") for words in names) and not by_role.get("pos")

    def _labelled_position(self, cells: dict[int, list[Word]]) -> bool:
        """Whether the number in the position's column is the value of a label above it in the same cell: the line of
        the order below "PO LN:"."""
        index = self.header.index_of("pos")
        words = cells.get(index, []) if index is not None else []
        if not words:
            return False
        if not self.header.position.fullmatch(text_of(words)):
            self._label += words
            return False
        labelled = bool(self._label) and self._label[-1].text.endswith(":")
        self._label = []
        return labelled

    def _is_unnumbered(self, cells: dict[int, list[Word]]) -> bool:
        index = self.header.index_of("pos")
        return index is not None and index not in cells

    def _completes(self, line: RawLine, item: Item) -> bool:
        """Whether the numbers of a row are just those the position lacks; all of them, where names stand beside."""
        amounts = {
            index
            for index, words in line.columns.items()
            if self.header.columns[index].role in _AMOUNTS and has_number(words)
        }
        if item.kind == "line":
            return not amounts
        return not any(index in amounts and has_number(words) for index, words in item.cells.items())

    def _fill(self, line: RawLine, item: Item, *, first: bool) -> None:
        """Adds the cells of a position's own row."""
        for index, words in item.cells.items():
            column = self.header.columns[index]
            if column.stack:
                if not self._subline(line, words):
                    self._stacked(line, index, words)
            elif self._is_numeric(index):
                cell = line.columns.setdefault(index, [])
                cell[:] = [*words, *cell] if first else [*cell, *words]
            elif not self._subline(line, words) and column.role:
                line.cells.setdefault(column.role, []).extend(words)

    def _stacked(self, line: RawLine, index: int, words: Sequence[Word]) -> None:
        """Adds the words to the field their line in the cell stands for, as the heading lists them."""
        stack = self.header.columns[index].stack
        # Where the article stands below the name, words without a digit go on with the name.
        names = stack[0] == "description" and not all(any(map(str.isdigit, word.text)) for word in words)
        for word in words:
            level = round((word.y0 - self._top) / max(self.header.pitch, word.height / 2))
            role = stack[min(max(level, 0), len(stack) - 1)]
            if names:
                role = "description"
            elif level >= len(stack) and role != "description" and (level > len(stack) or role in line.cells):
                continue
            if word.text.strip(".").isdigit() and len(word.text.strip(".")) in {8, 13, 14}:
                role = "gtin"
            cell = line.cells.setdefault(role, []) if role else []
            if not cell or role == "description" or abs(cell[-1].y0 - word.y0) < word.height / 2:
                cell.append(word)

    def _continue(self, line: RawLine, item: Item) -> None:
        """Adds a row above or below a position's numbers to it: labelled values, further numbers of its cells, and
        the rest to the description."""
        if item.adjustment:
            line.adjustments.append(item.adjustment)
            return
        alone = len(item.row.segments) == 1 or len(item.cells) == 1
        if alone and self._subline(line, legible(item.row.words)):
            return
        for index, words in item.cells.items():
            column = self.header.columns[index]
            if self._subline(line, words):
                continue
            if column.stack:
                self._stacked(line, index, words)
            elif column.role == "description" and not self._is_remark(words):
                line.cells.setdefault("description", []).extend(words)
            elif self._is_numeric(index) and _LONE.fullmatch(text_of(words)) and _is_whole(item.row, words):
                line.columns.setdefault(index, []).extend(words)

    def _is_remark(self, words: Sequence[Word]) -> bool:
        """Whether the words are another column's label with its value: "Bruttopreis : 4,00"."""
        colon = next((number for number, word in enumerate(words) if word.text.endswith(":")), 0)
        tokens = [token for word in words[: colon + 1] for token in tokens_of(word.text)]
        names = self.lexicon.columns.exact(tuple(tokens)) if words[colon].text.endswith(":") else ()
        return bool(names) and names[0] in NUMBERS

    def _subline(self, line: RawLine, words: list[Word]) -> bool:
        """Gives a text that is labelled values to their fields; whether it was one."""
        found = labelled_values(words, self.lexicon)
        for role, value in found:
            line.label(role, value)
        return bool(found)


def _is_numeric_row(row: Row) -> bool:
    return len(row.segments) > 1 and any(readings(word.text) for word in row.words)


def _is_whole(row: Row, words: Sequence[Word]) -> bool:
    """Whether the words are not a part of a text that stands in other columns as well."""
    return all(
        all(word in words for word in printed(segment.words))
        for segment in row.segments
        if any(word in words for word in segment.words)
    )
