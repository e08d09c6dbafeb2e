"""A warm pool of confined child processes that run listed functions on hostile content."""

import concurrent.futures
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from zalion.sandbox import protocol
from zalion.sandbox.child import EXIT_MEMORY
from zalion.sandbox.errors import Crashed, MemoryExceeded, Refused, SandboxError, TaskFailed, TimedOut
from zalion.sandbox.functions import FUNCTIONS, SLOW

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
LEAD = 20  # calls before a child is replaced, its successor is started: nobody waits until it is up
# Nothing of the parent's environment goes to a child: it holds the keys.
ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_THREAD_LIMIT": "1"}


@dataclass(frozen=True)
class Limits:
    """Per call: CPU seconds, wall seconds, bytes of memory; seconds of the functions that are SLOW. Per child: calls
    before it is replaced."""

    cpu_seconds: int = 20
    wall_seconds: float = 60.0
    slow_cpu_seconds: int = 40
    slow_wall_seconds: float = 280.0
    memory: int = 512 << 20
    items: int = 200


@dataclass(frozen=True)
class Capability:
    """How far children are confined here: `level` is "full", or "reduced" when `missing` names anything."""

    level: str
    missing: tuple[str, ...]


class Child:
    """One process and the socket to it. Not thread-safe: whoever took it from the pool has it alone."""

    def __init__(self, limits: Limits, environment: Mapping[str, str], functions: Iterable[str]) -> None:
        self.limits = limits
        self.items = 0
        self.successor: Child | None = None
        self._held: dict[str, bool] | None = None
        self._stream, theirs = socket.socketpair()
        with theirs:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-s", "-B", "-m", "zalion.sandbox.child"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=ROOT,
                env=ENVIRONMENT | dict(environment),
                start_new_session=True,
            )
        self._order = {
            "memory": limits.memory,
            "cpu_seconds": limits.cpu_seconds,
            "slow_cpu_seconds": limits.slow_cpu_seconds,
            "functions": sorted(functions),
            "parent": os.getpid(),
        }

    @property
    def pid(self) -> int:
        return self._process.pid

    def held(self) -> dict[str, bool]:
        """What confinement holds. Waits until the child is up; SandboxError when it does not come up."""
        if self._held is None:
            deadline = time.monotonic() + START_SECONDS
            try:
                protocol.send(self._stream, self._order, deadline=deadline)
                self._held = dict(protocol.receive(self._stream, deadline=deadline)["held"])
            except (protocol.ProtocolViolation, OSError, KeyError, TypeError, ValueError) as error:
                raise self._ended(error) from error
        return self._held

    def call(self, function: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        """Raises SandboxError; after any but Refused and TaskFailed the child is dead."""
        self.held()
        self.items += 1
        deadline = time.monotonic() + timeout
        try:
            protocol.send(self._stream, {"function": function, "arguments": arguments}, deadline=deadline)
            answer = protocol.receive(self._stream, deadline=deadline)
        except (protocol.ProtocolViolation, OSError) as error:
            raise self._ended(error) from error
        match answer:
            case {"result": result}:
                return result
            case {"refused": True}:
                raise Refused
            case {"failed": str(code), "where": str(where)}:
                raise TaskFailed(code, where)
            case _:
                raise self._ended(None)

    def end(self) -> int:
        """Kills the process and what it started, and returns its exit status."""
        self._stream.close()
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # It ended between the two lines.
        return self._process.wait()

    def _ended(self, error: Exception | None) -> SandboxError:
        if isinstance(error, TimeoutError):
            self.end()
            return TimedOut()
        try:
            # The socket closes a moment before the status can be had.
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            pass
        match self.end():
            case status if status == -signal.SIGXCPU:
                return TimedOut()
            case status if status == EXIT_MEMORY:
                return MemoryExceeded()
            case status:
                return Crashed(status)


class Pool:
    """Up to `size` children, started when first needed and kept warm. Thread-safe; `close` when done.

    `environment` is added to the bare environment of the children. A child is replaced after `limits.items`
    calls and after any call that killed it.
    """

    def __init__(
        self,
        size: int = 2,
        limits: Limits = Limits(),
        environment: Mapping[str, str] | None = None,
        *,
        functions: frozenset[str] = FUNCTIONS,
    ) -> None:
        self.limits = limits
        self._environment = dict(environment or {})
        self._functions = functions
        # The last in is the first out, so that a process with one thread keeps one child.
        self._idle: queue.LifoQueue[Child | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._lock = threading.Lock()
        self._children: set[Child] = set()
        self._closed = False
        # The parent-death signal follows the thread that started a child, not the process: all are started by
        # one thread that lives as long as the pool.
        self._launcher = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="sandbox-launcher")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def call(self, function: str, arguments: Mapping[str, Any], *, timeout: float | None = None) -> Any:
        """Runs "module:function" with keyword arguments of plain data and bytes, returns its plain result.

        Waits for a free child; `timeout` (seconds, the limits' wall time when None) starts after that. Raises
        SandboxError; TypeError or ValueError when the arguments are not plain data.
        """
        if function not in self._functions:
            raise Refused
        child = self._take()
        try:
            result = child.call(function, arguments, self._seconds(function) if timeout is None else timeout)
        except (Refused, TaskFailed):
            self._give_back(child)
            raise
        except BaseException:
            # Dead, or with half a message in its socket.
            self._discard(child)
            raise
        self._give_back(child)
        return result

    def _seconds(self, function: str) -> float:
        return self.limits.slow_wall_seconds if function in SLOW else self.limits.wall_seconds

    def capability(self) -> Capability:
        """What confinement holds here; may start a child. Raises SandboxError when none comes up."""
        child = self._take()
        try:
            held = child.held()
        except SandboxError:
            self._discard(child)
            raise
        self._give_back(child)
        missing = tuple(sorted(name for name, holds in held.items() if not holds))
        return Capability("reduced" if missing else "full", missing)

    def pids(self) -> set[int]:
        """The process ids of the children, for health and tests."""
        with self._lock:
            return {child.pid for child in self._children}

    def close(self) -> None:
        """Ends the children; calls that are under way end as Crashed, later ones raise RuntimeError."""
        with self._lock:
            self._closed = True
            children = list(self._children)
            self._children.clear()
        for child in children:
            child.end()
        self._launcher.shutdown()

    def _take(self) -> Child:
        child = self._idle.get()
        try:
            return child or self._launch()
        except BaseException:
            self._idle.put(None)
            raise

    def _give_back(self, child: Child) -> None:
        if child.items >= self.limits.items:
            self._discard(child)
            return
        try:
            if child.successor is None and child.items >= self.limits.items - LEAD and not self._closed:
                child.successor = self._launch()
        finally:
            self._idle.put(child)

    def _discard(self, child: Child) -> None:
        """Ends a child; its successor, where there is one already, takes its place."""
        with self._lock:
            self._children.discard(child)
        child.end()
        self._idle.put(child.successor)

    def _launch(self) -> Child:
        child = self._launcher.submit(Child, self.limits, self._environment, self._functions).result()
        with self._lock:
            if not self._closed:
                self._children.add(child)
                return child
        child.end()
        raise RuntimeError("the pool is closed")
