"""Tills' receipts: who sold, when, and for how much, on a strip of paper without a table's heading."""

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from datetime import date
from statistics import fmean
from typing import Any, Final

from extraction.extractors.ocr.repair import Repair, around, doubt
from extraction.extractors.ocr.till_sums import Sum, total_to_pay
from extraction.extractors.ocr.till_words import WORDS, till_words
from extraction.extractors.ocr.words import ReadWord
from extraction.layout.dates import find_dates
from extraction.layout.geometry import Page, Row, Word, evidence_of, text_of
from extraction.layout.header_fields import dates_in
from extraction.layout.lexicon import tokens_of
from extraction.layout.numbers import currency_of
from extraction.layout.terms import find_currency
from extraction.schemas import CanonicalDocument, Evidence, Extraction

# What a till's receipt is called, if anything.
_TITLES: Final = frozenset({"other", "invoice"})
# What only a till prints, by kind.
_KINDS: Final = tuple(WORDS[kind] for kind in ("tender", "change", "paper", "person", "paid"))

_ADDRESS: Final = re.compile(
    r"^(?:no|lot|jalan|jln|street|road|strasse|straße|rue|via|calle|av|avenue|avda|tel|fax|phone|gst|http\w*|www|email|level|unit|suite"
    r"|block|co|reg|company|roc|taman|plaza)\b|\d{4,}|@",
    re.IGNORECASE,
)
_LEGAL: Final = re.compile(
    r"\b(?:sdn\.?|bhd\.?|berhad|s/b|plt|gmbh|ag|kg|ohg|e\.k\.|ltd\.?|limited|plc|llp|llc|inc\.?|corp\.?|s\.?r\.?l\.?|s\.?p\.?a\.?"
    r"|s\.?a\.?s\.?|sarl|b\.?v\.?|n\.?v\.?|s\.?l\.?|v\.?o\.?f\.?|pte|pty)(?:\W|$)",
    re.IGNORECASE,
)
# Rows of the top in which the seller's own name stands.
_NEAR_TOP: Final = 4
# A strip is so many times as high as wide; a full sheet of A4 is not.
_STRIP: Final = 1.65
# What the layout reader finds on a receipt, too.
_LAID_OUT: Final = (
    *("number", "issue_date", "seller_name", "seller_vat_id", "seller_email", "currency"),
    *("net_total", "tax_total", "gross_total"),
)
# What is neither a word nor a figure ends no name: what is left of a register number.
_NO_WORD: Final = re.compile(r"\d*[^\w\s]+[\d\W]*")
# Goods and their prices stand below the names.
_AMOUNT: Final = re.compile(r"(?<![\d.,])\d+[.,]\d\d(?![\d.,])")
# Rows that were read with less confidence name nobody.
_LEGIBLE: Final = 0.5
# What a receipt says in places of its own.
_OWN: Final = frozenset({"seller_name", "issue_date", "gross_total"})
# Fewer of a receipt's values make no document.
_ENOUGH: Final = 2
_FIGURES: Final = str.maketrans("OoQlISsBZ", "000115582")
_DOLLARS: Final = re.compile(r"(?:\bUSD|\$) ?\d+[.,]\d\d\b")
_NUMBER: Final = re.compile(
    r"\b(?:receipt|bill|ticket|check|slip|bon|beleg|quittung|scontrino|recibo|reçu|transaction) ?-?"
    r"(?:no|nr|n[°º]|number|nummer|#)[.: ]*(\w*\d{3,}[\w/-]*)",
    re.IGNORECASE,
)
_BROKEN_DATE: Final = re.compile(
    r"([0-3OoQlI]?[\dOoQlISB])\W{1,2}([01OoQlI]?[\dOoQlISB])\W{1,2}((?:[2Z][0OoQ])?[012OoQlIZ][\dOoQlISB])"
    r"(?:\d{1,2}:[\d:]+)?"
)


def is_receipt(pages: Sequence[Page], *, has_lines: bool) -> bool:
    """Whether the pages are a till's receipt: its words in its shape, the more of them where a table was found."""
    if len(pages) != 1 or not pages[0].rows:
        return False
    rows = pages[0].rows
    tokens = {word for row in rows for word in till_words(row.text)}
    kinds = sum(bool(tokens & kind) for kind in _KINDS)
    across = max(row.words[-1].x1 for row in rows) - min(row.words[0].x0 for row in rows)
    strip = rows[-1].y1 - rows[0].y0 > _STRIP * across
    return bool(tokens & WORDS["sum"]) and kinds >= has_lines + 2 * (not strip)


def read_receipt(readings: Sequence[Page], laid_out: Extraction | None) -> Extraction | None:
    """The receipt from one or more readings of it, the first the one that was laid out, with what the layout reader
    found where a receipt's own places say nothing better."""
    values: dict[str, Any] = dict(_known(laid_out))
    evidence: dict[str, Evidence] = dict(laid_out.evidence) if laid_out else {}
    total = total_to_pay([page.rows for page in readings])
    # What was taken for the parts of another total tells nothing of this one.
    if total and values.get("gross_total") != total.value:
        for name in ("net_total", "tax_total"):
            values.pop(name, None)
    found = dict(_found(readings, total, values.keys()))
    for name, (value, words) in found.items():
        values[name] = value
        evidence[name] = evidence_of(words)
    if len(values.keys() & {"number", *_OWN}) < _ENOUGH:
        return None
    kind = laid_out.document.doc_type if laid_out else "other"
    findings = [Repair.finding_of("gross_total")] if total and total.repaired else []
    findings += [doubt(name) for name in ("issue_date", "gross_total") if _is_disputed(name, readings)]
    document = CanonicalDocument(
        doc_type="receipt" if kind in _TITLES else kind,
        language=laid_out.document.language if laid_out else None,
        confidence=round(0.6 * len(_OWN & found.keys()) / len(_OWN), 3),
        findings=tuple(findings),
        **values,
    )
    return Extraction(
        document=document, evidence={name: evidence[name] for name in values if name in evidence}
    )


def _found(
    readings: Sequence[Page], total: Sum | None, known: Set[str]
) -> Iterator[tuple[str, tuple[object, Sequence[Word]]]]:
    """The values in a receipt's own places, each with its words."""
    if seller := _best_seller(readings):
        yield "seller_name", (text_of(seller).strip(" ,;:·|-*."), seller)
    if "currency" not in known and (sign := find_currency(readings, ())):
        yield "currency", (currency_of(text_of(sign)), sign)
    if "number" not in known and (number := _number([row for page in readings for row in page.rows])):
        yield "number", (text_of(number), number)
    if dated := _date([page.rows for page in readings]):
        yield "issue_date", dated[:2]
    if total:
        yield "gross_total", (total.value, total.words)


def _known(laid_out: Extraction | None) -> Iterator[tuple[str, object]]:
    if laid_out is None:
        return
    document = laid_out.document
    for name in _LAID_OUT:
        if (value := getattr(document, name)) is not None and name in laid_out.evidence:
            yield name, value


def _is_disputed(name: str, readings: Sequence[Page]) -> bool:
    """Whether a field had to be mended or the readings, each alone, say different things of it."""
    alone = [[page.rows] for page in readings]
    if name == "issue_date":
        dates = [dated for rows in alone if (dated := _date(rows))]
        return len({day for day, _, _ in dates}) > 1 or (
            bool(dates) and all(mended for _, _, mended in dates)
        )
    return len({total.value for rows in alone if (total := total_to_pay(rows))}) > 1


def _best_seller(readings: Sequence[Page]) -> list[Word]:
    """Of the names that the readings give the one with a company's form, else the one that was read most surely."""
    named = [name for page in readings if (name := _seller(page))]
    return max(named, key=lambda name: (bool(_LEGAL.search(text_of(name))), _sureness(name)), default=[])


def _sureness(words: Sequence[Word]) -> float:
    return fmean(word.confidence if isinstance(word, ReadWord) else 1.0 for word in words)


def _seller(page: Page) -> list[Word]:
    """The name at the top: one with a company's legal form, else one that tells a trade, else the first that is no
    title. Below the title of a receipt whose seller's trade is told stands whom it was made out to."""
    rows = [row for row in page.rows if row.y0 < page.height * 0.35][:14]
    named: list[list[Word]] = []
    for row in rows:
        if _is_title(row) and (traded := _traded(named)):
            return traded[0]
        if named and _AMOUNT.search(row.text):
            break
        words = _name(row)
        if not words:
            continue
        form = _LEGAL.search(text_of(words))
        if form and named and not _name_before(text_of(words), form):
            # The form stands on a line of its own below the name.
            return [*named[-1], *words]
        if form:
            return words
        named.append(words)
    return (_traded(named[:_NEAR_TOP]) or named or [[]])[0]


def _traded(names: Sequence[list[Word]]) -> list[list[Word]]:
    return [name for name in names if not WORDS["trade"].isdisjoint(tokens_of(text_of(name)))]


def _is_title(row: Row) -> bool:
    tokens = set(tokens_of(row.text))
    return tokens <= WORDS["titles"] and bool(tokens & WORDS["documents"])


def _name_before(text: str, form: re.Match[str]) -> bool:
    return sum(char.isalpha() for char in text[: form.start()]) > 2


def _name(row: Row) -> list[Word]:
    """The words of a row that may be a name: without a register number in brackets, not a title or an address."""
    words = [word for word in row.words if word.text == "&" or any(char.isalnum() for char in word.text)]
    sure = [word.confidence for word in words if isinstance(word, ReadWord)]
    if sure and fmean(sure) < _LEGIBLE:
        return []
    for index, word in enumerate(words):
        bracketed = word.text.startswith("(") and any(
            char.isdigit() for char in text_of(words[index : index + 2])
        )
        if index and (bracketed or re.fullmatch(r"\(?\d{5,}-?\w?\)?", word.text)):
            words = words[:index]
            break
    while len(words) > 1 and _NO_WORD.fullmatch(words[-1].text):
        words = words[:-1]
    tokens = tokens_of(text_of(words))
    letters = sum(char.isalpha() for char in text_of(words))
    if letters < 4 or letters < 0.6 * sum(char.isalnum() for char in text_of(words)):
        return []
    if (
        all(token in WORDS["titles"] for token in tokens)
        or _ADDRESS.search(text_of(words))
        or _is_dirt(words)
    ):
        return []
    return words


def _is_dirt(words: Sequence[Word]) -> bool:
    return max(len(re.sub(r"\W", "", word.text)) for word in words) < 3


def _number(rows: Sequence[Row]) -> list[Word]:
    """What follows a till's own name of its paper with a sign of a number: `Receipt No: 57269`."""
    for row in rows:
        if (named := _NUMBER.search(row.text)) and (
            words := [word for word in row.words if word.text == named[1]]
        ):
            return words[:1]
    return []


def _date(readings: Sequence[Sequence[Row]]) -> tuple[date, list[Word], bool] | None:
    """The first date, one that is labelled before others, and whether it had to be mended. Tills write the day
    first, outside the United States; where a date allows only the other order, a figure of it was misread, and any
    that allows it goes before."""
    dollars = any(_DOLLARS.search(row.text) for rows in readings for row in rows)
    found: list[tuple[tuple[bool, bool, bool], date, list[Word]]] = []
    for row in (row for rows in readings for row in rows):
        said = till_words(row.text)
        labelled = bool(said & WORDS["date"]) and not said & WORDS["later"]
        dates = list(dates_in(row.words))
        broken = [] if dates else list(_mended(row.words))
        for words in dates or broken:
            read = find_dates(text_of(words))
            day = read[0].read(month_first=dollars) if read else None
            if day and words:
                usual = read[0].month_first if dollars else read[0].day_first
                found.append(((bool(broken), usual is None, not labelled), day, words))
    if not found:
        return None
    (mended, *_), day, words = min(found, key=lambda item: item[0])
    return day, words, mended


def _mended(words: Sequence[Word]) -> Iterator[list[Word]]:
    """The words of a date that lost a stroke or its space before the time: `05 02-18`, `5/2/201814:12`."""
    for start, first in enumerate(words):
        for end in range(start + 1, min(start + 4, len(words)) + 1):
            text = text_of(words[start:end])
            read = _BROKEN_DATE.fullmatch(text)
            if read and re.search("[-/]", text):
                plain = "/".join(part.translate(_FIGURES) for part in read.groups())
                yield [
                    replace(
                        first,
                        text=plain,
                        x1=words[end - 1].x1,
                        shown=around([word.box for word in words[start:end]]),
                    )
                ]
