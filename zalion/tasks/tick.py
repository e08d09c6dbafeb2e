"""Every minute: asks who has work due and rings once for each; also the sweep for bells that were lost."""

import functools
import logging
import uuid
from datetime import datetime

from django.utils import timezone
from django_q.brokers import get_broker

from zalion.models import Heartbeat
from zalion.tasks import registry
from zalion.tasks.brokers import LONG_QUEUE, Call
from zalion.tasks.queueing import enqueue
from zalion.tasks.registry import task
from zalion.tasks.runner import attempt
from zalion.tenancy.models import Tenant
from zalion.tenancy.unit import unit

logger = logging.getLogger(__name__)


@task("tick", system=True)
def tick() -> None:
    now = timezone.now()
    waiting = get_broker().waiting()
    if waiting is None:
        logger.warning("More than %d tasks wait: nothing is rung until workers catch up.", LONG_QUEUE)
    else:
        active = set(Tenant.objects.filter(suspended_at=None).values_list("pk", flat=True))
        for finder in registry.finders():
            # One area whose search fails must not silence the others.
            label = f"{finder.__module__}.{finder.__qualname__}"
            attempt(label, functools.partial(ring, finder, now=now, active=active, waiting=waiting))
    with unit():
        Heartbeat.objects.update_or_create(name="tick", defaults={"at": now})


def ring(finder: registry.Finder, *, now: datetime, active: set[uuid.UUID], waiting: set[Call]) -> None:
    """Queue what ``finder`` says is due, but for suspended tenants and for what waits already."""
    bells = list(finder(now))
    with unit():
        for tenant, name, args in bells:
            call = (name, tenant, tuple(args))
            if tenant in active and call not in waiting:
                enqueue(name, *args, tenant=tenant)
                waiting.add(call)
