"""PDF files with a text layer, read by their layout."""

from typing import ClassVar, Final

import pypdfium2

from extraction import media
from extraction.extractor import Extractor, Source, UnreadableError
from extraction.layout.document import Known, read_documents
from extraction.layout.geometry import Page, page_of
from extraction.pdfium.opening import opened
from extraction.pdfium.words import read_page
from extraction.schemas import Extraction

# Fewer characters than this on a whole document is a scan with a stamp, not a text.
MIN_CHARS: Final = 30


class PdfExtractor(Extractor):
    key: ClassVar[str] = "pdf"
    version: ClassVar[str] = "4"

    def score(self, source: Source) -> int | None:
        return 50 if source.media_type == media.PDF else None

    def extract(self, source: Source) -> list[Extraction]:
        with opened(source.content) as document:
            pages = [_page(document, index) for index in range(len(document))]
        printed = sum(len(word.text) for page in pages for row in page.rows for word in row.words)
        if printed < MIN_CHARS:
            message = "The PDF is a picture without text; it needs text recognition."
            raise UnreadableError("no_text_layer", message)
        return [reading.extraction for reading in read_documents(pages, Known.of(source.hints))]


def _page(document: pypdfium2.PdfDocument, index: int) -> Page:
    page = document[index]
    try:
        width, height, words = read_page(page, index + 1)
        return page_of(index + 1, width, height, words)
    finally:
        page.close()
