"""Tills' receipts: who sold, when, and for how much, on a strip of paper without a table's heading."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from extraction.extractors.ocr.repair import Repair, around
from extraction.extractors.ocr.words import ReadWord
from extraction.layout.amounts import Amount, amounts_in
from extraction.layout.dates import find_dates
from extraction.layout.geometry import Page, Row, Word, evidence_of, text_of
from extraction.layout.header_fields import dates_in
from extraction.layout.lexicon import tokens_of
from extraction.layout.numbers import currency_of, readings, style_of
from extraction.layout.terms import find_currency
from extraction.schemas import CanonicalDocument, Evidence, Extraction

_WORDS: Final = {
    kind: frozenset(words)
    for kind, words in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).items()
}
# What only a till prints, by kind.
_KINDS: Final = tuple(_WORDS[kind] for kind in ("tender", "change", "paper", "person", "paid"))

_ADDRESS: Final = re.compile(
    r"^(?:no|lot|jalan|jln|street|road|strasse|straße|rue|via|calle|av|avenue|avda|tel|fax|phone|gst|http\w*|www|email|level|unit|suite"
    r"|block|co|reg|company|roc|taman|plaza)\b|\d{4,}|@",
    re.IGNORECASE,
)
_FORM: Final = re.compile(
    r"\b(?:sdn\.?|bhd\.?|s/b|gmbh|ag|kg|ltd\.?|limited|inc\.?|s\.?r\.?l\.?|s\.?p\.?a\.?|sarl|sas|b\.?v\.?|n\.?v\.?|s\.?l\.?|enterprise|trading"
    r"|restaurant|restoran|store|stores|market|mart|supermarkt|hotel|café|cafe|apotheke|bakery|pharmacy|hardware)(?:\W|$)",
    re.IGNORECASE,
)
# A strip is so many times as high as wide; a full sheet of A4 is not.
_STRIP: Final = 1.65
# Rows that were read with less confidence name nobody.
_LEGIBLE: Final = 0.5
# What rounding to coins can take away or add.
_COINS: Final = Decimal("0.05")
_CENTS: Final = re.compile(r"\d[.,]\d\d\b")


@dataclass(frozen=True, slots=True)
class _Sum:
    value: Decimal
    words: tuple[Word, ...]
    rank: int
    repaired: bool = False


def is_receipt(pages: Sequence[Page], *, has_lines: bool) -> bool:
    """Whether the pages are a till's receipt: its words in its shape, the more of them where a table was found."""
    if len(pages) != 1 or not pages[0].rows:
        return False
    rows = pages[0].rows
    tokens = {token for row in rows for token in tokens_of(row.text)}
    kinds = sum(bool(tokens & kind) for kind in _KINDS)
    across = max(row.words[-1].x1 for row in rows) - min(row.words[0].x0 for row in rows)
    strip = rows[-1].y1 - rows[0].y0 > _STRIP * across
    return bool(tokens & _WORDS["sum"]) and kinds >= 1 + has_lines + (not strip)


def read_receipt(pages: Sequence[Page], laid_out: Extraction | None) -> Extraction | None:
    """The receipt, with what the layout reader found where a receipt's own places say nothing better."""
    page = pages[0]
    values: dict[str, Any] = dict(_known(laid_out))
    evidence: dict[str, Evidence] = dict(laid_out.evidence) if laid_out else {}
    found: dict[str, tuple[object, Sequence[Word]]] = {}
    if seller := _seller(page):
        found["seller_name"] = (text_of(seller).strip(" ,;:·|-*."), seller)
    if "currency" not in values and (sign := find_currency(pages, ())):
        found["currency"] = (currency_of(text_of(sign)), sign)
    if dated := _date(page.rows):
        found["issue_date"] = dated
    if total := _total(page.rows):
        found["gross_total"] = (total.value, total.words)
        # What was taken for the parts of another total tells nothing of this one.
        if values.get("gross_total") != total.value:
            for name in ("net_total", "tax_total"):
                values.pop(name, None)
                evidence.pop(name, None)
    for name, (value, words) in found.items():
        values[name] = value
        evidence[name] = evidence_of(words)
    if not values.keys() & {"number", "gross_total"}:
        return None
    kind = laid_out.document.doc_type if laid_out else "other"
    share = len({"seller_name", "issue_date", "gross_total"} & found.keys()) / 3
    document = CanonicalDocument(
        doc_type="invoice" if kind == "other" and "gross_total" in values else kind,
        language=laid_out.document.language if laid_out else None,
        confidence=round(0.6 * share, 3),
        findings=(Repair.finding_of("gross_total"),) if total and total.repaired else (),
        **values,
    )
    return Extraction(
        document=document, evidence={name: evidence[name] for name in values if name in evidence}
    )


def _known(laid_out: Extraction | None) -> Iterator[tuple[str, object]]:
    if laid_out is None:
        return
    document = laid_out.document
    for name in ("number", "issue_date", "seller_name", "seller_vat_id", "seller_email", "currency"):
        if (value := getattr(document, name)) is not None and name in laid_out.evidence:
            yield name, value
    for name in ("net_total", "tax_total", "gross_total"):
        if (value := getattr(document, name)) is not None and name in laid_out.evidence:
            yield name, value


def _seller(page: Page) -> list[Word]:
    """The first name among the rows at the top: one with a company's form, else the first that is no title."""
    rows = [row for row in page.rows if row.y0 < page.height * 0.35][:14]
    named: list[list[Word]] = []
    for index, row in enumerate(rows):
        words = _name(row)
        if not words:
            continue
        form = _FORM.search(text_of(words))
        if form and index and not _name_before(text_of(words), form) and named:
            # The form stands on a line of its own below the name.
            return [*named[-1], *words]
        if form:
            return words
        named.append(words)
    return named[0] if named else []


def _name_before(text: str, form: re.Match[str]) -> bool:
    return sum(char.isalpha() for char in text[: form.start()]) > 2


def _name(row: Row) -> list[Word]:
    """The words of a row that may be a name: without a register number in brackets, not a title or an address."""
    words = [word for word in row.words if any(char.isalnum() for char in word.text)]
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
    tokens = tokens_of(text_of(words))
    letters = sum(char.isalpha() for char in text_of(words))
    if letters < 4 or letters < 0.6 * sum(char.isalnum() for char in text_of(words)):
        return []
    if (
        all(token in _WORDS["titles"] for token in tokens)
        or _ADDRESS.search(text_of(words))
        or _is_dirt(words)
    ):
        return []
    return words


def _is_dirt(words: Sequence[Word]) -> bool:
    return max(len(re.sub(r"\W", "", word.text)) for word in words) < 3


def _date(rows: Sequence[Row]) -> tuple[date, list[Word]] | None:
    """The first date, one that is labelled before others. Tills write the day first, outside the United States; where a
    date allows only the other order, a figure of it was misread, and any that allows it goes before."""
    dollars = any(currency_of(word.text) == "USD" for row in rows for word in row.words)
    found: list[tuple[tuple[bool, bool], date, list[Word]]] = []
    for row in rows:
        for words in dates_in(row.words):
            read = find_dates(text_of(words))
            day = read[0].read(month_first=dollars) if read else None
            if day and words:
                tokens = set(tokens_of(row.text))
                labelled = bool(tokens & {"date", "datum", "data", "fecha", "time"})
                usual = read[0].month_first if dollars else read[0].day_first
                found.append(((usual is None, not labelled), day, words))
    if not found:
        return None
    _, day, words = min(found, key=lambda item: item[0])
    return day, words


def _total(rows: Sequence[Row]) -> _Sum | None:
    """The amount to pay: what cash and change leave, else the last of the amounts that are best labelled and stand
    most often."""
    style = style_of(word.text for row in rows for word in row.words)
    sums: list[_Sum] = []
    cash: list[Decimal] = []
    change: list[Decimal] = []
    printed = [_amounts(row) for row in rows]
    often = Counter(value for amounts in printed for item in amounts for value in item.values(style)[:1])
    for index, row in enumerate(rows):
        tokens = set(tokens_of(row.text))
        amounts = printed[index]
        if not amounts and index + 1 < len(rows) and tokens & _WORDS["sum"] and _bare(rows[index + 1]):
            amounts = printed[index + 1]
        if not amounts or not amounts[-1].values(style):
            continue
        value = abs(amounts[-1].values(style)[0])
        if tokens & _WORDS["change"]:
            change.append(value)
        elif tokens & _WORDS["tender"] and not tokens & _WORDS["sum"]:
            cash.append(value)
        elif rank := _rank(tokens):
            sums.append(_Sum(value, tuple(amounts[-1].words), rank))
    paid = {given - back for given in cash for back in change}
    if proven := [item for item in sums if item.value in paid and item.value > 0]:
        return max(proven, key=lambda item: item.rank)
    positive = [item for item in sums if item.value > 0]
    weights = [item.rank + min(often[item.value], 3) + (item.value in cash) for item in positive]
    ranked = zip(weights, (item.rank for item in positive), range(len(positive)), strict=True)
    chosen = positive[max(ranked)[2]] if positive else None
    owed = [value for value in paid if value > 0]
    if chosen is None or len(owed) != 1:
        return chosen
    return _printed(rows, owed[0], chosen) or _repaired(chosen, owed[0]) or chosen


def _amounts(row: Row) -> list[Amount]:
    """The amounts of a row with cents, also where the point between was lost: `105 00`."""
    words: list[Word] = []
    for word in row.words:
        last = words[-1] if words else None
        near = last is not None and word.x0 - last.x1 < word.height
        if last and near and re.fullmatch(r"\d{1,4}", last.text) and re.fullmatch(r"\d\d", word.text):
            words[-1] = replace(
                last, text=f"{last.text}.{word.text}", x1=word.x1, shown=around([last.box, word.box])
            )
        else:
            words.append(word)
    return [item for item in amounts_in(words) if _CENTS.search(item.text) and not item.is_rate]


def _bare(row: Row) -> bool:
    """Whether a row has no words of its own: the amount below its label."""
    tokens = tokens_of(row.text)
    return bool(tokens) and not any(token.isalpha() for token in tokens if len(token) > 3)


def _printed(rows: Sequence[Row], owed: Decimal, chosen: _Sum) -> _Sum | None:
    """What was owed where it stands in print, when it is the chosen sum but for rounding to coins."""
    if abs(owed - chosen.value) > _COINS:
        return None
    amounts = [amount for row in rows for amount in amounts_in(row.words) if owed in readings(amount.text)]
    return _Sum(owed, tuple(amounts[-1].words), chosen.rank) if amounts else None


def _repaired(chosen: _Sum, owed: Decimal) -> _Sum | None:
    """The chosen sum with one figure changed, when that makes it what cash and change leave."""
    *before, last = chosen.words
    ways = {
        last.text[:index] + digit + last.text[index + 1 :]
        for index, char in enumerate(last.text)
        if char.isdigit()
        for digit in "0123456789"
        if owed
        in readings(
            text_of([*before, replace(last, text=last.text[:index] + digit + last.text[index + 1 :])])
        )
    }
    if len(ways) != 1:
        return None
    return _Sum(owed, (*before, replace(last, text=ways.pop())), chosen.rank, repaired=True)


def _rank(tokens: set[str]) -> int:
    """How surely a row with these words names the amount to pay; 0 when it does not."""
    if not tokens & _WORDS["total"]:
        return 0
    last = bool(tokens & _WORDS["last"])
    if tokens & _WORDS["before"] or (tokens & _WORDS["other"] and not last):
        return (
            1
            if tokens & _WORDS["sum"] and not tokens & {"qty", "quantity", "item", "items", "discount"}
            else 0
        )
    if tokens & _WORDS["sum"]:
        return 4 if last else 3
    return 2
