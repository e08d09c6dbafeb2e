"""EXTRACTORS: key -> dotted path of every extractor, and which one takes a source."""

from functools import cache
from importlib import import_module
from typing import Final

from extraction.extractor import Extractor, Source

EXTRACTORS: Final[dict[str, str]] = {
    "ubl": "extraction.extractors.ubl.extractor.UblExtractor",
    "cii": "extraction.extractors.cii.extractor.CiiExtractor",
    "opentrans": "extraction.extractors.opentrans.extractor.OpentransExtractor",
    "cxml": "extraction.extractors.cxml.extractor.CxmlExtractor",
    "edifact": "extraction.extractors.edifact.extractor.EdifactExtractor",
    "sheet": "extraction.extractors.sheet.extractor.SheetExtractor",
    "pdf": "extraction.extractors.pdf.extractor.PdfExtractor",
    "ocr": "extraction.extractors.ocr.extractor.OcrExtractor",
    "body": "extraction.extractors.body.extractor.BodyExtractor",
}
# Those that read a layout, and so can be taught one.
LAYOUTS: Final = frozenset({"pdf", "ocr", "body"})


@cache
def load(key: str) -> Extractor:
    """The extractor of that key; KeyError when none is registered."""
    module, _, name = EXTRACTORS[key].rpartition(".")
    extractor: Extractor = getattr(import_module(module), name)()
    return extractor


def extractors() -> list[Extractor]:
    """Every registered extractor, in the registry's order."""
    return [load(key) for key in EXTRACTORS]


def best(source: Source) -> Extractor | None:
    """The extractor with the highest score, the earlier one on a tie; None when every one declines."""
    chosen: Extractor | None = None
    highest = 0
    for extractor in extractors():
        score = extractor.score(source)
        if score is not None and (chosen is None or score > highest):
            chosen, highest = extractor, score
    return chosen
