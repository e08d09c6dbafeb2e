"""Words with boxes out of a PDF's text layer, upright as a reader sees the page."""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import pypdfium2
import pypdfium2.raw as pdfium

from extraction.layout.geometry import Word

# In heights of a character: a wider gap, or a jump back, starts a new word.
WORD_GAP: Final = 0.22
MAX_CHARS: Final = 200_000
# Fewer letters one above the other than this are chance, not a text that runs upwards.
SIDEWAYS: Final = 4

_SPACES: Final = frozenset(
    {0x20, 0x09, 0x0A, 0x0D, 0xA0, 0x2002, 0x2003, 0x2007, 0x2009, 0x200A, 0x202F, 0x3000}
)
# Soft hyphen as PDFium reports it, and characters without a shape.
_DROPPED: Final = frozenset({0x00, 0xAD, 0xFFFE, 0xFFFF, 0x200B, 0x200C, 0x200D, 0xFEFF})
# A hyphen that divides a word at a line's end is reported as 0x02.
_LETTERS: Final = {0x02: "-", 0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl"}
# Halves of characters beyond the first plane: pictures, not words.
_HALVES: Final = range(0xD800, 0xE000)

Point = Callable[[float, float], tuple[float, float]]


def page_words(page: pypdfium2.PdfPage, number: int) -> list[Word]:
    """The page's words as it is shown. Text that is drawn twice, as cheap bold is, counts once."""
    return _words(page, number, _upright(page))


def read_page(page: pypdfium2.PdfPage, number: int) -> tuple[float, float, list[Word]]:
    """Width, height and words of the page as it is read. Text that runs upwards or downwards is left out, unless it is
    most of the page: then the page is turned, and its words keep the box they are shown in."""
    width, height = page.get_size()
    upright = _upright(page)
    words = _words(page, number, upright)
    level, sideways, upwards = _directions(words)
    if not sideways:
        return width, height, words
    if sum(len(word.text) for word in sideways) < sum(len(word.text) for word in level):
        return width, height, level

    def turned(x: float, y: float) -> tuple[float, float]:
        x, y = upright(x, y)
        return (height - y, x) if upwards else (y, width - x)

    level, _, _ = _directions(_words(page, number, turned))
    return height, width, [_shown(word, width, height, upwards=upwards) for word in level]


def _words(page: pypdfium2.PdfPage, number: int, turn: Point) -> list[Word]:
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


def _directions(words: Sequence[Word]) -> tuple[list[Word], list[Word], bool]:
    """The words that run along the page, those whose letters stand one above the other, and whether these are read
    upwards."""
    sideways: set[int] = set()
    rising = 0
    start = 0
    for index in range(1, len(words) + 1):
        if index < len(words) and _is_above(words[index - 1], words[index]):
            continue
        if index - start >= SIDEWAYS:
            sideways.update(range(start, index))
            rising += 1 if words[start].y0 > words[index - 1].y0 else -1
        start = index
    if not sideways:
        return list(words), [], False
    level = [word for index, word in enumerate(words) if index not in sideways]
    return level, [words[index] for index in sorted(sideways)], rising > 0


def _is_above(first: Word, second: Word) -> bool:
    """Whether two letters follow each other in a text that runs upwards or downwards."""
    if len(first.text) > 2 or len(second.text) > 2 or abs(first.x0 - second.x0) > 1.0:
        return False
    near = 0.6 * (first.x1 - first.x0)
    return abs(first.y0 - second.y1) < near or abs(second.y0 - first.y1) < near


def _shown(word: Word, width: float, height: float, *, upwards: bool) -> Word:
    x0, y0, x1, y1 = word.x0, word.y0, word.x1, word.y1
    box = (y0, height - x1, y1, height - x0) if upwards else (width - y1, x0, width - y0, x1)
    return replace(word, shown=box)


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
            if code in _DROPPED or code in _HALVES or (code < 0x20 and code not in _LETTERS):
                continue
            if not pdfium.FPDFText_GetLooseCharBox(handle, index, pointer):
                continue
            ax, ay = turn(rect.left, rect.top)
            bx, by = turn(rect.right, rect.bottom)
            x0, x1 = (ax, bx) if ax <= bx else (bx, ax)
            y0, y1 = (ay, by) if ay <= by else (by, ay)
            place = (code, round(x0), round(y0))
            if place in seen:
                continue
            seen.add(place)
            char = _LETTERS.get(code) or chr(code)
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
