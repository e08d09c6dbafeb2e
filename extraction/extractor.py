"""The contract: what an extractor is given, what it gives back, and how it fails."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Final

from extraction.media import sniff
from extraction.schemas import Extraction, Json

# The code of what an extractor refuses when pictures are not to be recognised yet.
RECOGNITION_AWAITED: Final = "recognition_awaited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What is known before reading: helps to choose, is never itself a value of the document."""

    sender_domain: str | None = None
    subject: str | None = None
    own_names: tuple[str, ...] = ()
    own_vat_ids: tuple[str, ...] = ()
    profiles: tuple[Json, ...] = ()
    """What was taught about the sender's layouts, each {"id", "version", "taught"}."""
    recognise: bool = True
    """Whether text may be recognised on pictures, which takes a hundred times as long as reading it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One thing to read. `media_type` is what the content shows (see `of`); `name` serves messages only."""

    name: str
    media_type: str
    content: bytes
    hints: Hints = field(default_factory=Hints)

    @classmethod
    def of(cls, name: str, content: bytes, hints: Hints | None = None) -> "Source":
        """A source with its media type sniffed from the content."""
        return cls(name=name, media_type=sniff(content), content=content, hints=hints or Hints())


class UnreadableError(Exception):
    """The source cannot be read. `code` is a stable identifier that becomes a finding of the same code; the message
    is for people and says what to do, it never quotes the content."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Extractor(ABC):
    """Reads one kind of source. Pure: the same bytes and hints give the same result; no network, no clock, no
    database, no state between calls."""

    key: ClassVar[str]
    """Stable name, as in the registry and in `ExtractionRun`."""
    version: ClassVar[str]
    """Raised whenever the result for any source may change, so that a re-run can be compared with the old one."""

    @abstractmethod
    def score(self, source: Source) -> int | None:
        """How well this extractor suits the source; the highest takes it, None declines. By convention structured
        formats give 90, hybrids 80, layouts 50, recognised images 30, free text 20. Cheap: it looks at the media
        type and the first bytes, and raises nothing whatever it is given."""

    @abstractmethod
    def extract(self, source: Source) -> list[Extraction]:
        """The documents in the source, in its order; empty when it holds none. Every value of a document that is
        not None has evidence under its field path, except `doc_type`, `language` and `confidence`, which may rest on
        the whole source; the evidence's text normalises to the value. Numbers are finite, dates ISO, a document's
        confidence between 0 and 1. Raises UnreadableError, and nothing else, when the source is broken, encrypted or
        beyond the limits."""
