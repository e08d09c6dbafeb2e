"""Papers of layouts nobody has seen are read well, and none that is read wrong passes without a person."""

from pathlib import Path

from tests.extraction.scoring import scorer
from tests.extraction.unseen.judging import judge
from tests.extraction.unseen.paper import paper

SEED, COUNT = 4711, 24
# A little below what is measured on these papers; `bench/unseen.py` reads hundreds.
HEADER, LINES, PASSED = 0.97, 0.9, 0.5


def test_a_paper_is_the_same_whenever_it_is_made() -> None:
    first, again, other = paper(SEED, 0), paper(SEED, 0), paper(SEED, 1)
    assert (first.pdf, first.truth) == (again.pdf, again.truth)
    assert first.pdf != other.pdf


def test_papers_of_unseen_layouts_are_read_and_what_passes_is_right(shared: Path) -> None:
    score = scorer(shared)
    verdicts = [judge(score, paper(SEED, index)) for index in range(COUNT)]
    right, asked = (sum(item.header[part] for item in verdicts) for part in (0, 1))
    good, printed, given = (sum(item.lines[part] for item in verdicts) for part in (0, 1, 2))
    passed = [item for item in verdicts if item.passes]
    assert right / asked >= HEADER
    assert 2 * good / (printed + given) >= LINES
    assert len(passed) / COUNT >= PASSED
    assert {item.paper.name: item.errors for item in passed if item.errors} == {}
