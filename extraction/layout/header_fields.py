"""Header fields: known labels, and the value beside or below each."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from extraction.layout.dates import find_dates
from extraction.layout.geometry import Page, Row, Segment, Word, printed, text_of
from extraction.layout.lexicon import Lexicon, Match, tokens_of
from extraction.layout.lexicon import lexicon as lexicon_of

# How far below its label a value may stand, in heights of the label.
BELOW: Final = 2.6
# A party's name may stand below its numbers.
PARTY_BELOW: Final = 5.0
PLACES: Final = {"inline": 1.0, "right": 0.8, "below": 0.6}

DATES: Final = frozenset({"issue_date", "delivery_note_date", "order_date", "other_date", "delivery_date"})
TEXTS: Final = frozenset({"payment_terms", "incoterm"})
PARTIES: Final = frozenset({"seller", "buyer", "ship_to"})
_IGNORED: Final = frozenset(
    {"net_total", "sub_total", "tax_total", "gross_total", "invoice_total", "charge", "allowance"}
)

_ID: Final = re.compile(r"(?=[^\W_]*[\w./+#-]*\d)[^\W_#][\w./+#-]*")
_IBAN: Final = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
# The states whose numbers begin with their code.
_STATES: Final = (
    "AT BE BG CH CY CZ DE DK EE EL ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO RS SE"
)
VAT_PREFIXES: Final = frozenset({*_STATES.split(), "SI", "SK", "TR", "XI"})
_VAT: Final = re.compile(rf"(?:{'|'.join(sorted(VAT_PREFIXES))})[A-Z0-9+*]{{7,13}}")
# "Nummer: 4711" names the document's; "Nr." may be any.
_SPELLED_OUT: Final = 5
# "9177 AB Utrecht", "43 rue du Moulin": a line of an address beside.
_ADDRESS: Final = re.compile(r"\d{1,5}[a-z]?,?(?: [A-Z]{2})? [^\W\d_].*")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")


Label = tuple[Match, int, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value found for a label; `name` is the label's meaning, `words` are the value's."""

    name: str
    words: tuple[Word, ...]
    score: float
    label: tuple[Word, ...]
    place: str

    @property
    def text(self) -> str:
        return text_of(self.words)

    @property
    def is_apart(self) -> bool:
        """Whether label and value stand for themselves and not in a line of text."""
        return self.place != "inline" or self.label[-1].text.endswith(":")


def find_candidates(pages: Sequence[Page], taken: set[tuple[int, int]], lexicon: Lexicon) -> list[Candidate]:
    """Every labelled value outside the tables, best first."""
    found: list[Candidate] = []
    for page in pages:
        for index, row in enumerate(page.rows):
            if (page.number, index) in taken:
                continue
            for position in range(len(row.segments)):
                found.extend(_of_segment(page, index, position, taken, lexicon))
    return sorted(found, key=lambda candidate: -candidate.score)


def labels_of(segment: Segment, lexicon: Lexicon) -> tuple[Label, ...]:
    """The labels in a segment as (match, first word, last word), none overlapping another."""
    return _labels(segment.texts, lexicon.language)


@lru_cache(maxsize=8192)
def _labels(texts: tuple[str, ...], language: str) -> tuple[Label, ...]:
    labels = lexicon_of(language).labels
    tokens = [(token, index) for index, text in enumerate(texts) for token in tokens_of(text)]
    names = [token for token, _ in tokens]
    found = []
    position = 0
    while position < len(tokens):
        match = labels.at(names, position)
        whole = match and (match.end == len(tokens) or tokens[match.end][1] != tokens[match.end - 1][1])
        begins = position == 0 or tokens[position - 1][1] != tokens[position][1]
        if match and whole and begins:
            found.append((match, tokens[match.start][1], tokens[match.end - 1][1]))
            position = match.end
        else:
            position += 1
    return tuple(found)


def _of_segment(
    page: Page, index: int, position: int, taken: set[tuple[int, int]], lexicon: Lexicon
) -> Iterator[Candidate]:
    row = page.rows[index]
    segment = row.segments[position]
    labels = labels_of(segment, lexicon) or _bare_number(segment)
    for number, (match, first, last) in enumerate(labels):
        leads = first == 0 or segment.words[first - 1].text.endswith((":", "·", "-", "|", ",", ";", "/"))
        # "Notre code fournisseur" names no one.
        names = [name for name in match.names if name not in _IGNORED and (leads or name not in PARTIES)]
        after = segment.words[last + 1].text if last + 1 < len(segment.words) else _beside(row, position)
        colon = segment.words[last].text.endswith(":") or after.startswith(":")
        numbered = match.names[0].startswith("number") and tokens_of(segment.words[last].text)[-1:] == ("no",)
        if number and labels[number - 1][2] + 1 == first and DATES & set(names):
            # "Your order date" is a date of the order, and "Your order" no label with a value here.
            names = ["order_date" if "order_reference" in labels[number - 1][0].names else "other_date"]
        if names and not (leads or colon or numbered):
            yield from _told(segment, match, first, last)
            continue
        if not names or _is_cut(segment.words, last):
            continue
        # Where the next label follows at once, this one was part of it: "Rechnung | Nr."
        stop = labels[number + 1][1] if number + 1 < len(labels) else len(segment.words)
        weight = 1.0 + 0.5 * (match.end - match.start) + 0.7 * colon + 0.5 * (first == 0)
        weight -= 0.4 * (page.number > 1)
        for name in names:
            # Terms are a text to its end, whatever else it names.
            end = len(segment.words) if name in TEXTS else stop
            value = _value(page, index, position, (last + 1, end), taken, lexicon, READERS.get(name, read_id))
            if value:
                words, place = value
                score = weight + PLACES[place]
                label = segment.words[first : last + 1]
                yield Candidate(name, tuple(words), score, label, place)
                if name.startswith("number") and place == "inline":
                    # "Rechnung Nr. 4711 vom 3. Mai 2026", also with the date on the next line
                    for hit in dates_in(
                        [*segment.words[last + 1 :], *_next_line(page, index, segment, lexicon)]
                    ):
                        yield Candidate(f"date_of_{name}", tuple(hit), score, label, place)


def _is_sign(word: Word) -> bool:
    """Whether the word is a mere sign for "number" and no label of its own."""
    return tokens_of(word.text) == ("no",) and sum(map(str.isalpha, word.text)) < _SPELLED_OUT


def _bare_number(segment: Segment) -> tuple[Label, ...]:
    """The label "Nummer:", spelled out and alone or with a colon: the document's own."""
    first = segment.words[0]
    apart = len(segment.words) == 1 or first.text.endswith(":") or segment.words[1].text == ":"
    spelled = tokens_of(first.text) == ("no",) and not _is_sign(first)
    return ((Match(0, 1, ("number",)), 0, 0),) if apart and spelled else ()


def _told(segment: Segment, match: Match, first: int, last: int) -> Iterator[Candidate]:
    """The order a sentence names: "wir bestätigen Ihre Bestellung 4711 vom 3. Mai"."""
    words = following_id(segment.words[last + 1 :]) if "order_reference" in match.names else []
    if words:
        score = 1.0 + 0.5 * (match.end - match.start)
        yield Candidate("order_reference", tuple(words), score, segment.words[first : last + 1], "inline")


def following_id(words: Sequence[Word]) -> list[Word]:
    """The document's number these words begin with, at most a sign for "number" before it; a year is none."""
    run = printed(words)[:4]
    if run and _is_sign(run[0]):
        run = run[1:]
    text = run[0].text.strip(":;,()[]*") if run else ""
    if len(text) < 3 or not _ID.fullmatch(text) or _YEAR.fullmatch(text) or run[0] in next(dates_in(run), []):
        return []
    return run[:1]


def _beside(row: Row, position: int) -> str:
    """The text of the next segment: some print their colons one below the other."""
    return row.segments[position + 1].text if position + 1 < len(row.segments) else ""


def _is_cut(words: Sequence[Word], last: int) -> bool:
    """Whether the label goes on in words we do not know: the "Date de facture" of "Date de facture associée : "."""
    for word in words[last:]:
        if word.text.endswith(":") or word.text == ":":
            return word is not words[last] and word is not words[min(last + 1, len(words) - 1)]
        if word is not words[last] and not (word.text.isalpha() and len(word.text) > 3):
            return False
    return False


def _next_line(page: Page, index: int, segment: Segment, lexicon: Lexicon) -> Sequence[Word]:
    """The line below a text that ends in a date's label, "vom"."""
    labels = labels_of(Segment(segment.words[-1:]), lexicon)
    if not labels or "order_date" not in labels[0][0].names or index + 1 == len(page.rows):
        return ()
    below = page.rows[index + 1].segments[0]
    return below.words[:3] if abs(below.x0 - segment.x0) < segment.height else ()


def _value(
    page: Page,
    index: int,
    position: int,
    inline: tuple[int, int],
    taken: set[tuple[int, int]],
    lexicon: Lexicon,
    read: "Reader",
) -> tuple[list[Word], str] | None:
    row = page.rows[index]
    segment = row.segments[position]
    rest = printed(segment.words[inline[0] : inline[1]])
    if rest:
        words = read(rest)
        return (words, "inline") if words else None
    if inline[1] < len(segment.words):
        return None
    for other in row.segments[position + 1 :]:
        run = printed(other.words)
        if not run:
            continue
        labels = labels_of(other, lexicon)
        if labels and labels[0][1] == 0:
            break
        words = [] if read is read_id and _is_address(other) else read(run)
        if words:
            return words, "right"
        break
    return _below(page, index, segment, taken, lexicon, read)


def _is_address(segment: Segment) -> bool:
    """Whether a text begins with a house's number or a postal code; a document's number may have its date behind it."""
    return bool(_ADDRESS.fullmatch(segment.text)) and not any(dates_in(segment.words))


def _below(
    page: Page, index: int, label: Segment, taken: set[tuple[int, int]], lexicon: Lexicon, read: "Reader"
) -> tuple[list[Word], str] | None:
    origin = page.rows[index]
    reach = PARTY_BELOW if read is read_name else BELOW
    for other in range(index + 1, min(index + 6, len(page.rows))):
        row = page.rows[other]
        if row.y0 - origin.y1 > reach * label.height or (page.number, other) in taken:
            return None
        for segment in row.segments:
            run = printed(_beneath(segment, label)) if is_under(segment, label) else []
            if not run:
                continue
            labels = labels_of(segment, lexicon)
            valued = any(other.text.startswith(":") for other in row.segments)
            if read is read_name and not valued and (words := read(run)):
                return words, "below"
            if read is read_name:
                break
            if labels and labels[0][1] == 0 and not _is_only_value(run):
                return None
            words = read(run)
            return (words, "below") if words else None
    return None


def is_under(value: Segment, label: Segment) -> bool:
    """Whether a value's place across the page is the one below this label."""
    return min(value.x1, label.x1 + label.height) > max(value.x0, label.x0 - label.height / 2)


def _beneath(segment: Segment, label: Segment) -> Sequence[Word]:
    """The words of a segment from the label's begin on: the value of the label before it may stand as close."""
    edge = label.x0 - label.height / 2
    return [word for word in segment.words if word.x0 >= edge] or segment.words


def _is_only_value(words: Sequence[Word]) -> bool:
    return all(any(char.isdigit() for char in word.text) for word in words)


Reader = Callable[[Sequence[Word]], list[Word]]


def read_id(words: Sequence[Word]) -> list[Word]:
    """A document's number: the first word with a digit, with a short prefix before it where one is printed apart; after
    "No." where that follows within a few words."""
    signs = [index for index, word in enumerate(words[:4]) if tokens_of(word.text) == ("no",)]
    start = signs[0] + 1 if signs and all(word.text.isalpha() for word in words[: signs[0]]) else 0
    for index, word in enumerate(words[start : start + 3]):
        text = word.text.strip(":;,()[]*")
        if _ID.fullmatch(text):
            after = list(words[start + index : start + index + 3])
            return [] if word in next(dates_in(after), []) else [word]
        if not (index == 0 and text.isalpha() and len(text) <= 4):
            return []
    return []


def read_date(words: Sequence[Word]) -> list[Word]:
    """The words of the first date."""
    return next(dates_in(words), [])


def dates_in(words: Sequence[Word]) -> Iterator[list[Word]]:
    """The words of each date in a run of words."""
    if not any(word.text[-1].isdigit() or word.text[0].isdigit() for word in words):
        return
    text = text_of(words)
    for found in find_dates(text):
        position = 0
        hit = []
        for word in words:
            if position < found.end and position + len(word.text) > found.start:
                hit.append(word)
            position += len(word.text) + 1
        yield hit


def read_name(words: Sequence[Word]) -> list[Word]:
    """A name or an address: words, not a number and not a labelled value ("Globale Nummer: 4000")."""
    digits = sum(char.isdigit() for word in words for char in word.text)
    letters = sum(len(re.findall(r"[^\W\d_]", word.text)) > 2 for word in words)
    letters = 0 if digits > sum(char.isalpha() for word in words for char in word.text) else letters
    labelled = any(word.text.endswith(":") or word.text == ":" for word in words)
    return list(words) if letters and not labelled else []


def read_text(words: Sequence[Word]) -> list[Word]:
    return list(words)


def read_vat_id(words: Sequence[Word]) -> list[Word]:
    """A VAT identification number, also where it is printed in groups."""
    return _grouped(words, _VAT, 8)


def read_iban(words: Sequence[Word]) -> list[Word]:
    return _grouped(words, _IBAN, 10)


def _grouped(words: Sequence[Word], shape: re.Pattern[str], limit: int) -> list[Word]:
    """The longest run of words from one of the first three that has the shape when joined and ends on a digit or in
    one word."""
    for start in range(min(3, len(words))):
        best: list[Word] = []
        joined = ""
        for end in range(start, min(start + limit, len(words))):
            joined += re.sub(r"[\s.\-]", "", words[end].text.strip(":;,()"))
            grows = end == start or any(char.isdigit() for char in words[end].text)
            if not grows:
                break
            if shape.fullmatch(joined) and any(char.isdigit() for char in joined):
                best = list(words[start : end + 1])
        if best:
            return best
    return []


READERS: Final[dict[str, Reader]] = {
    **dict.fromkeys(DATES, read_date),
    **dict.fromkeys(TEXTS, read_text),
    **dict.fromkeys(PARTIES, read_name),
    "seller_vat_id": read_vat_id,
    "buyer_vat_id": read_vat_id,
    "contact": read_text,
    "currency": read_text,
    "other_amount": read_text,
}


def rows_outside(pages: Sequence[Page], taken: set[tuple[int, int]]) -> Iterator[Row]:
    """The rows no table took, in reading order."""
    for page in pages:
        for index, row in enumerate(page.rows):
            if (page.number, index) not in taken:
                yield row
