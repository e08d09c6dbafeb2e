"""What was taught about one layout, chosen by its fingerprint and applied to a document's values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Self

from extraction.layout.arithmetic import line_closes
from extraction.layout.dates import is_month_first
from extraction.layout.geometry import Page, evidence_of
from extraction.layout.lines import ReadLine
from extraction.layout.numbers import NumberStyle
from extraction.layout.taught.columns import TaughtTable
from extraction.layout.taught.fingerprint import Layout
from extraction.layout.taught.places import Place, value_of
from extraction.schemas import Evidence, Finding

# Stands for the place of a value that is not on the page: a person said it for every document of the layout.
PROFILE: Final = "profile"
_AMOUNTS: Final = ("line_total", "quantity", "unit_price")


@dataclass(frozen=True, slots=True)
class Taught:
    """A value by what was taught, None where the layout has none, and where it stands."""

    name: str
    value: object
    evidence: Evidence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The lessons of one layout; one without any changes nothing.

    `places` has for each field where it may stand, the likeliest first; `absent` are the fields it has not, whatever
    seems to be one; `constants` are values that its pages do not print; `meanings` says for the kind of document,
    the currency and units what is meant by what is read; `price_base` is what its prices are for where nothing says so.
    """

    key: str = ""
    version: int = 0
    layout: Layout = field(default_factory=lambda: Layout((), 0.0))
    places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    constants: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    table: TaughtTable = field(default_factory=TaughtTable)
    month_first: bool | None = None
    decimal_mark: str | None = None
    price_base: Decimal | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "layout": self.layout.to_json(),
            "places": {name: [place.to_json() for place in places] for name, places in self.places.items()},
            "absent": sorted(self.absent),
            "constants": dict(self.constants),
            "meanings": {name: dict(meant) for name, meant in self.meanings.items()},
            "table": self.table.to_json(),
            "month_first": self.month_first,
            "decimal_mark": self.decimal_mark,
            "price_base": str(self.price_base) if self.price_base else None,
        }

    @classmethod
    def from_json(cls, key: str, version: int, data: Mapping[str, Any]) -> Self:
        return cls(
            key=key,
            version=version,
            layout=Layout.from_json(data["layout"]),
            places={name: tuple(map(Place.from_json, places)) for name, places in data["places"].items()},
            absent=frozenset(data["absent"]),
            constants=data["constants"],
            meanings=data["meanings"],
            table=TaughtTable.from_json(data["table"]),
            month_first=data["month_first"],
            decimal_mark=data["decimal_mark"],
            price_base=Decimal(data["price_base"]) if data["price_base"] else None,
        )

    @property
    def lessons(self) -> int:
        """How much was taught."""
        loose = (
            (self.month_first is not None) + (self.decimal_mark is not None) + (self.price_base is not None)
        )
        return loose + sum(map(len, (self.places, self.absent, self.constants, self.meanings, self.table.columns,
                                     self.table.labels, self.table.strangers)))  # fmt: skip

    def meant(self, name: str, read: str | None) -> str | None:
        """What is meant by what was read; where that is nothing, by that."""
        return self.meanings.get(name, {}).get(read or "", read)

    def style(self, read: NumberStyle) -> NumberStyle:
        return NumberStyle(self.decimal_mark) if self.decimal_mark else read

    def reads_month_first(self, texts: Iterable[str], read: bool) -> bool:
        """The taught order, unless a date of the page has only the other one."""
        if self.month_first is None or _order(texts) not in (None, self.month_first):
            return read
        return self.month_first

    def read(
        self, pages: Sequence[Page], generic: Mapping[str, object], style: NumberStyle, *, month_first: bool
    ) -> tuple[list[Taught], list[Finding]]:
        """The values that were taught and stand where they should, and what a person should look at: places that
        disagree, and values that were read though they are not where they always stood."""
        values = [Taught(name, None, None) for name in sorted(self.absent)]
        doubts: list[Finding] = []
        for name, constant in self.constants.items():
            values.append(Taught(name, constant, Evidence(text=constant, path=PROFILE)))
        currency = generic.get("currency")
        if (code := self.meant("currency", str(currency) if currency else None)) != currency:
            values.append(Taught("currency", code, Evidence(text=code, path=PROFILE)))
        for name, places in self.places.items():
            found = ((place, place.find(name, pages)) for place in places)
            read = [
                (value_of(name, words, style, month_first=month_first), words) for _, words in found if words
            ]
            read = [(value, words) for value, words in read if value is not None]
            if read:
                values.append(Taught(name, read[0][0], evidence_of(read[0][1])))
            if len({value for value, _ in read}) > 1:
                doubts.append(
                    _doubt(
                        "profile_unsure", name, "What was learned about this layout gives two values here."
                    )
                )
            elif not read and generic.get(name) is not None:
                doubts.append(
                    _doubt("profile_place_empty", name, "It does not stand where this layout always had it.")
                )
        if self.month_first is not None and month_first != self.month_first:
            message = "The dates of this page are in another order than this layout always had."
            doubts.append(_doubt("profile_date_order", "issue_date", message))
        return values, doubts

    def settle(self, lines: Sequence[ReadLine]) -> None:
        """Gives the lines what is meant by their units, and what their prices are for, where these do not close
        without it and do with it."""
        for line in lines:
            total, quantity, price = (line.values.get(name) for name in _AMOUNTS)
            unit = line.values.get("unit")
            if (meant := self.meant("unit", unit)) != unit:
                line.values["unit"] = meant
                line.words.pop("unit")
            if (
                self.price_base is None
                or line.closes
                or "price_base" in line.values
                or not (total and quantity and price)
            ):
                continue
            if line_closes(total, quantity, price, self.price_base):
                line.values["price_base"], line.closes = self.price_base, True


def _doubt(code: str, name: str, message: str) -> Finding:
    return Finding(code=code, field=name, message=message)


def _order(texts: Iterable[str]) -> bool | None:
    """Whether the month comes first on the page; None where no date has only one reading."""
    printed = list(texts)
    usual = is_month_first(printed, None)
    return usual if usual == is_month_first(printed, "USD") else None


def choose(profiles: Sequence[Profile], pages: Sequence[Page]) -> Profile:
    """The profile whose layout the first page is likest; one that teaches nothing where it has none of them."""
    likest = max(profiles, key=lambda item: item.layout.likeness(pages[0]), default=None) if pages else None
    return likest if likest is not None and likest.layout.likeness(pages[0]) else Profile()
