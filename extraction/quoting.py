"""Where the words of a quote stand on the pages, whatever spaces and lines lie between them."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from extraction.layout.geometry import Page, Segment, Word

# Print around a word that is not part of it.
_EDGES: Final = ":;,.()[]*\"'“”„«»|"
# How many rows a label may stand above its value, and how many words may stand between them on one row.
_ABOVE: Final = 3
_BETWEEN: Final = 6
# Rows that the cells of one position may lie apart.
BLOCK: Final = 8
_MAX_FOUND: Final = 200
# Words of one quote, and words looked at for one answer: through a page of one letter again and again lead more ways
# than there is time for.
_MAX_WORDS: Final = 80
_MAX_STEPS: Final = 100_000


@lru_cache(maxsize=8192)
def key_of(text: str) -> str:
    """The comparable form of a print: compatible characters made one, without case and spaces."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a word stands: the row among all rows of the pages, the segment in it, the word in that."""

    row: int
    segment: int
    word: int


@dataclass(frozen=True, slots=True)
class Found:
    """One place at which a quote stands."""

    words: tuple[Word, ...]
    spots: tuple[Spot, ...]

    @property
    def row(self) -> int:
        return self.spots[0].row


class Print:
    """The words of some pages, to look quotes up in."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self.pages = pages
        self.rows = [row for page in pages for row in page.rows]
        self._starts: dict[str, list[Spot]] = {}
        self._known: dict[str, list[Found]] = {}
        self._steps = _MAX_STEPS
        for number, row in enumerate(self.rows):
            for at, segment in enumerate(row.segments):
                for index, word in enumerate(segment.words):
                    bare = key_of(word.text).lstrip(_EDGES)
                    for form in {bare, bare.rstrip(_EDGES)} - {""}:
                        self._starts.setdefault(form, []).append(Spot(number, at, index))

    def find(self, quote: str) -> list[Found]:
        """Every place of the quote in whole words, in the order of the pages; a text goes on in the next cell of its
        row or in the cell below."""
        wanted = key_of(quote).strip(_EDGES)
        if wanted not in self._known:
            self._known[wanted] = self._found(wanted)
        return self._known[wanted]

    def _found(self, wanted: str) -> list[Found]:
        found: dict[Spot, Found] = {}
        for end in range(1, len(wanted) + 1):
            for start in self._starts.get(wanted[:end], ()):
                if start not in found and (spots := self._match(wanted, start)):
                    found[start] = Found(tuple(self.word(spot) for spot in spots), tuple(spots))
                    if len(found) == _MAX_FOUND:
                        break
        return sorted(found.values(), key=lambda item: (item.row, item.spots[0].segment, item.spots[0].word))

    def word(self, spot: Spot) -> Word:
        return self._segment(spot).words[spot.word]

    def _segment(self, spot: Spot) -> Segment:
        return self.rows[spot.row].segments[spot.segment]

    def _match(self, wanted: str, start: Spot) -> list[Spot]:
        """The spots of the words that make up the quote from here on; none where something else stands there."""
        tries: list[tuple[str, list[Spot]]] = [(wanted, [start])]
        while tries and self._steps > 0:
            self._steps -= 1
            rest, spots = tries.pop()
            text = key_of(self.word(spots[-1]).text)
            if len(spots) == 1:
                text = text.lstrip(_EDGES)
            if rest in (text, text.rstrip(_EDGES)):
                return spots
            if text and rest.startswith(text) and len(spots) < _MAX_WORDS:
                rest = rest[len(text) :]
                # The first is tried first: the next word, the next cell, then the cells below.
                tries += [(rest, [*spots, following]) for following in reversed(list(self._after(spots)))]
        return []

    def _after(self, spots: Sequence[Spot]) -> Iterator[Spot]:
        last = spots[-1]
        row = self.rows[last.row]
        if last.word + 1 < len(self._segment(last).words):
            yield Spot(last.row, last.segment, last.word + 1)
        elif last.segment + 1 < len(row.segments):
            yield Spot(last.row, last.segment + 1, 0)
        if last.row + 1 == len(self.rows) or self.rows[last.row + 1].page != row.page:
            return
        # A cell may be so near to the next that both are one segment: what goes on below is below these words.
        here = [self.word(spot) for spot in spots if spot.row == last.row]
        for number, below in enumerate(self.rows[last.row + 1].segments):
            if below.x0 < here[-1].x1 and here[0].x0 < below.x1:
                yield Spot(last.row + 1, number, 0)

    def beside(self, label: Found, value: Found) -> bool:
        """Whether a label stands right before a value on its row, or a little above it."""
        above = value.row - label.spots[-1].row
        if above == 0:
            words = self.rows[value.row].words
            between = words.index(value.words[0]) - words.index(label.words[-1]) - 1
            return 0 <= between <= _BETWEEN
        first, last = label.words[0], label.words[-1]
        return (
            0 < above <= _ABOVE
            and first.page == value.words[0].page
            and value.words[0].x0 < last.x1 + last.height
            and first.x0 - first.height < value.words[-1].x1
        )

    def labelled(self, quote: str, label: str) -> Found | None:
        """The quote where its label stands beside it; None where it does not."""
        labels = self.find(label) if label else []
        return next(
            (place for place in self.find(quote) if any(self.beside(item, place) for item in labels)), None
        )

    def single(self, quote: str) -> Found | None:
        """The quote where it stands once on all pages."""
        places = self.find(quote)
        return places[0] if len(places) == 1 else None

    def blocks(self, lines: Sequence[Mapping[str, str]]) -> list[dict[str, Found] | None]:
        """The cells of each position, each on words of its own, on rows of one page between the position before and
        the one after; None for one that does not stand there whole, or not in its turn."""
        places = [{name: self.find(quote) for name, quote in line.items()} for line in lines]
        anchors: list[int | None] = []
        above = -1
        for cells in places:
            anchors.append(self._anchor(cells, above))
            above = anchors[-1] if anchors[-1] is not None else above
        found: list[dict[str, Found] | None] = []
        for number, (cells, anchor) in enumerate(zip(places, anchors, strict=True)):
            if anchor is None:
                found.append(None)
                continue
            before = max((row for row in anchors[:number] if row is not None), default=-1)
            after = next((row for row in anchors[number + 1 :] if row is not None), len(self.rows))
            near = range(max(before + 1, anchor - BLOCK), min(after, anchor + BLOCK))
            page = self.rows[anchor].page
            found.append(_chosen(cells, anchor, {row for row in near if self.rows[row].page == page}))
        return found

    @staticmethod
    def _anchor(cells: Mapping[str, Sequence[Found]], above: int) -> int | None:
        """The first row below another that holds the most of these cells; None where not all are below that."""
        if not all(any(item.row > above for item in items) for items in cells.values()):
            return None
        counts: dict[int, int] = {}
        for items in cells.values():
            for row in {item.row for item in items if item.row > above}:
                counts[row] = counts.get(row, 0) + 1
        return min(counts, key=lambda row: (-counts[row], row)) if counts else None


def _chosen(cells: Mapping[str, Sequence[Found]], anchor: int, rows: Set[int]) -> dict[str, Found] | None:
    taken: set[Spot] = set()
    chosen: dict[str, Found] = {}
    # What could stand in few places chooses first.
    for name in sorted(cells, key=lambda name: len(cells[name])):
        free = [item for item in cells[name] if _within(item, rows) and taken.isdisjoint(item.spots)]
        if not free:
            return None
        # The nearest row; on one row the first from the left, as the cells are asked for.
        chosen[name] = min(free, key=lambda item: abs(item.row - anchor))
        taken.update(chosen[name].spots)
    return chosen


def _within(item: Found, rows: Set[int]) -> bool:
    return all(spot.row in rows for spot in item.spots)
