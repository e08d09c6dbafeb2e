"""From pages to documents: tables, header fields, totals and parties put together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, Self

from extraction.extractor import Hints
from extraction.layout.arithmetic import line_adjusted
from extraction.layout.blocks import read_blocks
from extraction.layout.certainty import confidence, doubts, line_sum
from extraction.layout.dates import DAY_FIRST, is_month_first, is_open
from extraction.layout.dating import lone_dates
from extraction.layout.doc_types import find_doc_type, titled
from extraction.layout.geometry import Page, Word, evidence_of, text_of
from extraction.layout.header_fields import Candidate, find_candidates, rows_outside
from extraction.layout.headless import read_headless
from extraction.layout.lexicon import Lexicon, language_of, lexicon
from extraction.layout.lines import ReadLine, first_date, read_line
from extraction.layout.lists import read_list
from extraction.layout.numbers import NumberStyle, currency_of, style_of
from extraction.layout.parties import find_parties
from extraction.layout.sentences import read_sentences
from extraction.layout.splitting import split_pages
from extraction.layout.tables import Tables, read_tables
from extraction.layout.taught.profile import PROFILE, Profile, Taught, choose
from extraction.layout.terms import (
    find_currency,
    find_email,
    find_iban,
    find_incoterm,
    find_terms,
    find_vat_ids,
)
from extraction.layout.totals import Totals, find_labelled
from extraction.layout.totals import choose as choose_totals
from extraction.schemas import CanonicalDocument, Evidence, Extraction, Finding, Line, number_text

_TRIM: Final = " :;,.()[]*"
# "Vom", "del", "dated" say whose date it is only where they stand in a text.
_SHORT: Final = 5
# What a buyer writes.
_BUYERS: Final = frozenset({"order", "order_change", "order_cancellation"})
# The labels that give a document's own number, in the order in which they are believed.
_OWN_NUMBER: Final = {
    "order_confirmation": ("number_order_confirmation", "number"),
    "order_change": ("number_order_change", "number_order", "number_order_confirmation", "number"),
    "order_cancellation": ("number_order", "number", "number_order_confirmation"),
    "order": ("number_order", "number", "number_order_confirmation"),
    "invoice": ("number_invoice", "number"),
    "credit_note": ("number_credit_note", "number_invoice", "number"),
    "delivery_note": ("number_delivery_note", "number"),
    "quote": ("number_quote", "number"),
    "reminder": ("number", "number_invoice"),
    "receipt": ("number_invoice", "number"),
    "other": ("number", "number_order_confirmation", "number_invoice"),
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known before reading."""

    own_names: tuple[str, ...] = ()
    own_vat_ids: tuple[str, ...] = ()
    sender_domain: str | None = None
    profiles: tuple[Profile, ...] = ()

    @classmethod
    def of(cls, hints: Hints) -> Self:
        profiles = (Profile.from_json(item["id"], item["version"], item["taught"]) for item in hints.profiles)
        return cls(hints.own_names, hints.own_vat_ids, hints.sender_domain, tuple(profiles))


class _Draft:
    """The document while it is put together: values and their evidence."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.evidence: dict[str, Evidence] = {}
        self.findings: list[Finding] = []

    def put(self, name: str, value: object, words: Sequence[Word]) -> None:
        if value not in (None, "") and words and name not in self.values:
            self.values[name] = value
            self.evidence[name] = evidence_of(words)

    def overrule(self, item: Taught) -> None:
        """Puts what was taught in place of what was read; what was to be said about that is said no more."""
        self.findings = [finding for finding in self.findings if finding.field != item.name]
        for name in (item.name, "order_references.0") if item.name == "order_reference" else (item.name,):
            self.evidence.pop(name, None)
            if item.evidence is not None:
                self.evidence[name] = item.evidence
        self.values[item.name] = item.value
        if item.name == "order_reference":
            self.evidence = {
                path: place
                for path, place in self.evidence.items()
                if not path.startswith("order_references.") or (path.endswith(".0") and item.evidence)
            }
            self.values["order_references"] = (item.value,) if item.value else ()

    def find(self, code: str, name: str, message: str) -> None:
        self.findings.append(Finding(code=code, field=name, severity="info", message=message))


@dataclass(frozen=True, slots=True)
class Reading:
    """A document, and every labelled value that was found for it, best first: those that were taken and those that
    lost, for the person who corrects it and for what is learned from that."""

    extraction: Extraction
    candidates: tuple[Candidate, ...]


def read_documents(pages: Sequence[Page], known: Known) -> list[Reading]:
    """The order documents on these pages, in their order."""
    found = (read_pages(group, known) for group in split_pages(pages))
    return [reading for reading in found if reading]


def read_document(pages: Sequence[Page], known: Known) -> Extraction | None:
    """The one order document on these pages; None when nothing on them looks like one."""
    reading = read_pages(pages, known)
    return reading.extraction if reading else None


def read_pages(pages: Sequence[Page], known: Known) -> Reading | None:
    """The one order document on these pages with its candidates; None when nothing on them looks like one."""
    words = [word for page in pages for row in page.rows for word in row.words]
    language = language_of(word.text for word in words)
    lex = lexicon(language)
    taught = choose(known.profiles, pages)
    style = taught.style(style_of((word.text for word in words), language))
    tables = _tables(pages, lex, style, taught)
    candidates = find_candidates(pages, tables.rows, lex)
    doc_type, title = find_doc_type(pages, lex, candidates)
    doc_type = taught.meant("doc_type", doc_type) or doc_type
    candidates += titled(pages, title, doc_type)
    draft = _Draft()
    currency_words = find_currency(pages, candidates)
    draft.put("currency", currency_of(text_of(currency_words)), currency_words)
    month_first = taught.reads_month_first(
        _texts(pages), is_month_first(_texts(pages), draft.values.get("currency"))
    )
    lines = [read_line(raw, style, month_first=month_first) for raw in tables.lines]
    if title:
        draft.evidence["doc_type"] = evidence_of(title)
    _numbers(draft, candidates, doc_type)
    _dates(draft, pages, tables.rows, candidates, doc_type, month_first=month_first)
    _parties(draft, pages, tables.rows, lex, candidates, known, is_order=doc_type in _BUYERS)
    totals = choose_totals(find_labelled(pages, tables.rows, lex), style, line_sum(lines))
    if not lines:
        read_list(pages, lex, style, totals, tables)
        lines = [read_line(raw, style, month_first=month_first) for raw in tables.lines]
    _totals(draft, totals)
    _overrule(draft, taught, pages, style, month_first=month_first)
    taught.settle(lines)
    draft.findings += doubts(tables, totals)
    made = _lines(draft, lines)
    if not made and not draft.values.keys() & {"number", "gross_total", "order_reference"}:
        return None
    document = CanonicalDocument(
        doc_type=doc_type,
        lines=made,
        language=language,
        confidence=confidence(draft.values, lines, totals, doc_type),
        findings=tuple(draft.findings),
        **draft.values,
    )
    profile = (taught.key, taught.version) if taught.key else None
    extraction = Extraction(document=document, evidence=draft.evidence, profile=profile)
    return Reading(extraction, tuple(candidates))


def _tables(pages: Sequence[Page], lex: Lexicon, style: NumberStyle, taught: Profile) -> Tables:
    """The positions as printed: below headings, as blocks of labelled values, or as columns that multiply."""
    within = taught.table.lexicon(lex)
    tables = read_tables(pages, within, style, taught.table.headings(pages))
    if not tables.lines:
        read_blocks(pages, within, tables)
    if not tables.lines:
        read_sentences(pages, within, style, tables)
    if not tables.lines:
        read_headless(pages, within, style, tables)
    tables.lines = [line for line in tables.lines if not taught.table.is_stranger(line.cells)]
    return tables


def _overrule(
    draft: _Draft, taught: Profile, pages: Sequence[Page], style: NumberStyle, *, month_first: bool
) -> None:
    """What was taught about the layout comes before what was read."""
    values, doubts = taught.read(pages, draft.values, style, month_first=month_first)
    for item in values:
        draft.overrule(item)
    if taught.month_first is not None:
        draft.findings = [finding for finding in draft.findings if finding.code != "date_order_open"]
    draft.findings += doubts


def _numbers(draft: _Draft, candidates: Sequence[Candidate], doc_type: str) -> None:
    by_name: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        by_name.setdefault(candidate.name, []).append(candidate)
    references = by_name.get("order_reference", [])
    for name in _OWN_NUMBER[doc_type]:
        for candidate in by_name.get(name, [])[:1]:
            draft.put("number", candidate.text.strip(_TRIM), candidate.words)
        if doc_type == name.removeprefix("number_") == "order_confirmation":
            _confirmed(draft, by_name.get("number_order", []), references)
    number = draft.values.get("number")
    if doc_type != "order":
        references = references + by_name.get("number_order", [])
    # The sign of a letter ("Ihr Zeichen") may be an order's number.
    references = references + by_name.get("letter_reference", [])
    seen: list[str] = []
    for candidate in references:
        text = candidate.text.strip(_TRIM)
        if text not in (number, *seen):
            draft.evidence[f"order_references.{len(seen)}"] = evidence_of(candidate.words)
            seen.append(text)
            draft.put("order_reference", text, candidate.words)
    draft.values["order_references"] = tuple(seen)
    if doc_type == "order" and not seen:
        # An order may print its number under two labels, the second being what to refer to.
        same = [item for item in by_name.get("number_order", []) if item.text.strip(_TRIM) == number]
        for candidate in same[1:]:
            if text_of(candidate.label) != text_of(same[0].label):
                draft.put("order_reference", number, candidate.words)
    for candidate in by_name.get("customer_number", [])[:1]:
        draft.put("customer_number", candidate.text.strip(_TRIM), candidate.words)
    notes = by_name.get("delivery_note_reference", [])
    if doc_type != "delivery_note":
        notes = notes + by_name.get("number_delivery_note", [])
    for candidate in notes[:1]:
        draft.put("delivery_note_reference", candidate.text.strip(_TRIM), candidate.words)


def _confirmed(draft: _Draft, orders: Sequence[Candidate], references: Sequence[Candidate]) -> None:
    """Takes the bare number of an order for the confirmation's own where another is called the customer's."""
    theirs = {candidate.text for candidate in references}
    # "Commande client" may be either: it is our own where nothing else is.
    for candidate in sorted(orders, key=lambda candidate: candidate.text in theirs):
        if theirs - {candidate.text}:
            draft.put("number", candidate.text.strip(_TRIM), candidate.words)


def _dates(
    draft: _Draft,
    pages: Sequence[Page],
    taken: set[tuple[int, int]],
    candidates: Sequence[Candidate],
    doc_type: str,
    *,
    month_first: bool,
) -> None:
    own = "delivery_note_date" if doc_type == "delivery_note" else "issue_date"
    for label in (own, "issue_date", "delivery_date"):
        name = "delivery_date" if label == "delivery_date" else "issue_date"
        for candidate in candidates:
            if candidate.name == label:
                draft.put(name, first_date(candidate.words, month_first=month_first), candidate.words)
    for candidate in _unlabelled_date(candidates, doc_type, month_first=month_first):
        draft.put("issue_date", first_date(candidate.words, month_first=month_first), candidate.words)
    if "issue_date" not in draft.values:
        for words in lone_dates(pages, taken, candidates):
            draft.put("issue_date", first_date(words, month_first=month_first), words)
    evidence = draft.evidence.get("issue_date")
    if (
        evidence
        and draft.values.get("currency") not in DAY_FIRST
        and is_open(evidence.text or "", _texts(pages))
    ):
        draft.find(
            "date_order_open", "issue_date", "Nothing on the page says whether the day or the month is first."
        )


def _texts(pages: Sequence[Page]) -> Iterator[str]:
    return (row.text for page in pages for row in page.rows)


def _unlabelled_date(
    candidates: Sequence[Candidate], doc_type: str, *, month_first: bool
) -> Iterator[Candidate]:
    """Where else a document's date stands: after its number ("Rechnung Nr. 4711 vom 3. Mai 2025"), after a label that
    says no more ("Del: 3/5/2025"), or as the later of several order dates: ours and the one on which the supplier took
    the order."""
    for name in _OWN_NUMBER[doc_type]:
        yield from (item for item in candidates if item.name == f"date_of_{name}")
    bare = [
        item
        for item in candidates
        if item.name == "order_date" and len(text_of(item.label).strip(":. ")) <= _SHORT
    ]
    # "vom" as a label of its own belongs to the number before it.
    placed = sorted(candidates, key=lambda item: (item.label[0].page, item.label[0].y0, item.label[0].x0))
    yield from (
        item for before, item in pairwise(placed) if item in bare and before.name in _OWN_NUMBER[doc_type]
    )
    yield from (item for item in bare if item.is_apart)
    ordered = {
        day: item
        for item in reversed(candidates)
        if item.name == "order_date" and (day := first_date(item.words, month_first=month_first))
    }
    if len(ordered) > 1:
        yield ordered[max(ordered)]


def _parties(
    draft: _Draft,
    pages: Sequence[Page],
    taken: set[tuple[int, int]],
    lex: Lexicon,
    candidates: Sequence[Candidate],
    known: Known,
    *,
    is_order: bool,
) -> None:
    found = find_parties(
        pages, taken, lex, candidates, known.own_names, known.sender_domain, is_order=is_order
    )
    draft.put("seller_name", text_of(found.seller).strip(" ,;:·|-"), found.seller)
    draft.put("buyer_name", text_of(found.buyer).strip(" ,;:·|-"), found.buyer)
    if found.guessed and "seller_name" in draft.values:
        draft.find(
            "seller_guessed", "seller_name", "Only its place on the page says that this is the seller."
        )
    rows = list(rows_outside(pages, taken))
    for name, value, words in (
        *find_vat_ids(candidates, rows, known.own_vat_ids),
        *find_iban(rows),
        *find_email(rows, known.sender_domain),
        *find_terms(candidates),
        *find_incoterm(candidates),
    ):
        # What the foot of an order says is the buyer's own.
        if not found.buyer_writes or not name.startswith("seller_"):
            draft.put(name, value, words)


def _totals(draft: _Draft, totals: Totals) -> None:
    for name, value in totals.values.items():
        amounts = totals.amounts[name]
        draft.put(name, value, [word for amount in amounts for word in amount.words])
        text = " + ".join(amount.text for amount in amounts)
        draft.evidence[name] = replace(draft.evidence[name], text=text)


def _lines(draft: _Draft, lines: Sequence[ReadLine]) -> tuple[Line, ...]:
    made = []
    for index, line in enumerate(lines):
        values = dict(line.values)
        for name, words in line.words.items():
            draft.evidence[f"lines.{index}.{name}"] = evidence_of(words)
        for name, text in line.sums.items():
            path = f"lines.{index}.{name}"
            draft.evidence[path] = replace(draft.evidence[path], text=text)
        if line.changed:
            draft.findings.append(line_adjusted(index))
        for name in values.keys() - line.words.keys():
            draft.evidence[f"lines.{index}.{name}"] = Evidence(text=_text(values[name]), path=PROFILE)
        # A delivery date in the header holds for every line that names none.
        if "delivery_date" not in values and "delivery_date" in draft.values:
            values["delivery_date"] = draft.values["delivery_date"]
            draft.evidence[f"lines.{index}.delivery_date"] = draft.evidence["delivery_date"]
        made.append(Line(**values))
    return tuple(made)


def _text(value: object) -> str:
    return number_text(value) if isinstance(value, Decimal) else str(value)
