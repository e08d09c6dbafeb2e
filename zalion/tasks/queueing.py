"""The only way to queue work: opaque ids, the tenant and the correlation id of the context at work."""

import logging
import uuid
from collections.abc import Callable

import redis
from django.db import transaction
from django_q.brokers import get_broker
from django_q.tasks import async_task

from zalion.tasks import packages, registry
from zalion.tenancy import context

logger = logging.getLogger(__name__)


def enqueue(
    task: str | Callable[..., None], *ids: registry.Argument, tenant: uuid.UUID | None = None
) -> None:
    """Ring the bell for ``task``: it runs with ``ids`` once the open unit is committed.

    In a WorkContext the task works for that tenant and carries on its correlation id. A SystemContext queues
    tasks above the tenants, and for a tenant when ``tenant`` names it; that task's story begins anew. The
    bell may get lost (Redis is down, a worker is killed), so what must happen is a row that a @due function
    finds.

    Raises UnknownTask for what is not registered, ValueError for an argument that is not an opaque id or a
    tenant that the context does not allow, NoTenantError outside any context.
    """
    found = registry.find(task if isinstance(task, str) else registry.name_of(task))
    if not all(registry.is_opaque(item) for item in ids):
        raise ValueError(f"{found.name}: arguments are ids (int, UUID, a short code), never content.")
    owner, correlation_id = _captured(found, tenant)
    broker = get_broker()

    def ring() -> None:
        async_task(packages.RUN, found.name, owner, correlation_id, ids, q_options={"broker": broker})

    def ring_or_leave_it_to_the_sweep() -> None:
        try:
            ring()
        except redis.RedisError as error:
            logger.error("The bell for %s was not rung: %s.", found.name, type(error).__name__)

    if broker.in_unit:
        ring()
    else:
        transaction.on_commit(ring_or_leave_it_to_the_sweep)


def _captured(task: registry.Task, tenant: uuid.UUID | None) -> tuple[uuid.UUID | None, str]:
    """Whose work it is and which story it belongs to."""
    here = context.current()
    if here is None:
        raise context.NoTenantError("Nothing is queued outside a context: nobody would answer for it.")
    if isinstance(here, context.WorkContext):
        if task.system or tenant not in (None, here.tenant_id):
            raise ValueError(f"{task.name}: work for one tenant queues work for that tenant only.")
        return here.tenant_id, here.correlation_id
    if task.system != (tenant is None):
        raise ValueError(f"{task.name}: name the tenant of a tenant's task, and none for a task above them.")
    return (None, here.correlation_id) if tenant is None else (tenant, context.new_correlation_id())
