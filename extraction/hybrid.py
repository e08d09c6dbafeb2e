"""PDFs with data inside (Order-X, Factur-X, ZUGFeRD): the data lead, and are checked against the page people see."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from extraction import media
from extraction.embedded import embedded_files
from extraction.extractor import Extractor, Source, UnreadableError
from extraction.grounding import means
from extraction.layout.dates import find_dates
from extraction.layout.numbers import readings
from extraction.pdfium.text import plain_text
from extraction.registry import best
from extraction.schemas import CanonicalDocument, Evidence, Extraction, Finding, number_text

# The score from which an extractor knows a format rather than guesses at a layout.
STRUCTURED: Final = 90

# What must be the same on the page, and how much it matters if it is not.
_CHECKED: Final = {
    "number": "error",
    "issue_date": "warning",
    "order_reference": "warning",
    "seller_iban": "error",
    "seller_vat_id": "warning",
    "net_total": "error",
    "tax_total": "error",
    "gross_total": "error",
}
# Not every paper prints the rest; these two it must, or it is not the paper of these data.
_EXPECTED: Final = frozenset({"number", "gross_total"})
_LINE_CHECKED: Final = ("quantity", "line_total")
_BILLS: Final = frozenset({"invoice", "credit_note"})

_NUMBER: Final = re.compile(r"\d+(?:[.,'’\u00a0\u202f\u2009 ]\d+)*")
_MARKS: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Hybrid:
    """What a PDF with data inside gave, which extractors read it, and what there is to say about the file."""

    extractors: tuple[Extractor, ...]
    documents: tuple[Extraction, ...]
    findings: tuple[Finding, ...] = ()


def read_hybrid(source: Source) -> Hybrid | None:
    """The PDF by the data inside it; None when it has none that we read. Data that cannot be read give a Hybrid
    without documents: the page is then read alone, and the findings say why."""
    if source.media_type != media.PDF:
        return None
    findings: list[Finding] = []
    found: list[tuple[Extractor, Extraction]] = []
    for file in embedded_files(source.content):
        inner = Source.of(file.name, file.content, source.hints)
        extractor = _structured(inner)
        try:
            found += [(extractor, item) for item in extractor.extract(inner)] if extractor else []
        except UnreadableError as error:
            findings.append(
                _finding("embedded_data_unreadable", f"The data inside the PDF: {error.message}", "warning")
            )
    if not found:
        return Hybrid((), (), tuple(findings)) if findings else None
    return _checked(source, found, findings)


def _structured(inner: Source) -> Extractor | None:
    extractor = best(inner) if inner.media_type == media.XML else None
    score = extractor.score(inner) if extractor is not None else None
    return extractor if score is not None and score >= STRUCTURED else None


def _checked(source: Source, found: list[tuple[Extractor, Extraction]], findings: list[Finding]) -> Hybrid:
    reader = best(source)
    try:
        print_ = _Print(plain_text(source.content))
        pages = reader.extract(source) if reader is not None else []
    except UnreadableError:
        findings.append(
            _finding("page_not_checked", "The page has no text that the data could be checked against.")
        )
        return Hybrid((found[0][0],), (found[0][1],), tuple(findings))
    # Some send the order along inside the confirmation: the data of this paper are those it shows the number of.
    extractor, data = next(
        (pair for pair in found if print_.shows("number", pair[1].document.number)), found[0]
    )
    page = pages[0] if len(pages) == 1 else None
    return Hybrid((extractor, *([reader] if reader else [])), (_joined(data, page, print_),), tuple(findings))


def _joined(data: Extraction, page: Extraction | None, print_: "_Print") -> Extraction:
    document = data.document
    findings = [*document.findings, *_differences(document, page, print_)]
    evidence = dict(data.evidence)
    differing = [item.field for item in findings if item.code == "page_differs" and item.field]
    confidence = 0.5 if differing else document.confidence
    if page is not None:
        evidence |= _shown(document, evidence, page)
        for name in differing:
            # The data's own words, and the place where the page says otherwise, for a person to look at.
            seen, own = page.evidence.get(name), evidence.get(name, Evidence())
            evidence[name] = replace(own, page=seen.page, box=seen.box) if seen else own
        if page.document.lines and not document.lines and document.doc_type in _BILLS:
            # The profiles MINIMUM and BASIC WL have no lines; the paper has.
            document = replace(document, lines=page.document.lines)
            evidence |= {path: item for path, item in page.evidence.items() if path.startswith("lines.")}
            findings.append(
                _finding("lines_from_page", "The data inside the PDF have no lines; these are the page's.")
            )
            confidence = min(confidence, page.document.confidence)
    document = replace(document, findings=tuple(findings), confidence=confidence)
    return Extraction(document=document, evidence=evidence)


def _differences(document: CanonicalDocument, page: Extraction | None, print_: "_Print") -> Iterator[Finding]:
    for name, severity in _CHECKED.items():
        value = getattr(document, name)
        if value is None or value == 0 or print_.shows(name, value):
            continue
        printed = getattr(page.document, name) if page is not None else None
        if printed == value:
            # A sum over several lines of the page is not printed as one.
            continue
        if printed is not None:
            place = page.evidence.get(name) if page is not None else None
            said = (place and place.text) or _text(printed)
            message = f"The page says “{said}”, the data inside the PDF say “{_text(value)}”."
            yield Finding(code="page_differs", field=name, severity=severity, message=message)
        elif name in _EXPECTED:
            message = f"The data inside the PDF say “{_text(value)}”, which the page does not show."
            yield Finding(code="not_on_page", field=name, message=message)
    for index, line in enumerate(document.lines):
        for name in _LINE_CHECKED:
            value = getattr(line, name)
            if value and not print_.shows(name, value):
                message = f"The data inside the PDF say “{_text(value)}”, which the page does not show."
                yield Finding(code="not_on_page", field=f"lines.{index}.{name}", message=message)


def _shown(
    document: CanonicalDocument, evidence: dict[str, Evidence], page: Extraction
) -> dict[str, Evidence]:
    """Evidence in the data, together with its place on the page where the page was read to say the same."""
    values = document.to_json()
    for index, line in enumerate(values["lines"]):
        # Only lines that are the same in number are the same in order.
        if len(page.document.lines) == len(document.lines):
            values |= {f"lines.{index}.{name}": value for name, value in line.items()}
    found = {}
    for path, place in page.evidence.items():
        value, own = values.get(path), evidence.get(path)
        if value and own and place.text and isinstance(value, str) and means(path, place.text, value):
            found[path] = replace(place, path=own.path)
    return found


class _Print:
    """The text of the pages, asked whether it shows a value in any way a value is printed."""

    def __init__(self, text: str) -> None:
        self._plain = _MARKS.sub("", text).casefold()
        self._numbers = {abs(number) for part in _pieces(text) for number in readings(part)}
        self._days = {
            day
            for line in text.splitlines()
            for item in find_dates(line)
            for day in (item.day_first, item.month_first)
            if day
        }

    def shows(self, name: str, value: object) -> bool:
        if isinstance(value, Decimal):
            return abs(value) in self._numbers or abs(value).quantize(Decimal("0.01")) in self._numbers
        if isinstance(value, date):
            return value in self._days
        plain = _MARKS.sub("", str(value or "")).casefold()
        return bool(plain) and plain in self._plain


def _pieces(text: str) -> Iterator[str]:
    """Every run of digits with separators, and the runs between its spaces: columns may stand as close as groups."""
    for found in _NUMBER.finditer(text):
        parts = found.group().split(" ")
        for start in range(len(parts)):
            for end in range(start + 1, min(start + 4, len(parts)) + 1):
                yield " ".join(parts[start:end])


def _text(value: object) -> str:
    return number_text(value) if isinstance(value, Decimal) else str(value)


def _finding(code: str, message: str, severity: str = "info") -> Finding:
    return Finding(code=code, message=message, severity=severity)
