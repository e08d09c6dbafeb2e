"""Where evidence lies in a text: elements of an XML source by path, snippets of a body by offset."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Finds the pieces of XML by their marks alone: nothing is resolved, fetched or believed.
_PIECE = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<![^>]*>"
    r"|<(?P<close>/)?(?P<name>[^\s/>]+)(?P<rest>(?:\"[^\"]*\"|'[^']*'|[^>\"'])*?)(?P<empty>/)?>",
    re.DOTALL,
)
# The component of a segment that a path such as /UNH[1]/QTY[2]/1.2 ends in.
_COMPONENT = re.compile(r"/[A-Z]{3}\[\d+\]/(\d+)\.(\d+)$")
_ATTRIBUTE = re.compile(r"([^\s=]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text; ``fields`` names those whose evidence it is, none for what lies between."""

    text: str
    fields: str = ""


def pieces(text: str, evidence: Mapping[str, Mapping[str, Any]]) -> list[Piece]:
    """The whole of ``text``, cut so that each place of evidence is a piece of its own; places never overlap."""
    spans: dict[tuple[int, int], list[str]] = {}
    in_tree = any("path" in place and "offset" not in place for place in evidence.values())
    elements = dict(xml_places(text)) if in_tree else {}
    for field, place in evidence.items():
        by_path = "path" in place and "offset" not in place
        span = (
            elements.get(str(place["path"])) if by_path else _component(text, place) or _snippet(text, place)
        )
        if span is not None and span[0] < span[1]:
            spans.setdefault(span, []).append(field)
    cut: list[Piece] = []
    reached = 0
    for (start, end), fields in sorted(spans.items()):
        if start < reached:
            continue
        if start > reached:
            cut.append(Piece(text[reached:start]))
        cut.append(Piece(text[start:end], " ".join(fields)))
        reached = end
    if reached < len(text):
        cut.append(Piece(text[reached:]))
    return cut


def _component(text: str, place: Mapping[str, Any]) -> tuple[int, int] | None:
    """A component of the EDIFACT segment at the place's offset, if the evidence's text stands there."""
    numbers, words = _COMPONENT.search(str(place.get("path") or "")), str(place.get("text") or "")
    if numbers is None or not words:
        return None
    # ISO 9735: UNA names the separators of components and elements, the decimal mark, the release character and
    # what ends a segment.
    una = text.lstrip("\ufeff \r\n")
    marks = una[3:9] if una.startswith("UNA") else ":+.? '"
    wanted, reached, start = (int(numbers[1]), int(numbers[2])), (0, 1), int(place["offset"])
    at = start
    while at < len(text):
        char = text[at]
        if char in (marks[0], marks[1], marks[5]):
            if reached == wanted:
                return (start, at) if text[start:at] == words else None
            if char == marks[5]:
                return None
            reached = (reached[0], reached[1] + 1) if char == marks[0] else (reached[0] + 1, 1)
            start = at + 1
        at += 2 if char == marks[3] else 1
    return None


def _snippet(text: str, place: Mapping[str, Any]) -> tuple[int, int] | None:
    """A snippet at or after its offset, or, where the text was laid out otherwise, at its first occurrence."""
    words = str(place.get("text") or "")
    start = place.get("offset")
    if not words:
        return None
    if not isinstance(start, int) or text[start : start + len(words)] != words:
        start = text.find(words, start if isinstance(start, int) else 0)
        start = start if start >= 0 else text.find(words)
    return (start, start + len(words)) if start >= 0 else None


def xml_places(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Each element's path by local names, counted from 1 among siblings but for the root, and its content's span.

    Attributes follow as `path/@name`. Text that is no XML gives whatever tags it seems to have.
    """
    path: list[tuple[str, int]] = []
    counts: list[dict[str, int]] = [{}]
    for piece in _PIECE.finditer(text):
        name = piece["name"]
        if name is None:
            continue
        if piece["close"]:
            if path:
                (below, start), _ = path.pop(), counts.pop()
                yield below, _trimmed(text, start, piece.start())
            continue
        local = name.rpartition(":")[2]
        number = counts[-1][local] = counts[-1].get(local, 0) + 1
        here = f"{path[-1][0]}/{local}[{number}]" if path else f"/{local}"
        base = piece.start("rest")
        for attribute in _ATTRIBUTE.finditer(piece["rest"]):
            group = 2 if attribute[2] is not None else 3
            label = attribute[1].rpartition(":")[2]
            yield f"{here}/@{label}", (base + attribute.start(group), base + attribute.end(group))
        if piece["empty"]:
            continue
        path.append((here, piece.end()))
        counts.append({})


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    content = text[start:end]
    return start + len(content) - len(content.lstrip()), end - len(content) + len(content.rstrip())
