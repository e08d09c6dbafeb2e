"""Where the values of an approved document stand on its pages."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from extraction.layout.amounts import amounts_in
from extraction.layout.dates import DateText, find_dates
from extraction.layout.geometry import Page, Row, Word, text_of
from extraction.layout.header_fields import dates_in
from extraction.layout.lexicon import tokens_of, unit_code
from extraction.layout.numbers import currency_of, leading_number, readings
from extraction.schemas import DATE_FIELDS, NUMBER_FIELDS, date_of, decimal_of

# A description is known by its first words.
_OPENING: Final = 2


class Print:
    """The pages, asked where something stands; values are those of the canonical JSON."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self.rows = [row for page in pages for row in page.rows]
        self._texts = ["".join(tokens_of(row.text)) for row in self.rows]
        self._numbers = [frozenset(_numbers_of(row)) for row in self.rows]

    def says(self, index: int, field: str, value: str) -> bool:
        """Whether the row of that number has the value."""
        if field in NUMBER_FIELDS:
            number = decimal_of(value)
            return number is not None and abs(number) in self._numbers[index]
        row = self.rows[index]
        if field not in DATE_FIELDS | {"unit"} and _opening(field, value) not in self._texts[index]:
            return False
        return any(True for _ in self.find_in(row, field, value))

    def find(self, field: str, value: str) -> list[list[Word]]:
        """The words of the value, wherever it stands on one line."""
        return [words for row in self.rows for words in self.find_in(row, field, value)]

    def find_in(self, row: Row, field: str, value: str) -> Iterator[list[Word]]:
        name = field.rpartition(".")[2]
        if name in NUMBER_FIELDS:
            yield from _numbers(row, decimal_of(value))
        elif name in DATE_FIELDS:
            for words, item in dates_of(row):
                if date_of(value) in (item.day_first, item.month_first):
                    yield words
        elif name == "currency":
            yield from ([word] for word in row.words if currency_of(word.text) == value)
        elif name == "unit":
            yield from ([word] for word in row.words if value in (unit_code(word.text), word.text))
        else:
            yield from _texts(row, _opening(name, value))


def dates_of(row: Row) -> Iterator[tuple[list[Word], DateText]]:
    """The dates of a row with both their readings."""
    for words in dates_in(row.words):
        for item in find_dates(text_of(words))[:1]:
            yield words, item


def _opening(field: str, value: str) -> str:
    """What a text is known by, in one piece."""
    words = value.split()
    return "".join(tokens_of(" ".join(words[:_OPENING] if field == "description" else words)))


def _numbers_of(row: Row) -> Iterator[Decimal]:
    for amount in amounts_in(row.words):
        yield from (abs(number) for number in readings(amount.text))
    for word in row.words:
        yield from (abs(number) for number in readings(leading_number(word.text)[0]))


def _numbers(row: Row, value: Decimal | None) -> Iterator[list[Word]]:
    if value is None:
        return
    seen: set[int] = set()
    for amount in amounts_in(row.words):
        seen |= {id(word) for word in amount.words}
        if any(abs(number) == abs(value) for number in readings(amount.text)):
            yield list(amount.words)
    for word in row.words:
        if id(word) not in seen and value in readings(leading_number(word.text)[0]):
            yield [word]


def _texts(row: Row, wanted: str) -> Iterator[list[Word]]:
    """The runs of words that say the text, however it is spaced."""
    if not wanted:
        return
    for start in range(len(row.words)):
        said = ""
        for end in range(start, len(row.words)):
            said += "".join(tokens_of(row.words[end].text))
            if said == wanted and tokens_of(row.words[start].text):
                yield row.words[start : end + 1]
                break
            if not wanted.startswith(said):
                break
