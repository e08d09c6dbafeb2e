"""Two readings of one document side by side: what changed, what came and went, and what people corrected in them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from extraction.schemas import NUMBER_FIELDS, CanonicalDocument, Json, Line, decimal_of
from extraction.validation import validate

HEADER: Final = tuple(
    name
    for name in CanonicalDocument.__dataclass_fields__
    if name not in {"lines", "findings", "confidence", "order_references", "language"}
)
CELLS: Final = tuple(Line.__dataclass_fields__)
# What tells one line of a document from the others, the surest first.
_TELLING: Final = ("buyer_article", "seller_article", "gtin", "description")


@dataclass(frozen=True, slots=True)
class Key:
    """By what a reading's document is known again in another reading: its source's content, its kind and number."""

    source: str
    doc_type: str
    number: str


def pairs(old: Sequence[Key], new: Sequence[Key]) -> dict[int, int]:
    """For each of ``new`` that is one of ``old`` its index there: the same number, else the same source."""
    found: dict[int, int] = {}
    same = (
        lambda a, b: a == b,
        lambda a, b: bool(a.number) and (a.number, a.doc_type) == (b.number, b.doc_type),
        lambda a, b: bool(a.number) and (a.number, a.source) == (b.number, b.source),
        lambda a, b: bool(a.source) and a.source == b.source,
    )
    for is_same in same:
        for index, key in enumerate(new):
            free = (at for at, other in enumerate(old) if at not in found.values() and is_same(other, key))
            if index not in found and (at := next(free, None)) is not None:
                found[index] = at
    return found


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that two readings have differently. ``right`` is known where a person said what is right: old, new
    or neither."""

    name: str
    old: str | None
    new: str | None
    right: str = ""

    @property
    def kind(self) -> str:
        return "added" if self.old is None else "lost" if self.new is None else "changed"


@dataclass(frozen=True, slots=True)
class LinePair:
    """A line in both readings, or in one of them, by its index there."""

    old: int | None
    new: int | None
    differences: tuple[Difference, ...] = ()

    @property
    def kind(self) -> str:
        if self.old is None or self.new is None:
            return "added" if self.old is None else "lost"
        return "changed" if self.differences else "same"


@dataclass(frozen=True, slots=True)
class Truth:
    """What people said: the document as it stands, and which of its values they made or confirmed."""

    document: Mapping[str, Any]
    known: Collection[str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that two readings of a document have differently, and how many values they have alike."""

    fields: tuple[Difference, ...]
    lines: tuple[LinePair, ...]
    same: int
    gone: tuple[Mapping[str, Any], ...]
    come: tuple[Mapping[str, Any], ...]

    def counts(self) -> dict[str, int]:
        """How many values changed, came, went, and are the same; those of whole lines among them."""
        told = {"changed": 0, "added": 0, "lost": 0, "same": self.same}
        for difference in (*self.fields, *(item for line in self.lines for item in line.differences)):
            told[difference.kind] += 1
        return told

    def verdicts(self) -> dict[str, int]:
        """How many of the values that people know the old and the new reading have right."""
        told = [item.right for item in (*self.fields, *(d for line in self.lines for d in line.differences))]
        return {side: told.count(side) for side in ("old", "new", "neither")}


def compare(old: Mapping[str, Any], new: Mapping[str, Any], truth: Truth | None = None) -> Comparison:
    """``old`` and ``new`` are canonical documents as JSON, ``truth`` what people made of one of them."""
    fields = tuple(_differences(HEADER, old, new, truth, ""))
    same = sum(old.get(name) is not None for name in HEADER) - sum(item.old is not None for item in fields)
    before, after = old.get("lines") or [], new.get("lines") or []
    placed = _placed(before, after, truth)
    lines = []
    for was, now in align(before, after):
        first = before[was] if was is not None else {}
        second = after[now] if now is not None else {}
        differences = tuple(_differences(CELLS, first, second, truth, placed.get((was, now), "")))
        if first and second:
            read = sum(first.get(name) is not None for name in CELLS)
            same += read - sum(item.old is not None for item in differences)
        lines.append(LinePair(was, now, differences))
    gone = [finding for finding in old.get("findings", ()) if finding not in new.get("findings", ())]
    come = [finding for finding in new.get("findings", ()) if finding not in old.get("findings", ())]
    return Comparison(fields, tuple(lines), same, tuple(gone), tuple(come))


def _differences(
    names: Sequence[str], old: Mapping[str, Any], new: Mapping[str, Any], truth: Truth | None, line: str
) -> Iterator[Difference]:
    """``line`` is the path of the line in the truth that these cells are of; empty for the header and for none."""
    for name in names:
        first, second = old.get(name), new.get(name)
        if is_same(name, first, second):
            continue
        path = f"{line}.{name}" if names is CELLS else name
        right = ""
        if truth is not None and path in truth.known:
            meant = _value(truth.document, path)
            right = (
                "old" if is_same(name, first, meant) else "new" if is_same(name, second, meant) else "neither"
            )
        yield Difference(name, first, second, right)


def _value(document: Mapping[str, Any], path: str) -> Any:
    parts = path.split(".")
    return document["lines"][int(parts[1])].get(parts[2]) if len(parts) == 3 else document.get(path)


def _placed(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], truth: Truth | None
) -> dict[tuple[int | None, int | None], str]:
    """The path of the true line for each pair of lines."""
    if truth is None:
        return {}
    lines = truth.document.get("lines") or []
    of_old = {was: at for at, was in align(lines, old) if at is not None and was is not None}
    of_new = {now: at for at, now in align(lines, new) if at is not None and now is not None}
    found = {}
    for was, now in align(old, new):
        at = of_new.get(now) if now in of_new else of_old.get(was) if was in of_old else None
        if at is not None:
            found[was, now] = f"lines.{at}"
    return found


def is_same(name: str, first: Any, second: Any) -> bool:
    """Whether two values of a field say the same: numbers by their value, text without regard to spaces."""
    if name in NUMBER_FIELDS and decimal_of(first) is not None:
        return decimal_of(first) == decimal_of(second)
    return " ".join(str(first or "").split()) == " ".join(str(second or "").split())


def align(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> list[tuple[int | None, int | None]]:
    """The lines of two readings in their order, each beside the one it is: by what tells lines apart, and between
    such by their position. A line without a counterpart stands alone."""
    matcher = SequenceMatcher(None, _keys(old), _keys(new), autojunk=False)
    found: list[tuple[int | None, int | None]] = []
    for _, start, end, begin, finish in matcher.get_opcodes():
        both = min(end - start, finish - begin)
        found += [(start + step, begin + step) for step in range(both)]
        found += [(at, None) for at in range(start + both, end)]
        found += [(None, at) for at in range(begin + both, finish)]
    return found


def _keys(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        next((" ".join(str(line[name]).casefold().split()) for name in _TELLING if line.get(name)), "")
        for line in lines
    ]


def corrections(machine: Mapping[str, Any], current: Mapping[str, Any]) -> set[str]:
    """The paths in ``current`` of what people made differ from what the machine read; a line they added whole."""
    made = {name for name in HEADER if not is_same(name, machine.get(name), current.get(name))}
    before, after = machine.get("lines") or [], current.get("lines") or []
    in_place = len(before) == len(after)
    for was, now in (
        zip(range(len(before)), range(len(after)), strict=True) if in_place else align(before, after)
    ):
        if now is not None:
            read = before[was] if was is not None else {}
            cells = (name for name in CELLS if not is_same(name, read.get(name), after[now].get(name)))
            made |= {f"lines.{now}.{name}" for name in cells}
    return made


def carried_over(machine: Mapping[str, Any], current: Mapping[str, Any], reading: Mapping[str, Any]) -> Json:
    """``reading`` with what people corrected in ``machine``, which made it ``current``, corrected in it as well.

    Lines stay as people left them where they added or dropped one, or corrected one that ``reading`` does not have.
    Findings are worked out anew where anything was corrected. Taking over ``machine`` again gives ``current``.
    """
    made: Json = deepcopy(dict(reading))
    corrected = corrections(machine, current)
    recounted = len(machine["lines"]) != len(current["lines"])
    if not corrected and not recounted:
        return made
    for name in corrected & set(HEADER):
        made[name] = current.get(name)
        made["evidence"].pop(name, None)
    cells = [path.split(".") for path in corrected if path.startswith("lines.")]
    placed = dict(align(machine["lines"], made["lines"]))
    if recounted or any(placed.get(int(number)) is None for _, number, _ in cells):
        made["lines"] = deepcopy(current["lines"])
        made["evidence"] = _not_of_lines(made["evidence"]) | {
            path: place for path, place in current["evidence"].items() if path.startswith("lines.")
        }
    else:
        for _, number, name in cells:
            target = placed[int(number)]
            made["lines"][target][name] = current["lines"][int(number)].get(name)
            made["evidence"].pop(f"lines.{target}.{name}", None)
    made["findings"] = [finding.to_json() for finding in validate(CanonicalDocument.from_json(made))]
    return made


def _not_of_lines(evidence: Mapping[str, Any]) -> dict[str, Any]:
    return {path: place for path, place in evidence.items() if not path.startswith("lines.")}


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What makes ``new`` of ``old``, as Review keeps it: path -> {from, to}; a line that came or went whole."""
    compared = compare(old, new)
    found: dict[str, Any] = {item.name: {"from": item.old, "to": item.new} for item in compared.fields}
    for line in compared.lines:
        if line.new is None:
            found[f"lines.{line.old}"] = {"from": old["lines"][line.old], "to": None}
        elif line.old is None:
            found[f"lines.+.{line.new}"] = {"from": None, "to": new["lines"][line.new]}
        else:
            for item in line.differences:
                found[f"lines.{line.new}.{item.name}"] = {"from": item.old, "to": item.new}
    return found
