"""How well papers of layouts nobody has seen are read: made up from a seed, in six languages, each with its truth.

`python bench/unseen.py --seed 7 --count 600` prints the figures by language, and the choices of layout that errors go
with; with `--show` the papers that pass without a person though something on them is wrong, and with `--keep FOLDER`
every paper with an error, as a PDF with its truth beside. The default count takes less than a minute.
"""

import argparse
import json
import logging
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"
sys.path.insert(0, str(REPOSITORY))

from tests.extraction.scoring import scorer  # noqa: E402
from tests.extraction.unseen.judging import Verdict, judge  # noqa: E402
from tests.extraction.unseen.paper import paper  # noqa: E402

COUNT = 300
# A choice is named when it goes with errors this much more often than the others, on at least so many papers.
TELLING = 1.6
ENOUGH = 8


def figures(verdicts: Sequence[Verdict]) -> str:
    right, asked = (sum(item.header[part] for item in verdicts) for part in (0, 1))
    good, printed, given = (sum(item.lines[part] for item in verdicts) for part in (0, 1, 2))
    whole = sum(item.is_whole for item in verdicts) / len(verdicts)
    passed = [item for item in verdicts if item.passes]
    wrong = sum(not item.is_whole for item in passed)
    minor = sum(bool(item.minor) for item in passed)
    return (
        f"{len(verdicts):5} papers  header {right / asked:.3f}  lines F1 {2 * good / max(1, printed + given):.3f}"
        f"  whole {whole:.3f}  passed {len(passed) / len(verdicts):.3f}"
        f"  of these wrong {wrong / max(1, len(passed)):.4f} ({wrong}),"
        f" in a lesser cell {minor / max(1, len(passed)):.4f} ({minor})"
    )


def telling(verdicts: Sequence[Verdict]) -> list[tuple[float, str]]:
    """The choices that go with errors, the worst first."""
    share = sum(not item.is_whole for item in verdicts) / len(verdicts)
    counts: dict[str, list[bool]] = defaultdict(list)
    for item in verdicts:
        for name, made in item.paper.choices.items():
            counts[f"{name} = {made}"].append(not item.is_whole)
    found = [
        (sum(wrong) / len(wrong), f"{sum(wrong)} of {len(wrong)} with {name}")
        for name, wrong in counts.items()
        if sum(wrong) >= 3 and len(wrong) >= ENOUGH and sum(wrong) / len(wrong) >= TELLING * share
    ]
    return sorted(found, reverse=True)


def kinds(verdicts: Sequence[Verdict]) -> Counter[str]:
    """How many papers have an error in each field."""
    return Counter(name for item in verdicts for name in {bare(error).split(":")[0] for error in item.errors})


def bare(error: str) -> str:
    """An error without the number of its line."""
    return " ".join(word for word in error.split(" ")[:4] if not word.isdigit())


def keep(folder: Path, verdicts: Sequence[Verdict]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for item in verdicts:
        if item.errors or (item.passes and item.minor):
            (folder / f"{item.paper.name}.pdf").write_bytes(item.paper.pdf)
            said = {"passes": item.passes, "errors": item.errors, "minor": item.minor}
            text = json.dumps(
                said | {"truth": item.paper.truth, "choices": item.paper.choices},
                indent=1,
                ensure_ascii=False,
            )
            (folder / f"{item.paper.name}.json").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--show", action="store_true", help="name what is wrong on papers that pass")
    parser.add_argument("--keep", type=Path, help="a folder for the papers with errors")
    options = parser.parse_args()
    if not SHARED.exists():
        print("The scorer is not there (shared/tools): nothing to measure.")
        return
    logging.disable(logging.CRITICAL)
    score = scorer(SHARED)
    verdicts = [judge(score, paper(options.seed, index)) for index in range(options.count)]
    print(f"{'all':<8}{figures(verdicts)}")
    for key in ("language", "kind"):
        for name in sorted({item.paper.choices[key] for item in verdicts}):
            print(f"{name:<8.8}{figures([item for item in verdicts if item.paper.choices[key] == name])}")
    print("\nPapers with an error in")
    for name, count in kinds(verdicts).most_common(20):
        print(f"  {count:4}  {name}")
    print("\nWhat errors go with")
    for share, text in telling(verdicts)[:25]:
        print(f"  {share:.2f}  {text}")
    if options.show:
        print("\nPassed, and wrong")
        for item in verdicts:
            if item.passes and (item.errors or item.minor):
                print(f"  {item.paper.name}: {'; '.join((*item.errors, *item.minor)[:4])}")
    if options.keep:
        keep(options.keep, verdicts)


if __name__ == "__main__":
    main()
