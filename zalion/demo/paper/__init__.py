"""Suppliers' paper as PDF: six houses' styles, drawn from one document."""

from collections.abc import Callable

from zalion.demo.documents import Document
from zalion.demo.paper import boxed, compact, letter, modern, terminal, tworow

STYLES: dict[str, Callable[[Document], bytes]] = {
    "alpenfeder": modern.draw,
    "althoff": letter.draw,
    "brandt": boxed.draw,
    "brightwell": modern.draw,
    "drews": letter.draw,
    "hydraulik": tworow.draw,
    "kontor": compact.draw,
    "meridian": compact.draw,
    "nordstahl": letter.draw,
    "shannon": modern.draw,
    "solent": modern.draw,
    "vandoorn": modern.draw,
    "vogel": terminal.draw,
}


def draw(document: Document) -> bytes:
    """The document as its supplier prints it; the same document gives the same bytes."""
    return STYLES[document.supplier.key](document)
