"""A layout's fingerprint: the words that stand in the head of every document of it, and where."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Self

from extraction.layout.geometry import Page, Word
from extraction.layout.lexicon import tokens_of

# How far a word may stand from its place, in points.
_ASIDE: Final = 20.0
_DOWN: Final = 60.0
# The share of the layout's words that a page has, and the share of the page's that the layout has: names and sentences
# differ from document to document.
_KNOWN: Final = 0.75
_COVERED: Final = 0.4
# Print so many times as high as the usual is a title; a layout with another title is another one.
_TITLE: Final = 1.25
# Fewer words are no fingerprint.
FEWEST: Final = 6
MAX_MARKS: Final = 300


@dataclass(frozen=True, slots=True)
class Mark:
    """A word without digits and where it begins; `title` when it is printed large."""

    token: str
    x: float
    y: float
    title: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """The marks of the first page down to `bottom`, where the positions begin."""

    marks: tuple[Mark, ...]
    bottom: float

    def to_json(self) -> dict[str, Any]:
        return {
            "bottom": self.bottom,
            "marks": [[mark.token, mark.x, mark.y, mark.title] for mark in self.marks],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(tuple(Mark(*mark) for mark in data["marks"]), data["bottom"])

    def likeness(self, page: Page) -> float:
        """How much of the layout the page has, from 0 to 1; 0 where it is a page of another one."""
        if len(self.marks) < FEWEST:
            return 0.0
        others = layout_of(page, self.bottom).marks
        pairs = _pairs(self.marks, others)
        if any(mark.title and number not in pairs for number, mark in enumerate(self.marks)):
            return 0.0
        known = len(pairs) / len(self.marks)
        covered = len(pairs) / len(others) if others else 0.0
        return known if known >= _KNOWN and covered >= _COVERED else 0.0

    def common(self, page: Page) -> "Layout":
        """The layout without what this further page of it lacks: that was the document's and not the layout's."""
        pairs = _pairs(self.marks, layout_of(page, self.bottom).marks)
        return Layout(tuple(mark for number, mark in enumerate(self.marks) if number in pairs), self.bottom)


def layout_of(page: Page, bottom: float) -> Layout:
    """The words without digits above `bottom`."""
    words = [word for row in page.rows for word in row.words if (word.y0 + word.y1) / 2 < bottom]
    usual = median(word.height for word in words) if words else 1.0
    marks = (mark for word in words for mark in _marks(word, usual))
    return Layout(tuple(marks)[:MAX_MARKS], round(bottom, 1))


def _marks(word: Word, usual: float) -> list[Mark]:
    if any(char.isdigit() for char in word.text):
        return []
    title = word.height > _TITLE * usual
    return [
        Mark(token, round(word.x0, 1), round(word.y0, 1), title)
        for token in tokens_of(word.text)
        if len(token) > 1
    ]


def _pairs(marks: Sequence[Mark], others: Sequence[Mark]) -> dict[int, int]:
    """Which mark stands where which other does, each at most once."""
    by_token: dict[str, list[int]] = {}
    for number, other in enumerate(others):
        by_token.setdefault(other.token, []).append(number)
    pairs: dict[int, int] = {}
    for number, mark in enumerate(marks):
        near = [
            (abs(others[index].y - mark.y), index)
            for index in by_token.get(mark.token, ())
            if abs(others[index].x - mark.x) <= _ASIDE and abs(others[index].y - mark.y) <= _DOWN
        ]
        if near:
            pairs[number] = min(near)[1]
            by_token[mark.token].remove(pairs[number])
    return pairs
