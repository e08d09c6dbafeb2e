"""Collects a document's values with their evidence, typed by field, for formats that state them."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from extraction.codes import coded_date
from extraction.schemas import DATE_FIELDS, NUMBER_FIELDS, CanonicalDocument, Evidence, date_of, decimal_of

# Printed in groups by some, meant as one word by all.
_COMPACT: Final = frozenset({"seller_vat_id", "buyer_vat_id", "seller_iban"})
# A number with a mark for thousands and one for decimals, or with a decimal comma that can be nothing else.
_ENGLISH: Final = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\.\d+")
_CONTINENTAL: Final = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+,\d+|\d+,(?:\d{1,2}|\d{4,})|(?:0|\d{4,}),\d+)")


class Collector:
    """The values found so far below one prefix of field paths. A text that means nothing in its field is left out."""

    def __init__(self, prefix: str = "", evidence: dict[str, Evidence] | None = None) -> None:
        self.prefix = prefix
        self.values: dict[str, Any] = {}
        self.evidence: dict[str, Evidence] = {} if evidence is None else evidence

    def line(self, index: int) -> "Collector":
        """A collector for one line, its evidence among this one's."""
        return Collector(f"lines.{index}.", self.evidence)

    def put_text(self, name: str, place: Evidence, date_format: str = "") -> None:
        """The value that the evidence's text means; `date_format` is its code of UNCL 2379, if it has one."""
        text = place.text or ""
        value: object = ("".join(text.split()) if name in _COMPACT else text) or None
        if name in NUMBER_FIELDS:
            value = stated_number(text)
        elif name in DATE_FIELDS:
            value = coded_date(text, date_format) if date_format else date_of(text)
        if value is not None:
            self.put_value(name, value, place)

    def put_value(self, name: str, value: object, place: Evidence) -> None:
        """A value that the evidence's text means in a way of the format."""
        self.values[name] = value
        self.evidence[self.prefix + name] = place

    def put_orders(self, places: Iterable[Evidence]) -> None:
        """The orders referred to, each once; the first is the document's own reference."""
        seen: dict[str, Evidence] = {}
        for place in places:
            if place.text:
                seen.setdefault(place.text, place)
        for index, place in enumerate(seen.values()):
            if index == 0:
                self.put_text("order_reference", place)
            self.evidence[f"{self.prefix}order_references.{index}"] = place
        self.values["order_references"] = tuple(seen)

    def put_sum(self, name: str, amounts: list[tuple[Decimal | None, Evidence]]) -> None:
        """The sum of the amounts, where every one is a number."""
        numbers = [number for number, _ in amounts if number is not None]
        if not numbers or len(numbers) < len(amounts):
            return
        first = amounts[0][1]
        text = " + ".join(place.text or "" for _, place in amounts)
        place = Evidence(text=text, path=first.path, offset=first.offset)
        self.put_value(name, sum(numbers, Decimal(0)), place)

    def known(self) -> dict[str, Any]:
        """The collected values that a document has fields for."""
        return {
            name: value
            for name, value in self.values.items()
            if name in CanonicalDocument.__dataclass_fields__
        }


def stated_number(text: str) -> Decimal | None:
    """The number a format states: a plain decimal, as all of them demand, or one that some write as they print it."""
    if _ENGLISH.fullmatch(text):
        return decimal_of(text.replace(",", ""))
    if _CONTINENTAL.fullmatch(text):
        return decimal_of(text.replace(".", "").replace(",", "."))
    return decimal_of(text)
