"""Scans, faxes and photographs, read by the layout of what Tesseract recognises on them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean
from typing import ClassVar, Final

from extraction import media
from extraction.extractor import RECOGNITION_AWAITED, Extractor, Source, UnreadableError
from extraction.extractors.ocr import repair
from extraction.extractors.ocr.pictures import MAX_PAGES, is_image, pictures
from extraction.extractors.ocr.reading import ReadPage, read_again, read_pages
from extraction.extractors.ocr.receipts import is_receipt, read_receipt
from extraction.layout.document import Known, read_document
from extraction.schemas import Evidence, Extraction, Finding

# What a person should look at when its letters or figures were hard to read.
_WEIGHTY: Final = ("number", "issue_date", "order_reference", "net_total", "tax_total", "gross_total")
_WEIGHTY_CELLS: Final = ("quantity", "unit_price", "line_total")
_UNSURE: Final = 0.6


class OcrExtractor(Extractor):
    key: ClassVar[str] = "ocr"
    version: ClassVar[str] = "3"

    def score(self, source: Source) -> int | None:
        if source.media_type == media.PDF:
            return 30
        return 30 if source.media_type in media.IMAGES and is_image(source.content) else None

    def extract(self, source: Source) -> list[Extraction]:
        if not source.hints.recognise:
            raise UnreadableError(RECOGNITION_AWAITED, "It is a picture; its text is to be recognised first.")
        pages = list(read_pages(pictures(source)))
        if not any(page.upright for page in pages):
            raise UnreadableError("no_picture", "No page of it is a picture; there is nothing to recognise.")
        known = Known.of(source.hints)
        found = read_document([page.page for page in pages], known)
        has_lines = found is not None and bool(found.document.lines)
        if is_receipt([page.page for page in pages], has_lines=has_lines):
            pages = [*pages, *read_again(pages[0])]
            found = read_receipt([page.page for page in pages], found)
        elif found:
            pages, found = _repaired(pages, found, known)
        return [_judged(pages, found)] if found else []


def _repaired(pages: list[ReadPage], found: Extraction, known: Known) -> tuple[list[ReadPage], Extraction]:
    made = repair.repairs(pages, found)
    if not made:
        return pages, found
    repaired_pages = repair.apply(pages, made)
    again = read_document([page.page for page in repaired_pages], known)
    if again is None or len(again.document.lines) != len(found.document.lines):
        return pages, found
    findings = [
        item.finding()
        for item in made
        if (place := again.evidence.get(item.cell.field)) is not None and place.text == item.text
    ]
    document = replace(again.document, findings=(*again.document.findings, *findings))
    return repaired_pages, replace(again, document=document)


def _judged(pages: Sequence[ReadPage], found: Extraction) -> Extraction:
    """The document with the recognition's own doubts in its confidence and its findings."""
    document = found.document
    sure = {path: _sureness(pages, place) for path, place in found.evidence.items()}
    weighty = [path for path in sure if path in _WEIGHTY or path.rpartition(".")[2] in _WEIGHTY_CELLS]
    doubts = [
        item
        for path in weighty
        if sure[path] < _UNSURE and (item := repair.doubt(path)) not in document.findings
    ]
    mean = fmean(sure[path] for path in weighty) if weighty else 0.5
    # Amounts prove each other; a number or a name that was recognised is proven by nothing.
    recognised = Finding(
        code="text_recognised", severity="info", message="The text was recognised from a picture."
    )
    findings = (*document.findings, recognised, *doubts, *_left_out(pages))
    return replace(
        found, document=replace(document, confidence=round(document.confidence * mean, 3), findings=findings)
    )


def _sureness(pages: Sequence[ReadPage], place: Evidence) -> float:
    """How sure the recognition is of the least sure word at a place; 1 where nothing was recognised."""
    if place.box is None:
        return 1.0
    words = (word for page in pages if page.number == place.page for word in page.recognised)
    return min((word.confidence for word in words if repair.inside(word.box, place.box)), default=1.0)


def _left_out(pages: Sequence[ReadPage]) -> Iterator[Finding]:
    if any(page.left_out for page in pages):
        yield Finding(
            code="ocr_pages_left_out",
            severity="warning",
            message=f"Only the first {MAX_PAGES} scanned pages were read.",
        )
