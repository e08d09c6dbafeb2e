"""Where a field's value stands on the pages of a layout: beside a label, at a place, as a text that is always there."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from extraction.layout.amounts import amounts_in
from extraction.layout.geometry import Page, Segment, Word, printed, text_of, tokens_with_words
from extraction.layout.header_fields import BELOW, dates_in, is_under
from extraction.layout.lexicon import tokens_of
from extraction.layout.lines import first_date
from extraction.layout.numbers import NumberStyle, currency_of
from extraction.layout.terms import compact
from extraction.schemas import DATE_FIELDS, NUMBER_FIELDS

# How far from its place a value without a label may stand, in points.
_NEAR: Final = 12.0
_COMPACT: Final = frozenset({"seller_vat_id", "buyer_vat_id", "seller_iban"})
_TRIM: Final = " :;,()[]*"
# A label has no more words.
_LONGEST: Final = 6
# The kinds of places in the order in which they are believed.
LABELLED: Final = ("inline", "right", "below")
KINDS: Final = (*LABELLED, "place", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value was. For `inline`, `right` and `below` of a label: `label` are its tokens, `printed` is how it
    reads, `x` and `y` are where it stood. For `place`: `x` and `y` are the value's own. For `text`: `printed` is the
    value, which stands somewhere on the page."""

    kind: str
    label: tuple[str, ...] = ()
    printed: str = ""
    x: float = 0.0
    y: float = 0.0
    skip: int = 0
    """What of its kind (words, dates, amounts) stands between the label and the value."""
    count: int = 0
    """The value's words; 0 when it goes on to the end."""
    shape: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**{**data, "label": tuple(data["label"])})

    def find(self, field: str, pages: Sequence[Page]) -> list[Word]:
        """The words of the field's value; none where the page has no such place, or something else there."""
        if self.kind == "text":
            return next(find_text(pages, tokens_of(self.printed)), [])
        if self.kind == "place":
            return self._at_place(field, pages)
        hits = [
            (abs(label.y0 - self.y) + abs(label.x0 - self.x), number, words)
            for number, (label, words) in enumerate(self._beside(field, pages))
        ]
        return min(hits, key=lambda hit: hit[:2])[2] if hits else []

    def _beside(self, field: str, pages: Sequence[Page]) -> Iterator[tuple[Word, list[Word]]]:
        """The first word of the label and the value's, wherever the page has the label with such a value."""
        for page in pages:
            for index, row in enumerate(page.rows):
                for position, segment in enumerate(row.segments):
                    for first, after in self._labels(segment):
                        run = self._run(page, index, position, after)
                        words = self._part(field, run)
                        if words and self._fits(text_of(words)):
                            yield segment.words[first], words

    def _labels(self, segment: Segment) -> Iterator[tuple[int, int]]:
        """The first word of the label in a segment, and the word after it, for each time it stands there."""
        tokens = tokens_with_words(segment.words)
        names = tuple(token for token, _ in tokens)
        size = len(self.label)
        for start in range(len(tokens) - size + 1):
            if names[start : start + size] == self.label and (
                start == 0 or tokens[start - 1][1] != tokens[start][1]
            ):
                yield tokens[start][1], tokens[start + size - 1][1] + 1

    def _run(self, page: Page, index: int, position: int, after: int) -> list[Word]:
        row = page.rows[index]
        rest = printed(row.segments[position].words[after:])
        if self.kind == "inline":
            return rest
        if any(map(_is_label, rest)):
            return []
        if self.kind == "right":
            runs = (printed(other.words) for other in row.segments[position + 1 :])
            return next((run for run in runs if run), [])
        return _below(page, index, row.segments[position])

    def _part(self, field: str, run: Sequence[Word]) -> list[Word]:
        items = items_of(field, run)
        if len(items) <= self.skip:
            return []
        if field in NUMBER_FIELDS or field in DATE_FIELDS:
            return items[self.skip]
        last = self.skip + self.count if self.count else len(items)
        return [word for item in items[self.skip : last] for word in item]

    def _at_place(self, field: str, pages: Sequence[Page]) -> list[Word]:
        """What stands at the place, where it has the value's shape."""
        for row in pages[0].rows if pages else ():
            if abs(row.words[0].y0 - self.y) > _NEAR:
                continue
            for segment in row.segments:
                for start, word in enumerate(segment.words):
                    if abs(word.x0 - self.x) > _NEAR:
                        continue
                    run = segment.words[start : start + self.count if self.count else None]
                    if shape_of(text_of(run)) == self.shape and items_of(field, run):
                        return list(run)
        return []

    def _fits(self, text: str) -> bool:
        """A value with digits is none without; how many it has may change."""
        return ("9" in self.shape) == ("9" in shape_of(text))


def value_of(field: str, words: Sequence[Word], style: NumberStyle, *, month_first: bool) -> object:
    """What the words mean in the field, None where nothing."""
    text = text_of(words)
    if field in NUMBER_FIELDS:
        amounts = amounts_in(words)
        values = amounts[0].values(style) if amounts else []
        return abs(values[0]) if values else None
    if field in DATE_FIELDS:
        return first_date(words, month_first=month_first)
    if field == "currency":
        return next((code for word in words if (code := currency_of(word.text))), None)
    if field in _COMPACT:
        return compact(text)
    return text.strip(_TRIM) or None


def items_of(field: str, run: Sequence[Word]) -> list[list[Word]]:
    """What of a field's kind stands in a run of words: dates, amounts or words."""
    if field in DATE_FIELDS:
        return list(dates_in(run)) if run else []
    if field in NUMBER_FIELDS:
        return [list(amount.words) for amount in amounts_in(run) if not amount.is_rate]
    return [[word] for word in run]


def shape_of(text: str) -> str:
    """Letters as A, digits as 9, each run once: "AB-4711/2026" is A-9/9."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "A", text))


def find_text(pages: Sequence[Page], tokens: Sequence[str]) -> Iterator[list[Word]]:
    """The words of a text wherever it stands on one line."""
    size = len(tokens)
    for page in pages:
        for row in page.rows:
            pairs = tokens_with_words(row.words)
            for start in range(len(pairs) - size + 1 if size else 0):
                if [token for token, _ in pairs[start : start + size]] == list(tokens):
                    yield row.words[pairs[start][1] : pairs[start + size - 1][1] + 1]


def _below(page: Page, index: int, label: Segment) -> list[Word]:
    """The segment right below a label."""
    origin = page.rows[index]
    for row in page.rows[index + 1 : index + 4]:
        if row.y0 - origin.y1 > BELOW * label.height:
            return []
        for segment in row.segments:
            run = printed(segment.words)
            if run and is_under(segment, label):
                return run
    return []


# -- learning


def places_of(field: str, pages: Sequence[Page], words: Sequence[Word]) -> Iterator[Place]:
    """Every place that these words of a value can be said to stand at, the best first."""
    page = next(page for page in pages if page.number == words[0].page)
    index, position = next(
        (number, spot)
        for number, row in enumerate(page.rows)
        for spot, segment in enumerate(row.segments)
        if words[0] in segment.words
    )
    row = page.rows[index]
    segment = row.segments[position]
    start = segment.words.index(words[0])
    ends = segment.words[-1] in words
    shape = shape_of(text_of(words))
    count = 0 if ends and "9" not in shape else len(words)
    for kind, label, run in _labels_for(page, index, position, start):
        items = items_of(field, run)
        skip = next((number for number, item in enumerate(items) if item[0] is words[0]), None)
        tokens = tuple(token for word in label for token in tokens_of(word.text))
        if skip is not None and tokens:
            yield Place(
                kind=kind, label=tokens, printed=text_of(label).strip(" :"), x=round(label[0].x0, 1),
                y=round(label[0].y0, 1), skip=skip, count=count, shape=shape,
            )  # fmt: skip
    if page is pages[0]:
        x, y = round(words[0].x0, 1), round(row.words[0].y0, 1)
        yield Place(kind="place", x=x, y=y, count=count, shape=shape)


def _labels_for(
    page: Page, index: int, position: int, start: int
) -> Iterator[tuple[str, list[Word], list[Word]]]:
    """The labels before, left of and above a word, each with the run of words that begins after it."""
    row = page.rows[index]
    segment = row.segments[position]
    end = start
    while end and not _is_label(segment.words[end - 1]):
        end -= 1
    inline = _tail(segment.words[:end])
    if inline:
        yield "inline", inline, printed(segment.words[end:])
        return
    left = [other for other in row.segments[:position] if printed(other.words)][-1:]
    for other in left:
        label = _whole(printed(other.words))
        if label:
            yield "right", label, printed(segment.words)
    for above in reversed(page.rows[max(0, index - 3) : index]):
        if row.y0 - above.y1 > BELOW * above.height:
            return
        for other in above.segments:
            label = _whole(printed(other.words))
            if label and is_under(segment, other):
                yield "below", label, printed(segment.words)
                return


def _tail(words: Sequence[Word]) -> list[Word]:
    """The last words of a text that can be a label; none where it ends in a value."""
    found: list[Word] = []
    for word in reversed(words):
        if not _is_label(word) or len(found) == _LONGEST:
            break
        found.insert(0, word)
    return found


def _whole(words: Sequence[Word]) -> list[Word]:
    """The words of a text that is a label, without a rate after it: "Podatek 23 %"; none where it is something else."""
    end = next((number for number, word in enumerate(words) if not _is_label(word)), len(words))
    return list(words[:end]) if end <= _LONGEST and not any(map(_is_label, words[end:])) else []


def _is_label(word: Word) -> bool:
    letters = any(char.isalpha() for char in word.text) or word.text in {"#", "№"}
    return letters and not any(char.isdigit() for char in word.text)
