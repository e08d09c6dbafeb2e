"""Address blocks: lines one below the other that end in a postal code and a town."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from extraction.layout.geometry import Page, Segment, Word, text_of
from extraction.layout.header_fields import PARTIES, labels_of, read_name
from extraction.layout.lexicon import Lexicon, salutations, tokens_of

# Lines of one block start at one x and are not further apart than this many heights.
LINE_GAP: Final = 1.0
LABEL_GAP: Final = 2.5
MAX_LINES: Final = 7
_TOWN: Final = re.compile(
    r"(?:[A-Z]{1,2}[-– ])?(?:\d{4,5}|\d{4} ?[A-Z]{2}),? +[^\W\d_][^\W\d_'’.-]+.{0,40}"
    r"|.{0,40}\b[A-Z]{1,2}\d[\dA-Z]? \d[A-Z]{2}",
)


@dataclass(frozen=True, slots=True)
class Address:
    """A block of an address. `role` is the party its label names, where it has one; `lines` are from top to
    bottom."""

    lines: tuple[Segment, ...]
    role: str | None
    page_share: float
    """How far down the page it begins, from 0 to 1."""

    @property
    def name(self) -> list[Word]:
        """The first line that is a name, and no mere "Herrn"."""
        names = (read_name(line.words) for line in self.lines[:-1])
        return next(
            (words for words in names if words and tokens_of(text_of(words)) not in salutations()), []
        )


def find_addresses(page: Page, lexicon: Lexicon) -> list[Address]:
    """The address blocks of a page, from top to bottom."""
    segments = [segment for row in page.rows for segment in row.segments]
    found = []
    for index, segment in enumerate(segments):
        if len(segment.words) <= 6 and _TOWN.fullmatch(segment.text):
            found.append(_block(segments, index, page, lexicon))
    return [address for address in found if len(address.lines) > 1]


def _block(segments: Sequence[Segment], last: int, page: Page, lexicon: Lexicon) -> Address:
    lines = [segments[last]]
    role = None
    for above in _upwards(segments, last):
        lowest = lines[-1]
        gap = _top(lowest) - _bottom(above)
        labels = labels_of(above, lexicon)
        named = [name for match, first, _ in labels if first == 0 for name in match.names if name in PARTIES]
        if named and gap <= LABEL_GAP * lowest.height:
            role = named[0]
            break
        if gap > LINE_GAP * lowest.height or len(lines) == MAX_LINES:
            break
        lines.append(above)
    lines.reverse()
    return Address(tuple(lines), role, _top(lines[0]) / max(page.height, 1.0))


def _upwards(segments: Sequence[Segment], last: int) -> Iterator[Segment]:
    """The segments above one that begin where it does, the nearest first; a label may begin a little before."""
    below = segments[last]
    for segment in reversed(segments[:last]):
        shift = below.x0 - segment.x0
        if (
            -0.6 * below.height < shift < 2.5 * below.height
            and _bottom(segment) <= _top(below) + below.height / 3
        ):
            yield segment


def _top(segment: Segment) -> float:
    return segment.words[0].y0


def _bottom(segment: Segment) -> float:
    return segment.words[0].y1
