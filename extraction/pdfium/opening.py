"""Opens a PDF, or says why it cannot be opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pypdfium2
import pypdfium2.raw as pdfium

from extraction.extractor import UnreadableError

MAX_PAGES: Final = 200


@contextmanager
def opened(content: bytes) -> Iterator[pypdfium2.PdfDocument]:
    """The document, closed afterwards. Raises UnreadableError for what PDFium refuses, also while in use."""
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            message = "The PDF needs a password; ask the sender for one without."
            raise UnreadableError("pdf_encrypted", message) from error
        message = "The PDF cannot be opened; ask the sender for the file again."
        raise UnreadableError("pdf_broken", message) from error
    try:
        if not 0 < len(document) <= MAX_PAGES:
            raise UnreadableError("too_many_pages", f"The PDF has no page, or more than {MAX_PAGES}.")
        yield document
    except pypdfium2.PdfiumError as error:
        raise UnreadableError("pdf_broken", "A page of the PDF cannot be read.") from error
    finally:
        document.close()
