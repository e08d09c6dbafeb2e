"""The pages of a file in words, as whichever extractor read it saw them."""

from extraction import media
from extraction.extractor import Source
from extraction.extractors.body.extractor import body_text, text_page
from extraction.extractors.ocr.pictures import pictures
from extraction.extractors.ocr.reading import read_pages
from extraction.extractors.sheet.extractor import sheet_text
from extraction.layout.geometry import Page, page_of
from extraction.pdfium.opening import opened
from extraction.pdfium.words import read_page


def pages_of(source: Source, extractor: str | None) -> list[Page]:
    """The pages in words, a text being one; none for a source that names the places of its values itself."""
    if extractor == "ocr":
        return [page.page for page in read_pages(pictures(source))]
    if extractor == "body":
        return [text_page(body_text(source))]
    if extractor == "sheet":
        return [text_page(sheet_text(source))]
    if source.media_type != media.PDF:
        return []
    with opened(source.content) as document:
        return [page_of(number, *read_page(page, number)) for number, page in enumerate(document, start=1)]
