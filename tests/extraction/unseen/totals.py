"""The block of totals below the table, in the shape its choices give."""

from decimal import Decimal
from typing import Any

from tests.extraction.unseen.sheet import Sheet, Style
from tests.extraction.unseen.table import Table
from tests.extraction.unseen.trade import Choices, Trade

Row = tuple[str, Decimal]


class Totals:
    """Prints the totals and says which of them are printed."""

    def __init__(self, choices: Choices, trade: Trade, style: Style, sheet: Sheet, table: Table) -> None:
        self.choices, self.trade, self.style, self.sheet, self.table = choices, trade, style, sheet, table
        names: dict[str, list[str]] = trade.words["totals"]
        self.names = {key: choices.one(options) for key, options in names.items()}
        confirmed = trade.kind in {"order_confirmation", "order"}
        # Where nothing is taxed, and on many confirmations, the net total is the only one.
        self.only_net = (confirmed and choices.happens("only_net", 0.25)) or not trade.tax
        self.shape = choices.pick("totals", "rows", "rows", "rows", "side", "wide", "table of taxes")
        if self.only_net and self.shape == "table of taxes":
            self.shape = "rows"
        self.lead = float(choices.pick("totals_lead", "12", "14", "18"))
        self.goods = bool(trade.extras) or choices.happens("goods_total", 0.15)

    def height(self) -> float:
        return self.lead * (len(self._rows()) + 3) + 20 if self.table.priced else 0.0

    def _rows(self) -> list[Row]:
        trade, names = self.trade, self.names
        goods = sum((item.total for item in trade.positions if item.counts), Decimal(0))
        rows: list[Row] = [(names["goods"], goods)] if self.goods else []
        rows += trade.extras
        rows.append((names["net"], trade.net))
        if not self.only_net:
            for rate, base, tax in trade.taxes:
                text = (
                    self._rated() if len(trade.taxes) > 1 or self._is_nested(names["tax"]) else names["tax"]
                )
                rows.append((text.format(rate=rate, of=self.style.number(base)), tax))
            rows.append((names["gross"], trade.net + trade.tax))
        return rows

    def _is_nested(self, text: str) -> bool:
        """A label with an amount of its own does not stand over another."""
        return self.shape == "side" and "{of}" in text

    def _rated(self) -> str:
        """With several rates each row says its own."""
        if "{rate}" in self.names["tax"] and not self._is_nested(self.names["tax"]):
            return self.names["tax"]
        return next(text for text in self.trade.words["totals"]["tax"] if "{rate}" in text)

    def draw(self, y: float) -> float:
        if not self.table.priced:
            return y
        y += 10
        return {"rows": self._down, "wide": self._down, "side": self._side, "table of taxes": self._taxed}[
            self.shape
        ](y)

    def _down(self, y: float) -> float:
        """A row for each, the label near its amount or far off at the left."""
        column = next(item for item in self.table.columns if item.key == "total")
        right = max(column.x1, 440.0)
        left = self.table.left if self.shape == "wide" else right - 190
        for label, amount in self._rows():
            self._amount(left, right, y, label, amount)
            y += self.lead
        return y

    def _amount(self, left: float, right: float, y: float, label: str, amount: Decimal) -> None:
        style, sheet = self.style, self.sheet
        shown = label + (
            f" {style.currency}" if style.dress == "heading" and style.currency not in label else ""
        )
        sheet.text(left, y, shown + (":" if self.choices.made.get("colon") == ":" else ""), 9)
        if style.dress == "apart":
            sheet.text(right - 75, y, style.currency, 9)
        sheet.text(right, y, style.total(amount), 9, align="r")

    def _side(self, y: float) -> float:
        """The labels side by side, the amounts below them."""
        rows = self._rows()
        if len(rows) > 4:
            return self._down(y)
        step = (self.table.right - self.table.left) / len(rows)
        for number, (label, amount) in enumerate(rows):
            x = self.table.left + step * number
            self.sheet.text(x, y, label, 8)
            self.sheet.text(x, y + 13, self.style.total(amount), 9)
        return y + 26

    def _taxed(self, y: float) -> float:
        """A small table of rate, base and tax for each rate, and the totals below it."""
        names, words = self.names, self.trade.words
        left = self.table.left
        heads = (
            self.trade.words["columns"]["tax"][-1],
            names["net"],
            words["totals"]["tax"][0].split("{")[0].strip() or "%",
        )
        for number, text in enumerate(heads):
            self.sheet.text(left + 110 * number, y, text, 8)
        for rate, base, tax in self.trade.taxes:
            y += 12
            for number, text in enumerate((f"{rate} %", self.style.number(base), self.style.number(tax))):
                self.sheet.text(left + 110 * number, y, text, 8)
        y += self.lead + 4
        return self._down(y)

    def truth(self) -> dict[str, Any]:
        known: dict[str, Any] = {"net_total": self.trade.net}
        if not self.only_net:
            known |= {"tax_total": self.trade.tax, "gross_total": self.trade.net + self.trade.tax}
        return known
