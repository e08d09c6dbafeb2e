"""How the tests are shared out among processes: what is named is there, and a file is handed out whole."""

import os
import subprocess
import sys
from pathlib import Path

from tests import sharing

ROOT = Path(__file__).resolve().parents[2]
FILE = """
import os, pytest

@pytest.mark.parametrize("number", range(6))
def test_it(number):
    with open(__file__ + ".txt", "a") as told:
        told.write(os.environ["PYTEST_XDIST_WORKER"] + " ")
"""


def test_every_file_that_is_named_exists() -> None:
    named = [*sharing.TOGETHER, *(set(sharing.FIRST) - set(sharing.TOGETHER.values()))]
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_each_file_is_run_by_one_process(tmp_path: Path) -> None:
    """pytest and pytest-xdist once stopped to agree on this, and nothing failed."""
    files = [tmp_path / f"test_{name}.py" for name in ("one", "other")]
    for file in files:
        file.write_text(FILE)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_"))}
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "tests.sharing", "-p", "no:django", "."],
        cwd=tmp_path, env={**clean, "PYTHONPATH": str(ROOT)}, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    ran = [Path(f"{file}.txt").read_text().split() for file in files]
    assert [len(workers) for workers in ran] == [6, 6]
    assert sorted({worker for workers in ran for worker in set(workers)}) == ["gw0", "gw1"]
    assert all(len(set(workers)) == 1 for workers in ran)
