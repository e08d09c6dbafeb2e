"""Spreadsheets and delimited text: the table read by its columns, what surrounds it by the layout reader."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, Final

from extraction import media
from extraction.extractor import Extractor, Source, UnreadableError
from extraction.extractors.sheet.delimited import delimiter_of, read_delimited, table_delimiter
from extraction.extractors.sheet.grid import Cell, Grid, Row
from extraction.extractors.sheet.table import Table, all_texts, read_table
from extraction.extractors.sheet.workbook import workbook
from extraction.layout.body import RawLine
from extraction.layout.dates import find_dates, is_month_first, is_open
from extraction.layout.document import Known, read_document
from extraction.layout.geometry import Page, Word, page_of
from extraction.layout.lexicon import language_of, lexicon
from extraction.layout.lines import ReadLine, first_date, read_line
from extraction.layout.numbers import NumberStyle, currency_of, style_of
from extraction.layout.standing import is_document
from extraction.schemas import CanonicalDocument, Evidence, Extraction, Line

_HEAD: Final = 65536
# A character in the unit that the page geometry is made for, and the space between two columns.
_WIDTH: Final = 5.0
_HEIGHT: Final = 10.0
_GUTTER: Final = 40.0
# A number that a person could take for thousands.
_THOUSANDS: Final = re.compile(r"-?\d{1,3}\.\d{3}")
_PERCENTAGES: Final = frozenset({"discount", "tax_rate"})
# The labels of a column that repeats the document's own number on every line, and those of the order's.
_OWN: Final = (
    "number_order_confirmation",
    "number_invoice",
    "number_credit_note",
    "number_delivery_note",
    "number",
)
_ORDERS: Final = ("order_reference", "number_order", "letter_reference")


class SheetExtractor(Extractor):
    key: ClassVar[str] = "sheet"
    version: ClassVar[str] = "3"

    def score(self, source: Source) -> int | None:
        if source.media_type in media.SHEETS:
            return 60
        if source.media_type != media.TEXT:
            return None
        return 60 if table_delimiter(_head(source), lexicon("en")) else None

    def extract(self, source: Source) -> list[Extraction]:
        grids = [grid for grid in _grids(source) if grid.rows]
        hints = source.hints
        known = Known(hints.own_names, hints.own_vat_ids, hints.sender_domain)
        read = [_Sheet(grid) for grid in grids]
        # Beside a sheet with positions the others are terms, cover pages and keys.
        chosen = [sheet for sheet in read if sheet.table] or read[:1]
        found = [sheet.document(known) for sheet in chosen]
        if not found:
            raise UnreadableError("sheet_empty", "The workbook has no visible sheet with anything on it.")
        return [extraction for extraction in found if extraction and is_document(extraction.document)]


def sheet_text(source: Source) -> str:
    """The text that the offsets of evidence refer to. Raises UnreadableError."""
    return "".join(grid.text for grid in _grids(source))


def _grids(source: Source) -> list[Grid]:
    if source.media_type != media.TEXT:
        return workbook(source.content)
    text = media.decode(source.content)
    head = _head(source)
    return [read_delimited(text, table_delimiter(head, lexicon("en")) or delimiter_of(head) or ";")]


def _head(source: Source) -> str:
    """The begin of a text, up to the last line that is whole."""
    text = media.decode(source.content[:_HEAD])
    return text if len(source.content) <= _HEAD else text.rpartition("\n")[0]


@dataclass(slots=True)
class _Sheet:
    """One sheet while it is read. The words on its page carry the index of their cell where others carry an offset."""

    grid: Grid
    language: str = ""
    table: Table | None = None
    cells: list[Cell] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.language = language_of(all_texts(self.grid))
        self.table = read_table(self.grid, lexicon(self.language))

    def document(self, known: Known) -> Extraction | None:
        rows = self.table.rest if self.table else list(enumerate(self.grid.rows))
        around = read_document([self._page(rows)], known)
        values: dict[str, Any] = {}
        evidence: dict[str, Evidence] = {}
        if around is not None:
            read = around.document
            values = {name: getattr(read, name) for name in read.__slots__}
            evidence = {path: self._placed(item) for path, item in around.evidence.items()}
            self._date(values, evidence)
        if self.table and self.table.lines:
            self._repeated(values, evidence)
        lines = self._lines(values, evidence)
        if around is None and not lines:
            return None
        if lines:
            values["lines"] = tuple(Line(**line.values) for line in lines)
            values["confidence"] = _confidence(values, lines)
        values["language"] = values.get("language") or self.language
        return Extraction(document=CanonicalDocument(**values), evidence=evidence)

    def _date(self, values: dict[str, Any], evidence: Mapping[str, Evidence]) -> None:
        """Reads the document's dates in the order that its lines show."""
        month_first = self._month_first(values)
        for name in ("issue_date", "delivery_date"):
            text = evidence[name].text if name in evidence else None
            found = find_dates(text or "")
            if found:
                values[name] = found[0].read(month_first=month_first)
        issued = evidence.get("issue_date")
        if issued is not None and not is_open(issued.text or "", all_texts(self.grid)):
            values["findings"] = tuple(item for item in values["findings"] if item.code != "date_order_open")

    def _month_first(self, values: Mapping[str, Any]) -> bool:
        return is_month_first(all_texts(self.grid), values.get("currency"))

    def _page(self, rows: Sequence[tuple[int, Row]]) -> Page:
        """The cells outside the table where they stand, as a page of text."""
        widths = [_GUTTER] * max((len(row) for _, row in rows), default=0)
        for _, row in rows:
            for column, cell in enumerate(row):
                widths[column] = max(widths[column], len(cell.text) * _WIDTH + _GUTTER)
        lefts = [sum(widths[:column]) for column in range(len(widths))]
        words = [
            word
            for index, row in rows
            for column, cell in enumerate(row)
            for word in self._words(cell, lefts[column], index * _HEIGHT)
        ]
        return page_of(1, sum(widths), len(self.grid.rows) * _HEIGHT, words)

    def _words(self, cell: Cell, left: float = 0.0, top: float = 0.0, text: str | None = None) -> list[Word]:
        """The words of the cell, or of another text for it."""
        if not cell.text:
            return []
        self.cells.append(cell)
        number = len(self.cells) - 1
        words = []
        for part in (text or cell.text).split():
            right = left + len(part) * _WIDTH
            words.append(Word(part, left, top, right, top + _HEIGHT - 1, 1, number))
            left = right + _WIDTH / 2
        return words

    def _placed(self, evidence: Evidence) -> Evidence:
        """Evidence in the sheet's own places."""
        if evidence.offset is None:
            return evidence
        cell = self.cells[evidence.offset]
        return Evidence(text=evidence.text, path=cell.place, offset=cell.offset)

    def _lines(self, values: Mapping[str, Any], evidence: dict[str, Evidence]) -> list[ReadLine]:
        if self.table is None:
            return []
        texts = [cell.text for line in self.table.lines for cell in line.values() if not cell.number]
        native = any(cell.number and "." in cell.text for line in self.table.lines for cell in line.values())
        style = NumberStyle(".") if native else style_of(texts, self.language)
        month_first = self._month_first(values)
        shares = {name for name in _PERCENTAGES if self._is_share(name)}
        lines = []
        for index, cells in enumerate(self.table.lines):
            raw = RawLine(
                {role: self._words(cell, text=_shown(cell, role in shares)) for role, cell in cells.items()}
            )
            line = read_line(raw, style, month_first=month_first)
            for name, words in line.words.items():
                at = self.cells[words[0].offset or 0]
                text = at.text if at.number and name not in shares else " ".join(word.text for word in words)
                evidence[f"lines.{index}.{name}"] = Evidence(text=text, path=at.place, offset=at.offset)
            if "delivery_date" not in line.values and values.get("delivery_date"):
                line.values["delivery_date"] = values["delivery_date"]
                evidence[f"lines.{index}.delivery_date"] = evidence["delivery_date"]
            lines.append(line)
        return lines

    def _is_share(self, role: str) -> bool:
        """Whether a column of percentages holds shares of one, which Excel shows as percentages."""
        cells = [line[role] for line in self.table.lines if role in line] if self.table else []
        return bool(cells) and all(cell.number and abs(Decimal(cell.text)) < 1 for cell in cells)

    def _repeated(self, values: dict[str, Any], evidence: dict[str, Evidence]) -> None:
        """What a column says on every line is said of the document, if it says the same on each."""
        table = self.table
        labels = table.heading.labels if table else {}
        theirs = any("order_reference" in names for names in labels.values())
        for column, names in labels.items():
            cells = table.repeated.get(column, []) if table else []
            own = [name for name in names if name in _OWN]
            if (
                theirs
                and "number_order" in names
                and "order_reference" not in names
                and not values.get("number")
            ):
                # Beside the order that is called the customer's, the other is the supplier's own.
                own, names = ["number"], ("number",)
            if any(name in _ORDERS for name in names) and not (own and values.get("order_reference")):
                self._orders(cells, values, evidence)
            elif len({cell.text for cell in cells}) == 1:
                self._once(cells[0], names, values, evidence)
        if values.get("doc_type", "other") == "other" and values.get("order_reference"):
            # Positions under the number of our order, without a title: the supplier's answer to it.
            values["doc_type"] = "order_confirmation"

    def _orders(self, cells: Sequence[Cell], values: dict[str, Any], evidence: dict[str, Evidence]) -> None:
        seen = list(values.get("order_references") or ())
        for cell in cells:
            if cell.text not in seen:
                evidence[f"order_references.{len(seen)}"] = _evidence(cell)
                seen.append(cell.text)
                if not values.get("order_reference"):
                    values["order_reference"] = cell.text
                    evidence["order_reference"] = _evidence(cell)
        values["order_references"] = tuple(seen)

    def _once(
        self, cell: Cell, names: Sequence[str], values: dict[str, Any], evidence: dict[str, Evidence]
    ) -> None:
        for name in names:
            target = "number" if name in _OWN else name
            value: Any = cell.text
            if name == "issue_date":
                value = first_date(self._words(cell), month_first=self._month_first(values))
            elif name == "currency":
                value = currency_of(cell.text)
            elif target not in {"number", "customer_number", "delivery_note_reference"}:
                continue
            if value and not values.get(target):
                values[target] = value
                evidence[target] = _evidence(cell)
                if name.startswith("number_") and values.get("doc_type", "other") == "other":
                    values["doc_type"] = name.removeprefix("number_")


def _evidence(cell: Cell) -> Evidence:
    return Evidence(text=cell.text, path=cell.place, offset=cell.offset)


def _shown(cell: Cell, is_share: bool) -> str:
    """The cell as Excel shows it, 0.19 in a column of percentages as 19 %; a number of which no mark could be taken for
    that of thousands."""
    if is_share:
        return f"{(Decimal(cell.text) * 100).normalize():f} %"
    return f"{cell.text}0" if cell.number and _THOUSANDS.fullmatch(cell.text) else cell.text


def _confidence(values: Mapping[str, Any], lines: Sequence[ReadLine]) -> float:
    """Cells leave no doubt what belongs together; what is open is which column is what, and sums tell."""
    closing = sum(line.closes for line in lines) / len(lines)
    total = sum((line.values.get("line_total") or Decimal(0) for line in lines), Decimal(0))
    net, gross = values.get("net_total"), values.get("gross_total")
    added = net is not None and abs(net - total) <= Decimal("0.02") * len(lines)
    named = sum(values.get(name) is not None for name in ("number", "issue_date", "order_reference")) / 3
    return round(0.3 + 0.3 * closing + 0.2 * named + 0.2 * (added or (net is None and gross is None)), 3)
