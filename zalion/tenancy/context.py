"""The one context variable that isolation, trail, logs, queue and permissions all read."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


class NoTenantError(RuntimeError):
    """Rows of a tenant were asked for outside that tenant's work."""


def new_correlation_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: ``kind`` is user, token, command, task or system; ``id`` is opaque (a key, never an address)."""

    kind: str
    id: str = ""
    name: str = ""
    signed_in_by: str = ""
    address: str = ""


SYSTEM = Actor(kind="system", name="Zalion")


@dataclass(frozen=True, slots=True)
class WorkContext:
    """One tenant's work, whichever door it came in by."""

    tenant_id: uuid.UUID
    actor: Actor
    correlation_id: str = field(default_factory=new_correlation_id)


@dataclass(frozen=True, slots=True)
class SystemContext:
    """Work above the tenants: it may list due ids across them and enqueue one task per tenant, no more."""

    purpose: str
    actor: Actor = SYSTEM
    correlation_id: str = field(default_factory=new_correlation_id)


Context = WorkContext | SystemContext
_current: ContextVar[Context | None] = ContextVar("zalion_context", default=None)


def current() -> Context | None:
    return _current.get()


def work_context() -> WorkContext:
    """The tenant's context; raises NoTenantError outside one."""
    context = _current.get()
    if not isinstance(context, WorkContext):
        raise NoTenantError("No tenant: this needs a WorkContext, opened by a request, a task or a command.")
    return context


def tenant_id() -> uuid.UUID:
    return work_context().tenant_id


@contextmanager
def enter(context: Context) -> Iterator[Context]:
    """Work inside ``context`` until the block ends; the three doors call this and nothing else does."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


@contextmanager
def work(tenant: uuid.UUID, actor: Actor, correlation_id: str = "") -> Iterator[WorkContext]:
    context = WorkContext(tenant, actor, correlation_id or new_correlation_id())
    with enter(context):
        yield context


@contextmanager
def system(purpose: str, actor: Actor = SYSTEM) -> Iterator[SystemContext]:
    context = SystemContext(purpose, actor)
    with enter(context):
        yield context
