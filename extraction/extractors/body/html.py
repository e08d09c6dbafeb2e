"""HTML bodies as plain text: blocks become lines, tables become columns, what is not shown is left out."""

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree, html

from extraction.extractor import UnreadableError
from extraction.layout.numbers import readings

COLUMN_GAP: Final = "    "
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
# How mail programs mark what they quote.
_QUOTES: Final = re.compile(
    r"gmail_quote|yahoo_quoted|moz-cite-prefix|divRplyFwdMsg|appendonsend|OLK_SRC_BODY"
)


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
        self.ended = False

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines).strip("\n")

    def add(self, text: str | None) -> None:
        if text and not self.ended:
            plain = re.sub(r"[\s\xa0]+", " ", text)
            line = self.lines[-1]
            self.lines[-1] = line + (plain.lstrip() if not line or line.endswith(" ") else plain)

    def newline(self) -> None:
        if self.lines[-1].strip():
            self.lines.append("")

    def write(self, element: etree._Element, depth: int) -> None:
        """Adds the element, without the text after it."""
        name = element.tag if isinstance(element.tag, str) else ""
        if not name or name in _SKIPPED or self.ended or depth > MAX_DEPTH or _hidden(element):
            return
        if name == "blockquote" or _QUOTES.search(f"{element.get('class') or ''} {element.get('id') or ''}"):
            # Outlook's marker stands before the quoted mail instead of around it.
            self.ended = element.get("id") in {"divRplyFwdMsg", "appendonsend"}
            return
        if name == "table" and _is_grid(element):
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

    def _grid(self, table: etree._Element, depth: int) -> None:
        rows = [list(self._cells(row, depth)) for row in _rows(table)]
        columns = max((sum(span for _, span in row) for row in rows), default=0)
        widths = [0] * columns
        numeric = [True] * columns
        for row in rows:
            column = 0
            for lines, span in row:
                if span == 1:
                    widths[column] = max([widths[column], *(len(line) for line in lines)])
                    numeric[column] &= (
                        not any(re.search(r"[^\W\d_]", line) for line in lines) or row is rows[0]
                    )
                column += span
        for row in rows:
            self._grid_row(row, widths, numeric)
        self.lines.append("")

    def _grid_row(self, row: list[tuple[list[str], int]], widths: list[int], numeric: list[bool]) -> None:
        for level in range(max((len(lines) for lines, _ in row), default=0)):
            text = ""
            column = 0
            for lines, span in row:
                width = sum(widths[column : column + span]) + len(COLUMN_GAP) * (span - 1)
                cell = lines[level] if level < len(lines) else ""
                right = span > 1 or (numeric[column] and bool(readings(cell)))
                text += (cell.rjust(width) if right else cell.ljust(width)) + COLUMN_GAP
                column += span
            self.lines.append(text.rstrip())

    def _cells(self, row: etree._Element, depth: int) -> Iterator[tuple[list[str], int]]:
        for cell in row:
            if cell.tag not in {"td", "th"}:
                continue
            self.cells += 1
            if self.cells > MAX_CELLS:
                raise UnreadableError("too_large", f"The HTML body has more than {MAX_CELLS} table cells.")
            inner = _Writer()
            inner.write(cell, depth + 1)
            yield [line.strip() for line in inner.lines if line.strip()], _span(cell)


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    for child in table:
        if child.tag == "tr":
            yield child
        elif child.tag in {"thead", "tbody", "tfoot"}:
            yield from (row for row in child if row.tag == "tr")


def _span(cell: etree._Element) -> int:
    text = cell.get("colspan") or "1"
    return min(max(int(text), 1), 100) if text.isascii() and text.isdigit() else 1


def _is_grid(table: etree._Element) -> bool:
    """A table of data, not one that lays out the page: nothing nested, and a row with more than one cell."""
    if next(table.iterdescendants("table"), None) is not None:
        return False
    return any(sum(cell.tag in {"td", "th"} for cell in row) > 1 for row in _rows(table))


def _hidden(element: etree._Element) -> bool:
    return bool(_HIDDEN.search(element.get("style") or "")) or element.get("hidden") is not None
