"""Printed dates in the six languages: where they stand, and every way they can be read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from extraction.layout.lexicon import month_names, tokens_of, week_words

_DIGIT: Final = re.compile(r"\d")
# Both marks are the same: "08.30 - 12.30" are hours.
_NUMERIC: Final = re.compile(
    r"(?<![\d.,/-])(\d{1,2})\s?([./\-–])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})(?![\d/]|[.:]\d)"
)
_ISO: Final = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_WORD: Final = r"([^\W\d_]{3,10})"
_DAY_FIRST: Final = re.compile(
    rf"(?<![\d.,])(\d{{1,2}})(?:st|nd|rd|th|er)?[.]?[\s\-/]*(?:de\s+)?{_WORD}[.,]?[\s\-/]*(?:de\s+|del\s+)?(\d{{4}}|\d{{2}})(?!\d)",
    re.IGNORECASE,
)
_MONTH_FIRST: Final = re.compile(
    rf"{_WORD}[.]?\s+(\d{{1,2}})(?:st|nd|rd|th)?\s*,?\s+(\d{{4}})(?!\d)", re.IGNORECASE
)
_WEEK: Final = re.compile(
    r"\b(?P<word>[^\W\d_]{1,14})[.:]?\s?(?P<week>\d{1,2})\s?[/.\- ]\s?(?P<year>\d{4}|\d{2})(?!\d)",
    re.IGNORECASE,
)
# "23. KW 2026"
_WEEK_FIRST: Final = re.compile(
    r"(?<![\d.,/-])(?P<week>\d{1,2})[.]\s?(?P<word>[^\W\d_]{2,14})[.]?\s?[/-]?\s?(?P<year>\d{4})(?!\d)"
)
# Where these are paid with, the day comes first.
DAY_FIRST: Final = frozenset({"EUR", "CHF", "GBP", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN"})
YEARS: Final = range(1980, 2100)


@dataclass(frozen=True, slots=True)
class DateText:
    """A date at text[start:end]; `day_first` and `month_first` are its readings, equal where it has only one."""

    start: int
    end: int
    day_first: date | None
    month_first: date | None

    def read(self, *, month_first: bool) -> date | None:
        preferred, other = (
            (self.month_first, self.day_first) if month_first else (self.day_first, self.month_first)
        )
        return preferred or other


def find_dates(text: str) -> list[DateText]:
    """Every date in the text, from left to right, none overlapping another."""
    found: list[DateText] = []
    if not _DIGIT.search(text):
        return found
    for read in (_iso, _numeric, _named, _weeks):
        for item in read(text):
            if all(item.end <= other.start or item.start >= other.end for other in found):
                found.append(item)
    return sorted(found, key=lambda item: item.start)


def is_month_first(texts: Iterable[str], currency: str | None) -> bool:
    """Whether the document writes month/day/year: the dates that have only one reading decide; without such a date
    only US dollars speak for it."""
    day_first = month_first = 0
    for text in texts:
        for item in _numeric(text):
            day_first += item.month_first is None
            month_first += item.day_first is None
    if day_first != month_first:
        return month_first > day_first
    return currency == "USD"


def is_open(date_text: str, texts: Iterable[str]) -> bool:
    """Whether a date can be read in two ways and no date of the document has only one of them."""
    read = _numeric(date_text)
    if not read or read[0].day_first is None or read[0].month_first in (None, read[0].day_first):
        return False
    return not any(
        item.day_first is None or item.month_first is None for text in texts for item in _numeric(text)
    )


def _iso(text: str) -> Iterable[DateText]:
    for match in _ISO.finditer(text):
        yield from _made(match, _date(match[1], match[2], match[3]))


def _numeric(text: str) -> list[DateText]:
    found = []
    for match in _NUMERIC.finditer(text):
        first, second, year = match[1], match[3], match[4]
        day_first, month_first = _date(year, second, first), _date(year, first, second)
        if match[2] == "." and day_first:
            # Who divides by full stops puts the day first.
            month_first = None
        if day_first or month_first:
            found.append(DateText(match.start(), match.end(), day_first, month_first))
    return found


def _named(text: str) -> Iterable[DateText]:
    for match in _DAY_FIRST.finditer(text):
        yield from _made(match, _date(match[3], _month(match[2]), match[1]))
    for match in _MONTH_FIRST.finditer(text):
        yield from _made(match, _date(match[3], _month(match[1]), match[2]))


def _weeks(text: str) -> Iterable[DateText]:
    """A calendar week stands for its Monday (ISO 8601)."""
    for match in (*_WEEK.finditer(text), *_WEEK_FIRST.finditer(text)):
        if (tokens_of(match["word"]) or ("",))[0] in week_words():
            try:
                yield from _made(match, date.fromisocalendar(_year(match["year"]), int(match["week"]), 1))
            except ValueError:
                continue


def _made(match: re.Match[str], day: date | None) -> Iterable[DateText]:
    if day is not None:
        yield DateText(match.start(), match.end(), day, day)


def _month(word: str) -> str:
    tokens = tokens_of(word)
    return str(month_names().get(tokens[0], 0)) if tokens else "0"


def _year(text: str) -> int:
    return int(text) + 2000 if len(text) == 2 else int(text)


def _date(year: str, month: str, day: str) -> date | None:
    try:
        found = date(_year(year), int(month), int(day))
    except ValueError:
        return None
    return found if found.year in YEARS else None
