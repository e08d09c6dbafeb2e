"""What of a made-up paper was read right."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from extraction.confidence import passes_without_person
from extraction.reader import read
from tests.extraction.unseen.paper import Paper

# What the scorer does not ask for in a line, and a person would.
_MINOR: Final = ("pos", "seller_article", "buyer_article", "delivery_date")


@dataclass(frozen=True)
class Verdict:
    """What was expected, what was right, and what was wrong by name and with what was read instead."""

    paper: Paper
    header: tuple[int, int]
    lines: tuple[int, int, int]
    """Right, printed, read."""
    passes: bool
    errors: tuple[str, ...]
    minor: tuple[str, ...]
    """Errors in the cells of a line that do not decide about money."""

    @property
    def is_whole(self) -> bool:
        return not self.errors


def judge(score: ModuleType, paper: Paper) -> Verdict:
    """Reads the paper as a mail's attachment is read, and compares."""
    found = read(f"{paper.name}.pdf", paper.pdf).documents
    said: dict[str, Any] = found[0].to_json() if found else {"lines": []}
    result = score.score_doc(paper.truth, said)
    head = {key: right for key, right in result.items() if not key.startswith("_")}
    right, printed, given = result.get("_lines", (0, 0, 0))
    errors = [f"{key}: {paper.truth[key]!r} read as {said.get(key)!r}" for key, ok in head.items() if not ok]
    if len(found) > 1:
        errors.append(f"read as {len(found)} documents")
    errors += [
        f"made up {key}: {said[key]!r}"
        for key in ("charges_total",)
        if "charges" in paper.choices and said.get(key)
    ]
    errors += _lines(score, paper, said) if not right == printed == given else []
    minor = _minor(score, paper, said)
    passes = bool(found) and passes_without_person(found[0].document)
    return Verdict(
        paper, (sum(head.values()), len(head)), (right, printed, given), passes, tuple(errors), tuple(minor)
    )


def _lines(score: ModuleType, paper: Paper, said: dict[str, Any]) -> list[str]:
    pairs = dict(score.align(paper.truth["lines"], said["lines"]))
    errors = []
    for index, line in enumerate(paper.truth["lines"]):
        other = said["lines"][pairs[index]] if index in pairs else None
        if other is None:
            errors.append(f"line {index} is missing")
            continue
        errors += [
            f"line {index} {key}: {line[key]!r} read as {other.get(key)!r}"
            for key in ("description", "quantity", "unit_price", "line_total")
            if line.get(key) is not None and not score.eq(key, line[key], other.get(key), line)
        ]
    spare = [line for index, line in enumerate(said["lines"]) if index not in pairs.values()]
    return errors + [f"no line: {line.get('description')!r} {line.get('line_total')!r}" for line in spare]


def _minor(score: ModuleType, paper: Paper, said: dict[str, Any]) -> list[str]:
    errors = []
    for here, there in score.align(paper.truth["lines"], said["lines"]):
        line, other = paper.truth["lines"][here], said["lines"][there]
        errors += [
            f"line {here} {key}: {line.get(key)!r} read as {other.get(key)!r}"
            for key in _MINOR
            if (line.get(key) is None) != (other.get(key) is None)
            or (line.get(key) is not None and not score.eq(key, line[key], other.get(key), line))
        ]
    return errors
