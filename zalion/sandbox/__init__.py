"""Hostile content is parsed here: listed functions run in confined children and hand back plain data."""

import atexit
import os
import threading
from typing import Any

from zalion.sandbox.errors import (
    Crashed,
    MemoryExceeded,
    Refused,
    SandboxError,
    TaskFailed,
    TimedOut,
)
from zalion.sandbox.pool import Capability, Limits, Pool
from zalion.sandbox.protocol import Streamed

__all__ = [
    "Capability",
    "Crashed",
    "Limits",
    "MemoryExceeded",
    "Pool",
    "Refused",
    "SandboxError",
    "Streamed",
    "TaskFailed",
    "TimedOut",
    "capability",
    "run",
]

_lock = threading.Lock()
_pool: Pool | None = None
_inherited: list[Pool] = []


def run(function: str, **arguments: Any) -> Any:
    """Runs a function of `zalion.sandbox.functions` in this process's own pool. Raises SandboxError.

    Where bytes are wanted, Streamed will do.
    """
    return _default().call(function, arguments)


def capability() -> Capability:
    """What the children of this process's pool are confined to, for health. Raises SandboxError."""
    return _default().capability()


def _default() -> Pool:
    global _pool
    with _lock:
        if _pool is None:
            _pool = Pool(size=max(1, min(4, os.cpu_count() or 1)))
        return _pool


def _close() -> None:
    global _pool
    with _lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.close()


def _forget() -> None:
    """After a fork the children still belong to the parent: two processes must not talk over one socket."""
    global _lock, _pool
    if _pool is not None:
        # Kept, so that nothing of it is finalised in this process.
        _inherited.append(_pool)
    _lock, _pool = threading.Lock(), None


atexit.register(_close)
os.register_at_fork(after_in_child=_forget)
