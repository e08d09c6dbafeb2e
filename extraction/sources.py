"""What one source of a message is, and what reading it gave."""

from dataclasses import dataclass
from typing import Any

from extraction.extractor import RECOGNITION_AWAITED

BODY = "body"


@dataclass(frozen=True, slots=True)
class Source:
    """A body or an attachment that may hold a document; ``hmac`` names its content."""

    path: str
    name: str
    media_type: str
    content: bytes = b""
    hmac: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source gave: canonical documents as JSON, or none and why; ``broke`` when a child died over it,
    ``findings`` what is to be said of the source itself, which never quotes it, ``model`` what came of showing it to a
    language model, if that was done."""

    source: Source
    outcome: str
    extractor: str = ""
    version: str = ""
    documents: tuple[dict[str, Any], ...] = ()
    broke: bool = False
    findings: tuple[dict[str, Any], ...] = ()
    model: dict[str, Any] | None = None

    @property
    def awaits_recognition(self) -> bool:
        """Whether part of it is a picture whose text was not to be recognised yet."""
        return any(finding["code"] == RECOGNITION_AWAITED for finding in self.findings)

    def told(self) -> dict[str, Any]:
        """What the run keeps, readable: no content."""
        return {
            "path": self.source.path,
            "extractor": self.extractor,
            "version": self.version,
            "outcome": self.outcome,
            **({"findings": list(self.findings)} if self.findings else {}),
            **({"model": self.model} if self.model else {}),
        }
