"""Order documents of suppliers nobody has seen, out of a seed: what they say, in whose words, and the truth of it."""

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

from extraction.extractor import Hints

LANGUAGES = ("de", "en", "fr", "it", "es", "nl")
KINDS = (*["order_confirmation"] * 6, "invoice", "invoice", "order", "delivery_note", "credit_note")
CENT = Decimal("0.01")
US = "Lowell Tool Supply Inc."
FORMATS = {
    "de": ("{d:02}.{m:02}.{y}", "{d:02}.{m:02}.{y:.2}", "{y}-{m:02}-{d:02}", "{d}. {month} {y}"),
    "en": ("{d:02}/{m:02}/{y}", "{d} {month} {y}", "{d:02}-{mon}-{y}", "{y}-{m:02}-{d:02}"),
    "fr": ("{d:02}/{m:02}/{y}", "{d:02}/{m:02}/{y:.2}", "{d} {month} {y}", "{d:02}.{m:02}.{y}"),
    "it": ("{d:02}/{m:02}/{y}", "{d:02}-{m:02}-{y}", "{d:02}.{m:02}.{y}", "{d} {month} {y}"),
    "es": ("{d:02}/{m:02}/{y}", "{d:02}-{m:02}-{y}", "{d} de {month} de {y}", "{d:02}/{m:02}/{y:.2}"),
    "nl": ("{d:02}-{m:02}-{y}", "{d}-{m}-{y}", "{d} {month} {y}", "{y}-{m:02}-{d:02}"),
}
HEADER = {"number", "issue_date", "order_reference", "seller_name", "seller_vat_id"}
TOTALS = ("net_total", "tax_total", "gross_total")


@dataclass
class Item:
    """A position; `unit` as it is printed."""

    pos: str
    seller_article: str
    buyer_article: str | None
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    price_base: int
    delivery_date: date
    discount: int = 0

    @property
    def line_total(self) -> Decimal:
        whole = self.quantity * self.unit_price / self.price_base * (100 - self.discount) / 100
        return whole.quantize(CENT, ROUND_HALF_UP)


@dataclass
class Specimen:
    """A file, what it says, and how it was made."""

    name: str
    content: bytes
    truth: dict[str, Any]
    traits: list[str]
    hints: Hints = field(default_factory=Hints)


@cache
def vocabulary() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


class Order:
    """One document: `printed` are the header fields that its paper shows, `columns` the fields of its positions."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.language = rng.choice(LANGUAGES)
        self.words: dict[str, Any] = vocabulary()[self.language]
        self.kind: str = rng.choice(KINDS)
        self.seller: str = rng.choice(self.words["firms"])
        self.is_us = self.seller == US
        self.number = self._number()
        self.reference = (
            rng.choice(["B", "", "PO-", "45"])
            + str(rng.randrange(100000, 99999999))
            + rng.choice(["", "", "/26"])
        )
        self.date = date(2026, 1, 1) + timedelta(days=rng.randrange(330))
        self.currency = "USD" if self.is_us else "GBP" if self.language == "en" else "EUR"
        self.rate: int = rng.choice([self.words["rate"]] * 4 + [0])
        self.format = "{m:02}/{d:02}/{y}" if self.is_us else rng.choice(FORMATS[self.language])
        self.mark = "." if self.language == "en" else ","
        self.group = rng.choice(["", ","] if self.mark == "." else [".", ".", "", " ", "\u00a0"])
        if self.language == "fr":
            self.group = rng.choice(["", " ", "\u00a0", "\u202f"])
        self.discounted = self.kind != "delivery_note" and rng.random() < 0.15
        self.percent = rng.random() < 0.5
        self.items = self._items(rng.choice([1, 2, 3, 3, 4, 5, 8]))
        self.freight = Decimal(rng.choice(["0", "0", "0", "12.50", "8.90"])) if self.priced else Decimal(0)
        self.printed: set[str] = set()
        self.columns: set[str] = set()
        self.traits: list[str] = [self.language, self.kind]

    @property
    def priced(self) -> bool:
        return self.kind != "delivery_note"

    @property
    def net(self) -> Decimal:
        return sum((item.line_total for item in self.items), Decimal(0)) + self.freight

    @property
    def tax(self) -> Decimal:
        return (self.net * self.rate / 100).quantize(CENT, ROUND_HALF_UP)

    def _number(self) -> str:
        digits = str(self.rng.randrange(10000, 9999999))
        return self.rng.choice(["", "AB", "SO-", "26-", "R", "VK/"]) + digits

    def _items(self, count: int) -> list[Item]:
        step = self.rng.choice([1, 10, 10, 100])
        theirs = self.rng.random() < 0.4
        items = []
        for index in range(count):
            metre = self.rng.random() < 0.15
            base = self.rng.choice([1, 1, 1, 1, 100])
            price = Decimal(self.rng.randrange(15, 90000)) / (1000 if self.rng.random() < 0.1 else 100)
            quantity = Decimal(self.rng.choice([1, 2, 4, 10, 12, 25, 50, 100, 250, 1000, 2500]))
            due = self.date + timedelta(days=self.rng.randrange(5, 60))
            items.append(
                Item(
                    pos=str((index + 1) * step),
                    seller_article=self._article(),
                    buyer_article=f"M{self.rng.randrange(10000, 99999)}"
                    if theirs and self.rng.random() < 0.8
                    else None,
                    description=self.rng.choice(self.words["goods"]),
                    quantity=quantity + Decimal("0.5") * metre,
                    unit=self.rng.choice(self.words["metre" if metre else "piece"]),
                    unit_price=price * (base if base > 1 and price < 10 else 1),
                    price_base=base,
                    delivery_date=due,
                    discount=self.rng.choice([0, 5, 10, 15]) if self.discounted else 0,
                )
            )
        if self.is_us:
            # Someone who writes the month first shows it by a day that is no month.
            self.date = self.date.replace(day=23)
        return items

    def _article(self) -> str:
        one = self.rng.randrange(1000, 9999)
        return self.rng.choice(
            [
                f"{one}-{self.rng.randrange(10, 99)}",
                f"K{one}",
                f"{one * 37}",
                f"{one // 10}.{one % 900 + 100}",
                f"AR {one}",
            ]
        )

    def pick(self, name: str) -> str:
        found = self.words[name]
        value: str = self.rng.choice(found[self.kind] if isinstance(found, dict) else found)
        return value

    def has(self, share: float) -> bool:
        return self.rng.random() < share

    def trait(self, *choices: str) -> str:
        chosen = self.rng.choice(choices)
        self.traits.append(chosen)
        return chosen

    def amount(self, value: Decimal, least: int = 2) -> str:
        """A price or a sum as the supplier writes it."""
        places = max(least, -int(value.normalize().as_tuple().exponent))
        whole, _, cents = f"{value:,.{places}f}".partition(".")
        whole = whole.replace(",", self.group)
        return f"{whole}{self.mark}{cents}" if cents else whole

    def count(self, value: Decimal) -> str:
        return self.amount(value, 0)

    def day(self, day: date) -> str:
        month = self.words["months"][day.month - 1]
        return self.format.format(d=day.day, m=day.month, y=_Year(day.year), month=month, mon=month[:3])

    def money(self, value: Decimal) -> str:
        signs = {
            "EUR": ["{} EUR", "{} €", "EUR {}", "{}"],
            "GBP": ["£{}", "{} GBP", "{}"],
            "USD": ["${}", "{} USD", "{}"],
        }
        return self.rng.choice(signs[self.currency]).format(self.amount(value))

    def cells(self, item: Item) -> dict[str, str]:
        """The position's fields as they are printed."""
        return {
            "pos": item.pos,
            "article": item.seller_article,
            "buyer_article": item.buyer_article or "",
            "description": item.description,
            "quantity": self.count(item.quantity),
            "unit": item.unit,
            "price": self.amount(item.unit_price),
            "base": str(item.price_base),
            "total": self.amount(item.line_total),
            "discount": f"{item.discount} %" if self.percent else str(item.discount or ""),
            "vat_rate": f"{self.rate} %" if self.percent else str(self.rate),
            "due": self.day(item.delivery_date),
        }

    def layout(self) -> list[str]:
        """The columns of the positions, from left to right."""
        names = ["article", "description"] if self.has(0.7) else ["description", "article"]
        if self.has(0.75):
            names.insert(0, "pos")
        if any(item.buyer_article for item in self.items):
            names.insert(self.rng.choice([1, 2, len(names)]), "buyer_article")
        amounts = ["quantity", "unit"] if self.has(0.85) else ["quantity"]
        if self.has(0.1):
            amounts.reverse()
        if self.priced:
            amounts += ["price"]
            if any(item.price_base > 1 for item in self.items):
                amounts.append("base")
            if self.discounted:
                amounts.append("discount")
            if self.has(0.15):
                amounts.append("vat_rate")
            amounts.append("total")
        names = [*amounts[:2], *names, *amounts[2:]] if self.has(0.1) else [*names, *amounts]
        if self.has(0.6):
            names.insert(self.rng.choice([len(names), len(names), 1]), "due")
        self.columns = set(names)
        return names

    def heads(self, names: Sequence[str]) -> list[str]:
        """A heading for each column, no two alike."""
        heads: list[str] = []
        for name in names:
            free = [head for head in self.words[name] if head not in heads]
            heads.append(self.rng.choice(free or [name.title()]))
        return heads

    def header(self) -> list[tuple[str, str]]:
        """The labelled values over the positions."""
        pairs = [(self.pick("number"), self.number), (self.pick("date"), self.day(self.date))]
        self.printed |= {"number", "issue_date"}
        if self.kind != "order":
            pairs.append((self.pick("reference"), self.reference))
            self.printed.add("order_reference")
        return pairs

    def sums(self) -> list[tuple[str, str, Decimal]]:
        """The labelled totals: field, label, amount."""
        if not self.priced:
            return []
        rows = [("charges_total", self.pick("freight"), self.freight)] if self.freight else []
        tax = self.pick("tax").format(rate=self.rate)
        if self.is_us:
            tax = f"Sales tax {self.rate}%"
        rows += [("net_total", self.pick("net"), self.net), ("tax_total", tax, self.tax)]
        rows.append(("gross_total", self.pick("gross"), self.net + self.tax))
        self.printed |= {"net_total", "tax_total", "gross_total"}
        return rows

    def truth(self) -> dict[str, Any]:
        """What the scorer is told: of the header only what is printed, of the positions only their columns."""
        header: dict[str, Any] = {
            "number": self.number,
            "issue_date": self.date.isoformat(),
            "order_reference": self.reference,
            "seller_name": self.seller,
            "seller_vat_id": self.words["vat"],
            "currency": self.currency,
            "net_total": str(self.net),
            "tax_total": str(self.tax),
            "gross_total": str(self.net + self.tax),
        }
        names = {
            "article": "seller_article",
            "price": "unit_price",
            "total": "line_total",
            "due": "delivery_date",
        }
        self.columns -= {"discount", "vat_rate"}
        keep = {names.get(name, name) for name in self.columns}
        lines = [
            {
                name: None if name not in keep or value is None else str(value)
                for name, value in {
                    **vars(item),
                    "line_total": item.line_total,
                    "price_base": item.price_base,
                }.items()
            }
            for item in self.items
        ]
        if self.kind == "order":
            self.printed -= {"seller_name", "seller_vat_id"}
        return {
            "doc_type": self.kind,
            **{name: value if name in self.printed else None for name, value in header.items()},
            "lines": lines,
        }


class _Year(int):
    """A year, printed in as many of its last digits as asked for."""

    def __format__(self, spec: str) -> str:
        return str(int(self))[2:] if spec == ".2" else str(int(self))
