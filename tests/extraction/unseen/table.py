"""The table of positions, in the shape its choices give."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from tests.extraction.unseen.sheet import HEIGHT, WIDTH, Sheet, Style
from tests.extraction.unseen.trade import Choices, Position, Trade

_NUMBERS: Final = frozenset({"quantity", "price", "base", "discount", "tax", "total"})
_ORDERS: Final = {
    "usual": "pos article buyer_article description due quantity unit price base discount tax total",
    "quantity first": "pos quantity unit article buyer_article description due price base discount tax total",
    "name first": "pos description article buyer_article quantity unit price base discount total tax",
    "date late": "pos article description buyer_article quantity unit due price base tax discount total",
    "unit priced": "pos article buyer_article description tax quantity price base unit discount total due",
}
# What is left out first where the page is too narrow.
_SPARE: Final = ("tax", "buyer_article", "due", "unit", "base")
# What stands on the upper of two rows.
_UPPER: Final = frozenset({"pos", "article", "buyer_article", "description"})
_BOTTOM: Final = 745.0
Truth = dict[str, Any]


@dataclass
class Column:
    key: str
    heading: str
    cells: list[str]
    align: str
    x0: float = 0.0
    x1: float = 0.0
    lines: list[str] = field(default_factory=list)

    def at(self, align: str) -> float:
        return {"l": self.x0, "r": self.x1, "c": (self.x0 + self.x1) / 2}[align]


class Table:
    """Prints the positions and says what of them is printed."""

    def __init__(self, choices: Choices, trade: Trade, style: Style, sheet: Sheet) -> None:
        self.choices, self.trade, self.style, self.sheet = choices, trade, style, sheet
        self.words = trade.words
        self.priced = trade.kind != "delivery_note"
        pick = choices.pick
        self.left, self.right = float(pick("margin", "42", "50", "62")), WIDTH - 48
        self.order = pick(
            "column_order",
            "usual",
            "usual",
            "usual",
            "quantity first",
            "name first",
            "date late",
            "unit priced",
        )
        self.shape = pick("rows", *["line"] * 9, "two rows", "stacked", "stacked")
        self.article = pick("article_place", "column", "column", "column", "under", "none")
        self.buyer = pick("buyer_article", "none", "none", "under", "under", "column")
        self.due = pick("due", "none", "head", "column", "under", "under")
        self.unit = (
            pick("unit", "column", "with quantity", "none") if self.shape != "two rows" else "with quantity"
        )
        self.base = pick("base", "column", "in price")
        self.discount = pick("discount_place", "column", "column", "under")
        self.rate, self.digits = choices.one((("{}", 2), ("{}", 0), ("{} %", 0), ("{}%", 1)))
        self.numbered = choices.happens("positions_numbered", 0.85)
        self.taxed = choices.happens("tax_column", 0.2) or len(trade.taxes) > 1
        self.align = pick("numbers", "right", "right", "right", "right", "left", "centred")
        self.heads = pick("headings", "as cells", "as cells", "left")
        self.size = float(pick("size", "9", "9", "8", "8.5"))
        self.lead = self.size * float(pick("leading", "1.2", "1.35", "1.5"))
        self.gap = float(pick("row_gap", "2", "5", "9"))
        self.ruled = pick("rules", "none", "heading", "rows", "grid")
        self.unders = {key: choices.one(options) for key, options in self.words["under"].items()}
        self.headings = {key: choices.one(options) for key, options in self.words["columns"].items()}
        self.columns = self._columns()

    def _columns(self) -> list[Column]:
        kept = [key for key in _ORDERS[self.order].split() if self._has(key)]
        spare = [key for key in _SPARE if key in kept]
        while True:
            columns = [self._column(key) for key in kept]
            if self._fits(columns):
                return columns
            if spare:
                kept.remove(spare[0])
                # What has no column of its own stands with the price, or nowhere.
                if spare.pop(0) == "base":
                    self.base = "in price"
            else:
                self.size -= 0.5
                self.lead -= 0.6

    def _has(self, key: str) -> bool:
        positions = self.trade.positions
        if not self.priced and key in {"price", "base", "discount", "tax", "total"}:
            return False
        return {
            "pos": self.numbered,
            "article": self.article == "column" and self.shape != "stacked",
            "buyer_article": self.buyer == "column",
            "due": self.due == "column",
            "unit": self.unit == "column",
            "base": self.base == "column" and any(item.base > 1 for item in positions),
            "discount": self.discount == "column" and any(item.discount for item in positions),
            "tax": self.taxed,
        }.get(key, True)

    def _column(self, key: str) -> Column:
        heading = self.headings[key]
        if key == "price" and self.style.dress == "heading":
            heading = f"{heading} {self.style.currency}"
        if key == "total" and self.style.dress in {"heading", "apart"}:
            heading = (
                f"{heading} ({self.style.currency})"
                if self.choices.draw.random() < 0.5
                else f"{heading} {self.style.currency}"
            )
        align = {"right": "r", "left": "l", "centred": "c"}[self.align] if key in _NUMBERS else "l"
        return Column(key, heading, [self.cell(key, item) for item in self.trade.positions], align)

    def cell(self, key: str, item: Position) -> str:
        style = self.style
        if key == "price":
            text = style.number(item.price, -int(item.price.as_tuple().exponent))
            return f"{text}/{item.base}" if item.base > 1 and not self._has("base") else text
        if key == "quantity":
            text = style.quantity(item.quantity)
            return f"{text} {self.unit_of(item)}" if self.unit == "with quantity" else text
        return {
            "pos": lambda: item.number, "article": lambda: item.article, "buyer_article": lambda: item.buyer_article,
            "description": lambda: item.name, "unit": lambda: self.unit_of(item), "base": lambda: f"{item.base}",
            "discount": lambda: self._discount(item) if item.discount else "",
            "tax": lambda: f"{item.rate} %", "total": lambda: style.number(item.total),
            "due": lambda: style.due(item.due)[0],
        }[key]()  # fmt: skip

    def _discount(self, item: Position) -> str:
        return self.rate.format(self.style.number(Decimal(item.discount), self.digits))

    def unit_of(self, item: Position) -> str:
        names: list[str] = self.words[item.unit]
        return names[sum(map(ord, self.trade.number)) % len(names)]

    def _fits(self, columns: list[Column]) -> bool:
        """Gives each column its place; whether the description has enough."""
        sheet, size = self.sheet, self.size
        wide = self.right - self.left
        widths = {}
        upper = _UPPER if self.shape == "two rows" else frozenset[str]()
        for column in columns:
            cells = max(sheet.width(text, size) for text in column.cells)
            # The upper of two headings has no room below it.
            room = WIDTH if column.key in upper else max(cells, 40)
            column.lines = sheet.wrapped(column.heading, room, size)
            widths[column.key] = max(cells, *(sheet.width(line, size, bold=True) for line in column.lines))
        space = 9.0
        for keys in (
            (upper, {column.key for column in columns} - upper)
            if upper
            else ({column.key for column in columns},)
        ):
            row = [column for column in columns if column.key in keys]
            x = self.left + (40.0 if upper and keys is not upper else 0.0)
            fixed = sum(widths[column.key] + space for column in row if column.key != "description")
            rest = wide - (x - self.left) - fixed
            named = any(column.key == "description" for column in row)
            if rest < (120 if named else 0):
                return False
            spread = 0.0 if named else rest / (len(row) + 1)
            for column in row:
                width = min(rest - space, 230.0) if column.key == "description" else widths[column.key]
                column.x0, column.x1 = x + spread, x + spread + width
                x += (
                    width
                    + space
                    + spread
                    + (max(0.0, rest - space - 230.0) if column.key == "description" else 0.0)
                )
        return True

    def draw(self, y: float, furniture: Any) -> float:
        """Prints all from y on and gives where it ends; `furniture` turns the page and says where the next begins."""
        y = self._heading(y)
        carried = Decimal(0)
        carries = self.priced and self.choices.happens("carry_over", 0.6)
        repeated = self.choices.happens("heading_repeated", 0.8)
        for item in self.trade.positions:
            if y + self._height(item) > _BOTTOM:
                if carries:
                    self._carry(y, self.words["carry"], carried)
                y = furniture()
                if repeated:
                    y = self._heading(y)
                if carries:
                    y = self._carry(y, self.words["carried"], carried) + self.gap
            y = self._position(item, y) + self.gap
            carried += item.total * item.counts
            if self.ruled in {"rows", "grid"}:
                self.sheet.rule(self.left, y - self.gap / 2 - self.size * 0.8, self.right)
        return y

    def _carry(self, y: float, names: list[str], amount: Decimal) -> float:
        total = next(column for column in self.columns if column.key == "total")
        self.sheet.text(self.columns[0].x0 + 60, y, self.choices.one(names), self.size)
        self.sheet.text(total.at(total.align), y, self.style.number(amount), self.size, align=total.align)
        return y + self.lead

    def _heading(self, y: float) -> float:
        sheet, bold = self.sheet, self.ruled != "none"
        deepest = y
        for column in self.columns:
            top = y + (self.lead if self._is_lower(column.key) else 0.0)
            align = column.align if self.heads == "as cells" else "l"
            for line in column.lines:
                sheet.text(column.at(align), top, line, self.size, align=align, bold=bold)
                deepest = max(deepest, top)
                top += self.size * 1.15
        if self.shape == "stacked" and self.article == "column":
            column = next(item for item in self.columns if item.key == "description")
            sheet.text(column.x0, y + self.size * 1.15, self.headings["article"], self.size, bold=bold)
            deepest = max(deepest, y + self.size * 1.15)
        if self.ruled != "none":
            sheet.rule(self.left, deepest + 3, self.right)
        return deepest + self.lead + 4

    def _is_lower(self, key: str) -> bool:
        return self.shape == "two rows" and key not in _UPPER

    def _texts(self, item: Position) -> list[str]:
        """What stands below the name, a row each."""
        texts = []
        if self.shape == "stacked" and self.article == "column":
            texts.append(item.article)
        if self.article == "under":
            texts.append(self.unders["article"].format(item.article))
        if self.buyer == "under":
            texts.append(self.unders["buyer_article"].format(item.buyer_article))
        texts += item.texts
        if not item.counts:
            texts.append(self.words["alternative"][0])
        if self.due == "under" and not item.splits:
            texts.append(self.unders["due"].format(self.style.due(item.due)[0]))
        for quantity, day in item.splits:
            texts.append(
                self.unders["split"].format(
                    quantity=self.style.quantity(quantity), unit=self.unit_of(item), date=self.style.date(day)
                )
            )
        return texts + item.parts

    def _height(self, item: Position) -> float:
        return self.lead * (2 + len(self._texts(item)) + bool(item.group) + 2 * (self.shape == "two rows"))

    def _position(self, item: Position, y: float) -> float:
        sheet = self.sheet
        name = next(column for column in self.columns if column.key == "description")
        if item.group:
            sheet.text(self.left, y, item.group, self.size, bold=True)
            y += self.lead
        names = sheet.wrapped(item.name, name.x1 - name.x0, self.size)
        for column in self.columns:
            text = self.cell(column.key, item)
            if column.key == "description":
                for index, line in enumerate(names):
                    sheet.text(column.x0, y + index * self.lead, line, self.size)
            elif not self._is_lower(column.key):
                sheet.text(column.at(column.align), y, text, self.size, align=column.align)
        y += self.lead * len(names)
        if self.shape == "two rows":
            for column in self.columns:
                if self._is_lower(column.key):
                    sheet.text(
                        column.at(column.align), y, self.cell(column.key, item), self.size, align=column.align
                    )
            y += self.lead
        for text in self._texts(item):
            for line in sheet.wrapped(text, name.x1 - name.x0 + 20, self.size):
                sheet.text(name.x0, y, line, self.size)
                y += self.lead
        if item.discount and self.priced and not self._has("discount"):
            sheet.text(name.x0, y, self.unders["discount"].format(rate=item.discount), self.size)
            y += self.lead
        return y

    def truth(self, item: Position) -> Truth:
        """The position as far as it is printed."""
        has = {column.key for column in self.columns}
        stacked = self.shape == "stacked" and self.article == "column"
        dated = "due" in has or (self.due == "under" and not item.splits) or self.due == "head"
        due = self.trade.positions[0].due if self.due == "head" else item.due
        known: Truth = {
            "pos": item.number.rstrip(".") if "pos" in has else None,
            "seller_article": item.article
            if "article" in has or self.article == "under" or stacked
            else None,
            "buyer_article": item.buyer_article if "buyer_article" in has or self.buyer == "under" else None,
            "description": item.name,
            "quantity": item.quantity,
            "unit_price": item.price if self.priced else None,
            "price_base": item.base if self.priced and item.base > 1 else None,
            "line_total": item.total if self.priced else None,
            "delivery_date": self.style.due(due)[1] if dated else None,
        }
        return {key: None if value is None else str(value) for key, value in known.items()}


assert _BOTTOM < HEIGHT
