"""Other readers on the same documents, run in a virtual environment of their own, and published figures of them."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / ".venv-peers" / "bin" / "python"
# Measured before, with a mapping of header words of their own, on the whole corpora that the documents here are a part
# of (extraction-notes, section 3): what stands in for a run, and shows that one does the peers no wrong.
PUBLISHED: dict[str, dict[str, float]] = {
    "synthetic": {"header": 0.34, "lines F1": 0.16, "all lines right": 0.01},
    "order-x": {"header": 0.21, "lines F1": 0.0, "all lines right": 0.0},
    "stylesheet": {"header": 0.31, "lines F1": 0.49, "all lines right": 0.39},
    "real-layout": {"header": 0.34, "lines F1": 0.25, "all lines right": 0.2},
    "scan": {"header": 0.31, "lines F1": 0.0},
}


@dataclass(frozen=True, slots=True)
class Run:
    """What the peers, named with their versions, made of each file, by its path as given; the pages they read of PDFs
    with text; and CPU seconds by what they were spent on."""

    names: str
    documents: dict[str, dict[str, Any]]
    pages: int
    seconds: dict[str, float]


def installed() -> bool:
    return PYTHON.exists()


def run(folder: Path, paths: Sequence[str], *, recognise: bool) -> Run:
    """Has the peers read the files of the folder one after the other in one process; `recognise` has Tesseract read
    scans first."""
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("reading.py")],
        input=json.dumps({"paths": list(paths), "recognise": recognise}),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Run(**json.loads(done.stdout))
