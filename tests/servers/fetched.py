"""What tests fetch once per machine and keep in the temporary folder: packages of servers nobody here wrote."""

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest


def fetched(name: str, fetch: Callable[[Path], bool]) -> Path:
    """The folder that `fetch` has filled, be it by another process; skips, visibly, where it cannot."""
    place = Path(tempfile.gettempdir()) / f"zalion-tests-{os.geteuid()}" / name
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    if {place.stat().st_uid, place.parent.stat().st_uid} != {os.geteuid()}:
        pytest.skip(f"{name}: the temporary folder for it is somebody else's")
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            if not fetch(place):
                pytest.skip(f"needs {name}, which cannot be fetched here")
            (place / "complete").touch()
    return place
