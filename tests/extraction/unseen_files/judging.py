"""What of such files was read right."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from extraction.grounding import ungrounded
from extraction.reader import read
from tests.extraction.unseen_files.orders import Specimen


def results(specimens: Iterable[Specimen], score: Any) -> list[tuple[Specimen, dict[str, Any], list[str]]]:
    """Each specimen as it was read, with what is wrong about it."""
    found = []
    for specimen in specimens:
        got = read(specimen.name, specimen.content, specimen.hints).documents
        shown = got[0].to_json() if got else {}
        wrong = [f"{item.field} ungrounded" for document in got for item in ungrounded(document)]
        wrong += [f"{len(got)} documents"] if len(got) != 1 else []
        judged = score.score_doc(specimen.truth, shown)
        wrong += [name for name, right in judged.items() if not name.startswith("_") and not right]
        right, expected, given = judged.get("_lines", (0, 0, 0))
        wrong += [f"lines {right} of {expected}, {given} given"] if not right == expected == given else []
        cells = judged.get("_cells", {})
        wrong += [f"cell {name} {good}/{all_}" for name, (good, all_) in cells.items() if good < all_]
        found.append((specimen, judged, wrong))
    return found


def figures(judged: Sequence[Mapping[str, Any]]) -> tuple[float, float, float]:
    """Header fields right, lines F1, documents with every line right."""
    header = [right for item in judged for name, right in item.items() if not name.startswith("_")]
    lines = [item["_lines"] for item in judged if "_lines" in item]
    right, expected, given = (sum(line[index] for line in lines) for index in range(3))
    whole = sum(line[0] == line[1] == line[2] for line in lines)
    return (
        sum(header) / max(1, len(header)),
        2 * right / max(1, expected + given),
        whole / max(1, len(lines)),
    )


def show(
    make: Callable[[int], Specimen], score: Any, seed: int, count: int, folder: Path | None = None
) -> None:
    """Prints the figures of so many specimens, and each that was not read right."""
    done = results((make(seed + index) for index in range(count)), score)
    for number, (specimen, _, wrong) in enumerate(done):
        if wrong:
            print(seed + number, specimen.name, " ".join(specimen.traits), "|", "; ".join(wrong))
            if folder is not None:
                (folder / f"{seed + number}-{specimen.name}").write_bytes(specimen.content)
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for specimen, judged, _ in done:
        kinds[specimen.name].append(judged)
    for name in sorted(kinds):
        header, lines, whole = figures(kinds[name])
        print(
            f"{name:<12}{len(kinds[name]):5}  header {header:.3f}  lines F1 {lines:.3f}  all lines right {whole:.3f}"
        )
