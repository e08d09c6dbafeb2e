"""What a letter says in its sentences: that it confirms an order, and when the goods come."""

import re
from dataclasses import replace
from typing import Final

from extraction.layout.dates import is_month_first
from extraction.layout.geometry import Page, Word, evidence_of, tokens_with_words
from extraction.layout.header_fields import read_date
from extraction.layout.lexicon import Lexicon, lexicon
from extraction.layout.lines import first_date
from extraction.schemas import Extraction

# The writer confirms; "we ask you to confirm" and "we cannot confirm" say something else.
_CONFIRMS: Final = re.compile(
    r"\b(?:(?:wir|ich)\b[^.]{0,80}\bbestätige[n]?|bestätige[n]?\s+(?:wir|ich)|(?:we|I)\b[^.]{0,40}\b(?:confirm|acknowledge)"
    r"|nous\b[^.]{0,40}\b(?:confirmons|accusons)|(?:confermiamo|confermo)|confirmamos|confirmo"
    r"|(?:wij|we|ik)\b[^.]{0,40}\bbevestigen?|bevestigen?\s+(?:wij|we|ik))\b",
    re.IGNORECASE,
)
_DENIES: Final = re.compile(
    r"\b(?:nicht|not|cannot|can't|pas|non|no|niet|bitte[nt]?|ask|please|prions|preghiamo|rogamos|verzoeken)\b",
    re.IGNORECASE,
)
# So many words after "Liefertermin" may come its date: "ist der 12. Mai 2026".
_REACH: Final = 8


def completed(extraction: Extraction, page: Page) -> Extraction:
    """The document with the kind that a letter without a title says in a sentence, and the date of delivery that stands
    in one; without a seller where only the salutation was taken for one."""
    document = extraction.document
    evidence = dict(extraction.evidence)
    if document.doc_type == "other" and document.order_reference and _confirms(page):
        document = replace(document, doc_type="order_confirmation")
    texts = [row.text for row in page.rows]
    month_first = is_month_first(texts, document.currency)
    words = [] if document.delivery_date else _delivery(page, lexicon(document.language or "en"))
    day = first_date(words, month_first=month_first)
    if day is not None:
        evidence["delivery_date"] = evidence_of(words)
        document = replace(document, delivery_date=day)
    guessed = any(finding.code == "seller_guessed" for finding in document.findings)
    if guessed and _is_salutation(page, evidence["seller_name"].offset):
        del evidence["seller_name"]
        kept = tuple(finding for finding in document.findings if finding.code != "seller_guessed")
        document = replace(document, seller_name=None, findings=kept)
    return replace(extraction, document=document, evidence=evidence)


def _confirms(page: Page) -> bool:
    text = " ".join(row.text for row in page.rows)
    return any(not _DENIES.search(found.group()) for found in _CONFIRMS.finditer(text))


def _delivery(page: Page, known: Lexicon) -> list[Word]:
    """The words of the first date after a word for delivery, in one line."""
    for row in page.rows:
        tokens = tokens_with_words(row.words)
        names = [name for name, _ in tokens]
        for start in range(len(names)):
            match = known.labels.at(names, start)
            if match and "delivery_date" in match.names:
                last = tokens[match.end - 1][1]
                if words := read_date(row.words[last + 1 : last + 1 + _REACH]):
                    return words
    return []


def _is_salutation(page: Page, offset: int | None) -> bool:
    """Whether the name at this offset is a line like "Hallo," or a single word: a text has no large print to go by."""
    row = next((row for row in page.rows if any(word.offset == offset for word in row.words)), None)
    return row is not None and (len(row.words) == 1 or row.text.endswith((",", "!", ":")))
