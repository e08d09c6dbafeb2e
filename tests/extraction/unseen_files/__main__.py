"""By hand: `python -m tests.extraction.unseen_files sheets|bodies SEED COUNT [FOLDER for what was read wrong]`."""

import sys
from pathlib import Path

from tests.extraction.scoring import scorer
from tests.extraction.unseen_files.bodies import body
from tests.extraction.unseen_files.judging import show
from tests.extraction.unseen_files.sheets import sheet

SHARED = Path(__file__).resolve().parents[4] / "shared"


def main(kind: str, seed: str, count: str, folder: str = "") -> None:
    make = {"bodies": body, "sheets": sheet}[kind]
    show(make, scorer(SHARED), int(seed), int(count), Path(folder) if folder else None)


main(*sys.argv[1:])
