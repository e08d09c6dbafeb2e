"""Words with boxes, and the segments, rows and pages they form."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from extraction.layout.lexicon import tokens_of
from extraction.schemas import Box, Evidence

# In heights of a word: what separates segments, and how far centre lines of one row may differ.
SEGMENT_GAP: Final = 0.75
ROW_TOLERANCE: Final = 0.38
MAX_SEGMENTS: Final = 60


@dataclass(slots=True, eq=False)
class Word:
    """One printed word, equal to no other that says the same; not changed once made. y grows downwards from the page's
    top; `offset` is set where the page is a text, `shown` where the page is read turned: the box as it is shown."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    page: int
    offset: int | None = None
    shown: Box | None = None

    @property
    def box(self) -> Box:
        return self.shown or (self.x0, self.y0, self.x1, self.y1)

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def center(self) -> float:
        return (self.x0 + self.x1) / 2


@dataclass(slots=True, eq=False)
class Segment:
    """Neighbouring words of one row: a cell, a label, a piece of running text. Not changed once made."""

    words: tuple[Word, ...]
    texts: tuple[str, ...] = field(init=False)
    text: str = field(init=False)
    x0: float = field(init=False)
    x1: float = field(init=False)

    def __post_init__(self) -> None:
        self.texts = tuple([word.text for word in self.words])
        self.text = " ".join(self.texts)
        self.x0, self.x1 = self.words[0].x0, self.words[-1].x1

    @property
    def height(self) -> float:
        return max(word.height for word in self.words)


@dataclass(slots=True, eq=False)
class Row:
    """What stands on one line across the page, in segments from left to right. Not changed once made."""

    segments: tuple[Segment, ...]
    y0: float
    y1: float
    page: int
    words: list[Word] = field(init=False)
    height: float = field(init=False)

    def __post_init__(self) -> None:
        self.words = [word for segment in self.segments for word in segment.words]
        self.height = self.y1 - self.y0

    @property
    def text(self) -> str:
        return " ".join([segment.text for segment in self.segments])


@dataclass(frozen=True, slots=True)
class Page:
    """One page, its size in the unit of its words (points for PDF)."""

    number: int
    width: float
    height: float
    rows: tuple[Row, ...]


def text_of(words: Iterable[Word]) -> str:
    return " ".join([word.text for word in words])


def printed(words: Iterable[Word]) -> list[Word]:
    """The words without what merely decorates: leaders, rules and lines drawn with characters."""
    return [word for word in words if word.text[0].isalnum() or any(map(str.isalnum, word.text))]


def evidence_of(words: Sequence[Word]) -> Evidence:
    """The place and the text of these words; the box encloses them all, on the page of the first."""
    first = words[0]
    text = text_of(words)
    if first.offset is not None:
        return Evidence(text=text, offset=min(word.offset or 0 for word in words))
    boxes = [word.box for word in words if word.page == first.page]
    box: Box = (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
    return Evidence(text=text, page=first.page, box=box)


def tokens_with_words(words: Sequence[Word]) -> list[tuple[str, int]]:
    """The comparable tokens of the words, each with the index of its word."""
    return [(token, index) for index, word in enumerate(words) for token in tokens_of(word.text)]


def page_of(number: int, width: float, height: float, words: Iterable[Word]) -> Page:
    """Groups words to rows by their centre lines and to segments by their gaps."""
    clusters: list[list[Word]] = []
    middle = tallest = 0.0
    for word in sorted(words, key=lambda word: word.y0 + word.y1):
        center = (word.y0 + word.y1) / 2
        if clusters and center - middle <= ROW_TOLERANCE * min(tallest, word.height):
            clusters[-1].append(word)
            middle += (center - middle) / len(clusters[-1])
            tallest = max(tallest, word.height)
        else:
            clusters.append([word])
            middle, tallest = center, word.height
    rows = (row for cluster in clusters for row in _rows(cluster, number))
    return Page(number, width, height, tuple(rows))


def _rows(words: list[Word], page: int) -> Iterator[Row]:
    """One row; several where a text without line breaks has more segments than any printed line."""
    words.sort(key=lambda word: word.x0)
    segments: list[list[Word]] = []
    for word in words:
        if segments and word.x0 - segments[-1][-1].x1 < SEGMENT_GAP * word.height:
            segments[-1].append(word)
        else:
            segments.append([word])
    for start in range(0, len(segments), MAX_SEGMENTS):
        yield Row(
            segments=tuple(Segment(tuple(segment)) for segment in segments[start : start + MAX_SEGMENTS]),
            y0=min(word.y0 for word in words),
            y1=max(word.y1 for word in words),
            page=page,
        )
