"""What kind of document a page is, by its title."""

from collections.abc import Sequence
from functools import lru_cache
from statistics import median
from typing import Final

from extraction.layout.geometry import Page, Segment, Word
from extraction.layout.header_fields import Candidate, dates_in, following_id, labels_of
from extraction.layout.lexicon import Lexicon, month_names, tokens_of
from extraction.layout.lexicon import lexicon as lexicon_of

# On a draw the later stage of a purchase wins: a confirmation also says "order", a corrected invoice "invoice".
_RANK: Final = (
    "quote",
    "order",
    "order_change",
    "order_cancellation",
    "invoice",
    "reminder",
    "delivery_note",
    "credit_note",
    "order_confirmation",
)


# A title worth less than this is a word in a text; the label of the document's number then says more.
_CLEAR: Final = 2.4
# A title in spaced letters has more than this many.
_SPACED: Final = 4
# What stands between a number and its date: "du", "van".
_SHORT: Final = 3
_IMPLIED: Final = ("order_confirmation", "invoice", "credit_note")


def find_doc_type(
    pages: Sequence[Page], lexicon: Lexicon, candidates: Sequence[Candidate]
) -> tuple[str, list[Word]]:
    """The kind of document and the words that say so; `other` and none when nothing does."""
    if not pages:
        return "other", []
    page = pages[0]
    heights = [segment.height for row in page.rows for segment in row.segments]
    usual = median(heights) if heights else 1.0
    best: tuple[float, int, str, list[Word]] = (0.8, -1, "other", [])
    for row in page.rows:
        for segment in row.segments:
            for name, words, coverage in _titles(segment, lexicon):
                # "Bestellung : 4711" is a label with its value, no title, and "PO no.:" often another's.
                labels = segment is not row.segments[-1] and row.segments[1].text.startswith(":")
                labels = labels or (name == "order" and _numbers(segment))
                score = 2.0 * coverage - 1.5 * labels + min(2.0, 2.0 * (segment.height / usual - 1.0))
                score += 0.5 * (1.0 - row.y0 / max(page.height, 1.0)) + 0.3 * words[0].text.isupper()
                score += 0.3 * (len(words) > 1) + 0.4 * (segment.words[0] is words[0])
                key = (score, _RANK.index(name), name, words)
                if key[:2] > best[:2]:
                    best = key
    if best[0] < _CLEAR:
        for candidate in candidates:
            kind = candidate.name.removeprefix("number_")
            if kind in _IMPLIED and kind != candidate.name:
                return kind, list(candidate.label)
    if not best[3]:
        return _summed(page, lexicon)
    return best[2], best[3]


def titled(pages: Sequence[Page], title: Sequence[Word], doc_type: str) -> list[Candidate]:
    """The number that stands beside the title, "ORDER CONFIRMATION 4711 dated 3 May 2026", and the date after it: for
    where no label says them."""
    row = next((row for page in pages[:1] for row in page.rows if title and title[-1] in row.words), None)
    after = row.words[row.words.index(title[-1]) + 1 :] if row else []
    number = following_id(after)
    if not number:
        return []
    name, label = f"number_{doc_type}", tuple(title)
    dates = dates_in(after[after.index(number[0]) + 1 :][:6])
    return [
        Candidate(name, tuple(number), 0.0, label, "inline"),
        *(Candidate(f"date_of_{name}", tuple(hit), 0.0, label, "inline") for hit in dates),
    ]


def _numbers(segment: Segment) -> bool:
    colon = next((number for number, text in enumerate(segment.texts, 1) if text.endswith(":")), 0)
    return any(tokens_of(text)[-1:] == ("no",) for text in segment.texts[:colon])


def _summed(page: Page, lexicon: Lexicon) -> tuple[str, list[Word]]:
    """An invoice where a page without a title calls its total so, "Rechnungsbetrag"; `other` else."""
    for row in page.rows:
        for segment in row.segments:
            for match, first, last in labels_of(segment, lexicon):
                if "invoice_total" in match.names:
                    return "invoice", list(segment.words[first : last + 1])
    return "other", []


def _titles(segment: Segment, lexicon: Lexicon) -> list[tuple[str, list[Word], float]]:
    """The kinds a text names, with the words that do and how much of the text they are."""
    return [
        (name, [segment.words[index] for index in spots], coverage)
        for name, spots, coverage in _named(segment.texts, lexicon.language)
    ]


def _is_of(token: str, language: str) -> bool:
    """Whether the word stands before a date: "vom", "dated"."""
    return "order_date" in lexicon_of(language).labels.exact((token,))


@lru_cache(maxsize=8192)
def _named(texts: tuple[str, ...], language: str) -> tuple[tuple[str, tuple[int, ...], float], ...]:
    doc_types = lexicon_of(language).doc_types
    printed = [index for index, text in enumerate(texts) if any(map(str.isalnum, text))]
    tokens = [(token, spot) for spot, index in enumerate(printed) for token in tokens_of(texts[index])]
    names = [token for token, _ in tokens]
    if len(names) > _SPACED and all(len(token) == 1 for token in names):
        # R E C H N U N G
        match = doc_types.at(["".join(names)], 0)
        return tuple((name, tuple(printed), 1.0) for name in match.names) if match else ()
    found: list[tuple[str, tuple[int, ...], float]] = []
    position = 0
    while position < len(tokens):
        match = doc_types.at(names, position)
        position = match.end if match else position + 1
        if match:
            last = tokens[match.end - 1][1]
            # A number, its label and a date may follow a title and make it no weaker.
            after = [texts[index] for index in printed[last + 1 :]]
            plain = [token for text in after if text.strip(".:,").isalpha() for token in tokens_of(text)]
            plain = [name for name in plain if name != "no" and not _is_of(name, language)]
            if any(map(str.isdigit, "".join(after))):
                plain = [name for name in plain if len(name) > _SHORT and name not in month_names()]
            coverage = (match.end - match.start) / (match.end + len(plain))
            spots = tuple(printed[tokens[match.start][1] : last + 1])
            found.extend((name, spots, coverage) for name in match.names)
    return tuple(found)
