"""What a made-up paper says: who, when, which goods and what they cost."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from stdnum.eu import vat as eu_vat

CENT: Final = Decimal("0.01")
RATES: Final = {
    "DE": (19, 7), "AT": (20, 10), "CH": (8, 3), "GB": (20, 5), "IE": (23, 13), "US": (0, 0), "FR": (20, 10),
    "BE": (21, 6), "IT": (22, 10), "ES": (21, 10), "NL": (21, 9),
}  # fmt: skip
CURRENCIES: Final = {"CH": "CHF", "GB": "GBP", "US": "USD"}
_VAT: Final = {
    "DE": "#########", "AT": "U########", "FR": "###########", "BE": "0#########", "IT": "0######0###",
    "ES": "B########", "NL": "#########B01", "GB": "#########", "IE": "#######",
}  # fmt: skip
_NUMBERS: Final = (
    "{y}-{n:05}",
    "{y}{n:05}",
    "SO{n}{k}",
    "{k}{n}",
    "{y}/{n:04}",
    "A{yy}-{n:05}",
    "{k}.{n}",
    "VK-{n}",
)
_ORDERS: Final = (
    "45{k}{n}",
    "B-{y}-{n:04}",
    "PO{k}{n}",
    "{yy}/{n:05}",
    "BE-{k}{n}",
    "{n}{k}",
    "E{n}-{k}",
    "{k}-{n}",
)


class Choices:
    """The choices a paper was made by, by name; each is drawn once."""

    def __init__(self, seed: str) -> None:
        self.draw = Random(seed)
        self.made: dict[str, str] = {}

    def pick(self, name: str, *options: str) -> str:
        """One of the options; one that is more usual is given more than once."""
        self.made[name] = self.draw.choice(options)
        return self.made[name]

    def happens(self, name: str, share: float) -> bool:
        self.made[name] = "yes" if self.draw.random() < share else "no"
        return self.made[name] == "yes"

    def one(self, options: Sequence[Any]) -> Any:
        return self.draw.choice(options)


@dataclass(frozen=True)
class Party:
    name: str
    street: str
    town: str
    country: str
    vat: str = ""


@dataclass
class Position:
    """One position; a part, a split or a text stands below it."""

    number: str
    article: str
    buyer_article: str
    name: str
    quantity: Decimal
    unit: str
    price: Decimal
    base: int
    discount: int
    rate: int
    total: Decimal
    due: date
    texts: list[str] = field(default_factory=list)
    splits: list[tuple[Decimal, date]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    group: str = ""
    counts: bool = True


@dataclass
class Trade:
    """One business paper before it is printed."""

    language: str
    kind: str
    words: dict[str, Any]
    number: str
    day: date
    ref: str
    ordered: date
    customer: str
    seller: Party
    buyer: Party
    currency: str
    positions: list[Position]
    extras: list[tuple[str, Decimal]]
    taxes: list[tuple[int, Decimal, Decimal]]
    """Rate, what it is of, and the tax."""

    @property
    def net(self) -> Decimal:
        lines = sum((item.total for item in self.positions if item.counts), Decimal(0))
        return lines + sum((amount for _, amount in self.extras), Decimal(0))

    @property
    def tax(self) -> Decimal:
        return sum((tax for _, _, tax in self.taxes), Decimal(0))


@cache
def vocabulary() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text("utf-8"))


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT)


def made_up(choices: Choices) -> Trade:
    """A business between two firms, with everything that may be printed about it."""
    language = choices.pick("language", *vocabulary())
    words = vocabulary()[language]
    kind = choices.pick(
        "kind", *["order_confirmation"] * 13, "order", "invoice", "invoice", "invoice", "delivery_note", "credit_note"
    )  # fmt: skip
    draw = choices.draw
    country = choices.pick("country", *words["countries"])
    day = date(2026, 1, 5) + timedelta(days=draw.randrange(330))
    rates = RATES[country]
    positions = _positions(choices, words, day, rates)
    extras = _extras(choices, words, sum((item.total for item in positions if item.counts), Decimal(0)), kind)
    abroad = country != "US" and choices.happens("abroad", 0.08)
    main = 0 if abroad or country == "US" else rates[0]
    if not main:
        for item in positions:
            item.rate = 0
    bases: dict[int, Decimal] = {main: sum((amount for _, amount in extras), Decimal(0))}
    for item in positions:
        bases[item.rate] = bases.get(item.rate, Decimal(0)) + item.total * item.counts
    taxes = [(rate, base, cents(base * rate / 100)) for rate, base in bases.items() if base]
    seller = _party(choices, words, country)
    return Trade(
        language, kind, words, _code(choices, _NUMBERS), day, _code(choices, _ORDERS),
        day - timedelta(days=draw.randint(1, 12)), str(draw.randint(10000, 79999)),
        seller, _party(choices, words, choices.one(words["countries"]), seller.name),
        CURRENCIES.get(country, "EUR"), positions, extras, taxes,
    )  # fmt: skip


def _code(choices: Choices, shapes: Sequence[str]) -> str:
    draw = choices.draw
    return choices.one(shapes).format(y=2026, yy=26, n=draw.randint(1000, 9999), k=draw.randint(100, 999))


def _party(choices: Choices, words: dict[str, Any], country: str, other: str = "") -> Party:
    draw = choices.draw
    firms = [firm for firm in words["firms"] if not other.startswith(firm)]
    name = f"{choices.one(firms)} {choices.one(words['forms'])}"
    street, town = choices.one(words["streets"]), choices.one(words["towns"])
    number = draw.randint(1, 180)
    first = country in {"GB", "IE", "US", "FR", "BE"}
    street = f"{number} {street}" if first else f"{street} {number}"
    if country == "NL":
        town = f"{draw.randint(1000, 9999)} {draw.choice('ABKXZ')}{draw.choice('ABPTW')} {town}"
    elif country not in {"GB", "IE", "US"}:
        digits = 4 if country in {"CH", "AT", "BE"} else 5
        town = f"{draw.randint(10 ** (digits - 1), 10**digits - 1)} {town}"
    return Party(name, street, town, country, _vat(choices, country))


def _vat(choices: Choices, country: str) -> str:
    draw = choices.draw
    if country == "CH":
        return f"CHE-{draw.randint(100, 999)}.{draw.randint(100, 999)}.{draw.randint(100, 999)}"
    if country not in _VAT:
        return ""
    while True:
        digits = "".join(str(draw.randrange(10)) if char == "#" else char for char in _VAT[country])
        if country == "IE":
            digits += draw.choice("ABCDEFGHKLMNPRSTW")
        if country == "GB" or eu_vat.is_valid(country + digits):
            return country + digits


def _positions(choices: Choices, words: dict[str, Any], day: date, rates: Sequence[int]) -> list[Position]:
    draw = choices.draw
    count = {"one": 1, "few": draw.randint(2, 6), "many": draw.randint(9, 16), "pages": draw.randint(20, 32)}[
        choices.pick("count", "one", "few", "few", "few", "many", "pages")
    ]
    numbering = choices.pick("numbering", "1", "10", "001", "1.", "0010", "1")
    shape = choices.pick("article", "letters", "digits", "dotted", "short")
    bases = choices.pick("bases", "one", "one", "one", "hundred", "mixed")
    digits = int(choices.pick("price_digits", "2", "2", "2", "3", "4"))
    discounts = choices.pick("discounts", "none", "none", "none", "all", "some")
    mixed_rates = choices.happens("rates_mixed", 0.12)
    made = []
    for index in range(count):
        unit = draw.choice(["piece"] * 7 + ["metre", "kilo", "pack"])
        quantity = Decimal(
            draw.choice([1, 2, 3, 4, 5, 6, 8, 10, 12, 20, 25, 50, 75, 100, 120, 250, 500, 1000, 2500])
        )
        if unit in {"metre", "kilo"} and draw.random() < 0.4:
            quantity += Decimal(draw.randint(1, 9)) / draw.choice([2, 4, 10])
            quantity = quantity.quantize(CENT)
        price = (
            Decimal(draw.choice([draw.randint(12, 990), draw.randint(990, 25000), draw.randint(99, 3000)]))
            / 100
        )
        if digits > 2 and price < 50:
            price += Decimal(draw.randint(0, 10 ** (digits - 2) - 1)) / 10**digits
        base = 100 if bases == "hundred" or (bases == "mixed" and draw.random() < 0.4) else 1
        if base > 1 and quantity < base:
            quantity *= 100
        less = discounts == "all" or (discounts == "some" and draw.random() < 0.4)
        discount = draw.choice([5, 10, 12, 20, 35]) if less else 0
        due = day + timedelta(days=draw.randint(3, 70))
        item = Position(
            _numbered(numbering, index), _article(choices, shape), _article(choices, "buyer"),
            draw.choice(words["goods"]), quantity, unit, price.quantize(Decimal(1).scaleb(-digits)), base, discount,
            rates[1] if mixed_rates and draw.random() < 0.3 else rates[0],
            cents(quantity * price / base * (100 - discount) / 100), due,
        )  # fmt: skip
        item.texts = draw.sample(words["extras"], draw.choice([0, 0, 1, 1, 2]))
        made.append(item)
    _odd(choices, words, made)
    return made


def _odd(choices: Choices, words: dict[str, Any], made: list[Position]) -> None:
    """What not every order has: parts of a set, split deliveries, groups, an alternative that does not count."""
    draw = choices.draw
    special = choices.pick("special", *["none"] * 9, "parts", "splits", "groups", "alternative")
    item = draw.choice(made)
    if special == "parts":
        item.parts = [
            f"{draw.randint(1, 4)} x {_article(choices, 'digits')} {draw.choice(words['goods'])}"
            for _ in range(3)
        ]
    elif special == "splits" and item.quantity >= 4 and item.quantity == item.quantity.to_integral_value():
        half = (item.quantity / 2).to_integral_value()
        item.splits = [(half, item.due), (item.quantity - half, item.due + timedelta(days=14))]
    elif special == "groups" and len(made) > 2:
        for index, name in zip((0, len(made) // 2), words["groups"], strict=False):
            made[index].group = name
    elif special == "alternative" and len(made) > 1:
        item.counts = False


def _numbered(numbering: str, index: int) -> str:
    return {
        "1": f"{index + 1}", "10": f"{10 * (index + 1)}", "001": f"{index + 1:03}", "1.": f"{index + 1}.",
        "0010": f"{10 * (index + 1):04}",
    }[numbering]  # fmt: skip


def _article(choices: Choices, shape: str) -> str:
    draw = choices.draw
    number = draw.randint(1000, 9999)
    if shape == "letters":
        return f"{draw.choice('ABDHKPRS')}{draw.choice('FLMTX')}-{number}"
    if shape == "digits":
        return f"{draw.randint(10, 99)}{number}"
    if shape == "dotted":
        return f"{draw.randint(10, 99)}.{number}.{draw.randint(10, 99)}"
    return f"M{number}-{draw.randint(1, 9)}" if shape == "buyer" else f"{number}{draw.choice('ABCX')}"


def _extras(choices: Choices, words: dict[str, Any], lines: Decimal, kind: str) -> list[tuple[str, Decimal]]:
    """Freight and the like, and a discount on the whole, as labelled amounts."""
    draw = choices.draw
    what = choices.pick("extras", *["none"] * 6, "freight", "freight", "two", "allowance")
    if kind in {"delivery_note", "credit_note"} or what == "none":
        return []
    if what == "allowance":
        return [(draw.choice(words["totals"]["allowance"]), -cents(lines * draw.choice([2, 3, 5]) / 100))]
    names = draw.sample(words["totals"]["freight"], 2 if what == "two" else 1)
    return [(name, Decimal(draw.randint(490, 9500)) / 100) for name in names]
