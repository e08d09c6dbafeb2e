"""What in a PDF deserves a warning, by its bytes: no PDF is opened to mail, only counted and looked over."""

import re
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import chain

from connectors.mime import limits
from connectors.mime.sniff import HEAD

PIECE = 64 << 10  # packed bytes at a time
CHUNK = 1 << 20  # unpacked bytes at a time
NEAR = 4 << 10  # within so many bytes a dictionary begins
LOOKED_AT = 10_000  # of each kind of reference
LOOKED_INTO = 4 << 20  # bytes of streams, unpacked, that are searched for arrays in each other
ACTIONS = re.compile(rb"/(?:JavaScript|JS|Launch|SubmitForm|ImportData)\b")
STREAM = re.compile(rb"stream\r?\n")
OWNER = re.compile(rb"(\d{1,10})\s{1,20}\d{1,5}\s{1,20}\Z")
COUNT = re.compile(rb"/Count\s{1,20}(\d{1,20})\b")
KIDS = re.compile(rb"/Kids\s{0,20}\[([\s\dR]*+)\]")
REFERENCE = re.compile(rb"(\d{1,10})\s+\d{1,5}\s+R\b")
LENGTH = re.compile(rb"/Length\s{1,20}(\d{1,10})\s{1,20}\d{1,5}\s{1,20}R\b")
PREVIOUS = re.compile(rb"/Prev\s{1,20}(\d{1,20})\b(?!\s{1,20}\d)")
TABLE = re.compile(rb"(?<!start)xref\b")
# Arrays and dictionaries, each the first thing in the one around it.
NESTED = re.compile(rb"(?:(?:\[|<<)\s*+(?:/\w++\s*+)?+)++")


class LimitReached(Exception):
    """Streams unpack to more than they may."""


@dataclass
class Work:
    """What the PDFs of one mail may still unpack to, and from how much; `deep` once a stream nests too far."""

    size: int = limits.EXPANSION
    streams: int = limits.PDF_STREAMS
    packed: int = 0
    looked_into: int = LOOKED_INTO
    deep: bool = False

    def look(self, piece: bytes) -> None:
        """Notice where arrays and dictionaries of ``piece`` lie too deep in each other."""
        if self.deep or self.looked_into < 0:
            return
        self.looked_into -= len(piece)
        if piece.count(b"[") + piece.count(b"<<") < limits.PDF_DEPTH:
            return
        runs = (found[0] for found in NESTED.finditer(piece))
        self.deep = any(run.count(b"[") + run.count(b"<<") >= limits.PDF_DEPTH for run in runs)

    def take(self, packed: int) -> None:
        self.packed -= packed
        if self.packed < 0:
            raise LimitReached


def warnings(data: bytes, work: Work) -> set[str]:
    """Flags for a PDF. Only what is packed by Flate is counted, also where it is packed several times.

    `unreadable` is one that no reader can follow: references that come back to themselves, more pages than it has
    room for, arrays in each other without end.
    """
    flags = set()
    if ACTIONS.search(data):
        flags.add("active_content")
    end = data.rfind(b"PK\x05\x06", -HEAD)
    if end >= 0 and end + 22 + int.from_bytes(data[end + 20 : end + 22], "little") == len(data):
        flags.add("polyglot")
    elif b"%%EOF" not in data[-2048:]:
        flags.add("truncated")
    if b"/Encrypt" in data:
        flags.add("encrypted")
    before = work.size
    try:
        _unpack(data, work)
    except LimitReached:
        flags.add("decompression_limit")
    room = len(data) + before - work.size
    if work.deep or _circular(data) or any(int(found[1]) > room for found in _first(COUNT.finditer(data))):
        flags.add("unreadable")
    return flags


def _unpack(data: bytes, work: Work) -> None:
    """Count what all streams unpack to. Raises LimitReached."""
    work.deep = False
    # No two streams of an honest file share their bytes.
    work.packed = 2 * len(data) + CHUNK
    for found in STREAM.finditer(data):
        start = found.end()
        named = data[max(0, start - NEAR) : start]
        # The bytes of a picture are no arrays, whatever they look like.
        is_picture = b"/Image" in named[named.rfind(b"obj") :]
        if not _is_packed(data[start : start + 2]):
            if not is_picture:
                work.look(_plain(data, start, work))
            continue
        work.streams -= 1
        if work.streams < 0:
            raise LimitReached
        for piece in _unpacked(_pieces(data, start, work), work, limits.PDF_FILTERS):
            if not is_picture:
                work.look(piece)


def _plain(data: bytes, start: int, work: Work) -> bytes:
    """The beginning of a stream that is not packed."""
    end = data.find(b"endstream", start, start + CHUNK)
    content = data[start : end if end >= 0 else start + CHUNK]
    work.take(len(content))
    return content


def _pieces(data: bytes, start: int, work: Work) -> Iterator[bytes]:
    for at in range(start, len(data), PIECE):
        piece = data[at : at + PIECE]
        work.take(len(piece))
        yield piece


def _unpacked(packed: Iterable[bytes], work: Work, layers: int) -> Iterator[bytes]:
    """The innermost content of what may be packed several times, then what is left of the layer around it."""
    pieces = _layer(packed, work)
    first = next(pieces, b"")
    if _is_packed(first[:2]):
        if not layers:
            raise LimitReached
        yield from _unpacked(chain((first,), pieces), work, layers - 1)
    else:
        yield first
    yield from pieces


def _layer(packed: Iterable[bytes], work: Work) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    for piece in packed:
        pending = piece
        while pending:
            try:
                out = unpacker.decompress(pending, CHUNK)
            except zlib.error:
                return
            work.size -= len(out)
            if work.size < 0:
                raise LimitReached
            if out:
                yield out
            if unpacker.eof:
                return
            pending = unpacker.unconsumed_tail


def _is_packed(start: bytes) -> bool:
    """Whether it begins as zlib does (RFC 1950 section 2.2)."""
    return len(start) == 2 and start[0] & 15 == 8 and int.from_bytes(start, "big") % 31 == 0


def _circular(data: bytes) -> bool:
    """Whether following the page tree, the length of a stream or earlier tables of references leads back."""
    kids: dict[int, set[int]] = {}
    for number, found in _owned(data, KIDS):
        kids[number] = {int(kid) for kid in REFERENCE.findall(found[1])}
    lengths = {number: {int(found[1])} for number, found in _owned(data, LENGTH)}
    tables = [found.start() for found in TABLE.finditer(data)]
    sections: dict[int, set[int]] = {}
    for found in _first(PREVIOUS.finditer(data)):
        trailer = data.rfind(b"trailer", max(0, found.start() - NEAR), found.start())
        at = bisect_left(tables, trailer) - 1
        if trailer >= 0 and at >= 0:
            sections[tables[at]] = {int(found[1])}
    return any(_leads_back(graph) for graph in (kids, lengths, sections))


def _leads_back(graph: dict[int, set[int]]) -> bool:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return True
    return False


def _owned(data: bytes, pattern: re.Pattern[bytes]) -> Iterator[tuple[int, re.Match[bytes]]]:
    """What is found of a pattern, with the number of the object that it stands in."""
    for found in _first(pattern.finditer(data)):
        begins = data.rfind(b"obj", max(0, found.start() - NEAR), found.start())
        owner = OWNER.search(data[max(0, begins - 40) : begins]) if begins >= 0 else None
        if owner:
            yield int(owner[1]), found


def _first(found: Iterator[re.Match[bytes]]) -> Iterator[re.Match[bytes]]:
    return (match for _, match in zip(range(LOOKED_AT), found, strict=False))
