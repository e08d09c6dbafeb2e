"""Words with boxes out of a PDF's text layer, upright as a reader sees the page."""

import ctypes
from collections.abc import Callable, Iterator
from typing import Final

import pypdfium2
import pypdfium2.raw as pdfium

from extraction.layout.geometry import Word

# In heights of a character: a wider gap, or a jump back, starts a new word.
WORD_GAP: Final = 0.22
MAX_CHARS: Final = 200_000

_SPACES: Final = frozenset(
    {0x20, 0x09, 0x0A, 0x0D, 0xA0, 0x2002, 0x2003, 0x2007, 0x2009, 0x200A, 0x202F, 0x3000}
)
# Soft hyphen as PDFium reports it, and characters without a shape.
_DROPPED: Final = frozenset({0x00, 0xAD, 0xFFFE, 0xFFFF, 0x200B, 0x200C, 0x200D, 0xFEFF})
_LIGATURES: Final = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl"}

Point = Callable[[float, float], tuple[float, float]]


def page_words(page: pypdfium2.PdfPage, number: int) -> list[Word]:
    """The page's words. Text that is drawn twice, as cheap bold is, counts once."""
    turn = _upright(page)
    words: list[Word] = []
    text: list[str] = []
    box = [0.0, 0.0, 0.0, 0.0]

    def close() -> None:
        if text:
            words.extend(_split("".join(text), box, number))
            text.clear()

    for char, x0, y0, x1, y1, fresh in _chars(page, turn):
        if not char:
            close()
            continue
        height = max(y1 - y0, 0.1)
        if text:
            gap = (x0 - box[2]) / height
            if not box[1] <= (y0 + y1) / 2 <= box[3] or not -0.5 <= gap <= WORD_GAP or (fresh and gap):
                close()
        if text:
            box[1], box[2], box[3] = min(box[1], y0), max(box[2], x1), max(box[3], y1)
        else:
            box = [x0, y0, x1, y1]
        text.append(char)
    close()
    return words


def _chars(page: pypdfium2.PdfPage, turn: Point) -> Iterator[tuple[str, float, float, float, float, bool]]:
    """Each character with its upright box; an empty one where a space is. The last item tells a character that
    differs in kind from the one before it and is drawn on its own: cells that touch without a space."""
    text_page = page.get_textpage()
    try:
        handle = text_page.raw
        rect = pdfium.FS_RECTF()
        pointer = ctypes.byref(rect)
        seen: set[tuple[int, int, int]] = set()
        before = ""
        for index in range(min(pdfium.FPDFText_CountChars(handle), MAX_CHARS)):
            code = pdfium.FPDFText_GetUnicode(handle, index)
            if code in _SPACES:
                before = ""
                yield "", 0.0, 0.0, 0.0, 0.0, False
                continue
            if code in _DROPPED or code < 0x20 or not pdfium.FPDFText_GetLooseCharBox(handle, index, pointer):
                continue
            ax, ay = turn(rect.left, rect.top)
            bx, by = turn(rect.right, rect.bottom)
            x0, x1 = (ax, bx) if ax <= bx else (bx, ax)
            y0, y1 = (ay, by) if ay <= by else (by, ay)
            place = (code, round(x0), round(y0))
            if place in seen:
                continue
            seen.add(place)
            char = _LIGATURES.get(code) or chr(code)
            fresh = bool(before) and _turns(before, char) and _objects_differ(handle, index)
            yield char, x0, y0, x1, y1, fresh
            before = char
    finally:
        text_page.close()


def _turns(before: str, char: str) -> bool:
    if char.isupper():
        return before.islower() or before.isdigit()
    return char.isdigit() != before.isdigit() and char.isalnum() and before.isalnum()


def _objects_differ(handle: pdfium.FPDF_TEXTPAGE, index: int) -> bool:
    this, last = (
        pdfium.FPDFText_GetTextObject(handle, index),
        pdfium.FPDFText_GetTextObject(handle, index - 1),
    )
    return ctypes.addressof(this.contents) != ctypes.addressof(last.contents) if this and last else False


def _upright(page: pypdfium2.PdfPage) -> Point:
    """From PDF user space (origin below left, unrotated) to the page as shown, origin top left."""
    left, bottom, right, top = page.get_bbox()
    rotation = page.get_rotation()
    if rotation == 90:
        return lambda x, y: (y - bottom, x - left)
    if rotation == 180:
        return lambda x, y: (right - x, y - bottom)
    if rotation == 270:
        return lambda x, y: (top - y, right - x)
    return lambda x, y: (x - left, top - y)


def _split(text: str, box: list[float], number: int) -> Iterator[Word]:
    """One word, or two where a colon joins a label and its value without a space: `Datum:3.4.2025`."""
    x0, y0, x1, y1 = box
    label, colon, value = text.partition(":")
    if colon and value and label and not any(char.isdigit() for char in label) and not value.startswith("/"):
        middle = x0 + (x1 - x0) * (len(label) + 1) / len(text)
        yield Word(label + colon, x0, y0, middle, y1, number)
        yield Word(value, middle, y0, x1, y1, number)
    else:
        yield Word(text, x0, y0, x1, y1, number)
