"""The one transaction wrapper: rows, and the events that tell of them, are committed together."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction
from django.dispatch import Signal

# Sent inside the transaction as its last act, with ``events``: the trail appends them under the chain-head lock.
unit_closing = Signal()
# Sent after a rollback with its ``events``: what was refused is kept, although nothing else is.
unit_undone = Signal()
# Sent by bulk writes, which Django's own signals do not see: ``model``, ``action``, ``ids``, ``fields``.
rows_written = Signal()

_open: ContextVar[list[Any] | None] = ContextVar("zalion_unit", default=None)


def is_open() -> bool:
    return _open.get() is not None


def in_foreign_transaction() -> bool:
    """Whether a transaction is open that no unit opened (the test runner's own does not count)."""
    if is_open():
        return False
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def collect(event: Any) -> None:
    """Keep ``event`` for the end of the open unit; raises RuntimeError when none is open."""
    events = _open.get()
    if events is None:
        raise RuntimeError("No unit is open: writes that leave a trace belong in `with unit():`.")
    events.append(event)


@contextmanager
def unit() -> Iterator[None]:
    """Everything written inside is committed at once, its events last; a unit inside a unit joins it.

    Keep network, sealing and fsync outside: on SQLite the write lock is held from the first line to the last.
    """
    if is_open():
        yield
        return
    events: list[Any] = []
    token = _open.set(events)
    committed = False
    try:
        with transaction.atomic():
            yield
            if events:
                unit_closing.send(sender=None, events=list(events))
        committed = True
    finally:
        _open.reset(token)
        if events and not committed:
            unit_undone.send(sender=None, events=events)
