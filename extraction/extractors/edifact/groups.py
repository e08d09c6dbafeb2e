"""The groups of a message: its heading, its lines with their schedules, its parties, its sums."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from extraction.extractors.edifact.segments import Message, Segment

# What ends the heading, a line, or a party's group.
_SUMMARY: Final = "UNS"
_PARTY_GROUP: Final = frozenset({"LOC", "FII", "RFF", "CTA", "COM", "DOC"})
# Within it, what a date may belong to.
_DATED: Final = frozenset({"RFF", "DOC"})


@dataclass(slots=True)
class LineGroup:
    """A position: what is said of all of it, and of each of its schedules (SCC)."""

    own: list[Segment] = field(default_factory=list)
    schedules: list[list[Segment]] = field(default_factory=list)


@dataclass(slots=True)
class Parts:
    """A message by its parts; packages (CPS, PAC) of a despatch advice are no parts of their own."""

    heading: list[Segment] = field(default_factory=list)
    lines: list[LineGroup] = field(default_factory=list)
    summary: list[Segment] = field(default_factory=list)


def parts_of(message: Message) -> Parts:
    parts = Parts()
    into = parts.heading
    for segment in message.segments:
        if segment.tag == "LIN":
            parts.lines.append(LineGroup())
            into = parts.lines[-1].own
        elif segment.tag == _SUMMARY and segment.get(1) != "D":
            into = parts.summary
        elif segment.tag == "SCC" and parts.lines and into is not parts.summary:
            parts.lines[-1].schedules.append([])
            into = parts.lines[-1].schedules[-1]
        elif segment.tag == "CPS" and parts.lines:
            # The next package begins: what follows up to its first line belongs to no line.
            into = []
        into.append(segment)
    return parts


def party_groups(heading: Sequence[Segment]) -> Iterator[tuple[Segment, list[Segment]]]:
    """Each NAD with the segments of its group."""
    party: Segment | None = None
    group: list[Segment] = []
    for segment in heading:
        if segment.tag == "NAD":
            if party is not None:
                yield party, group
            party, group = segment, []
        elif party is not None and (
            segment.tag in _PARTY_GROUP or (segment.tag == "DTM" and group and group[-1].tag in _DATED)
        ):
            group.append(segment)
        elif party is not None:
            yield party, group
            party = None
    if party is not None:
        yield party, group


def without_parties(heading: Sequence[Segment]) -> list[Segment]:
    """The heading's segments that belong to no party."""
    taken = {id(item) for party, group in party_groups(heading) for item in (party, *group)}
    return [segment for segment in heading if id(segment) not in taken]


def allowances(segments: Sequence[Segment]) -> Iterator[tuple[Segment, list[Segment]]]:
    """Each ALC with the segments that say how much: PCD, MOA, RTE, QTY, TAX."""
    group: list[Segment] | None = None
    opened: Segment | None = None
    for segment in segments:
        if segment.tag == "ALC":
            if opened is not None and group is not None:
                yield opened, group
            opened, group = segment, []
        elif group is not None and segment.tag in {"PCD", "MOA", "RTE", "QTY", "RNG", "TAX", "ALI"}:
            group.append(segment)
        elif opened is not None and group is not None:
            yield opened, group
            opened = group = None
    if opened is not None and group is not None:
        yield opened, group


def without_allowances(segments: Sequence[Segment]) -> list[Segment]:
    taken = {id(item) for opened, group in allowances(segments) for item in (opened, *group)}
    return [segment for segment in segments if id(segment) not in taken]
