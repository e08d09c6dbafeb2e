"""Interchanges cut into messages and segments, as ISO 9735 writes them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from extraction.extractor import UnreadableError
from extraction.schemas import Evidence, decimal_of

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_SEGMENTS: Final = 100_000

_SERVICE: Final = re.compile(rb"\s*UNA(.{6})", re.DOTALL)
_SYNTAX: Final = re.compile(rb"UNB.{0,3}?(UNO[A-Z])", re.DOTALL)
# ISO 9735 annex A: the character set each syntax identifier stands for. A and B are subsets of ASCII; what else
# stands in them, and in C, is Latin 1 with the dashes and signs that Windows adds to it.
_LATIN: Final = "cp1252"
_CHARSETS: Final = {
    b"UNOD": "iso8859-2",
    b"UNOE": "iso8859-5",
    b"UNOF": "iso8859-7",
    b"UNOG": "iso8859-3",
    b"UNOH": "iso8859-4",
    b"UNOI": "iso8859-6",
    b"UNOJ": "iso8859-8",
    b"UNOK": "iso8859-9",
    b"UNOL": "iso8859-15",
}


@dataclass(frozen=True, slots=True)
class Service:
    """The service characters of an interchange, by UNA or by default."""

    component: str = ":"
    element: str = "+"
    release: str = "?"
    terminator: str = "'"


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: its tag, its elements as lists of components, and where it stands."""

    tag: str
    elements: tuple[tuple[str, ...], ...]
    path: str
    offset: int

    def get(self, element: int, component: int = 1) -> str:
        """The component, both counted from 1; empty where there is none."""
        if len(self.elements) < element or len(self.elements[element - 1]) < component:
            return ""
        return self.elements[element - 1][component - 1].strip()

    def place(self, element: int, component: int = 1, text: str | None = None) -> Evidence:
        """Evidence of a component, or of a text made of several that begins there."""
        shown = self.get(element, component) if text is None else text
        return Evidence(text=shown, path=f"{self.path}/{element}.{component}", offset=self.offset)


@dataclass(frozen=True, slots=True)
class Message:
    """The segments of one message from UNH to UNT; `whole` unless its end, or that of its interchange, is missing."""

    kind: str
    segments: tuple[Segment, ...]
    whole: bool


def messages(content: bytes) -> list[Message]:
    """Every message of every interchange in the file. Raises UnreadableError."""
    if len(content) > MAX_BYTES:
        raise UnreadableError("too_large", "The interchange is larger than order messages are.")
    text = decoded(content)
    found: list[Message] = []
    segments: list[Segment] = []
    counts: dict[str, int] = {}
    closed = True
    for tag, elements, offset in _segments(text):
        if tag == "UNH":
            if segments:
                found.append(_message(segments, whole=False))
            segments, counts = [], {}
        if tag in {"UNB", "UNZ"}:
            closed = tag == "UNZ"
        elif segments or tag == "UNH":
            counts[tag] = counts.get(tag, 0) + 1
            path = f"/UNH[{len(found) + 1}]/{tag}[{counts[tag]}]"
            segments.append(Segment(tag, elements, path, offset))
        if tag == "UNT" and segments:
            found.append(_message(segments, whole=_counted(segments)))
            segments = []
    if segments:
        found.append(_message(segments, whole=False))
    elif found and not closed:
        last = found[-1]
        found[-1] = Message(last.kind, last.segments, whole=False)
    return found


def decoded(content: bytes) -> str:
    """The text in the character set that UNB names. Some write UTF-8 whatever they name."""
    plain = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        named = _SYNTAX.search(plain[:200])
        charset = _CHARSETS.get(named[1], _LATIN) if named else _LATIN
        return plain.decode(charset, errors="replace")


def _counted(segments: list[Segment]) -> bool:
    """Whether UNT counts as many segments as there are; some senders count without UNH and UNT, or not at all."""
    count = decimal_of(segments[-1].get(1))
    return count is None or count <= len(segments)


def _message(segments: list[Segment], *, whole: bool) -> Message:
    return Message(segments[0].get(2), tuple(segments), whole)


def _segments(text: str) -> Iterator[tuple[str, tuple[tuple[str, ...], ...], int]]:
    advice = _SERVICE.match(text[:64].encode("latin-1", errors="replace"))
    service = Service()
    start = 0
    if advice:
        marks = advice[1].decode("latin-1")
        service = Service(marks[0], marks[1], marks[3], marks[5])
        start = advice.end()
    count = 0
    for raw, offset in _cut(text, service.terminator, service.release, start):
        # No character set of the syntax has line breaks: some cut an interchange into records wherever it falls.
        stripped = re.sub(r"[\r\n]+", "", raw).strip("\t ")
        if not stripped:
            continue
        count += 1
        if count > MAX_SEGMENTS:
            raise UnreadableError("too_large", "The interchange has more segments than order messages have.")
        parts = [part for part, _ in _cut(stripped, service.element, service.release)]
        tag, *elements = parts
        yield (
            tag.split(service.component)[0],
            tuple(
                tuple(
                    _released(component, service.release)
                    for component, _ in _cut(element, service.component, service.release)
                )
                for element in elements
            ),
            offset + len(raw) - len(raw.lstrip("\r\n\t ")),
        )


def _cut(text: str, mark: str, release: str, start: int = 0) -> Iterator[tuple[str, int]]:
    """The pieces between the marks that are not released, each with its offset."""
    begin = position = start
    while (end := text.find(mark, position)) >= 0:
        before = end
        while before > begin and release.strip() and text[before - 1] == release:
            before -= 1
        position = end + 1
        if (end - before) % 2 == 0:
            yield text[begin:end], begin
            begin = position
    if begin < len(text):
        yield text[begin:], begin


def _released(text: str, release: str) -> str:
    if not release.strip() or release not in text:
        return text
    return re.sub(re.escape(release) + "(.?)", r"\1", text, flags=re.DOTALL)
