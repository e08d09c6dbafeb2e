"""Why a document was read as it was: the label, heading or sum that stands behind each value. Runs in the child."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from extraction.confidence import AMOUNTS, confidences, lines_make_net, net_makes_gross
from extraction.extractor import Source
from extraction.layout.arithmetic import line_proven
from extraction.layout.geometry import Page, Segment, Word, text_of, tokens_with_words
from extraction.layout.header_fields import labels_of
from extraction.layout.lexicon import Lexicon, language_of, lexicon
from extraction.paged import pages_of
from extraction.reader import read
from extraction.schemas import Box, Evidence, Extraction, Json

# How far above a value its label may stand, in heights of the value.
_REACH: Final = 6.0
# What a label of the lexicons is called that gives a field, where that is not the field's own name.
_LABELS: Final[Mapping[str, frozenset[str]]] = {
    "order_reference": frozenset({"order_reference", "number_order"}),
    "order_references": frozenset({"order_reference", "number_order"}),
    "delivery_note_reference": frozenset({"delivery_note_reference", "number_delivery_note"}),
    "issue_date": frozenset({"issue_date", "order_date"}),
    "seller_name": frozenset({"seller"}),
    "buyer_name": frozenset({"buyer"}),
    "net_total": frozenset({"net_total", "sub_total"}),
    "charges_total": frozenset({"charge"}),
    "allowances_total": frozenset({"allowance"}),
}
# What is said of a value that stands beside no label.
_FORM: Final = frozenset(
    {"seller_iban", "seller_vat_id", "buyer_vat_id", "seller_email", "currency", "incoterm"}
)
_BY_FORM: Final = "known by its form, without a label"
_BY_PLACE: Final = "known by where it stands, without a label"


def explain_plain(payload: Mapping[str, Any]) -> Json:
    """`reader.read_plain`, and in each document, by field path, `why` in sentences and `sure` from 0 to 1."""
    name, content = str(payload["name"]), payload["content"]
    result = read(name, content)
    pages = pages_of(Source.of(name, content), result.extractor) if result.documents else []
    told = result.to_json()
    for document, extraction in zip(told["documents"], result.documents, strict=True):
        document["sure"] = confidences(extraction.document)
        document["why"] = {path: list(why) for path, why in _reasons(extraction, pages)}
    return told


def _reasons(extraction: Extraction, pages: Sequence[Page]) -> Iterator[tuple[str, Iterator[str]]]:
    words = (word.text for page in pages for row in page.rows for word in row.words)
    around = _Surroundings(pages, lexicon(extraction.document.language or language_of(words)))
    for path, place in extraction.evidence.items():
        yield path, _of_value(extraction, path, place, around)


def _of_value(extraction: Extraction, path: str, place: Evidence, around: "_Surroundings") -> Iterator[str]:
    name = path.rpartition(".")[2]
    if path.startswith("lines.") and name == "delivery_date" and place == extraction.evidence.get(name):
        yield "the delivery date of the document holds for its lines"
    elif place.path and not place.path.startswith("/") and path.startswith("lines."):
        yield "by the heading of its column"
    elif around.pages and (place.box or not place.path):
        yield from around.reason(path, place)
    elif place.path:
        yield "the format says what stands there"
    yield from _proof(extraction, path)


def _proof(extraction: Extraction, path: str) -> Iterator[str]:
    """What other values say of this one."""
    document = extraction.document
    if path.startswith("lines."):
        number, _, name = path.removeprefix("lines.").partition(".")
        if name in AMOUNTS and number.isdigit() and line_proven(document.lines[int(number)]):
            yield "quantity × price is the line's total"
        return
    if path == "net_total" and lines_make_net(document):
        yield "the lines add up to it"
    if path in {"net_total", "tax_total", "gross_total"} and document.tax_total and net_makes_gross(document):
        yield "net + tax is the gross total"


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What stands around the values."""

    pages: Sequence[Page]
    lexicon: Lexicon

    def reason(self, path: str, place: Evidence) -> Iterator[str]:
        name = "order_references" if path.startswith("order_references") else path.rpartition(".")[2]
        in_line = path.startswith("lines.")
        page = next((page for page in self.pages if page.number == (place.page or 1)), None)
        words = _words_at(page, place) if page else []
        if page is None or not words:
            return
        heading = self._heading(page, words, name) if in_line else ""
        if heading:
            yield f"under the heading “{heading}”"
        elif beside := self._beside(page, words, name):
            yield f"after “{beside}”"
        elif above := "" if in_line else self._above(page, words, name):
            yield f"below “{above}”"
        else:
            yield _without_label(name, in_line=in_line)

    def _beside(self, page: Page, words: Sequence[Word], name: str) -> str:
        """The label to the left of the value, on its line."""
        row = next(row for row in page.rows if words[0] in row.words)
        return _last_label(row.words[: row.words.index(words[0])], name, self.lexicon)

    def _above(self, page: Page, words: Sequence[Word], name: str) -> str:
        left, right, top = words[0].x0, words[-1].x1, words[0].y0
        for row in reversed(page.rows):
            if row.y1 > top or top - row.y1 > _REACH * words[0].height:
                continue
            for segment in row.segments:
                over = segment.x0 < right and left < segment.x1 + segment.height
                if over and (label := _last_label(segment.words, name, self.lexicon)):
                    return label
        return ""

    def _heading(self, page: Page, words: Sequence[Word], name: str) -> str:
        """The heading of the value's column: the nearest above, if need be on a page before."""
        left = min(word.x0 for word in words) - words[0].height
        right = max(word.x1 for word in words) + words[0].height
        above = [row for row in page.rows if row.y1 <= (words[0].y0 + words[0].y1) / 2]
        earlier = [row for other in self.pages if other.number < page.number for row in other.rows]
        for row in reversed([*earlier, *above]):
            tokens = tokens_with_words(row.words)
            names = [token for token, _ in tokens]
            for start in range(len(tokens)):
                match = self.lexicon.columns.at(names, start)
                if match is None or name not in match.names:
                    continue
                printed = row.words[tokens[start][1] : tokens[match.end - 1][1] + 1]
                if printed[0].x0 < right and left < printed[-1].x1:
                    return text_of(printed)
        return ""


def _last_label(words: Sequence[Word], name: str, lex: Lexicon) -> str:
    """The label nearest to the end of these words that gives the field; empty where none does."""
    if not words:
        return ""
    for match, first, last in reversed(labels_of(Segment(tuple(words)), lex)):
        if any(_gives(label, name) for label in match.names):
            return text_of(words[first : last + 1])
    return ""


def _gives(label: str, name: str) -> bool:
    if name == "number":
        return label.startswith("number")
    return label in _LABELS.get(name, {name})


def _without_label(name: str, *, in_line: bool) -> str:
    if in_line:
        return "in the line, in a column without a known heading"
    return _BY_FORM if name in _FORM else "a title names it" if name == "doc_type" else _BY_PLACE


def _words_at(page: Page, place: Evidence) -> list[Word]:
    """The words at the place: those whose middle lies in its box, or those of its line of text."""
    for row in page.rows:
        if place.box is None and (found := [word for word in row.words if _holds(place, word)]):
            return found
    return [word for row in page.rows for word in row.words if place.box and _encloses(place.box, word)]


def _holds(place: Evidence, word: Word) -> bool:
    if place.offset is None or word.offset is None:
        return False
    return 0 <= word.offset - place.offset < len(place.text or "")


def _encloses(box: Box, word: Word) -> bool:
    left, top, right, bottom = word.box
    return box[0] <= (left + right) / 2 <= box[2] and box[1] <= (top + bottom) / 2 <= box[3]
