"""The demo's child processes: each in a session of its own, ended with the demo and by process id."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
PATIENCE = 15.0  # seconds that a child has to end by itself
LAST_LINES = 20


class ChildDied(Exception):
    """A process that should run has ended; the message names it and quotes the end of its log."""


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[str]
    log: Path

    def obituary(self) -> str:
        lines = self.log.read_text("utf-8", errors="replace").splitlines()[-LAST_LINES:]
        quoted = "\n".join(f"    {line}" for line in lines) or "    (it said nothing)"
        return f"The {self.name} ended with code {self.process.returncode}. The end of {self.log}:\n{quoted}"


class Children:
    """Started in order, ended in the opposite order. Leaving the block ends them all.

    ``kept_open`` is a file descriptor that each child holds until it has ended.
    """

    def __init__(self, logs: Path, *, environment: Mapping[str, str], kept_open: int) -> None:
        self._logs, self._environment, self._kept_open = logs, dict(environment), kept_open
        self._running: list[Child] = []
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pids(self) -> dict[str, int]:
        return {child.name: child.process.pid for child in self._running}

    def start(self, name: str, module: str, *arguments: str, told: str = "") -> None:
        """Run a Python module as a child, its log begun anew.

        ``told`` is written to its standard input, which stays open.
        """
        log = self._logs / f"{name.replace(' ', '-')}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [sys.executable, *_module(module), *arguments],
                stdin=subprocess.PIPE if told else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                pass_fds=(self._kept_open,),
                start_new_session=True,
                preexec_fn=_follow_parent(),
                text=True,
            )
        self._running.append(Child(name, process, log))
        if process.stdin is not None:
            process.stdin.write(told)
            process.stdin.flush()

    def watch(self) -> None:
        """Raise ChildDied when one of them has ended."""
        for child in self._running:
            if child.process.poll() is not None:
                raise ChildDied(child.obituary())

    def wait_for(self, what: Callable[[], bool], *, seconds: float, words: str) -> None:
        """Until ``what`` is true; raises ChildDied when a child ends first, TimeoutError past ``seconds``."""
        ends = time.monotonic() + seconds
        while not what():
            self.watch()
            if time.monotonic() >= ends:
                raise TimeoutError(f"{words} took more than {seconds:.0f} seconds.")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask each to end, the last one started first, and end what does not within PATIENCE."""
        while self._running:
            child = self._running.pop()
            child.process.terminate()
            try:
                child.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
            if child.process.stdin is not None:
                child.process.stdin.close()


def _module(module: str) -> Sequence[str]:
    return [module] if module.endswith(".py") else ["-m", module]


def _follow_parent() -> Callable[[], None]:
    """What a child does before its program starts: ask for SIGTERM when the demo is gone, however it went.

    Linux only; elsewhere a demo that was killed leaves its children to the person.
    """
    library, parent = ctypes.CDLL(None), os.getpid()

    def follow() -> None:
        if hasattr(library, "prctl"):
            library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return follow
