"""Pages of a PDF as pictures, for the person who reviews."""

import io
from typing import Final

from extraction.extractor import UnreadableError
from extraction.pdfium.opening import opened

# A picture never has more pixels than this, however large the page claims to be.
MAX_PIXELS: Final = 25_000_000


def sizes(content: bytes) -> list[tuple[float, float]]:
    """Width and height in points of each page as it is shown, as the boxes of evidence are. Raises UnreadableError."""
    with opened(content) as document:
        return [document.get_page_size(index) for index in range(len(document))]


def png(content: bytes, *, number: int, scale: float) -> bytes:
    """Page ``number`` (from 1), `scale` pixels to a point (72 points to the inch). Raises UnreadableError."""
    with opened(content) as document:
        if not 1 <= number <= len(document):
            raise UnreadableError("no_such_page", "The document has fewer pages.")
        page = document[number - 1]
        width, height = page.get_size()
        pixels = width * height * scale * scale
        fitting = scale if pixels <= MAX_PIXELS else scale * (MAX_PIXELS / pixels) ** 0.5
        buffer = io.BytesIO()
        page.render(scale=fitting, may_draw_forms=False).to_pil().save(buffer, format="PNG")
        page.close()
        return buffer.getvalue()
