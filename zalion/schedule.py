"""Every periodic task in one list, and what makes django-q2's rows equal to it after each migrate."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.signals import post_migrate
from django.utils import timezone
from django_q.models import Schedule

from zalion.tasks import packages, task
from zalion.tenancy.unit import unit

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Periodic:
    """A system task, every so many minutes or once a day at a time in TIME_ZONE."""

    task: str
    minutes: int | None = None
    daily: time | None = None

    def fields(self) -> dict[str, Any]:
        """The row that makes the scheduler call the runner as ``enqueue`` would."""
        return {
            "name": self.task,
            "func": packages.RUN,
            "args": repr((self.task, None, "", ())),
            "kwargs": None,
            "hook": None,
            "schedule_type": Schedule.MINUTES if self.minutes else Schedule.DAILY,
            "minutes": self.minutes,
            "repeats": -1,
            "cron": None,
            "cluster": None,
            "intended_date_kwarg": None,
        }

    def first_run(self, now: datetime) -> datetime:
        """The first time it is due, not before ``now``."""
        if self.daily is None:
            return now
        today = timezone.localtime(now)
        at = timezone.make_aware(datetime.combine(today.date(), self.daily))
        if at >= now:
            return at
        return timezone.make_aware(datetime.combine(today.date() + timedelta(days=1), self.daily))

    def fits(self, next_run: datetime | None, now: datetime) -> bool:
        """Whether a row may keep its ``next_run``: the right time of day, at most one period ahead."""
        if next_run is None or next_run > now + (timedelta(minutes=self.minutes or 0) or timedelta(days=1)):
            return False
        if self.daily is None:
            return True
        local = timezone.localtime(next_run)
        return (local.hour, local.minute) == (self.daily.hour, self.daily.minute)


# The tick asks every mailbox and every document what is due, so there is never a row per mailbox here.
PERIODIC: tuple[Periodic, ...] = (
    Periodic("tick", minutes=1),
    Periodic("audit.checkpoint", minutes=1),
    Periodic("tenancy.forget_sessions", daily=time(3, 30)),
    Periodic("connectors.reconcile", daily=time(2, 30)),
    Periodic("connectors.sweep", daily=time(4, 0)),
)


@task(packages.RECONCILE, system=True)
def reconcile_schedule() -> None:
    reconcile(PERIODIC, now=timezone.now())


def reconcile(periodic: Iterable[Periodic], *, now: datetime) -> None:
    """Make the Schedule rows equal to ``periodic``: others are deleted, changed ones put right."""
    wanted = {item.task: item for item in periodic}
    with unit():
        for row in Schedule.objects.order_by("pk"):
            item = wanted.pop(row.name, None)
            if item is None:
                logger.warning("Deleted a schedule that is not in the list.")
                row.delete()
                continue
            fields = item.fields()
            right = all(getattr(row, name) == value for name, value in fields.items())
            if not (right and item.fits(row.next_run, now)):
                Schedule.objects.filter(pk=row.pk).update(**fields, next_run=item.first_run(now))
        for item in wanted.values():
            Schedule.objects.create(**item.fields(), next_run=item.first_run(now))


def after_migrate(using: str, **_: Any) -> None:
    """Another app may be migrated before django-q2's table is there, or another database."""
    tables = connections[using].introspection.table_names()
    if using == DEFAULT_DB_ALIAS and Schedule._meta.db_table in tables:
        reconcile(PERIODIC, now=timezone.now())


def install() -> None:
    """Called once, when every app is ready."""
    queue = apps.get_app_config("django_q")
    post_migrate.connect(after_migrate, sender=queue, dispatch_uid="zalion.schedule")
