"""Whether a text, as printed, means a value: what evidence is held to, whoever found it."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from extraction.codes import coded_days
from extraction.layout.dates import find_dates
from extraction.layout.lexicon import unit_code
from extraction.layout.lines import price_base_in
from extraction.layout.numbers import currency_of, leading_number, readings
from extraction.schemas import DATE_FIELDS, NUMBER_FIELDS, Extraction, Finding, date_of, decimal_of

# These rest on the whole source, or are no values.
_WHOLE: Final = frozenset({"doc_type", "language", "confidence", "findings", "lines", "evidence"})
_PERCENTAGES: Final = frozenset({"tax_rate", "discount"})
_PLAIN: Final = re.compile(r"[\W_]+")
_SIGNS: Final = re.compile(r"(?<=\S) ([+-]) (?=\S)")


def values_of(extraction: Extraction) -> Iterator[tuple[str, object]]:
    """Every value of the document that must have evidence, with its field path."""
    data = extraction.document.to_json()
    for name, value in data.items():
        if name == "order_references":
            yield from ((f"{name}.{index}", item) for index, item in enumerate(value))
        elif name not in _WHOLE and value is not None:
            yield name, value
    for index, line in enumerate(data["lines"]):
        yield from ((f"lines.{index}.{name}", value) for name, value in line.items() if value is not None)


def ungrounded(extraction: Extraction) -> Iterator[Finding]:
    """A finding for every value that has no evidence, or whose evidence says something else."""
    for path, value in values_of(extraction):
        evidence = extraction.evidence.get(path)
        if evidence is None or evidence.text is None or not means(path, evidence.text, value):
            yield Finding(
                code="value_not_grounded",
                field=path,
                severity="error",
                message="The value does not stand where it is said to stand.",
            )


def means(field: str, text: str, value: object) -> bool:
    """Whether the printed text normalises to the value (of a document or its JSON) of this field, the last part of
    its path. A total may be the sum of several printed amounts joined by " + " or " - "."""
    name = "order_references" if field.startswith("order_references") else field.rpartition(".")[2]
    if name in NUMBER_FIELDS:
        number = value if isinstance(value, Decimal) else decimal_of(value)
        return number is not None and number in _numbers(name, text)
    if name in DATE_FIELDS:
        day = value if isinstance(value, date) else date_of(value)
        return day is not None and day in _days(text)
    if name == "currency":
        return any(currency_of(word) == value for word in text.split())
    if name == "unit" and unit_code(text.strip(" :;,()[]*")) == value:
        return True
    return _plain(text) == _plain(str(value))


def _numbers(name: str, text: str) -> set[Decimal]:
    first, *parts = _SIGNS.split(text)
    if parts:
        signed = [("+", first), *zip(parts[::2], parts[1::2], strict=True)]
        return _sums([(sign, tuple(_numbers(name, part))) for sign, part in signed])
    found = {*readings(text), *readings(leading_number(text)[0])}
    if name == "price_base" and (base := price_base_in(text)) is not None:
        found.add(base)
    if name in _PERCENTAGES:
        # Catalogues and spreadsheets write 19 % as 0.19.
        found |= {number * 100 for number in found}
    # Data write less than one as .95, which nobody prints.
    exact = decimal_of(text.replace(",", "."))
    return found | {abs(number) for number in found} | ({exact} if exact is not None else set())


def _sums(parts: list[tuple[str, tuple[Decimal, ...]]]) -> set[Decimal]:
    sums = {Decimal(0)}
    for sign, options in parts[:8]:
        sums = {total + (option if sign == "+" else -option) for total in sums for option in options}
    return sums | {-total for total in sums}


def _days(text: str) -> set[date]:
    found = {day for item in find_dates(text) for day in (item.day_first, item.month_first) if day}
    exact = date_of(text)
    return found | coded_days(text) | ({exact} if exact else set())


def _plain(text: str) -> str:
    return _PLAIN.sub("", text).casefold()
