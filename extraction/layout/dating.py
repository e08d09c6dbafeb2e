"""Where a document's date stands that no label names."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from extraction.layout.geometry import Page, Word, text_of
from extraction.layout.header_fields import DATES, Candidate, dates_in

# Where a letter's date stands: in this share of the page.
_UPPER: Final = 0.45
# Print so many times as high as the usual is a title.
_TITLE: Final = 1.3


def lone_dates(
    pages: Sequence[Page], taken: set[tuple[int, int]], candidates: Sequence[Candidate]
) -> Iterator[list[Word]]:
    """The dates in the upper part of the first page that stand in a title, for themselves, or after a place: "Ulm,
    3. Mai 2026"; none that a label calls another's, and none in a table."""
    others = {word for item in candidates if item.name in DATES for word in item.words}
    for page in pages[:1]:
        upper = [
            row
            for index, row in enumerate(page.rows)
            if row.y0 < _UPPER * page.height and (page.number, index) not in taken
        ]
        usual = median(row.height for row in page.rows) if page.rows else 0.0
        for segment in sorted(
            (item for row in upper for item in row.segments), key=lambda item: -item.height
        ):
            for words in dates_in(segment.words):
                if words[0] in others:
                    continue
                before = segment.words[: segment.words.index(words[0])]
                place = len(before) <= 3 and (not before or "," in text_of(before))
                if segment.height > _TITLE * usual or (words[-1] is segment.words[-1] and place):
                    yield words
