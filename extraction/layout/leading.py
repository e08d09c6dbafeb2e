"""The rows of a table, and which of them belong to the position whose numbers stand below them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from extraction.layout.adjustments import Adjustment
from extraction.layout.geometry import Row, Word

# Rows that stand closer above a position's numbers than this many heights belong to it: its cells are centred.
CENTRED_GAP: Final = 0.25
# Rows of a position stand no further apart than this many heights.
TEXT_GAP: Final = 1.0
# A gap that is wider than the others by this many heights divides positions.
WIDER: Final = 0.15
# Rows that overlap by this many heights are cells of unlike height, set to their middle.
OVERLAP: Final = 0.1


@dataclass(slots=True)
class Item:
    """One printed row: its words by column, and what it is: `line`, `opening`, `numbers` or `text`."""

    index: int
    row: Row
    cells: dict[int, list[Word]]
    kind: str = "text"
    leads: bool = False
    """Belongs to the position whose numbers follow."""
    adjustment: Adjustment | None = None


def lead(items: Sequence[Item]) -> bool:
    """Marks the rows that belong to the position below them: those above its numbers where cells are centred, or where
    its text stands on rows of its own and is not numbered. Between two positions' numbers the widest gap divides; where
    all are alike, it is by count. Gives whether that may be wrong."""
    anchors = [number for number, item in enumerate(items) if item.kind == "line"]
    apart = not anchors
    anchors = anchors or [number for number, item in enumerate(items) if item.kind == "numbers"]
    if not anchors or anchors[0] == 0 or any(item.kind == "opening" for item in items):
        return False
    first = start = anchors[0]
    reach = TEXT_GAP if apart else CENTRED_GAP
    while start and _gap(items, start) <= reach * items[start].row.height:
        start -= 1
    if start == first:
        return False
    if not apart and not _is_centred(items, anchors, first - start):
        # Something stands close above the first position; it may be a group's heading.
        return True
    for number in range(start, first):
        items[number].leads = True
    count = first - start
    counted = False
    for above, below in pairwise(anchors):
        # What is set to the middle has as many rows below its numbers as above them.
        begin = max(above + 1, below - count) if apart else min(above + 1 + count, below)
        widest = _widest(items, above, below)
        counted = counted or widest is None
        begin = widest or begin
        count = count if apart else below - begin
        for number in range(begin, below):
            items[number].leads = True
    return counted


def _is_centred(items: Sequence[Item], anchors: Sequence[int], above: int) -> bool:
    """Whether any position's numbers overlap the text beside them, or the first has as many rows below as above."""
    height = items[anchors[0]].row.height
    for anchor in anchors:
        for number in (anchor, anchor + 1):
            if 0 < number < len(items) and _gap(items, number) < -OVERLAP * height:
                return True
    divided = _widest(items, anchors[0], anchors[1]) if len(anchors) > 1 else None
    if divided is not None:
        return divided - anchors[0] - 1 == above
    below = anchors[0] + 1
    stop = anchors[1] if len(anchors) > 1 else len(items)
    while below < stop and _gap(items, below) <= CENTRED_GAP * height:
        below += 1
    return below - anchors[0] - 1 == above


def _widest(items: Sequence[Item], above: int, below: int) -> int | None:
    """The row below the one gap that is wider than all others between two positions' numbers; None without one."""
    gaps = sorted(((_gap(items, number), number) for number in range(above + 1, below + 1)), reverse=True)
    clear = len(gaps) == 1 or gaps[0][0] - gaps[1][0] > WIDER * items[below].row.height
    return gaps[0][1] if clear else None


def _gap(items: Sequence[Item], number: int) -> float:
    return items[number].row.y0 - items[number - 1].row.y1
