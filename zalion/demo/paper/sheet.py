"""Pages measured in millimetres from the top left corner, with tables that run over pages."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from zalion.demo.documents import Document

Draw = Callable[[Canvas], None]
Color = tuple[int, int, int]
BLACK: Color = (0, 0, 0)
POINT = 25.4 / 72

for _name, _file in (("Vera", "Vera.ttf"), ("Vera-Bold", "VeraBd.ttf")):
    pdfmetrics.registerFont(TTFont(_name, _file))


@dataclass(frozen=True)
class Face:
    """A regular and a bold font."""

    regular: str
    bold: str


HELVETICA = Face("Helvetica", "Helvetica-Bold")
TIMES = Face("Times-Roman", "Times-Bold")
COURIER = Face("Courier", "Courier-Bold")
VERA = Face("Vera", "Vera-Bold")


class Sheet:
    """Records what to draw page by page, so that a footer may say how many pages there are."""

    def __init__(
        self, document: Document, face: Face, *, size: float = 9, paper: tuple[float, float] = A4
    ) -> None:
        self.face = face
        self.size = size
        self.paper = paper
        self.width = paper[0] / mm
        self.height = paper[1] / mm
        self.pages: list[list[Draw]] = [[]]
        self._title = document.number
        self._author = document.supplier.name

    def new_page(self) -> None:
        self.pages.append([])

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 0,
        bold: bool = False,
        align: str = "left",
        color: Color = BLACK,
    ) -> None:
        """One line with its baseline at `y`; `align` says which side of the text `x` is."""
        font = self.face.bold if bold else self.face.regular
        points = size or self.size

        def draw(canvas: Canvas) -> None:
            canvas.setFont(font, points)
            canvas.setFillColorRGB(*(part / 255 for part in color))
            put = {
                "left": canvas.drawString,
                "right": canvas.drawRightString,
                "center": canvas.drawCentredString,
            }
            put[align](x * mm, self.paper[1] - y * mm, text)

        self.pages[-1].append(draw)

    def block(
        self,
        x: float,
        y: float,
        lines: Sequence[str],
        *,
        size: float = 0,
        leading: float = 0,
        bold: bool = False,
        color: Color = BLACK,
    ) -> float:
        """Lines below each other; returns the baseline of the line that would come next."""
        step = leading or (size or self.size) * POINT * 1.25
        for line in lines:
            self.text(x, y, line, size=size, bold=bold, color=color)
            y += step
        return y

    def wrap(self, text: str, width: float, *, size: float = 0, bold: bool = False) -> list[str]:
        font = self.face.bold if bold else self.face.regular
        return list(simpleSplit(text, font, size or self.size, width * mm))

    def paragraph(self, x: float, y: float, width: float, text: str, *, size: float = 0) -> float:
        return self.block(x, y, self.wrap(text, width, size=size), size=size)

    def rule(self, x: float, y: float, to: float, *, weight: float = 0.5, color: Color = BLACK) -> None:
        def draw(canvas: Canvas) -> None:
            canvas.setStrokeColorRGB(*(part / 255 for part in color))
            canvas.setLineWidth(weight)
            canvas.line(x * mm, self.paper[1] - y * mm, to * mm, self.paper[1] - y * mm)

        self.pages[-1].append(draw)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: Color | None = None,
        line: Color | None = BLACK,
    ) -> None:
        """A rectangle whose top left corner is (x, y)."""

        def draw(canvas: Canvas) -> None:
            if fill:
                canvas.setFillColorRGB(*(part / 255 for part in fill))
            if line:
                canvas.setStrokeColorRGB(*(part / 255 for part in line))
            canvas.setLineWidth(0.5)
            bottom = self.paper[1] - (y + height) * mm
            canvas.rect(
                x * mm,
                bottom,
                width * mm,
                height * mm,
                stroke=int(line is not None),
                fill=int(fill is not None),
            )

        self.pages[-1].append(draw)

    def finish(self, every_page: Callable[[int, int], None]) -> bytes:
        """The PDF. `every_page(page, pages)` draws what stands on each page, such as the footer."""
        count = len(self.pages)
        recorded, finished = self.pages, []
        for index, drawing in enumerate(recorded):
            self.pages = [drawing]
            every_page(index + 1, count)
            finished.append(drawing)
        buffer = io.BytesIO()
        canvas = Canvas(buffer, pagesize=self.paper, invariant=1)
        canvas.setTitle(self._title)
        canvas.setAuthor(self._author)
        for drawing in finished:
            for draw in drawing:
                draw(canvas)
            canvas.showPage()
        canvas.save()
        return buffer.getvalue()


@dataclass(frozen=True)
class Column:
    """A table column; text columns start at `x` and wrap within `width`, numeric ones end at `x`."""

    key: str
    title: str
    x: float
    align: str = "right"
    width: float = 0


@dataclass(frozen=True)
class Row:
    """Cells of the first line, and lines that stand under one column of it."""

    cells: Mapping[str, str]
    under: tuple[str, ...] = ()
    amount: str = ""


@dataclass
class Table:
    """Draws header and rows, and goes on at the top of the next page when `bottom` is reached.

    `carry(count)` gives label and amount of the sum carried over after `count` rows, if the house prints one.
    """

    sheet: Sheet
    columns: Sequence[Column]
    left: float
    right: float
    bottom: float
    next_top: float
    under: str = "name"
    gap: float = 1.6
    size: float = 0
    bold_first: bool = False
    header_fill: Color | None = None
    header_color: Color = BLACK
    zebra: Color | None = None
    grid: bool = False
    carry: Callable[[int], tuple[str, str]] | None = None

    def draw(self, y: float, rows: Sequence[Row]) -> float:
        """Draws from `y` on and returns the height where the table ends."""
        y = self._header(y)
        for index, row in enumerate(rows):
            lines = self._lines(row)
            height = len(lines) * self._step + self.gap
            if y + height > self.bottom:
                y = self._break(y, index)
            if self.zebra and index % 2:
                self.sheet.box(self.left, y, self.right - self.left, height, fill=self.zebra, line=None)
            self._row(y, row, lines)
            y += height
            if self.grid:
                self.sheet.rule(self.left, y, self.right, weight=0.25)
        return y

    @property
    def _step(self) -> float:
        return (self.size or self.sheet.size) * POINT * 1.22

    def _header(self, y: float) -> float:
        titles = [column.title.split("\n") for column in self.columns]
        deep = max(len(title) for title in titles)
        height = deep * self._step + 2
        if self.header_fill:
            self.sheet.box(self.left, y, self.right - self.left, height, fill=self.header_fill, line=None)
        else:
            self.sheet.rule(self.left, y, self.right)
        for column, title in zip(self.columns, titles, strict=True):
            for number, line in enumerate(title):
                self.sheet.text(
                    column.x,
                    y + self._step * (number + 0.85) + 0.8,
                    line,
                    size=self.size,
                    bold=True,
                    align=column.align,
                    color=self.header_color,
                )
        if not self.header_fill:
            self.sheet.rule(self.left, y + height, self.right)
        return y + height + 0.8

    def _lines(self, row: Row) -> list[str]:
        column = next(column for column in self.columns if column.key == self.under)
        lines = self.sheet.wrap(
            row.cells.get(self.under, ""), column.width, size=self.size, bold=self.bold_first
        )
        for line in row.under:
            lines.extend(self.sheet.wrap(line, column.width, size=self.size))
        return lines

    def _row(self, y: float, row: Row, lines: Sequence[str]) -> None:
        base = y + self._step * 0.9
        for column in self.columns:
            if column.key == self.under:
                named = len(
                    self.sheet.wrap(
                        row.cells.get(self.under, ""), column.width, size=self.size, bold=self.bold_first
                    )
                )
                for number, line in enumerate(lines):
                    self.sheet.text(
                        column.x,
                        base + number * self._step,
                        line,
                        size=self.size,
                        bold=self.bold_first and number < named,
                    )
            elif text := row.cells.get(column.key, ""):
                self.sheet.text(column.x, base, text, size=self.size, align=column.align)

    def _break(self, y: float, index: int) -> float:
        last = self.columns[-1]
        if self.carry:
            label, amount = self.carry(index)
            self.sheet.rule(self.left, y + 0.6, self.right, weight=0.3)
            self.sheet.text(last.x - 30, y + self._step + 1, label, align="right", size=self.size)
            self.sheet.text(last.x, y + self._step + 1, amount, align="right", size=self.size)
        self.sheet.new_page()
        y = self._header(self.next_top)
        if self.carry:
            label, amount = self.carry(index)
            self.sheet.text(last.x - 30, y + self._step * 0.9, label, align="right", size=self.size)
            self.sheet.text(last.x, y + self._step * 0.9, amount, align="right", size=self.size)
            y += self._step + 1.5
        return y
