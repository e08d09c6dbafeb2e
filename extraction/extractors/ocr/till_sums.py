"""What a till's receipt asks to be paid: by the words beside the sums, and by what cash and change leave."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import combinations
from typing import Final

from extraction.extractors.ocr.repair import around
from extraction.extractors.ocr.till_words import WORDS, till_words
from extraction.layout.amounts import Amount, amounts_in
from extraction.layout.geometry import Row, Word, text_of
from extraction.layout.lexicon import tokens_of
from extraction.layout.numbers import NumberStyle, readings, style_of

_GIVEN: Final = WORDS["tender"] | WORDS["payment"]
# What rounding to coins can take away or add.
_COINS: Final = Decimal("0.05")
_CENTS: Final = re.compile(r"\d[.,]\d\d\b")
# A currency's letters before an amount, a tax's letter behind it.
_DRESSED: Final = re.compile(r"(?:[^\W\d_]{1,3}[$.:]?)?(-?\d[\d.,]*[.,]\d\d)[^\W\d_]{0,2}[*)]?")
# Taxes, services and roundings between a sum and the next.
_MOST_PARTS: Final = 4
# With more of them on a strip it is no till's, and every four of them would be too many.
_MOST_KNOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Sum:
    """An amount that may be the one to pay; `rank` says how surely its words name it."""

    value: Decimal
    words: tuple[Word, ...]
    rank: int
    repaired: bool = False


@dataclass(slots=True)
class _Till:
    """The amounts of one or more readings of the same receipt, by what their rows say."""

    sums: list[Sum] = field(default_factory=list)
    given: set[Decimal] = field(default_factory=set)
    back: set[Decimal] = field(default_factory=set)
    before: set[Decimal] = field(default_factory=set)
    parts: set[Decimal] = field(default_factory=set)
    often: Counter[Decimal] = field(default_factory=Counter)

    def take(self, rows: Sequence[Row], style: NumberStyle) -> None:
        printed = [_amounts(row) for row in rows]
        self.often.update(value for row in printed for item in row for value in item.values(style)[:1])
        summarised = False
        for index, row in enumerate(rows):
            words = till_words(row.text)
            summarised = summarised or bool(words & WORDS["summary"])
            amounts = printed[index]
            if not amounts and index + 1 < len(rows) and words & WORDS["sum"] and _bare(rows[index + 1]):
                amounts = printed[index + 1]
            if amounts and (values := amounts[-1].values(style)):
                self._sort(words, values[0], amounts[-1].words, summarised=summarised)

    def _sort(self, words: set[str], value: Decimal, shown: tuple[Word, ...], *, summarised: bool) -> None:
        if words & WORDS["change"]:
            self.back.add(abs(value))
        elif words & _GIVEN and not words & WORDS["sum"]:
            self.given.add(abs(value))
            # Who gives an odd amount, or a card, gives what is asked.
            if words & WORDS["card"] or value % 1:
                self.sums.append(Sum(abs(value), shown, 2))
        elif rank := _rank(words):
            self.sums.append(Sum(abs(value), shown, 1 if summarised else rank))
            if rank == 1:
                self.before.add(abs(value))
        elif words & WORDS["part"] and not summarised:
            self.parts.add(value)

    @property
    def owed(self) -> set[Decimal]:
        """What cash and change leave."""
        return {given - back for given in self.given for back in self.back if given > back}

    @property
    def built(self) -> set[Decimal]:
        """What a sum before taxes gives with those and other parts."""
        parts = sorted(self.parts)[:_MOST_KNOWN]
        chosen = [some for count in range(1, _MOST_PARTS + 1) for some in combinations(parts, count)]
        return {sum(some, start) for start in self.before for some in chosen}


def total_to_pay(readings_of_it: Sequence[Sequence[Row]]) -> Sum | None:
    """The amount to pay: what cash and change leave, else the last of the amounts that are best labelled and stand
    most often. Several readings of one receipt help each other out."""
    style = style_of(word.text for rows in readings_of_it for row in rows for word in row.words)
    till = _Till()
    for rows in readings_of_it:
        till.take(rows, style)
    sums = [item for item in till.sums if item.value > 0]
    owed, built = till.owed, till.built
    if proven := [item for item in sums if item.value in owed]:
        return max(proven, key=lambda item: item.rank)

    def weight(item: Sum) -> float:
        repeated = min(till.often[item.value] / len(readings_of_it), 3)
        return item.rank + repeated + (item.value in till.given) + 2 * (item.rank > 1 and item.value in built)

    weighed = [(weight(item), item.rank, index) for index, item in enumerate(sums)]
    chosen = sums[max(weighed)[2]] if sums else None
    if chosen is None or not owed:
        return chosen
    # Of what several readings leave the amount that is printed most often.
    value = max(sorted(owed), key=lambda item: till.often[item])
    rows = [row for rows in readings_of_it for row in rows]
    return _printed(rows, value, chosen) or _repaired(chosen, value) or chosen


def _amounts(row: Row) -> list[Amount]:
    """The amounts of a row with cents, also where the point between was lost: `105 00`."""
    words: list[Word] = []
    for word in row.words:
        last = words[-1] if words else None
        near = last is not None and word.x0 - last.x1 < word.height
        if (
            last
            and near
            and re.fullmatch(r"\d{1,4}", last.text)
            and (cents := re.fullmatch(r"[.,]?(\d\d)", word.text))
        ):
            words[-1] = replace(
                last, text=f"{last.text}.{cents[1]}", x1=word.x1, shown=around([last.box, word.box])
            )
        elif dressed := _DRESSED.fullmatch(word.text):
            words.append(replace(word, text=dressed[1]))
        else:
            words.append(word)
    return [item for item in amounts_in(words) if _CENTS.search(item.text) and not item.is_rate]


def _bare(row: Row) -> bool:
    """Whether a row has no words of its own: the amount below its label."""
    tokens = tokens_of(row.text)
    return bool(tokens) and not any(token.isalpha() for token in tokens if len(token) > 3)


def _printed(rows: Sequence[Row], owed: Decimal, chosen: Sum) -> Sum | None:
    """What was owed where it stands in print, when it is the chosen sum but for a misread figure or rounding to
    coins."""
    figure = sum(one != other for one, other in zip(f"{owed:.2f}", f"{chosen.value:.2f}", strict=False))
    alike = figure == 1 and len(f"{owed:.2f}") == len(f"{chosen.value:.2f}")
    if not alike and abs(owed - chosen.value) > _COINS:
        return None
    amounts = [amount for row in rows for amount in _amounts(row) if owed in readings(amount.text)]
    return Sum(owed, tuple(amounts[-1].words), chosen.rank) if amounts else None


def _repaired(chosen: Sum, owed: Decimal) -> Sum | None:
    """The chosen sum with one figure changed, when that makes it what cash and change leave."""
    *before, last = chosen.words
    ways = {
        text for text in _changed(last.text) if owed in readings(text_of([*before, replace(last, text=text)]))
    }
    if len(ways) != 1:
        return None
    return Sum(owed, (*before, replace(last, text=ways.pop())), chosen.rank, repaired=True)


def _changed(text: str) -> Iterator[str]:
    for index, char in enumerate(text):
        if char.isdigit():
            yield from (text[:index] + digit + text[index + 1 :] for digit in "0123456789")


def _rank(words: set[str]) -> int:
    """How surely a row with these words names the amount to pay; 0 when it does not."""
    if not words & WORDS["total"]:
        return 0
    last = bool(words & WORDS["last"])
    if words & WORDS["before"] or (words & WORDS["other"] and not last):
        return 1 if words & WORDS["sum"] and not words & WORDS["count"] else 0
    if words & WORDS["sum"]:
        return 4 if last else 3
    return 3 if words & WORDS["due"] else 2
