"""What the health of the server says of reading documents."""

from typing import Final

from extraction.extractor import UnreadableError
from extraction.extractors.ocr import tesseract
from zalion import health
from zalion.health import Finding

_NAMES: Final = {
    "eng": "English",
    "deu": "German",
    "fra": "French",
    "ita": "Italian",
    "spa": "Spanish",
    "nld": "Dutch",
}


@health.part
def text_recognition() -> Finding:
    """Scans, faxes and photographs are read with it alone; other documents do without."""
    try:
        found = tesseract.languages()
    except UnreadableError:
        words = f"Not installed: scans are listed as not readable. Install {tesseract.PACKAGES}."
        return Finding("Text recognition", "warning", words)
    lacking = [_NAMES[code] for code in tesseract.LANGUAGES if code not in found]
    known = f"Scans are read in {_listed([_NAMES[code] for code in found])}."
    return Finding(
        "Text recognition", "ok", f"{known} {_listed(lacking)} could be installed." if lacking else known
    )


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
