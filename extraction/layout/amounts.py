"""Amounts in a row of words: money with its thousands groups put together, rates told apart."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from extraction.layout.geometry import Word, text_of
from extraction.layout.numbers import NumberStyle, ordered, readings

_GROUP: Final = re.compile(r"\d{3}(?:[.,]\d{1,4})?[€£$%]?")
_HEAD: Final = re.compile(r"[-+−–(]?[€£$]?\d{1,3}")
_SIGN: Final = re.compile(r"[€£$]|[-−]")
# Groups of one number stand closer than this many heights.
_NEAR: Final = 0.75


@dataclass(frozen=True, slots=True)
class Amount:
    """A printed number; `is_rate` when a percent sign belongs to it."""

    words: tuple[Word, ...]
    is_rate: bool

    @property
    def text(self) -> str:
        return text_of(self.words)

    def values(self, style: NumberStyle) -> list[Decimal]:
        return ordered(self.text, style)


def amounts_in(words: Sequence[Word]) -> list[Amount]:
    """The numbers among the words, from left to right."""
    found: list[Amount] = []
    index = 0
    while index < len(words):
        end = index + 1
        text = words[index].text.strip("():;")
        opens = index == 0 or not readings(words[index - 1].text)
        if _SIGN.fullmatch(text) and opens and end < len(words) and readings(words[end].text):
            text = words[end].text
            end += 1
        if _HEAD.fullmatch(text):
            while (
                end < len(words) and _GROUP.fullmatch(words[end].text) and _close(words[end - 1], words[end])
            ):
                end += 1
                if any(mark in words[end - 1].text for mark in ",."):
                    break
        taken = tuple(words[index:end])
        if readings(text_of(taken)):
            follows = words[end].text if end < len(words) else ""
            is_rate = taken[-1].text.rstrip(")").endswith("%") or follows.startswith("%")
            found.append(Amount(taken, is_rate))
            index = end
        else:
            index += 1
    return found


def _close(left: Word, right: Word) -> bool:
    return right.x0 - left.x1 < _NEAR * right.height
