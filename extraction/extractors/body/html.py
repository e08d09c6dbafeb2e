"""HTML bodies as plain text: blocks become lines, tables become columns, what is not shown is left out."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from lxml import etree, html

from extraction.extractor import UnreadableError
from extraction.extractors.body.grid import Cell, aligned
from extraction.extractors.body.quotes import is_forward

MAX_DEPTH: Final = 200
MAX_CELLS: Final = 50_000

_SKIPPED: Final = frozenset(
    {"script", "style", "head", "title", "template", "noscript", "svg", "select", "button"}
)
_BLOCKS: Final = frozenset(
    {
        "p",
        "div",
        "tr",
        "li",
        "ul",
        "ol",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "section",
        "article",
        "header",
        "footer",
    }
    | {"address", "pre", "form", "center", "dl", "dt", "dd", "hr", "main", "td", "th", "body", "fieldset"}
)
_HIDDEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
# How mail programs mark what they quote; Outlook heads it instead, as plain text.
_QUOTES: Final = re.compile(r"gmail_quote|yahoo_quoted|moz-cite-prefix|OLK_SRC_BODY")
_ROW: Final = re.compile(
    r"display\s*:\s*(?:table-row(?!-)|(?:inline-)?flex(?!.*flex-direction\s*:\s*column))", re.IGNORECASE
)
# Where a forwarded mail says that it is one: in its first pieces of text, or on the lines above.
_FIRST: Final = 20
_BEGIN: Final = 200
_ABOVE: Final = 6


def html_text(text: str) -> str:
    """The visible text without what is quoted from an earlier mail. Raises UnreadableError."""
    parser = html.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        root = html.document_fromstring(text.encode("utf-8"), parser=parser) if text.strip() else None
    except (etree.ParserError, ValueError) as error:
        raise UnreadableError("html_broken", "The HTML body holds nothing to show.") from error
    if root is None:
        return ""
    writer = _Writer()
    writer.write(root, 0)
    return writer.text()


class _Writer:
    """Collects lines of text."""

    def __init__(self) -> None:
        self.lines: list[str] = [""]
        self.cells = 0

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines).strip("\n")

    def add(self, text: str | None) -> None:
        if text:
            plain = re.sub(r"[\s\xa0]+", " ", text)
            line = self.lines[-1]
            self.lines[-1] = line + (plain.lstrip() if not line or line.endswith(" ") else plain)

    def newline(self) -> None:
        if self.lines[-1].strip():
            self.lines.append("")

    def write(self, element: etree._Element, depth: int) -> None:
        """Adds the element, without the text after it."""
        name = element.tag if isinstance(element.tag, str) else ""
        if not name or name in _SKIPPED or depth > MAX_DEPTH or _hidden(element):
            return
        if _quotes(element, name) and not self._is_passed_on(element):
            return
        if _is_grid(element):
            self.newline()
            self._grid(element, depth)
            return
        if name == "br":
            self.lines.append("")
            return
        block = name in _BLOCKS or name == "table"
        if block:
            self.newline()
        self.add(element.text)
        for child in element:
            self.write(child, depth + 1)
            self.add(child.tail)
        if block:
            self.newline()

    def _is_passed_on(self, element: etree._Element) -> bool:
        """Whether what a program marks as quoted is a mail that was forwarded: it says so first, or the line above."""
        first = "".join(str(text) for text in islice(element.itertext(), _FIRST))[:_BEGIN]
        return is_forward(first) or is_forward("\n".join(self.lines[-_ABOVE:]))

    def _grid(self, table: etree._Element, depth: int) -> None:
        self.lines += aligned([list(self._cells(row, depth)) for row in _rows(table)])
        self.lines.append("")

    def _cells(self, row: etree._Element, depth: int) -> Iterator[Cell]:
        for cell in _cells_of(row):
            self.cells += 1
            if self.cells > MAX_CELLS:
                raise UnreadableError("too_large", f"The HTML body has more than {MAX_CELLS} table cells.")
            inner = _Writer()
            inner.write(cell, depth + 1)
            yield [line.strip() for line in inner.lines if line.strip()], _span(cell)


def _quotes(element: etree._Element, name: str) -> bool:
    marks = f"{element.get('class') or ''} {element.get('id') or ''}"
    return name == "blockquote" or bool(_QUOTES.search(marks))


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    for child in table:
        if child.tag == "tr" or _is_row(child):
            yield child
        elif child.tag in {"thead", "tbody", "tfoot"}:
            yield from (row for row in child if row.tag == "tr")


def _is_row(element: etree._Element) -> bool:
    """Whether an element that is no table's row is shown as one."""
    return isinstance(element.tag, str) and bool(_ROW.search(element.get("style") or ""))


def _cells_of(row: etree._Element) -> list[etree._Element]:
    if row.tag == "tr":
        return [cell for cell in row if cell.tag in {"td", "th"}]
    return [cell for cell in row if isinstance(cell.tag, str)]


def _span(cell: etree._Element) -> int:
    text = cell.get("colspan") or "1"
    return min(max(int(text), 1), 100) if text.isascii() and text.isdigit() else 1


def _is_grid(element: etree._Element) -> bool:
    """A table of data, not one that lays out the page: nothing nested, and a row with more than one cell. Rows that are
    no table's are such where several have as many cells."""
    if element.tag == "table":
        if next(element.iterdescendants("table"), None) is not None:
            return False
        return any(len(_cells_of(row)) > 1 for row in _rows(element))
    counts = [len(_cells_of(child)) for child in element if _is_row(child)]
    return len(counts) > 1 and counts[0] > 1 and counts.count(counts[0]) > 1


def _hidden(element: etree._Element) -> bool:
    return bool(_HIDDEN.search(element.get("style") or "")) or element.get("hidden") is not None
