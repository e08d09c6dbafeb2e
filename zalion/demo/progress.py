"""What the demo says while it works: a line per step with its seconds."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

WIDTH = 62


@dataclass
class Step:
    """A step under way: ``note`` is shown behind its words, ``update`` shows it at once on a terminal."""

    words: str
    progress: "Progress"
    note: str = ""

    def update(self, note: str) -> None:
        if note != self.note:
            self.note = note
            self.progress.show(self)


@dataclass
class Progress:
    """Steps as they are done. On a terminal the line of a step is there from its start."""

    stream: TextIO = field(default_factory=lambda: sys.stdout)
    done: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, words: str) -> Iterator[Step]:
        began = time.monotonic()
        step = Step(words, self)
        self.show(step)
        mark = "✗"
        try:
            yield step
            mark = "✓"
        finally:
            seconds = time.monotonic() - began
            self.done.append((words, seconds))
            self._write(f"  {mark} {self._told(step)}{seconds:6.1f} s", end="\n")

    def show(self, step: Step) -> None:
        if self.stream.isatty():
            self._write(f"  · {self._told(step)}", end="")

    def say(self, words: str = "") -> None:
        print(words, file=self.stream, flush=True)

    @staticmethod
    def _told(step: Step) -> str:
        told = f"{step.words}: {step.note}" if step.note else step.words
        return f"{told:<{WIDTH}}"

    def _write(self, line: str, *, end: str) -> None:
        start = "\r" if self.stream.isatty() else ""
        print(start + line, file=self.stream, end=end, flush=True)
