"""What a document was read from, to be shown in review: page images and texts, each look on record."""

from audit import actions, trail
from connectors import reading
from extraction import media
from extraction.models import Document
from zalion import sandbox

SCALE = 1.6  # pixels to a point


def page_sizes(document: Document) -> list[list[float]]:
    """[width, height] in points of each page, as boxes of evidence are; empty for a document without pages.

    Raises SandboxError, BlobMissing.
    """
    if document.media_type not in {media.PDF, *media.IMAGES}:
        return []
    content = reading.content(document.message, path=document.source_path)
    sizes: list[list[float]] = sandbox.run("extraction.reader:page_sizes", content=content)
    return sizes


def page_image(document: Document, *, page: int) -> bytes:
    """Page ``page`` (from 1) as PNG. Raises SandboxError, BlobMissing."""
    trail.record(actions.DOCUMENT_PAGE_VIEWED, object=document, facts={"page": page})
    content = reading.content(document.message, path=document.source_path)
    return bytes(sandbox.run("extraction.reader:page_image", content=content, number=page, scale=SCALE))


def source_content(document: Document) -> bytes:
    """What a document was read from, as its extractor got it. Raises SandboxError, BlobMissing, SealBroken."""
    if document.source_path != "body":
        return reading.content(document.message, path=document.source_path)
    parsed = reading.parsed(document.message)
    return str(parsed["html"] or parsed["text"]).encode()


def source_text(document: Document) -> str:
    """What a document without pages was read from, as text. Raises SandboxError, BlobMissing."""
    trail.record(actions.DOCUMENT_PAGE_VIEWED, object=document)
    reader = "body_text" if document.source_path == "body" else "source_text"
    return str(sandbox.run(f"extraction.reader:{reader}", content=source_content(document)))
