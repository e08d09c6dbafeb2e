"""What django-q2 calls: reopens the context that enqueue captured, runs one task, never raises."""

import logging
import re
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.db import connections
from django.dispatch import receiver
from django_q.exceptions import TimeoutException
from django_q.signals import post_execute_in_worker

from zalion.tasks import registry
from zalion.tenancy import context
from zalion.tenancy.models import Tenant

REASON = re.compile(r"[a-z0-9_.-]{1,60}")
logger = logging.getLogger(__name__)


def run(
    name: str, tenant: uuid.UUID | None, correlation_id: str, args: tuple[registry.Argument, ...]
) -> None:
    """The one function the queue may name. Never raises: django-q2 keeps the text of failures in clear."""
    attempt(name, _run, name, tenant, correlation_id, args)


def _run(
    name: str, tenant: uuid.UUID | None, correlation_id: str, args: tuple[registry.Argument, ...]
) -> None:
    task = registry.find(name)
    with _context(task, tenant, correlation_id):
        if tenant is not None and not Tenant.objects.filter(pk=tenant, suspended_at=None).exists():
            logger.warning("Dropped task %s: its tenant is suspended or gone.", name)
            return
        reason = attempt(name, task.function, *args)
        if reason and task.on_failure is not None:
            attempt(f"{name} (on_failure)", task.on_failure, reason, *args)


def attempt(label: str, function: Callable[..., Any], *args: Any) -> str:
    """Call ``function``; the reason code when it raised, logged by type and place alone, else ``""``."""
    try:
        function(*args)
    except TimeoutException as error:
        # The alarm went off anywhere, also between a query and its answer.
        connections.close_all()
        _log(label, error)
        return "timed_out"
    except Exception as error:  # noqa: BLE001 - the task runner answers for whatever a task does
        _log(label, error)
        code = getattr(error, "code", None)
        return code if isinstance(code, str) and REASON.fullmatch(code) else "unexpected"
    return ""


def _context(
    task: registry.Task, tenant: uuid.UUID | None, correlation_id: str
) -> AbstractContextManager[context.Context]:
    actor = context.Actor(kind="task", name=task.name)
    story = correlation_id or context.new_correlation_id()
    if tenant is None:
        return context.enter(context.SystemContext(task.name, actor, story))
    return context.enter(context.WorkContext(tenant, actor, story))


def _log(label: str, error: BaseException) -> None:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace is not None else "?"
    logger.error("Task %s failed: %s at %s.", label, type(error).__name__, place)


@receiver(post_execute_in_worker, dispatch_uid="zalion.tasks.runner")
def nothing_is_kept(task: dict[str, Any], **_: Any) -> None:
    """What still gets past ``run``, the alarm between two lines of it, reaches neither table nor log.

    django-q2 saves every failure with its traceback. Called a success it is acknowledged and forgotten.
    """
    if not task["success"]:
        logger.error("Task %s ended outside the runner.", task["args"][0] if task["args"] else "?")
    task["success"], task["result"] = True, None
