"""Words with boxes out of a PDF's text layer, upright as a reader sees the page."""

import ctypes
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pypdfium2
import pypdfium2.raw as pdfium

from extraction.layout.geometry import Word

# In heights of a character: a wider gap, or a jump back, starts a new word.
WORD_GAP: Final = 0.22
# In points: the same text this near is the same text drawn twice.
SAME: Final = 1.0
MAX_CHARS: Final = 200_000
# Fewer letters one above the other than this are chance, not a text that runs upwards.
SIDEWAYS: Final = 4

_SPACES: Final = frozenset(
    {0x20, 0x09, 0x0A, 0x0D, 0xA0, 0x2002, 0x2003, 0x2007, 0x2009, 0x200A, 0x202F, 0x3000}
)
# A hyphen that divides a word at a line's end is reported as 0x02.
_LETTERS: Final = {0x02: "-", 0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl"}
# Control characters, the soft hyphen as PDFium reports it, characters without a shape, and halves of characters beyond
# the first plane: pictures, not words.
_DROPPED: Final = (
    frozenset(range(0x20)) - _SPACES - _LETTERS.keys()
    | {0xAD, 0xFFFE, 0xFFFF, 0x200B, 0x200C, 0x200D, 0xFEFF}
    | frozenset(range(0xD800, 0xE000))
)
# What PDFium's text of a whole page may tell otherwise than its characters do: a hyphen at a line's end, and halves.
_UNSURE: Final = frozenset({0xFFFE}) | frozenset(range(0xD800, 0xE000))
# A label that its value follows without a space: up to a colon, or a sign for "number".
_JOINT: Final = re.compile(r"[^:\d]+:(?=[^/])|(?:[Nn]\.?[°º]|№|[Nn][or]\.)(?=\w*\d)")
_OTHER, _LOWER, _UPPER, _DIGIT = 1, 2, 3, 4
_KINDS: Final[dict[int, int]] = {}

# a, b, c, d, e, f: a point (x, y) of the file is at (ax + cy + e, bx + dy + f) on the page.
Matrix = tuple[float, float, float, float, float, float]


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

    a, b, c, d, e, f = upright
    turned = (-b, a, -d, c, height - f, e) if upwards else (b, -a, d, -c, f, width - e)
    level, _, _ = _directions(_words(page, number, turned))
    return height, width, [_shown(word, width, height, upwards=upwards) for word in level]


def _words(page: pypdfium2.PdfPage, number: int, matrix: Matrix) -> list[Word]:
    """The words in the order in which they are drawn. One loop over characters, where the time goes."""
    text_page = page.get_textpage()
    handle = text_page.raw
    rect = pdfium.FS_RECTF()
    pointer = ctypes.byref(rect)
    a, b, c, d, e, f = matrix
    box_of = pdfium.FPDFText_GetLooseCharBox
    words: list[Word] = []
    text, before, last, start = "", _OTHER, 0, 0.0
    left = top = right = bottom = 0.0
    for index, code in enumerate(_codes(handle)):
        if code in _SPACES:
            if text:
                words += _split(text, left, top, right, bottom, number)
                text = ""
            continue
        if code in _DROPPED or not box_of(handle, index, pointer):
            continue
        x0, y0, x1, y1 = rect.left, rect.top, rect.right, rect.bottom
        x0, y0, x1, y1 = a * x0 + c * y0 + e, b * x0 + d * y0 + f, a * x1 + c * y1 + e, b * x1 + d * y1 + f
        if x1 < x0:
            x0, x1 = x1, x0
        if y1 < y0:
            y0, y1 = y1, y0
        kind = _KINDS.get(code) or _kind(code)
        if text:
            if code == last and abs(x0 - start) < SAME:
                continue
            gap = (x0 - right) / (y1 - y0 or 0.1)
            if (
                top <= (y0 + y1) / 2 <= bottom
                and -0.5 <= gap <= WORD_GAP
                and not (gap and kind != before and _is_fresh(handle, index, before, kind))
            ):
                text += _LETTERS.get(code) or chr(code)
                right, before, last, start = max(right, x1), kind, code, x0
                if y0 < top:
                    top = y0
                if y1 > bottom:
                    bottom = y1
                continue
            words += _split(text, left, top, right, bottom, number)
        text, before, last, start = _LETTERS.get(code) or chr(code), kind, code, x0
        left, top, right, bottom = x0, y0, x1, y1
    if text:
        words += _split(text, left, top, right, bottom, number)
    text_page.close()
    return _once(words)


def _codes(handle: pdfium.FPDF_TEXTPAGE) -> list[int]:
    """What each character is, in one call; in one for each where a character has no text, or more than one unit."""
    count = min(pdfium.FPDFText_CountChars(handle), MAX_CHARS)
    units = (ctypes.c_ushort * (count + 1))()
    if pdfium.FPDFText_GetText(handle, 0, count, units) == count + 1:
        codes: list[int] = units[:count]
        if _UNSURE.isdisjoint(codes):
            return codes
    return [pdfium.FPDFText_GetUnicode(handle, index) for index in range(count)]


def _once(words: Sequence[Word]) -> list[Word]:
    """The words without those drawn again in the same place."""
    seen: dict[str, list[Word]] = {}
    kept = []
    for word in words:
        same = seen.setdefault(word.text, [])
        if not any(abs(word.x0 - other.x0) < SAME and abs(word.y0 - other.y0) < SAME for other in same):
            same.append(word)
            kept.append(word)
    return kept


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


def _kind(code: int) -> int:
    """Whether a character is a lower case letter, a capital, a digit or something else; remembered."""
    char = chr(code)
    kind = _LOWER if char.islower() else _UPPER if char.isupper() else _DIGIT if char.isdigit() else _OTHER
    return _KINDS.setdefault(code, kind)


def _is_fresh(handle: pdfium.FPDF_TEXTPAGE, index: int, before: int, kind: int) -> bool:
    """Whether a character differs in kind from the one before it and is drawn on its own: cells that touch without a
    space."""
    if kind == _UPPER:
        turns = before in (_LOWER, _DIGIT)
    else:
        turns = (kind == _DIGIT) != (before == _DIGIT) and _OTHER not in (kind, before)
    return turns and _objects_differ(handle, index)


def _objects_differ(handle: pdfium.FPDF_TEXTPAGE, index: int) -> bool:
    this, last = (
        pdfium.FPDFText_GetTextObject(handle, index),
        pdfium.FPDFText_GetTextObject(handle, index - 1),
    )
    return ctypes.addressof(this.contents) != ctypes.addressof(last.contents) if this and last else False


def _upright(page: pypdfium2.PdfPage) -> Matrix:
    """From PDF user space (origin below left, unrotated) to the page as shown, origin top left."""
    left, bottom, right, top = page.get_bbox()
    rotation = page.get_rotation()
    if rotation == 90:
        return 0.0, 1.0, 1.0, 0.0, -bottom, -left
    if rotation == 180:
        return -1.0, 0.0, 0.0, 1.0, right, -bottom
    if rotation == 270:
        return 0.0, -1.0, -1.0, 0.0, top, right
    return 1.0, 0.0, 0.0, -1.0, -left, top


def _split(text: str, x0: float, y0: float, x1: float, y1: float, number: int) -> tuple[Word, ...]:
    """One word, or two where a label and its value are joined without a space: `Datum:3.4.2025`, `n°4711`."""
    joint = _JOINT.match(text)
    if joint is None:
        return (Word(text, x0, y0, x1, y1, number),)
    end = joint.end()
    middle = x0 + (x1 - x0) * end / len(text)
    return Word(text[:end], x0, y0, middle, y1, number), Word(text[end:], middle, y0, x1, y1, number)
