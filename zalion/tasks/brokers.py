"""django-q2's two brokers, each with a gate: what is not ours is deleted and recorded, never unpacked."""

import functools
import logging
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar

import redis
from django import db
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.brokers.redis_broker import Redis
from django_q.conf import Conf
from django_q.models import OrmQ

from zalion.tasks import packages

Message = tuple[int | None, str | bytes]
Call = tuple[str, uuid.UUID | None, tuple[Any, ...]]
Result = TypeVar("Result")
# Above this many waiting payloads nothing more is rung; what is due stays due.
LONG_QUEUE = 1000
LOCKED_RETRIES = 5

logger = logging.getLogger(__name__)


class OrmBroker(ORM):  # type: ignore[misc]
    """The queue in the database: a bell rung inside a unit is committed, or forgotten, with it.

    A worker that is killed leaves its message locked for ``retry`` seconds, then it is delivered again, and
    given up after ``max_attempts`` times that long. Nobody waits for it: the tick asks the rows every minute
    and rings anew as soon as their lease is over, whatever is still locked here.
    """

    in_unit = True

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:
        # django-q2 closes old connections here, also under a web request or a task that is reading from one.
        return OrmQ.objects.using(Conf.ORM)

    def dequeue(self) -> list[Message] | None:
        _refresh_connection()
        try:
            claimed = self._claim()
        except db.OperationalError as error:
            if not _is_locked(error):
                raise
            claimed = []
        if not claimed:
            time.sleep(Conf.POLL)
            return None
        return [(row.pk, row.payload) for row in claimed if self._admit(row)]

    def _claim(self) -> list[OrmQ]:
        """Oldest first, by compare-and-swap: of two clusters that see the same row one gets it."""
        now = timezone.now()
        rows = self.get_connection()
        waiting = rows.filter(key=self.list_key, lock__lt=now).order_by("lock", "pk")[: Conf.BULK]
        until = now + timedelta(seconds=Conf.RETRY)
        return [row for row in waiting if rows.filter(pk=row.pk, lock=row.lock).update(lock=until)]

    def _admit(self, row: OrmQ) -> bool:
        package = _open(row.payload)
        if package is None:
            self.delete(row.pk)
            return False
        retry = timedelta(seconds=Conf.RETRY)
        delivered_before = row.lock - package["started"] > retry / 2
        if delivered_before and timezone.now() - package["started"] > retry * Conf.MAX_ATTEMPTS:
            logger.error("Gave up on task %s: every worker that took it was killed.", package["args"][0])
            self.delete(row.pk)
            return False
        return True

    def delete(self, task_id: int) -> None:
        _refresh_connection()
        _patiently(self.get_connection().filter(pk=task_id).delete)

    def waiting(self) -> set[Call] | None:
        """The calls that no worker has taken yet, or None when there are more than LONG_QUEUE of them."""
        rows = self.get_connection().filter(key=self.list_key, lock__lte=timezone.now())
        return _calls(list(rows.values_list("payload", flat=True)[: LONG_QUEUE + 1]))


class RedisBroker(Redis):  # type: ignore[misc]
    """The queue in Redis: faster, but it forgets what a killed worker held; the tick rings for it again."""

    in_unit = False

    @staticmethod
    def get_connection(list_key: str | None = None) -> Any:
        return _redis(Conf.REDIS)

    def dequeue(self) -> list[Message] | None:
        messages: Iterable[Message] = super().dequeue() or ()
        return [message for message in messages if _open(message[1]) is not None] or None

    def waiting(self) -> set[Call] | None:
        """The calls that no worker has taken yet, or None when there are more than LONG_QUEUE of them."""
        return _calls(self.connection.lrange(self.list_key, 0, LONG_QUEUE))


@functools.cache
def _redis(url: str) -> Any:
    """One pool of connections per process; it notices forks, and silence is an error within seconds."""
    return redis.from_url(url, socket_connect_timeout=5, socket_timeout=10)


def _open(payload: str | bytes) -> dict[str, Any] | None:
    """The package, or None when it is to be deleted: a stranger is recorded, a stale one only logged."""
    try:
        return packages.open_package(payload)
    except packages.Stranger as stranger:
        packages.record(stranger, place="queue", found=payload)
    except packages.Stale:
        logger.warning("Dropped a task that had waited for more than %s.", packages.LIFETIME)
    return None


def _calls(payloads: list[str | bytes]) -> set[Call] | None:
    if len(payloads) > LONG_QUEUE:
        return None
    calls: set[Call] = set()
    for payload in payloads:
        try:
            name, tenant, _, args = packages.open_package(payload)["args"]
        except (packages.Stranger, packages.Stale):
            continue  # It is deleted, and recorded, when its turn comes.
        calls.add((name, tenant, args))
    return calls


def _refresh_connection() -> None:
    """A server may have hung up on a process that waits for long; a file does not, and opening it costs."""
    connection = db.connections[Conf.ORM]
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        db.close_old_connections()


def _is_locked(error: db.OperationalError) -> bool:
    return db.connections[Conf.ORM].vendor == "sqlite" and "locked" in str(error)


def _patiently(write: Callable[[], Result]) -> Result:
    """A message that stays although it was worked off would be delivered, and worked off, again."""
    for _ in range(LOCKED_RETRIES):
        try:
            return write()
        except db.OperationalError as error:
            if not _is_locked(error):
                raise
            time.sleep(Conf.POLL)
    return write()
