"""The one way to read a file: choose the extractor, extract, validate. Runs in the confined child."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from extraction import media
from extraction.extractor import Extractor, Hints, Source, UnreadableError
from extraction.extractors.body import extractor as body
from extraction.extractors.edifact import segments
from extraction.extractors.ocr import pictures
from extraction.extractors.sheet.extractor import sheet_text
from extraction.grounding import ungrounded
from extraction.hybrid import read_hybrid
from extraction.pdfium import images
from extraction.registry import best, load
from extraction.schemas import Extraction, Finding, Json
from extraction.validation import validate

# What an extractor says of a PDF that is a picture.
NO_TEXT: Final = "no_text_layer"
# What extractors say of a file that they can open and that holds nothing for them.
_NOTHING: Final = frozenset(
    {"image_too_small", "no_picture", "sheet_empty", "not_an_order_message"}
    | {"not_cii", "not_cxml", "not_opentrans", "not_ubl"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """What a file gave. `extractor` and `version` are None when none takes such files; `findings` are about the file,
    those about a document are in the document."""

    extractor: str | None
    version: str | None
    documents: tuple[Extraction, ...] = ()
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> Json:
        return {
            "extractor": self.extractor,
            "version": self.version,
            "documents": [
                {
                    **document.to_json(),
                    **(
                        {"profile": dict(zip(("id", "version"), document.profile, strict=True))}
                        if document.profile
                        else {}
                    ),
                }
                for document in self.documents
            ],
            "findings": [finding.to_json() for finding in self.findings],
        }


def read(name: str, content: bytes, hints: Hints | None = None) -> ReadResult:
    """Reads one file. A file that cannot be read gives a result with a finding, not an exception. A PDF with data
    inside is read by both extractors, and named so: `cii+pdf`."""
    source = Source.of(name, content, hints)
    hybrid = read_hybrid(source)
    if hybrid is not None and hybrid.documents:
        return ReadResult(
            extractor="+".join(extractor.key for extractor in hybrid.extractors),
            version="+".join(extractor.version for extractor in hybrid.extractors),
            documents=tuple(_validated(extraction) for extraction in hybrid.documents),
            findings=hybrid.findings,
        )
    known = hybrid.findings if hybrid is not None else ()
    extractor = best(source)
    if extractor is None:
        message = f"No extractor reads files of the type {source.media_type}."
        return ReadResult(extractor=None, version=None, findings=(_finding("no_extractor", message, "info"),))
    try:
        extractor, found, more = _extract(source, extractor)
    except UnreadableError as error:
        severity = "info" if error.code in _NOTHING else "error"
        findings: tuple[Finding, ...] = (*known, _finding(error.code, error.message, severity))
        return ReadResult(extractor=extractor.key, version=extractor.version, findings=findings)
    known = (*known, *more)
    documents = tuple(_validated(extraction) for extraction in found)
    if not documents:
        known = (*known, _finding("no_document", "Nothing in it reads like an order document.", "info"))
    return ReadResult(extractor=extractor.key, version=extractor.version, documents=documents, findings=known)


def _extract(source: Source, extractor: Extractor) -> tuple[Extractor, list[Extraction], tuple[Finding, ...]]:
    """What the extractor finds; text is recognised where a PDF's own tells of no position and it has pictures."""
    error: UnreadableError | None = None
    found: list[Extraction] = []
    try:
        found = extractor.extract(source)
    except UnreadableError as raised:
        if raised.code != NO_TEXT:
            raise
        error = raised
    if extractor.key != "pdf" or any(extraction.document.lines for extraction in found):
        return extractor, found, ()
    if not pictures.has_pictures(source.content):
        if error:
            raise error
        return extractor, found, ()
    recogniser = load("ocr")
    try:
        recognised = recogniser.extract(source)
    except UnreadableError as raised:
        if not found:
            raise
        return extractor, found, (_finding(raised.code, raised.message, "warning"),)
    return (recogniser, recognised, ()) if recognised else (extractor, found, ())


def read_plain(payload: Mapping[str, Any]) -> Json:
    """`read` in plain data, for the child pool: takes {"name", "content", "hints": {"sender_domain", "subject",
    "own_names", "own_vat_ids", "profiles", "recognise"}}, hints and each of them optional; gives ReadResult.to_json(),
    in which a document that was read with a profile has `profile`, its id and version."""
    hints = payload.get("hints") or {}
    known = Hints(
        sender_domain=hints.get("sender_domain"),
        subject=hints.get("subject"),
        own_names=tuple(hints.get("own_names") or ()),
        own_vat_ids=tuple(hints.get("own_vat_ids") or ()),
        profiles=tuple(hints.get("profiles") or ()),
        recognise=hints.get("recognise", True),
    )
    return read(str(payload["name"]), payload["content"], known).to_json()


def source_text(content: bytes) -> str:
    """What a file without pages says, as the text that offsets of evidence refer to. Raises UnreadableError."""
    source = Source.of("source", content)
    if source.media_type in media.SHEETS:
        return sheet_text(source)
    return segments.decoded(content) if source.media_type == media.EDIFACT else media.decode(content)


def page_sizes(content: bytes) -> list[list[float]]:
    """[width, height] in points of each page of a PDF or an image, the space that boxes of evidence are in.

    Raises UnreadableError.
    """
    paged = images if media.sniff(content) == media.PDF else pictures
    return [[width, height] for width, height in paged.sizes(content)]


def page_image(content: bytes, number: int, scale: float = 1.5) -> bytes:
    """Page `number` (from 1) of a PDF or an image as PNG, `scale` pixels to a point. Raises UnreadableError."""
    if media.sniff(content) == media.PDF:
        return images.png(content, number=number, scale=scale)
    return pictures.png(content, number=number, scale=scale)


def body_text(content: bytes) -> str:
    """A mail's body as its extractor reads it: the text that offsets of evidence are in. Raises UnreadableError."""
    return body.body_text(Source.of("body", content))


def _validated(extraction: Extraction) -> Extraction:
    document = extraction.document
    findings = (*validate(document), *ungrounded(extraction))
    return replace(extraction, document=replace(document, findings=findings))


def _finding(code: str, message: str, severity: str) -> Finding:
    return Finding(code=code, message=message, severity=severity)
