"""Which of the documents that the sources of a mail gave are one and the same, and which source tells it best."""

from collections.abc import Sequence
from typing import Any, Final

from extraction.schemas import decimal_of
from extraction.sources import BODY, Reading

# Of two sources that tell of the same document, the one that was given structure tells it better.
# By the first of the extractors that read it.
RANK: Final = {
    **dict.fromkeys(("ubl", "cii", "opentrans", "cxml", "edifact"), 5),
    "sheet": 4,
    "pdf": 3,
    "ocr": 2,
    "body": 1,
}
Chosen = tuple[Reading, dict[str, Any]]


def join(readings: Sequence[Reading]) -> list[Chosen]:
    """The documents of a message, each once: the best source of one leads, the others only bear it out.

    Two sources tell of the same document when kind and number agree, or when one gives no number and a total of theirs
    agrees; then the one that gives the number leads, if it gives lines too. Documents of one source are told apart by
    their numbers alone: without one each stays.
    """
    ranked = sorted(readings, key=lambda r: -RANK.get(r.extractor.partition("+")[0], 0))
    chosen: list[Chosen] = []
    for found in ranked:
        for document in found.documents:
            if found.source.path == BODY and chosen and not _stands_alone(document, chosen):
                continue
            same = next(
                (
                    index
                    for index, (leader, other) in enumerate(chosen)
                    if _same(document, other, apart=found is not leader)
                ),
                None,
            )
            if same is None:
                chosen.append((found, document))
            elif document["number"] and document["lines"] and not chosen[same][1]["number"]:
                chosen[same] = (found, document)
    return chosen


def normal(number: str | None) -> str:
    """A document's number as numbers are compared."""
    return "".join(c for c in (number or "").casefold() if c.isalnum())


def _same(one: dict[str, Any], other: dict[str, Any], *, apart: bool) -> bool:
    if one["doc_type"] != other["doc_type"]:
        return False
    first, second = normal(one["number"]), normal(other["number"])
    if first and second:
        return first == second
    return apart and any(
        total is not None and total == decimal_of(other[name])
        for name in ("gross_total", "net_total")
        for total in (decimal_of(one[name]),)
    )


def _stands_alone(document: dict[str, Any], chosen: Sequence[Chosen]) -> bool:
    """Whether a covering letter beside attachments is a document of its own: a new number and lines."""
    known = {normal(other["number"]) for _, other in chosen}
    return bool(document["lines"]) and bool(document["number"]) and normal(document["number"]) not in known
