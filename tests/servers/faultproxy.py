"""The fault proxy of the material beside the project: between a client and a server, with faults on demand."""

import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.servers.private import free_port, listens

Fault = Mapping[str, Any]


class FaultProxy:
    """Listens on `port` and hands on to `target`; with `tls`, chain and key, the target hears plain text."""

    def __init__(self, tool: Path, *, port: int, target: int, tls: tuple[Path, Path] | None = None) -> None:
        self.port, self.control = port, free_port()
        ends = ["--tls", ",".join(map(str, tls))] if tls else []
        where = [str(port), f"127.0.0.1:{target}", "--control", str(self.control)]
        self._command = [sys.executable, str(tool), *where, *ends]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        silent = subprocess.DEVNULL
        self._process = subprocess.Popen(self._command, stdin=silent, stdout=silent, stderr=silent)
        ends = time.monotonic() + 30
        while not listens(self.control):
            assert self._process.poll() is None, "the fault proxy did not start"
            assert time.monotonic() < ends, "the fault proxy does not answer"
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(20)

    def set(self, *faults: Fault) -> None:
        """From now on these, and no others, also on connections that are open."""
        if not faults:
            self._ask("/clear")
            return
        self._ask("/set?" + urllib.parse.urlencode([("fault", json.dumps(fault)) for fault in faults]))

    def struck(self) -> int:
        """How often a fault that leaves a mark has done so; slowness leaves none."""
        stats = told(self.control)
        return sum(stats[name] for name in ("cuts", "resets", "flips", "replaced", "injected"))

    def _ask(self, path: str) -> None:
        urllib.request.urlopen(f"http://127.0.0.1:{self.control}{path}", timeout=20).close()


def told(control: int) -> dict[str, int]:
    """What the proxy has counted: bytes "up" and "down", connections, and what its faults did."""
    with urllib.request.urlopen(f"http://127.0.0.1:{control}/stats", timeout=20) as answer:
        stats: dict[str, int] = json.load(answer)["stats"]
    return stats
