"""Printed numbers: every way one can be read, and which the page as a whole speaks for."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from extraction.schemas import decimal_of

CURRENCY_SIGNS: Final = {"€": "EUR", "£": "GBP", "$": "USD", "¥": "JPY"}
CURRENCY_CODES: Final = frozenset(
    [
        "EUR",
        "USD",
        "GBP",
        "CHF",
        "SEK",
        "NOK",
        "DKK",
        "PLN",
        "CZK",
        "HUF",
        "RON",
        "BGN",
        "TRY",
        "JPY",
        "CNY",
        "CAD",
        "AUD",
        "INR",
        "ISK",
        "HRK",
        "RSD",
        "UAH",
        "ZAR",
        "SGD",
        "HKD",
    ]
)
_SPACES: Final = "\u00a0\u202f\u2009\u2007 "
_CODES: Final = "|".join(sorted(CURRENCY_CODES))
_DRESS: Final = re.compile(rf"^(?:{_CODES}|US\$|[€£$¥])\s*|\s*(?:{_CODES}|[€£$¥]|%)[.]?$", re.IGNORECASE)
_DIGIT: Final = re.compile(r"\d")
_SHAPE: Final = re.compile(rf"\d+(?:[.,'’{_SPACES}]\d+)*")
_LEADING: Final = re.compile(rf"[-+−–]?\s?(?:[€£$¥]\s?)?\d+(?:[.,'’{_SPACES}]\d+)*")
MAX_CHARS: Final = 30


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """The decimal mark a document uses; None while nothing speaks for one."""

    decimal_mark: str | None = None


@lru_cache(maxsize=8192)
def readings(text: str) -> tuple[Decimal, ...]:
    """Every way the whole text can be read as a number; empty when it is none. `1.234` gives both."""
    if not _DIGIT.search(text):
        return ()
    digits, negative = _bare(text)
    if not digits or len(digits) > MAX_CHARS or not _SHAPE.fullmatch(digits):
        return ()
    found = [number for plain in _plain_forms(digits) if (number := decimal_of(plain)) is not None]
    return tuple(-number if negative else number for number in found)


def reading(text: str, style: NumberStyle) -> Decimal | None:
    """The reading that agrees with the document's style; the decimal one where it has none."""
    found = readings(text)
    return min(found, key=lambda number: _distance(text, number, style)) if found else None


def ordered(text: str, style: NumberStyle) -> list[Decimal]:
    """All readings, those that agree with the style first."""
    return sorted(readings(text), key=lambda number: _distance(text, number, style))


def leading_number(text: str) -> tuple[str, str]:
    """The number a text begins with and what follows it: `12 Stk.`; both stripped, the number empty if none."""
    match = _LEADING.match(text.strip())
    if not match:
        return "", text.strip()
    return match.group().strip(), text.strip()[match.end() :].strip()


def style_of(texts: Iterable[str], language: str = "en") -> NumberStyle:
    """The decimal mark the unambiguous numbers among the texts agree on; without any, the language's."""
    votes = {",": 0, ".": 0}
    for text in texts:
        if not _DIGIT.search(text):
            continue
        digits, _ = _bare(text)
        if not digits or len(digits) > MAX_CHARS or not _SHAPE.fullmatch(digits):
            continue
        marks = [char for char in digits if char in ",."]
        if not marks:
            continue
        tail = digits[max(digits.rfind(","), digits.rfind(".")) + 1 :]
        if len(set(marks)) == 2:
            votes[marks[-1]] += 3
        elif len(marks) > 1:
            votes["." if marks[0] == "," else ","] += 2
        elif len(tail) == 2:
            votes[marks[0]] += 2
        elif len(tail) != 3 or digits.startswith("0"):
            votes[marks[0]] += 1
    if votes[","] == votes["."]:
        return NumberStyle("." if language == "en" else ",")
    return NumberStyle("," if votes[","] > votes["."] else ".")


def currency_of(text: str) -> str | None:
    """The ISO 4217 code a word names or a sign in it stands for."""
    bare = text.strip("().:;,[]")
    if bare in CURRENCY_CODES:
        return bare
    return next((code for sign, code in CURRENCY_SIGNS.items() if sign in text), None)


@lru_cache(maxsize=8192)
def _bare(text: str) -> tuple[str, bool]:
    plain = text.strip()
    negative = False
    if plain.startswith("(") and plain.endswith(")"):
        plain, negative = plain[1:-1].strip(), True
    for _ in range(2):
        if plain[:1] in "-−–" and plain[:1]:
            plain, negative = plain[1:].strip(), True
        plain = _DRESS.sub("", plain).strip().lstrip("+")
    # Swiss and Austrian whole amounts: 125.-- and 125,--.
    plain = re.sub(r"[.,][-–]{1,2}$", "", plain)
    if plain.endswith(("-", "−")):
        plain, negative = plain[:-1].strip(), True
    return plain, negative


def _plain_forms(digits: str) -> list[str]:
    spaceless = re.sub(rf"['’{_SPACES}]", "", digits)
    grouped = spaceless != digits
    if grouped and not re.fullmatch(rf"\d{{1,3}}(?:['’{_SPACES}]\d{{3}})+(?:[.,]\d+)?", digits):
        return []
    marks = [char for char in spaceless if char in ",."]
    if not marks:
        return [spaceless]
    last = marks[-1]
    other = "." if last == "," else ","
    if len(set(marks)) == 2:
        whole, _, tail = spaceless.rpartition(last)
        fits = re.fullmatch(rf"\d{{1,3}}(?:[{other}]\d{{3}})+", whole)
        return [f"{whole.replace(other, '')}.{tail}"] if fits else []
    if len(marks) > 1:
        return (
            [spaceless.replace(last, "")]
            if re.fullmatch(rf"\d{{1,3}}(?:[{last}]\d{{3}})+", spaceless)
            else []
        )
    whole, _, tail = spaceless.partition(last)
    forms = [f"{whole}.{tail}"]
    if len(tail) == 3 and 1 <= len(whole) <= 3 and whole != "0" and not grouped:
        forms.append(whole + tail)
    return forms


def _distance(text: str, number: Decimal, style: NumberStyle) -> int:
    digits, _ = _bare(text)
    marks = {char for char in digits if char in ",."}
    if len(marks) != 1 or style.decimal_mark is None:
        return 0
    whole = (
        number == number.to_integral_value()
        and len(readings(text)) > 1
        and number == max(readings(text), key=abs)
    )
    return int(whole == (style.decimal_mark in marks))
