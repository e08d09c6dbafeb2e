"""The body of a mail, plain or HTML: read as a page of fixed-width text."""

import re
from collections.abc import Iterator
from typing import ClassVar, Final

from extraction import media
from extraction.extractor import Extractor, Source, UnreadableError
from extraction.extractors.body.html import html_text
from extraction.layout.document import Known, read_document
from extraction.layout.geometry import Page, Word, page_of
from extraction.schemas import Extraction

MAX_CHARS: Final = 2_000_000
# A character of fixed-width text in the unit the geometry is made for: two spaces separate segments, one does not.
_WIDTH: Final = 5.0
_HEIGHT: Final = 10.0

_WORDS: Final = re.compile(r"\S+")
# What begins a quoted mail, in the words of the common mail programs. From there on nothing is the sender's own.
_QUOTE: Final = re.compile(
    r"^(?:-{2,}\s*(?:Original|Ursprüngliche|Message d'origine|Messaggio originale|Mensaje original|Oorspronkelijk)"
    r"|_{20,}\s*$"
    r"|(?:Von|From|De|Da|Van)\s*:\s.*\S+@\S+"
    r"|(?:Am|On|Le|Il|El|Op)\s.{6,120}(?:schrieb|wrote|a écrit|ha scritto|escribió|schreef)\b.*:\s*$)",
    re.IGNORECASE,
)


class BodyExtractor(Extractor):
    key: ClassVar[str] = "body"
    version: ClassVar[str] = "3"

    def score(self, source: Source) -> int | None:
        return 20 if source.media_type in {media.TEXT, media.HTML} else None

    def extract(self, source: Source) -> list[Extraction]:
        text = body_text(source)
        found = read_document([text_page(text)], Known.of(source.hints))
        return [found] if found else []


def body_text(source: Source) -> str:
    """The text evidence offsets refer to: decoded, HTML laid out, quoted mails cut off. Raises UnreadableError."""
    text = media.decode(source.content)
    if len(text) > MAX_CHARS:
        raise UnreadableError("too_large", f"The body has more than {MAX_CHARS} characters.")
    if source.media_type == media.HTML:
        text = html_text(text)
    return _without_quotes(text)


def _without_quotes(text: str) -> str:
    kept = []
    for line in text.splitlines():
        if _QUOTE.match(line.strip()):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line.expandtabs(8))
    return "\n".join(kept)


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
