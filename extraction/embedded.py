"""Files embedded in a PDF, unpacked within bounds; the pages are not looked at."""

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import pikepdf

MAX_FILES: Final = 32
MAX_PAGES: Final = 20
MAX_BYTES: Final = 32 * 1024 * 1024

# Marks of a PDF that may have files in it: without any of them there is nothing to open it for. Object streams
# (ISO 32000-1, 7.5.7) hide every other mark.
_MARKS: Final = (b"/EmbeddedFile", b"/Filespec", b"/FileAttachment", b"/ObjStm")
# What qpdf and its wrapper raise for objects that are not what they should be.
_ODD: Final = (
    pikepdf.PdfError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """One embedded file; the name is the sender's and serves messages only."""

    name: str
    content: bytes


def embedded_files(content: bytes) -> list[EmbeddedFile]:
    """The embedded files of a PDF that can be unpacked, in its order; none for what is no PDF, or needs a password."""
    if not any(mark in content for mark in _MARKS):
        return []
    try:
        with pikepdf.open(io.BytesIO(content)) as document:
            return list(islice(_files(document), MAX_FILES))
    except _ODD:
        return []


def _files(document: pikepdf.Pdf) -> Iterator[EmbeddedFile]:
    seen: set[tuple[int, int]] = set()
    for specification in _specifications(document):
        try:
            found = _file(specification, seen)
        except _ODD:
            continue
        if found is not None:
            yield found


def _specifications(document: pikepdf.Pdf) -> Iterator[Any]:
    """File specifications where writers put them: the name tree, associated files (PDF/A-3), annotations."""
    for name in islice(document.attachments, MAX_FILES):
        yield document.attachments[name].obj
    yield from islice(_array(document.Root.get("/AF")), MAX_FILES)
    for page in islice(document.pages, MAX_PAGES):
        for annotation in islice(_array(page.obj.get("/Annots")), MAX_FILES):
            if isinstance(annotation, pikepdf.Dictionary) and annotation.get("/Subtype") == "/FileAttachment":
                yield annotation.get("/FS")


def _array(value: Any) -> Iterator[Any]:
    return iter(value) if isinstance(value, pikepdf.Array) else iter(())


def _file(specification: Any, seen: set[tuple[int, int]]) -> EmbeddedFile | None:
    files = specification.get("/EF")
    stream = files.get("/UF") or files.get("/F")
    if not isinstance(stream, pikepdf.Stream) or stream.objgen in seen:
        return None
    seen.add(stream.objgen)
    unpacked = _unpacked(stream)
    name = str(specification.get("/UF") or specification.get("/F") or "")
    return EmbeddedFile(name, unpacked) if unpacked is not None else None


def _unpacked(stream: pikepdf.Stream) -> bytes | None:
    """The stream's bytes; None for filters that no program packs files with, and for more than the limit."""
    filters = stream.get("/Filter")
    names = [str(name) for name in filters] if isinstance(filters, pikepdf.Array) else [str(filters)]
    raw = stream.read_raw_bytes()
    if filters is None or not names:
        return raw if len(raw) <= MAX_BYTES else None
    if names != ["/FlateDecode"]:
        return None
    try:
        unpacked = zlib.decompressobj().decompress(raw, MAX_BYTES + 1)
    except zlib.error:
        return None
    return unpacked if len(unpacked) <= MAX_BYTES else None
