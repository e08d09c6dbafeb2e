"""What one source of a message is, and what reading it gave."""

from dataclasses import dataclass
from typing import Any

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
    ``model`` what came of showing it to a language model, if that was done."""

    source: Source
    outcome: str
    extractor: str = ""
    version: str = ""
    documents: tuple[dict[str, Any], ...] = ()
    broke: bool = False
    model: dict[str, Any] | None = None

    def told(self) -> dict[str, Any]:
        """What the run keeps, readable: no content."""
        return {
            "path": self.source.path,
            "extractor": self.extractor,
            "version": self.version,
            "outcome": self.outcome,
            **({"model": self.model} if self.model else {}),
        }
