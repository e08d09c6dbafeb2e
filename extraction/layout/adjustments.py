"""Discounts and charges of a position, on rows of their own below it: "abzgl. 10 % Rabatt -25,00"."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from extraction.layout.amounts import Amount, amounts_in
from extraction.layout.arithmetic import CENT, HUNDRED
from extraction.layout.geometry import Row, Word, printed, tokens_with_words
from extraction.layout.lexicon import Lexicon
from extraction.layout.numbers import NumberStyle, currency_of

_SIGNS: Final = {"allowance": -1, "discount": -1, "charge": 1}
# Words beside the label, "abzgl." or "less"; with more it is a text that happens to name one.
_MAX_OTHERS: Final = 2
_SHORT: Final = 3


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What a position's total is changed by: the amount, less than nothing for a discount, and its rate where one is
    printed."""

    sign: int
    amount: Amount
    rate: Amount | None

    def value(self, style: NumberStyle) -> Decimal:
        return self.sign * abs(self.amount.values(style)[0])

    def is_of(self, total: Amount) -> bool:
        """Whether the printed rate of this total is the amount."""
        style = NumberStyle()
        shares = [
            abs(whole * rate) / HUNDRED
            for whole in total.values(style)
            for rate in (self.rate.values(style) if self.rate else ())
        ]
        return any(abs(share - abs(value)) <= CENT for share in shares for value in self.amount.values(style))


def adjustment_of(row: Row, lexicon: Lexicon) -> Adjustment | None:
    """What the row says a position is changed by; None where it says anything else."""
    words = row.words
    amounts = amounts_in(words)
    after = words[words.index(amounts[-1].words[-1]) + 1 :] if amounts else []
    if not amounts or amounts[-1].is_rate or not all(currency_of(word.text) for word in after):
        return None
    rates = [amount for amount in amounts[:-1] if amount.is_rate]
    if len(rates) != len(amounts) - 1:
        return None
    numbers = {word for amount in amounts for word in amount.words}
    numbers.update(after)
    texts = [word for word in printed(words) if word not in numbers]
    sign, others = _label(texts, lexicon)
    if not sign or others > _MAX_OTHERS:
        return None
    return Adjustment(sign, amounts[-1], rates[0] if rates else None)


def _label(words: Sequence[Word], lexicon: Lexicon) -> tuple[int, int]:
    """Which way the label among the words points, and how many longer words are no part of it."""
    tokens = tokens_with_words(words)
    names = [token for token, _ in tokens]
    sign = others = position = 0
    while position < len(tokens):
        matches = (lexicon.labels.at(names, position), lexicon.columns.at(names, position))
        match = next((item for item in matches if item and not _SIGNS.keys().isdisjoint(item.names)), None)
        if match and not sign:
            sign = next(_SIGNS[name] for name in match.names if name in _SIGNS)
            position = match.end
        else:
            others += len(names[position]) > _SHORT
            position += 1
    return sign, others
