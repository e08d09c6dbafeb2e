"""What may run in the background: tasks by name, and the functions that find what is due."""

import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

Argument = str | int | uuid.UUID
Function = TypeVar("Function", bound=Callable[..., None])
NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
# Room for ids and codes, none for an address, a subject or a file name.
OPAQUE = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


class Bell(NamedTuple):
    """Work that is due for one tenant: which task, with which opaque ids."""

    tenant_id: uuid.UUID
    task: str
    args: tuple[Argument, ...] = ()


Finder = Callable[[datetime], Iterable[Bell]]
AnyFinder = TypeVar("AnyFinder", bound=Finder)


class UnknownTask(LookupError):
    """Nothing is registered under this name."""


@dataclass(frozen=True, slots=True)
class Task:
    name: str
    function: Callable[..., None]
    system: bool
    on_failure: Callable[..., None] | None


_tasks: dict[str, Task] = {}
_names: dict[Callable[..., None], str] = {}
_finders: list[Finder] = []


def task(
    name: str, *, system: bool = False, on_failure: Callable[..., None] | None = None
) -> Callable[[Function], Function]:
    """Register a function as background work under a stable name, "area.verb_noun".

    It gets opaque ids, makes one call, returns None, and is safe to run twice. It runs in the WorkContext of
    the tenant that it was enqueued for; with ``system`` in a SystemContext, above the tenants. When it
    raises, ``on_failure(reason_code, *ids)`` is called in the same context, so that its row can say why.
    The code is the exception's own ``code``, else "unexpected", or "timed_out".
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a task name: lower case words joined by dots.")

    def register(function: Function) -> Function:
        if name in _tasks:
            raise ValueError(f"There are two tasks called {name!r}.")
        _tasks[name] = Task(name, function, system, on_failure)
        _names[function] = name
        return function

    return register


def due(finder: AnyFinder) -> AnyFinder:
    """Register a function that says what is due at a moment, across tenants; the tick asks it every minute.

    It runs in a SystemContext, reads ids only, and may name the same work again until its row says it is
    taken: this is the sweep that rings for rows whose bell was lost.
    """
    _finders.append(finder)
    return finder


def find(name: str) -> Task:
    """The task called ``name``; raises UnknownTask."""
    try:
        return _tasks[name]
    except KeyError:
        raise UnknownTask(name) from None


def name_of(function: Callable[..., None]) -> str:
    """The name ``function`` was registered under; raises UnknownTask."""
    try:
        return _names[function]
    except KeyError:
        raise UnknownTask(f"{function.__module__}.{function.__qualname__}") from None


def finders() -> tuple[Finder, ...]:
    return tuple(_finders)


def is_opaque(argument: object) -> bool:
    """Whether ``argument`` may stand in a payload, which lies in the queue in clear."""
    if isinstance(argument, str):
        return OPAQUE.fullmatch(argument) is not None
    return type(argument) is int or isinstance(argument, uuid.UUID)
