"""`make smoke` and `make demo` as a person starts them: what they find, and that nothing of them is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "zalion.demo", "--folder", str(folder), *options],
        cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def read_until(demo: subprocess.Popen[str], words: str) -> str:
    """What the demo says, up to the line with ``words``; fails with all of it when the demo ends first."""
    assert demo.stdout is not None
    said = ""
    for line in demo.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(said)


def running_in(folder: Path) -> list[str]:
    """The command lines of processes that were given this folder, by argument or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            if str(folder).encode() in told and int(process.name) != os.getpid():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except (OSError, PermissionError):
            continue  # It has just ended.
    return found


def wait_until(what: Callable[[], bool], seconds: float) -> bool:
    ends = time.monotonic() + seconds
    while not what():
        if time.monotonic() > ends:
            return False
        time.sleep(0.1)
    return True


needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc (Linux)")


@needs_proc
def test_the_smoke_run_finds_everything_as_promised_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "smoke"
    said, _ = start(folder, "--smoke").communicate(timeout=300)
    assert "Everything is as promised." in said, said
    assert not running_in(folder)


@needs_proc
def test_a_killed_demo_takes_its_servers_with_it_and_the_next_continues_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    first = start(folder)
    assert "43 delivered" in read_until(first, "ready:")
    links = read_until(first, "Ctrl-C")
    assert links.count("/signin/") == 8
    refused, _ = start(folder).communicate(timeout=60)
    assert "runs already" in refused
    assert len(running_in(folder)) > 3
    first.kill()
    first.communicate()
    assert wait_until(lambda: not running_in(folder), 30), running_in(folder)

    second = start(folder)
    assert "43 were delivered before" in read_until(second, "ready:")
    second.send_signal(signal.SIGTERM)
    said, _ = second.communicate(timeout=60)
    assert said.endswith("Stopped.\n")
    assert second.returncode == 0
    assert not running_in(folder)
