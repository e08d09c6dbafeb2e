"""Who sells and who buys: company names on the page, told apart by where they stand."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import Final

from extraction.layout.addresses import Address, find_addresses
from extraction.layout.geometry import Page, Segment, Word, text_of
from extraction.layout.header_fields import Candidate, dates_in, labels_of, read_name
from extraction.layout.lexicon import Lexicon, salutations, tokens_of

_FORMS: Final = frozenset(
    [
        "gmbh",
        "mbh",
        "ag",
        "kg",
        "kgaa",
        "se",
        "ohg",
        "ek",
        "gbr",
        "ug",
        "ltd",
        "limited",
        "plc",
        "llc",
        "llp",
        "inc",
        "corp",
        "co",
        "sas",
        "sasu",
        "sarl",
        "sa",
        "eurl",
        "sci",
        "srl",
        "spa",
        "snc",
        "sl",
        "slu",
        "bv",
        "nv",
        "vof",
        "ab",
        "oy",
        "oyj",
        "as",
        "aps",
        "aktiengesellschaft",
        "gesellschaft",
        "vvag",
        "company",
        "corporation",
        "cie",
    ]
)
_SHORT: Final = frozenset({"as", "ab", "se", "co", "sa", "ag", "spa", "ek"})
# A person's name has at most so many words; a company that is worth more than this is not there by chance.
_PERSON: Final = 3
_CLEAR: Final = 2.4
_SEPARATORS: Final = frozenset({"·", "•", "|", "-", "–", "—", "*", "/", "●", ";"})


@dataclass(frozen=True, slots=True)
class Company:
    """A company's name where it stands once."""

    words: tuple[Word, ...]
    page_share: float
    """How far down the page, from 0 to 1."""
    size: float
    """Height in that of the page's usual text."""
    with_address: bool
    is_recipient: bool
    """Labelled as the one who buys or receives."""

    @property
    def name(self) -> str:
        return text_of(self.words).strip(" ,;:·|-")

    @property
    def key(self) -> tuple[str, ...]:
        return tokens_of(self.name)


@dataclass(frozen=True, slots=True)
class Parties:
    """The words of the names, none where the page does not say. The seller is guessed where nothing but the place on
    the page speaks for it."""

    seller: list[Word]
    buyer: list[Word]
    guessed: bool
    buyer_writes: bool = False
    """The seller is whom the paper is addressed to."""


def find_parties(
    pages: Sequence[Page],
    taken: set[tuple[int, int]],
    lexicon: Lexicon,
    labelled: Sequence[Candidate],
    own_names: Sequence[str],
    sender_domain: str | None,
    *,
    is_order: bool,
) -> Parties:
    """Who sells and who buys, as far as the page says. Where it does not, an order is written by who buys, everything
    else by who sells."""
    shown = [*pages[:2], *pages[2:][-1:]]
    companies = [company for page in shown for company in _companies(page, taken, lexicon)]
    own = {tokens_of(name) for name in own_names}
    # "Spett.le" stands over whom the paper is addressed to, whoever that is.
    addressed = [item for item in labelled if tokens_of(text_of(item.label)) in salutations()]
    named_buyer = _labelled([item for item in labelled if not is_order or item not in addressed], "buyer")
    named_seller = _labelled(labelled, "seller")
    buyers = {tokens_of(text_of(named_buyer))} | own | {item.key for item in companies if item.is_recipient}
    seller = _seller(companies, buyers, sender_domain, named_seller)
    addresses = find_addresses(pages[0], lexicon) if pages else []
    if not seller and not companies:
        seller = _sender(pages[0], addresses, buyers) or _letterhead(pages, lexicon) if pages else []
    buyer = named_buyer or _buyer(companies, tokens_of(text_of(seller)), own)
    buyer = buyer or _addressee(addresses, tokens_of(text_of(seller)))
    if is_order and not _is_clear(named_seller) and not named_buyer and tokens_of(text_of(buyer)) not in own:
        return Parties(buyer, seller, guessed=not companies, buyer_writes=True)
    return Parties(seller, buyer, guessed=not named_seller and not companies)


def _sender(page: Page, addresses: Sequence[Address], buyers: set[tuple[str, ...]]) -> list[Word]:
    """The name over the first address that is nobody else's; of the lines over it one that the page says again."""
    for address in addresses:
        if address.role in {None, "seller"} and tokens_of(text_of(address.name)) not in buyers:
            names = [words for line in address.lines[:2] if (words := read_name(line.words))]
            text = " ".join(row.text for row in page.rows)
            return next((words for words in names if text.count(text_of(words)) > 1), address.name)
    return []


def _addressee(addresses: Sequence[Address], seller: tuple[str, ...]) -> list[Word]:
    """The name over the address in the upper half that is not the seller's; one the goods go to comes last."""
    others = [
        item
        for item in addresses
        if item.page_share < 0.5 and item.role != "seller" and item.name and not _same(item, seller)
    ]
    others.sort(key=lambda item: item.role == "ship_to")
    return others[0].name if others else []


def _same(address: Address, seller: tuple[str, ...]) -> bool:
    if not seller:
        return False
    lines = [tokens_of(line.text) for line in address.lines]
    return any(line[: len(seller)] == seller for line in lines)


def _labelled(candidates: Sequence[Candidate], name: str) -> list[Word]:
    named = [candidate for candidate in candidates if candidate.name == name]
    # A company comes before a person.
    for candidate in sorted(named, key=lambda candidate: not _has_form(candidate.words)):
        tokens = tokens_of(candidate.text)
        # "Customer Service" is no label with a value; a label inside a line of text ends in a colon.
        if (
            candidate.is_apart
            and len(tokens) <= 10
            and "no" not in tokens
            and not next(dates_in(candidate.words), [])
        ):
            words = list(candidate.words)
            return _cut(words) or words
    return []


def _cut(words: Sequence[Word]) -> list[Word]:
    """The words up to the first separator."""
    for index, word in enumerate(words):
        if word.text in _SEPARATORS or (index and words[index - 1].text.endswith(",")):
            return list(words[:index])
    return list(words)


def _companies(page: Page, taken: set[tuple[int, int]], lexicon: Lexicon) -> Iterator[Company]:
    heights = [row.height for row in page.rows]
    usual = median(heights) if heights else 1.0
    for index, row in enumerate(page.rows):
        if (page.number, index) in taken:
            continue
        for segment in row.segments:
            labels = labels_of(segment, lexicon)
            # "Lieferant: Muster AG" names a role; "Lieferant GmbH" is a name.
            named = bool(labels) and labels[0][1] == 0 and segment.words[labels[0][2]].text.endswith(":")
            start = labels[0][2] + 1 if named else 0
            words = _name_in(segment, start)
            if words:
                after = len(segment.words) - start > len(words)
                yield Company(
                    tuple(words),
                    row.y0 / max(page.height, 1.0),
                    words[0].height / max(usual, 0.1),
                    after and any(any(char.isdigit() for char in word.text) for word in segment.words),
                    bool(start) and bool(set(labels[0][0].names) & {"buyer", "ship_to"}),
                )


def _name_in(segment: Segment, start: int) -> list[Word]:
    """The words up to the last legal form in the first part of a segment that has one."""
    part: list[Word] = []
    for word in (*segment.words[start:], None):
        if word is None or word.text in _SEPARATORS:
            # "5184 AB" is a Dutch postal code.
            ends = [
                index
                for index, item in enumerate(part)
                if _is_form(item.text) and not (index and part[index - 1].text.isdigit())
            ]
            if ends and ends[-1] > 0 and ends[-1] < 9:
                return part[: ends[-1] + 1]
            part = []
        else:
            part.append(word)
    return []


@lru_cache(maxsize=8192)
def _is_form(text: str) -> bool:
    bare = re.sub(r"[^a-z0-9]", "", text.lower())
    # "Sa" is a Saturday, "SA", "S.A." and "a.G." are legal forms; "AB1" begins a postal code.
    clear = sum(map(str.isupper, text)) > 1 or "." in text
    return bare in _FORMS and (bare not in _SHORT or clear)


def _has_form(words: Sequence[Word]) -> bool:
    return any(_is_form(word.text) for word in words)


def _is_clear(named: Sequence[Word]) -> bool:
    """Whether the name is a company's and hardly a person's."""
    return _has_form(named) or len(named) > _PERSON


def _seller(
    companies: Sequence[Company],
    buyers: set[tuple[str, ...]],
    sender_domain: str | None,
    named: list[Word],
) -> list[Word]:
    """The one labelled so, unless that may be a salesperson ("Verkoper: A. Jansen") beside a clear company; else the
    company for which most speaks."""
    if _is_clear(named):
        return named
    scores: dict[tuple[str, ...], float] = {}
    stem = (sender_domain or "").split(".")[0].replace("-", "")
    for company in companies:
        score = 1.0 + 2.0 * company.with_address + 1.5 * (company.page_share > 0.85)
        score += max(0.0, 2.0 * (company.size - 1.0)) * (company.page_share < 0.25)
        scores[company.key] = scores.get(company.key, 0.0) + score
    for key in scores:
        if key in buyers:
            scores[key] -= 20.0
        if stem and len(stem) > 3 and stem in "".join(key):
            scores[key] += 4.0
    best = max(scores, key=lambda key: scores[key], default=None)
    if best is None or scores[best] <= (_CLEAR if named else 0.0):
        return named
    return list(next(company.words for company in companies if company.key == best))


def _buyer(companies: Sequence[Company], seller: tuple[str, ...], own: set[tuple[str, ...]]) -> list[Word]:
    others = [
        company for company in companies if company.page_share < 0.5 and not _is_one(company.key, seller)
    ]
    for company in others:
        if company.key in own:
            return list(company.words)
    return list(others[0].words) if others else []


def _is_one(key: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two names are one firm's: a logo may leave the end of its name out."""
    return key[: len(other)] == other[: len(key)]


def _letterhead(pages: Sequence[Page], lexicon: Lexicon) -> list[Word]:
    """The largest print at the top that is neither a title nor a label."""
    rows = [row for page in pages[:1] for row in page.rows if row.y0 < page.height * 0.2]
    segments = [segment for row in rows for segment in row.segments]
    names = [
        segment
        for segment in segments
        if any(char.isalpha() for char in segment.text)
        and not labels_of(segment, lexicon)
        and not any(lexicon.doc_types.at(tokens_of(segment.text), 0) for _ in (0,) if tokens_of(segment.text))
    ]
    return list(max(names, key=lambda segment: segment.height).words) if names else []
