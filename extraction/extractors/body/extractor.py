"""The body of a mail, plain or HTML: read as a page of fixed-width text."""

import re
from collections.abc import Iterator
from typing import ClassVar, Final

from extraction import media
from extraction.extractor import Extractor, Source, UnreadableError
from extraction.extractors.body.grid import set_in_columns
from extraction.extractors.body.html import html_text
from extraction.extractors.body.letter import completed
from extraction.extractors.body.quotes import own_lines
from extraction.layout.document import Known, read_document
from extraction.layout.geometry import Page, Word, page_of
from extraction.layout.standing import is_document
from extraction.schemas import Extraction

MAX_CHARS: Final = 2_000_000
MAX_LINES: Final = 10_000
# A character of fixed-width text in the unit the geometry is made for: two spaces separate segments, one does not.
_WIDTH: Final = 5.0
_HEIGHT: Final = 10.0

_WORDS: Final = re.compile(r"(?:\S|\xa0)+")
# Spaces within a number keep its groups together, and so do those of a number that stands apart; no others do.
_GROUPED: Final = re.compile(r"(?<=\d)[\xa0\u202f\u2009](?=\d{3}(?!\d))")
_APART: Final = re.compile(r"(?:(?<=\s\s)|(?<=^))\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?=\s{2}|\s?[^\s\d]|$)")


class BodyExtractor(Extractor):
    key: ClassVar[str] = "body"
    version: ClassVar[str] = "4"

    def score(self, source: Source) -> int | None:
        return 20 if source.media_type in {media.TEXT, media.HTML} else None

    def extract(self, source: Source) -> list[Extraction]:
        page = text_page(body_text(source))
        found = read_document([page], Known.of(source.hints))
        whole = completed(found, page) if found else None
        return [whole] if whole and is_document(whole.document) else []


def body_text(source: Source) -> str:
    """The text evidence offsets refer to: decoded, HTML laid out, quoted mails cut off. Raises UnreadableError."""
    text = media.decode(source.content)
    if len(text) > MAX_CHARS:
        raise UnreadableError("too_large", f"The body has more than {MAX_CHARS} characters.")
    if source.media_type == media.HTML:
        lines = own_lines(html_text(text).split("\n"))
    else:
        lines = [_grouped(line) for line in own_lines(text.splitlines())]
    if sum(bool(line.strip()) for line in lines) > MAX_LINES:
        raise UnreadableError("too_large", f"The body has more than {MAX_LINES} lines.")
    return "\n".join(set_in_columns(lines))


def _grouped(line: str) -> str:
    """The line with the groups of each number held together, and spaces of any other kind as plain ones."""
    parts = _GROUPED.sub("\0", line).translate({0xA0: " ", 0x202F: " ", 0x2009: " ", 0x2007: " "})
    parts = _APART.sub(lambda found: found[0].replace(" ", "\0"), parts)
    return parts.replace("\0", "\xa0")


def text_page(text: str) -> Page:
    """The text as one page of fixed-width print; its words carry their offsets."""
    lines = text.split("\n")
    width = max((len(line) for line in lines), default=0) * _WIDTH
    return page_of(1, width, len(lines) * _HEIGHT, _words(lines))


def _words(lines: list[str]) -> Iterator[Word]:
    offset = 0
    for number, line in enumerate(lines):
        for match in _WORDS.finditer(line):
            x0, x1 = match.start() * _WIDTH, match.end() * _WIDTH
            top = number * _HEIGHT
            yield Word(match.group(), x0, top, x1, top + _HEIGHT - 1, 1, offset + match.start())
        offset += len(line) + 1
