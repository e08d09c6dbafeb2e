"""Currency, VAT numbers, bank account, address of mail, payment and delivery terms."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from stdnum import iban as iban_numbers
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError

from extraction.layout.geometry import Page, Row, Word, text_of
from extraction.layout.header_fields import VAT_PREFIXES, Candidate, read_iban, read_vat_id
from extraction.layout.numbers import currency_of

Found = tuple[str, str, list[Word]]

_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
INCOTERMS: Final = frozenset(
    ["EXW", "FCA", "CPT", "CIP", "DAP", "DPU", "DDP", "FAS", "FOB", "CFR", "CIF", "DAT", "DDU"]
)
_TRIM: Final = " :;,()[]*"
# Below this share of a page is its imprint.
_FOOT: Final = 0.9


def compact(text: str) -> str:
    """A printed VAT or account number without the spaces and dots it is grouped by."""
    return re.sub(r"[^A-Z0-9+*]", "", text.upper())


def find_currency(pages: Sequence[Page], candidates: Sequence[Candidate]) -> list[Word]:
    """The words of the document's currency: labelled, beside an amount, or anywhere."""
    for candidate in candidates:
        if candidate.name == "currency" and candidate.words and currency_of(candidate.words[0].text):
            return [candidate.words[0]]
    scores: dict[str, float] = {}
    first: dict[str, Word] = {}
    for word, near in _currency_words(pages):
        code = currency_of(word.text)
        if code:
            scores[code] = scores.get(code, 0.0) + (1.0 if near else 0.2)
            first.setdefault(code, word)
    return [first[max(scores, key=lambda code: scores[code])]] if scores else []


def _currency_words(pages: Sequence[Page]) -> Iterator[tuple[Word, bool]]:
    """The words that name a currency, and whether an amount stands beside; the capital in an imprint is none."""
    for page in pages:
        for row in page.rows:
            words = row.words
            for index, word in enumerate(words):
                if currency_of(word.text):
                    around = words[max(0, index - 1) : index + 2]
                    near = any(char.isdigit() for item in around for char in item.text)
                    yield word, near and row.y0 < _FOOT * page.height


def find_vat_ids(candidates: Sequence[Candidate], rows: Sequence[Row], own: Sequence[str]) -> Iterator[Found]:
    """The seller's and the buyer's VAT numbers; one of our own is never the seller's."""
    ours = {compact(number) for number in own}
    buyers = [item for item in candidates if item.name == "buyer_vat_id"]
    sellers = [item for item in candidates if item.name == "seller_vat_id"]
    taken = ours | {compact(item.text) for item in buyers}
    for item in buyers[:1]:
        yield "buyer_vat_id", compact(item.text), list(item.words)
    for item in sellers:
        if compact(item.text) not in taken:
            yield "seller_vat_id", compact(item.text), list(item.words)
            break
    else:
        for words in _unlabelled_vat_ids(rows):
            if compact(text_of(words)) not in taken and eu_vat.is_valid(text_of(words)):
                yield "seller_vat_id", compact(text_of(words)), words
                return


def _unlabelled_vat_ids(rows: Sequence[Row]) -> Iterator[list[Word]]:
    for row in rows:
        for index, word in enumerate(row.words):
            if word.text[:2] in VAT_PREFIXES and (words := read_vat_id(row.words[index : index + 8])):
                yield words


def find_iban(rows: Sequence[Row]) -> Iterator[Found]:
    """The first account number with right check digits, else the first with the shape."""
    shaped: Found | None = None
    for row in rows:
        words = row.words
        for start in range(len(words)):
            if not re.match(r"(?:IBAN:?)?[A-Z]{2}\d{2}", words[start].text):
                continue
            hit = read_iban(words[start : start + 10])
            text = compact(text_of(hit))
            if hit and _valid_iban(text):
                yield "seller_iban", text, hit
                return
            if hit and shaped is None and len(text) >= 15:
                shaped = ("seller_iban", text, hit)
    if shaped:
        yield shaped


def _valid_iban(text: str) -> bool:
    try:
        iban_numbers.validate(text, check_country=False)
    except ValidationError:
        return False
    return True


def find_email(rows: Sequence[Row], sender_domain: str | None) -> Iterator[Found]:
    """The sender's address where the page names one of his domain, else the last on the page: the footer's."""
    found = [
        (match.group(), word)
        for row in rows
        for word in row.words
        if "@" in word.text and (match := _EMAIL.search(word.text))
    ]
    if found:
        own = [item for item in found if sender_domain and item[0].endswith(sender_domain)]
        text, word = own[0] if own else found[-1]
        yield "seller_email", text, [word]


def find_terms(candidates: Sequence[Candidate]) -> Iterator[Found]:
    for candidate in candidates:
        if candidate.name == "payment_terms":
            yield "payment_terms", candidate.text.strip(_TRIM), list(candidate.words)
            return


def find_incoterm(candidates: Sequence[Candidate]) -> Iterator[Found]:
    for candidate in candidates:
        if candidate.name == "incoterm":
            for word in candidate.words:
                if word.text.strip(_TRIM) in INCOTERMS:
                    yield "incoterm", word.text.strip(_TRIM), [word]
                    return
