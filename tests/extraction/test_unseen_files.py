"""Sheets and mail bodies of suppliers nobody has seen are read as well as those that are here."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.extraction.scoring import scorer
from tests.extraction.unseen_files.bodies import body
from tests.extraction.unseen_files.judging import figures, results
from tests.extraction.unseen_files.orders import Specimen
from tests.extraction.unseen_files.sheets import sheet

# What is asked of documents that are not here: header fields and lines right, documents with every line right.
ASKED = (0.97, 0.97, 0.9)


@pytest.mark.parametrize("make", [body, sheet])
@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.soak)])
def test_files_of_unseen_suppliers_are_read(
    shared: Path, make: Callable[[int], Specimen], count: int
) -> None:
    done = results((make(seed) for seed in range(count)), scorer(shared))
    assert not [specimen.traits for specimen, _, wrong in done if any("ungrounded" in item for item in wrong)]
    found = figures([judged for _, judged, _ in done])
    assert all(share >= least for share, least in zip(found, ASKED, strict=True)), found


def test_the_same_seed_makes_the_same_file() -> None:
    assert [body(3).content, sheet(5).content] == [body(3).content, sheet(5).content]
    assert len({body(seed).content for seed in range(20)}) == 20
