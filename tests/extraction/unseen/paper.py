"""One made-up paper: letterhead, facts, table, totals and foot, and the truth of what it prints."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from tests.extraction.unseen.sheet import HEIGHT, WIDTH, Sheet, Style
from tests.extraction.unseen.table import Table
from tests.extraction.unseen.totals import Totals
from tests.extraction.unseen.trade import Choices, Party, Trade, made_up

_FOOT: Final = 785.0
_SIGNS: Final = {
    "de": ["Nr. "], "en": ["No. ", ""], "fr": ["n\u00b0 "], "it": ["n. "], "es": ["n\u00ba "], "nl": ["nr. ", ""],
}  # fmt: skip
_OF: Final = {"de": "vom", "en": "dated", "fr": "du", "it": "del", "es": "de fecha", "nl": "van"}
Truth = dict[str, Any]
Fact = tuple[str, str]


@dataclass(frozen=True)
class Paper:
    """A paper, its truth as the scorer wants it, and the choices it was made by."""

    name: str
    pdf: bytes
    truth: Truth
    choices: dict[str, str]


def paper(seed: int, index: int) -> Paper:
    """The same paper for the same numbers."""
    choices = Choices(f"{seed} {index}")
    trade = made_up(choices)
    return _Printer(choices, trade).print(f"{seed}-{index}")


class _Printer:
    def __init__(self, choices: Choices, trade: Trade) -> None:
        self.choices, self.trade = choices, trade
        self.words = trade.words
        self.sheet = Sheet(
            choices.pick("font", "Helvetica", "Helvetica", "Helvetica", "Times-Roman", "Courier")
        )
        self.style = Style(choices, trade)
        self.table = Table(choices, trade, self.style, self.sheet)
        self.totals = Totals(choices, trade, self.style, self.sheet, self.table)
        # An order is written by the buyer, everything else by the seller.
        self.writer, self.reader = (
            (trade.buyer, trade.seller) if trade.kind == "order" else (trade.seller, trade.buyer)
        )
        self.printed: set[str] = set()
        self.title = choices.one(self.words["titles"][trade.kind])
        self.in_title = choices.pick("title", "bare", "bare", "bare", "with number", "with number and date")
        self.reference = choices.pick("reference", "fact", "fact", "fact", "fact", "sentence")
        self.colon = choices.pick("colon", ":", ":", "", " :")

    def print(self, name: str) -> Paper:
        y = self._letterhead()
        y = self._addresses(y)
        y = self._opening(y)
        y = self.table.draw(y, self._turn)
        if y + self.totals.height() > _FOOT - 30:
            y = self._turn()
        y = self.totals.draw(y)
        for text in self.choices.draw.sample(self.words["closing"], 2):
            if y + 14 < _FOOT - 12:
                y += 14
                self.sheet.text(self.table.left, y, text, 8)
        self._foot()
        return Paper(name, self.sheet.pdf(), self._truth(), dict(self.choices.made))

    def _letterhead(self) -> float:
        sheet, writer = self.sheet, self.writer
        shape = self.choices.pick("logo", "name", "name", "short", "right", "none")
        short = " ".join(writer.name.split()[:2])
        if shape == "name":
            sheet.text(50, 52, writer.name, 15, bold=True)
        elif shape == "short":
            sheet.text(50, 54, short.upper(), 20, bold=True)
        elif shape == "right":
            sheet.text(WIDTH - 48, 52, writer.name, 13, align="r", bold=True)
            for index, line in enumerate((writer.street, writer.town)):
                sheet.text(WIDTH - 48, 64 + 10 * index, line, 8, align="r")
        return 100.0

    def _addresses(self, y: float) -> float:
        """The addressee and the facts, beside each other or one below the other."""
        sheet, draw = self.sheet, self.choices.draw
        swapped = self.trade.language in {"fr", "it"} and self.choices.happens("address_right", 0.6)
        x, facts_x = (330.0, 50.0) if swapped else (50.0, 330.0)
        if self.choices.made["logo"] in {"none", "short"} or self.choices.happens("sender_line", 0.5):
            mark = draw.choice([" \u00b7 ", ", ", " - ", " * "])
            sheet.text(x, y, mark.join((self.writer.name, self.writer.street, self.writer.town)), 6.5)
        top = y + 16
        if self.trade.kind == "order":
            sheet.text(x, top, draw.choice(self.words["labels"]["supplier"]), 8)
            top += 12
        lines = [self.reader.name, self.reader.street, self.reader.town]
        if self.choices.happens("person", 0.25):
            lines.insert(1, draw.choice(self.words["persons"]))
        for index, line in enumerate(lines):
            sheet.text(x, top + 12 * index, line, 9.5)
        bottom = top + 12 * len(lines)
        shape = self.choices.pick("facts", "columns", "columns", "columns", "tight", "tight", "row", "boxes")
        facts = self._facts()
        draws: dict[str, Callable[[list[Fact], float, float], float]] = {
            "columns": self._columns, "tight": self._tight, "row": self._row, "boxes": self._boxes
        }  # fmt: skip
        place = (50.0, bottom + 50) if shape == "row" else (facts_x, y + 6)
        title_first = self.choices.happens("title_first", 0.3) and shape != "row"
        if title_first:
            self._title(facts_x, y - 8)
            place = (facts_x, y + 16)
        deepest = draws[shape](facts, *place)
        bottom = max(bottom, deepest)
        if not title_first:
            bottom = (
                self._title(50.0, bottom + 30)
                if shape != "row"
                else max(bottom, self._title(50.0, place[1] - 22))
            )
        return bottom + 16

    def _title(self, x: float, y: float) -> float:
        trade, text = self.trade, self.title
        if self.in_title != "bare":
            sign = self.choices.one(_SIGNS[trade.language])
            text = f"{text} {sign}{trade.number}"
            self.printed.add("number")
        if self.in_title == "with number and date":
            text = f"{text} {_OF[trade.language]} {self.style.date(trade.day)}"
            self.printed.add("issue_date")
        size = float(self.choices.pick("title_size", "11", "13", "16"))
        while self.sheet.width(text, size, bold=True) > WIDTH - 40 - x:
            size -= 0.5
        self.sheet.text(x, y, text, size, bold=True)
        return y

    def _facts(self) -> list[Fact]:
        """The facts of the head in a likely order, each with its label."""
        trade, words, pick = self.trade, self.words, self.choices.one
        labels = {key: pick(options) for key, options in words["labels"].items()}
        own = pick(words["number"][trade.kind])
        self.choices.made[f"number_label_{trade.language}"] = own
        self.choices.made[f"ref_label_{trade.language}"] = labels["ref"]
        self.choices.made[f"date_label_{trade.language}"] = labels["date"]
        facts: list[tuple[str, str, str, float]] = [
            ("number", own, trade.number, 1.0), ("date", labels["date"], self.style.date(trade.day), 1.0),
            ("customer", labels["customer"], trade.customer, 0.7),
            ("ref", labels["ref"], self._ref(labels["ref"]), 1.0),
            ("ordered", labels["ordered"], self.style.date(trade.ordered), 0.3),
            ("contact", labels["contact"], pick(words["persons"]), 0.6),
            ("phone", labels["phone"], "0711 48 15 16-23", 0.3),
            ("supplier_no", labels["supplier_no"], "70" + trade.customer[:4], 0.25),
            ("vat_buyer", labels["vat_buyer"], trade.buyer.vat, 0.25 if trade.buyer.vat else 0.0),
            ("due", labels["due"], self.style.due(trade.positions[0].due)[0], 1.0),
            ("project", labels["project"], f"P{trade.customer[1:]}", 0.15),
            ("terms", labels["terms"], pick(words["terms"]), 0.4),
            ("incoterm", labels["incoterm"], pick(words["incoterms"]), 0.3),
            ("currency", labels["currency"], trade.currency, 1.0),
        ]  # fmt: skip
        if trade.kind == "order":
            facts = [item for item in facts if item[0] not in {"ref", "ordered", "vat_buyer"}]
        wanted = []
        for key, label, value, share in facts:
            needed = {
                "due": self.table.due == "head", "currency": self.style.dress == "fact",
                "ref": self.reference == "fact", "number": "number" not in self._titled(),
                "date": self.in_title != "with number and date",
            }.get(key, True)  # fmt: skip
            if needed and self.choices.draw.random() < share:
                wanted.append((label, value))
                self.printed.add({"date": "issue_date", "ref": "order_reference"}.get(key, key))
        if self.choices.happens("facts_shuffled", 0.4):
            self.choices.draw.shuffle(wanted)
        return wanted

    def _ref(self, label: str) -> str:
        """The customer's order, with its date where the label asks for both."""
        return (
            f"{self.trade.ref} / {self.style.date(self.trade.ordered)}"
            if label.endswith("/Datum")
            else self.trade.ref
        )

    def _titled(self) -> set[str]:
        return {"number"} if self.in_title != "bare" else set()

    def _columns(self, facts: list[Fact], x: float, y: float) -> float:
        size = 8.5
        widest = 14 + max((self.sheet.width(label, size) for label, _ in facts), default=0.0)
        for index, (label, value) in enumerate(facts):
            self.sheet.text(
                x,
                y + 12.5 * index,
                label + self.colon,
                size,
            )
            self.sheet.text(x + widest, y + 12.5 * index, value, size)
        return y + 12.5 * len(facts)

    def _tight(self, facts: list[Fact], x: float, y: float) -> float:
        for index, (label, value) in enumerate(facts):
            self.sheet.text(x, y + 12 * index, f"{label}{self.colon or ':'} {value}", 8.5)
        return y + 12 * len(facts)

    def _row(self, facts: list[Fact], x: float, y: float) -> float:
        """Labels in a row with the values below, as many as there is room for."""
        left = x
        for label, value in facts:
            width = 12 + max(self.sheet.width(label + ":", 7.5), self.sheet.width(value, 9), 90.0)
            if left + width > WIDTH - 40:
                left, y = x, y + 29
            self.sheet.text(left, y, label + self.colon.strip(), 7.5)
            self.sheet.text(left, y + 11, value, 9)
            left += width
        return y + 29

    def _boxes(self, facts: list[Fact], x: float, y: float) -> float:
        """A grid of boxes, each with its label above its value."""
        for number, (label, value) in enumerate(facts):
            left, top = x + 112 * (number % 2), y + 25 * (number // 2)
            self.sheet.box(left, top - 8, left + 112, top + 17)
            while self.sheet.width(value, 9) > 108:
                value = value.rsplit(" ", 1)[0]
            self.sheet.text(left + 3, top, label, 6.5)
            self.sheet.text(left + 3, top + 12, value, 9)
        return y + 25 * ((len(facts) + 1) // 2)

    def _opening(self, y: float) -> float:
        trade, words = self.trade, self.words
        if trade.kind != "order" and self.choices.happens("delivery_address", 0.25):
            self.sheet.text(50, y, self.choices.one(words["labels"]["deliver"]), 8)
            self.sheet.text(150, y, f"{trade.buyer.name}, {trade.buyer.street}, {trade.buyer.town}", 8)
            y += 18
        if trade.kind != "order" and self.reference == "sentence":
            text = self.choices.one(words["refers"]).format(
                ref=trade.ref, date=self.style.date(trade.ordered)
            )
            self.printed.add("order_reference")
            self.sheet.text(50, y, text, 9)
            y += 18
        elif trade.kind == "order_confirmation" and self.choices.happens("thanks", 0.6):
            self.sheet.text(50, y, self.choices.one(words["thanks"]), 9)
            y += 18
        return y + 8

    def _turn(self) -> float:
        """Ends the page; where the next one's table may begin."""
        self._foot()
        self.sheet.turn()
        head = self.choices.pick("next_page", "title", "title", "nothing")
        if head == "title":
            self.sheet.text(50, 50, f"{self.title} {self.trade.number}", 10)
            return 84.0
        return 60.0

    def _foot(self) -> float:
        sheet, words, writer = self.sheet, self.words, self.writer
        foot = words["footer"]
        shape = self.choices.made.get("foot") or self.choices.pick("foot", "columns", "columns", "line")
        label = self.choices.made.get("vat_label") or self.choices.pick("vat_label", *foot["vat"])
        vat = f"{label} {writer.vat}" if writer.vat else ""
        site = writer.name.split()[0].lower().strip(".") + ".example"
        register = foot["register"]
        boss = foot["boss"].format(person=words["persons"][0])
        bank = "DE89 3704 0044 0532 0130 00"
        sheet.text(WIDTH - 48, 30, self._page_number(), 7.5, align="r")
        if shape == "line":
            sheet.text(
                WIDTH / 2,
                _FOOT + 8,
                f"{writer.name} - {writer.street} - {writer.town} - {foot['phone']} 0711 4815160",
                6.5,
                align="c",
            )
            sheet.text(
                WIDTH / 2, _FOOT + 17, f"{register} - {vat} - IBAN {bank} - BIC COBADEFFXXX", 6.5, align="c"
            )
        else:
            columns = (
                (writer.name, writer.street, writer.town),
                (f"{foot['phone']} 0711 4815160", f"info@{site}", f"www.{site}"),
                (register, boss, vat), (foot["bank"], f"IBAN {bank}", "BIC COBADEFFXXX"),
            )  # fmt: skip
            for number, lines in enumerate(columns):
                for row, line in enumerate(lines):
                    size = min(6.0, 6.0 * 125 / sheet.width(line + " ", 6))
                    sheet.text(45 + 130 * number, _FOOT + 8.5 * row, line, size)
        return _FOOT

    def _page_number(self) -> str:
        form = self.choices.made.get("page_number") or self.choices.pick("page_number", *self.words["page"])
        return form.format(n=self.sheet.page, of=max(2, self.sheet.page))

    def _truth(self) -> Truth:
        trade = self.trade
        known: dict[str, Any] = {
            "doc_type": trade.kind, "number": trade.number, "issue_date": trade.day, "order_reference": trade.ref,
            "seller_name": trade.seller.name, "buyer_name": trade.buyer.name, "seller_vat_id": trade.seller.vat,
        }  # fmt: skip
        if "order_reference" not in self.printed:
            del known["order_reference"]
        if trade.kind == "order" or not trade.seller.vat:
            del known["seller_vat_id"]
        if self.table.priced:
            known["currency"] = trade.currency
            known |= self.totals.truth()
        truth: Truth = {key: str(value) for key, value in known.items()}
        truth["lines"] = [self.table.truth(item) for item in trade.positions]
        return truth


assert _FOOT < HEIGHT
__all__ = ["Decimal", "Paper", "Party", "paper"]
