"""Where one document ends and the next begins, when several were put into one file."""

import re
from collections.abc import Sequence
from statistics import median
from typing import Final

from extraction.layout.doc_types import find_doc_type
from extraction.layout.geometry import Page
from extraction.layout.header_fields import Candidate, find_candidates
from extraction.layout.lexicon import language_of, lexicon
from extraction.schemas import Json

# A document's title and number stand in this share of its first page.
_UPPER: Final = 0.5
# A title's print is so many times as high as the usual, or in capitals.
_TITLE: Final = 1.15
_COUNTER: Final = re.compile(
    r"\b(?:Seite|Blatt|Page|Pagina|Página|Pág|Pag|Sheet)[.:]?\s*(?:n[°º.]\s*)?(\d{1,3})\b", re.IGNORECASE
)


def split_pages(pages: Sequence[Page]) -> list[list[Page]]:
    """The pages of each document, in order. A new one begins where a page has a title and a number of its own that
    the pages before do not show, does not show theirs, and is not counted as a later page."""
    groups = [list(pages[:1])] if pages else []
    number: str | None = None
    for page in pages[1:]:
        if _counter(page) > 1 or (number is not None and number in _texts(page)):
            groups[-1].append(page)
            continue
        number = number or _number(groups[-1][0])
        own = _number(page) if number and number not in _texts(page) else None
        if own and not any(own in _texts(other) for other in groups[-1]):
            groups.append([page])
            number = own
        else:
            groups[-1].append(page)
    return groups


def pages_read(pages: Sequence[Page], document: Json) -> Sequence[Page]:
    """Of several documents in one file the pages of this one, by the evidence in its canonical JSON; all where that
    names none."""
    spots = {place.get("page") for place in document.get("evidence", {}).values()}
    groups = split_pages(pages) if spots else []
    return next((group for group in groups if spots & {page.number for page in group}), pages)


def _number(page: Page) -> str | None:
    """The number in the page's head, where a title in larger print and a date stand there as well."""
    language = language_of(word.text for row in page.rows for word in row.words)
    lex = lexicon(language)
    candidates = find_candidates([page], set(), lex)
    numbers = [item for item in candidates if item.name.startswith("number_") and _is_upper(item, page)]
    if not numbers:
        return None
    dated = any(
        item.name in {"issue_date", *(f"date_of_{own.name}" for own in numbers)} for item in candidates
    )
    kind, title = find_doc_type([page], lex, candidates)
    usual = median(row.height for row in page.rows)
    if kind == "other" or not dated or not title or title[0].y0 > _UPPER * page.height:
        return None
    if title[0].height < _TITLE * usual and not title[0].text.isupper():
        return None
    own = [item for item in numbers if item.name == f"number_{kind}"]
    return (own or numbers)[0].text.strip(" :;,.()")


def _is_upper(candidate: Candidate, page: Page) -> bool:
    return candidate.words[0].y0 < _UPPER * page.height


def _counter(page: Page) -> int:
    """The page's number as printed on it; 0 where it is not."""
    found = (_COUNTER.search(segment.text) for row in page.rows for segment in row.segments)
    return max((int(match[1]) for match in found if match), default=0)


def _texts(page: Page) -> str:
    return "\n".join(row.text for row in page.rows)
