"""The bare text of a PDF, as PDFium gives it."""

from typing import Final

from extraction.extractor import UnreadableError
from extraction.pdfium.opening import opened

MIN_CHARS: Final = 30
MAX_CHARS: Final = 2_000_000


def plain_text(content: bytes) -> str:
    """All pages' text. Raises UnreadableError, also where there is next to none."""
    parts: list[str] = []
    with opened(content) as document:
        for index in range(len(document)):
            page = document[index]
            text_page = page.get_textpage()
            parts.append(text_page.get_text_range())
            text_page.close()
            page.close()
            if sum(map(len, parts)) > MAX_CHARS:
                raise UnreadableError("too_large", "The PDF has more text than order documents have.")
    text = "\n".join(parts)
    if len(text.strip()) < MIN_CHARS:
        raise UnreadableError(
            "no_text_layer", "The PDF is a picture without text; it needs text recognition."
        )
    return text
