"""What a language model said of a document, held to its pages: only what stands there is taken. Runs in the child."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, Final

from extraction.confidence import TOTALS, lines_make_net, net_makes_gross
from extraction.extractor import Source
from extraction.grounding import means
from extraction.layout.body import RawLine
from extraction.layout.dates import is_month_first
from extraction.layout.doc_types import find_doc_type
from extraction.layout.edges import AMOUNTS
from extraction.layout.geometry import Page, Word, evidence_of, page_of
from extraction.layout.lexicon import language_of, lexicon
from extraction.layout.lines import read_line
from extraction.layout.numbers import NumberStyle, style_of
from extraction.layout.splitting import pages_read
from extraction.layout.taught.places import value_of
from extraction.layout.terms import INCOTERMS
from extraction.paged import pages_of
from extraction.questions import CELLS, HEADER, MAX_CHARS, NoAnswerError, answer_in, quote_of
from extraction.quoting import Found, Print, key_of
from extraction.schemas import NUMBER_FIELDS, CanonicalDocument, Evidence, Extraction, Finding, Json, Line
from extraction.validation import validate

MODEL_READ: Final = "model_read"
MODEL_DIFFERS: Final = "model_differs"
MODEL_NOT_ON_PAGE: Final = "model_value_not_on_page"
MAX_LINES: Final = 500
# In points: smaller print is not meant to be read by people, and not shown to a model.
_SMALLEST: Final = 3.0
_GAP: Final = "   "
# What a check says against a value, and whose values of the model it speaks against.
_CONTRADICTED: Final[Mapping[str, frozenset[str]]] = {
    "net_total_mismatch": TOTALS,
    "tax_total_mismatch": TOTALS,
    "tax_total_implausible": TOTALS,
    "gross_total_mismatch": TOTALS,
    "iban_invalid": frozenset({"seller_iban"}),
    "vat_id_invalid": frozenset({"seller_vat_id", "buyer_vat_id"}),
    "issue_date_implausible": frozenset({"issue_date"}),
    "delivery_before_issue": frozenset({"delivery_date", "issue_date"}),
}
# What says the same wherever it stands; a number or a date may stand elsewhere as something else.
_ALIKE: Final = frozenset(
    {"seller_name", "seller_vat_id", "seller_iban", "seller_email", "buyer_name", "buyer_vat_id", "ship_to"}
    | {"currency", "payment_terms", "incoterm"}
)


def shown_plain(payload: Mapping[str, Any]) -> Json:
    """What a model may be shown of a source: takes {"name", "content", "extractor", "document": its canonical JSON, or
    None}; gives {"text": the words of its pages in their rows, of at most MAX_CHARS characters, "pages": the same
    words with their places, for `accepted_plain`}. Raises UnreadableError."""
    source = Source.of(str(payload["name"]), payload["content"])
    pages = _own(pages_of(source, payload["extractor"]), payload.get("document"))
    rows: list[str] = []
    kept: list[Json] = []
    left = MAX_CHARS
    for page in pages:
        words: list[Word] = []
        for row in page.rows:
            text = _GAP.join(" ".join(segment.texts) for segment in row.segments)
            left -= len(text) + 1
            if left < 0:
                break
            rows.append(text)
            words += row.words
        kept.append(_plain(page, words))
        if left < 0:
            break
        rows.append("")
        left -= 1
    return {"text": "\n".join(rows).strip(), "pages": kept}


def _own(pages: Sequence[Page], document: Json | None) -> Sequence[Page]:
    """The pages of one document among several in a file, with the words that a reader sees."""
    return [
        page_of(
            page.number,
            page.width,
            page.height,
            [word for row in page.rows for word in row.words if _seen(page, word)],
        )
        for page in pages_read(pages, document or {})
    ]


def _seen(page: Page, word: Word) -> bool:
    on_page = word.x0 < page.width and word.x1 > 0 and word.y0 < page.height and word.y1 > 0
    return on_page and word.height >= _SMALLEST


def _plain(page: Page, words: Sequence[Word]) -> Json:
    places = [[word.text, word.x0, word.y0, word.x1, word.y1, word.offset, word.shown] for word in words]
    return {"number": page.number, "width": page.width, "height": page.height, "words": places}


def _page(data: Json) -> Page:
    words = (
        Word(text, x0, y0, x1, y1, data["number"], offset, tuple(shown) if shown else None)
        for text, x0, y0, x1, y1, offset, shown in data["words"]
    )
    return page_of(data["number"], data["width"], data["height"], words)


def accepted_plain(payload: Mapping[str, Any]) -> Json:
    """Takes {"pages": of `shown_plain`, "answer": the endpoint's body, "document": the canonical JSON with evidence as
    it was read, or None}; gives {"outcome", "taken": how many values, "document": the JSON completed, or None where
    nothing was to be taken}."""
    try:
        answer = answer_in(payload["answer"])
    except NoAnswerError as error:
        return {"outcome": error.code, "taken": 0, "document": None}
    read = payload.get("document")
    told = _Told.of([_page(page) for page in payload["pages"]], Extraction.from_json(read) if read else None)
    told.hear(answer)
    found = told.extraction()
    if not told.taken or (read is None and not _stands(found.document)):
        return {"outcome": "model_gave_nothing", "taken": 0, "document": None}
    kept = {"profile": read["profile"]} if read and "profile" in read else {}
    return {"outcome": "model_values", "taken": len(told.taken), "document": {**found.to_json(), **kept}}


def _stands(document: CanonicalDocument) -> bool:
    """Whether what the model found is a document at all: something with a number that orders, sells or bills."""
    told = (document.lines, document.net_total, document.gross_total, document.order_reference)
    return document.number is not None and any(told)


@dataclass
class _Told:
    """A document while a model's values are held to its pages and put in."""

    print: Print
    style: NumberStyle
    month_first: bool
    language: str
    document: CanonicalDocument
    evidence: dict[str, Evidence]
    taken: list[str] = field(default_factory=list)
    """Paths of the model's values; a line counts once."""
    missing: int = 0
    differing: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, pages: Sequence[Page], read: Extraction | None) -> "_Told":
        texts = [word.text for page in pages for row in page.rows for word in row.words]
        language = language_of(texts)
        document = read.document if read else CanonicalDocument(language=language)
        rows = [row.text for page in pages for row in page.rows]
        return cls(
            print=Print(pages),
            style=style_of(texts, language),
            month_first=is_month_first(rows, document.currency),
            language=language,
            document=document,
            evidence=dict(read.evidence) if read else {},
        )

    def hear(self, answer: Json) -> None:
        before = _against(self.document)
        self._title(quote_of(answer.get("title")))
        header = answer.get("header")
        for name in HEADER:
            told = header.get(name) if isinstance(header, dict) else None
            if isinstance(told, dict) and (quote := quote_of(told.get("quote"))):
                self._header(name, quote, quote_of(told.get("label")))
        if not self.document.lines and isinstance(answer.get("lines"), list):
            self._lines(answer["lines"][:MAX_LINES])
        self._check(before)

    def _title(self, quote: str) -> None:
        """The kind of document is what the lexicons say of a title that stands there, whatever a model takes it for."""
        found = self.print.find(quote) if quote and self.document.doc_type == "other" else []
        if not found:
            return
        words = found[0].words
        title = page_of(1, self.print.pages[0].width, self.print.pages[0].height, words)
        kind, named = find_doc_type([title], lexicon(self.language), ())
        if named:
            self._put("doc_type", kind, named)

    def _header(self, name: str, quote: str, label: str) -> None:
        known = getattr(self.document, name)
        if known is not None and means(name, quote, known):
            return
        place = self._place(name, quote, label)
        value: Any = self._value(name, place.words) if place else None
        if place is None or value is None:
            self.missing += 1
            return
        if known is None:
            self._put(name, value, place.words)
            if name == "order_reference" and not self.document.order_references:
                self.document = replace(self.document, order_references=(str(value),))
                self.evidence["order_references.0"] = self.evidence[name]
        elif not means(name, evidence_of(place.words).text or "", known):
            self.differing.append(name)

    def _place(self, name: str, quote: str, label: str) -> Found | None:
        """Where the label says, or the one place there is. An amount always needs its label, a name never."""
        place = self.print.labelled(quote, label)
        if place is None and name in _ALIKE:
            return next(iter(self.print.find(quote)), None)
        return place if place or name in NUMBER_FIELDS else self.print.single(quote)

    def _value(self, name: str, words: Sequence[Word]) -> object:
        """What the words mean in the field, None where they cannot be that."""
        value = value_of(name, words, self.style, month_first=self.month_first)
        if name == "incoterm" and value not in INCOTERMS:
            return None
        if name == "seller_email" and "@" not in str(value):
            return None
        text = evidence_of(words).text or ""
        return value if value is not None and means(name, text, value) else None

    def _put(self, name: str, value: Any, words: Sequence[Word]) -> None:
        self.document = replace(self.document, **{name: value})
        self.evidence[name] = evidence_of(words)
        self.taken.append(name)

    def _lines(self, told: Sequence[object]) -> None:
        quotes = [_cells(line) for line in told if isinstance(line, dict)]
        made: list[Line] = []
        for cells, places in zip(quotes, self.print.blocks(quotes), strict=True):
            line = self._line(places) if places and AMOUNTS & cells.keys() and len(cells) > 1 else None
            if line is None:
                self.missing += 1
                continue
            values, words = line
            for name, at in words.items():
                self.evidence[f"lines.{len(made)}.{name}"] = evidence_of(at)
            self.taken.append(f"lines.{len(made)}")
            made.append(Line(**values))
        self.document = replace(self.document, lines=tuple(made))

    def _line(self, places: Mapping[str, Found]) -> tuple[dict[str, Any], dict[str, list[Word]]] | None:
        """Values and words of a position as the layout reader understands its cells; None where quantity, price and
        total do not agree, or a cell means nothing."""
        cells = {name: list(place.words) for name, place in places.items()}
        line = read_line(RawLine(cells=cells), self.style, month_first=self.month_first)
        if cells.keys() >= AMOUNTS and not line.closes:
            return None
        understood = all(name in line.values for name in cells)
        grounded = all(
            means(name, evidence_of(at).text or "", line.values[name]) for name, at in line.words.items()
        )
        return (line.values, line.words) if understood and grounded else None

    def _check(self, before: frozenset[tuple[str, str | None]]) -> None:
        """Takes back what the checks say more against the document than before, and totals that no sum bears out."""
        while wrong := _against(self.document) - before:
            if _taxed(self.document):
                wrong = frozenset(item for item in wrong if item[0] != "net_total_mismatch")
            refused = {name for code, _ in wrong for name in _CONTRADICTED[code]} & set(self.taken)
            if not refused:
                break
            self._take_back(refused)
        if not _adds_up(self.document):
            self._take_back(TOTALS & set(self.taken))

    def _take_back(self, names: Set[str]) -> None:
        for name in names:
            nothing: Any = None
            self.document = replace(self.document, **{name: nothing})
            self.taken.remove(name)
            del self.evidence[name]
        self.missing += len(names)

    def extraction(self) -> Extraction:
        """The document with what is to be said of the model's values, validated anew."""
        kept = replace(self.document, findings=(*self.document.findings, *self._findings()))
        return Extraction(document=replace(kept, findings=tuple(validate(kept))), evidence=self.evidence)

    def _findings(self) -> Iterator[Finding]:
        for path in self.taken:
            yield Finding(
                code=MODEL_READ,
                field=path,
                message="A language model pointed at this value; compare it with the page.",
            )
        for name in self.differing:
            yield Finding(
                code=MODEL_DIFFERS,
                field=name,
                severity="info",
                message="A language model pointed at another value on the page.",
            )
        if self.missing:
            yield Finding(
                code=MODEL_NOT_ON_PAGE,
                severity="info",
                message=f"A language model gave {self.missing} value{'' if self.missing == 1 else 's'} that "
                "the page does not bear out; none was taken.",
            )


def _cells(line: Json) -> dict[str, str]:
    """The quotes of a position; what is printed in one word with an amount ("107,00/100") is read from that."""
    cells = {name: quote for name in CELLS if (quote := quote_of(line.get(name)))}
    for inner, outer in (("price_base", "unit_price"), ("unit", "quantity"), ("unit", "price_base")):
        if key_of(cells.get(inner, "")) in key_of(cells.get(outer, "")):
            cells.pop(inner, None)
    return cells


def _adds_up(document: CanonicalDocument) -> bool:
    """Whether net and tax make the gross total, or the lines the net, or the gross where no other is printed."""
    bare = document if document.net_total is not None else replace(document, net_total=document.gross_total)
    return _taxed(document) or lines_make_net(bare)


def _taxed(document: CanonicalDocument) -> bool:
    """Three labelled amounts, two of which make the third, are the totals whatever the lines say."""
    return bool(document.tax_total) and net_makes_gross(document)


def _against(document: CanonicalDocument) -> frozenset[tuple[str, str | None]]:
    return frozenset((item.code, item.field) for item in validate(document) if item.code in _CONTRADICTED)
