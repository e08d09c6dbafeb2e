"""The listener: a process beside the workers that keeps a connection open for each mailbox that wants it."""

import logging
import multiprocessing
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from connectors import claims, listening
from connectors.models import FolderMapping, Mailbox, MailboxState, MappingKind
from zalion.models import Heartbeat
from zalion.tasks.runner import attempt
from zalion.tenancy import context
from zalion.tenancy.unit import unit

TASK = "connectors.listen"
ROUND = 5.0  # seconds between two looks at who wants to be listened to
STARTED_AT_ONCE = 20  # so that a start is no stampede
HEARTBEAT_EVERY = 60.0  # seconds
# A thread that got nowhere for so long hangs: every step of its connection has a deadline far below.
STUCK = 300.0
PARTING = 15.0  # seconds that threads have to say goodbye
Wanted = tuple[UUID, tuple[Any, ...]]

logger = logging.getLogger(__name__)


@dataclass
class Attendant:
    """The thread that listens to one mailbox, and what the mailbox was set up as when it began."""

    setup: tuple[Any, ...]
    ended: threading.Event = field(default_factory=threading.Event)
    progressed: float = field(default_factory=time.monotonic)
    thread: threading.Thread | None = None

    def progress(self) -> None:
        self.progressed = time.monotonic()
        connections.close_all()  # this thread's own: it mostly waits, and a hundred would be too many


class Listener:
    """Listens to at most ``most`` mailboxes, each in a thread; ``round`` is called again and again."""

    def __init__(self, *, most: int) -> None:
        self.most = most
        self.attendants: dict[UUID, Attendant] = {}
        self._beaten: float | None = None

    def round(self) -> bool:
        """End and start threads by what the database says now; whether every one of them gets on."""
        self.attendants = {
            key: held for key, held in self.attendants.items() if held.thread and held.thread.is_alive()
        }
        with context.system("listener"):
            wanted, free = _wanted()
        for key, held in self.attendants.items():
            if key not in wanted or wanted[key][1] != held.setup:
                held.ended.set()
        room = min(STARTED_AT_ONCE, self.most - len(self.attendants))
        for key in [key for key in free if key not in self.attendants][:room]:
            self._start(key, *wanted[key])
        self._beat()
        stuck = time.monotonic() - STUCK
        return all(held.progressed > stuck for held in self.attendants.values())

    def close(self) -> None:
        for held in self.attendants.values():
            held.ended.set()
        ends = time.monotonic() + PARTING
        for held in self.attendants.values():
            if held.thread is not None:
                held.thread.join(max(0, ends - time.monotonic()))

    def _beat(self) -> None:
        if self._beaten is None or time.monotonic() - self._beaten >= HEARTBEAT_EVERY:
            with context.system("listener"), unit():
                Heartbeat.objects.update_or_create(name="listener", defaults={"at": timezone.now()})
            self._beaten = time.monotonic()

    def _start(self, mailbox: UUID, tenant: UUID, setup: tuple[Any, ...]) -> None:
        held = self.attendants[mailbox] = Attendant(setup)

        def attend() -> None:
            with context.work(tenant, context.Actor("task", name=TASK)):
                attempt(TASK, lambda: listening.listen(mailbox, ended=held.ended, progress=held.progress))
            connections.close_all()

        held.thread = threading.Thread(target=attend, name=f"listen {mailbox}", daemon=True)
        held.thread.start()


def _wanted() -> tuple[dict[UUID, Wanted], list[UUID]]:
    """Every live mailbox that is to be listened to, with its tenant and set-up; and those whom nobody has."""
    now = timezone.now()
    folders = FolderMapping.across_tenants.filter(mailbox=OuterRef("pk"), kind=MappingKind.FOLDER)
    live = Mailbox.across_tenants.filter(
        Exists(folders), push=True, state=MailboxState.ACTIVE, tenant__suspended_at=None
    )
    setup = ("provider", "options", "credential__reference")
    wanted = {
        key: (tenant, tuple(rest)) for key, tenant, *rest in live.values_list("pk", "tenant_id", *setup)
    }
    due = Q(listening=None) | claims.free(now, "listening__") & Q(listening__next_attempt_at__lte=now)
    rested = Q(back_off_until=None) | Q(back_off_until__lte=now)
    return wanted, list(live.filter(due, rested).order_by("created_at").values_list("pk", flat=True))


def run(pulse: Any) -> None:
    """Listen until told to stop. ``pulse`` holds the moment of the last round in which all got on."""
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
    listener = Listener(most=settings.LISTENERS)

    def look() -> None:
        if listener.round():
            pulse.value = time.monotonic()

    while not told.is_set():
        attempt(TASK, look)
        connections.close_all()
        told.wait(ROUND)
    listener.close()


class Supervisor:
    """Keeps a listener running beside the workers, and starts it anew when it died or gets nowhere."""

    def __init__(self) -> None:
        self._processes = multiprocessing.get_context("fork")
        self._pulse = self._processes.Value("d", 0.0)
        self._process: Any = None
        self._not_before = 0.0

    def see_to(self) -> None:
        """Called again and again by the process that started the workers."""
        now = time.monotonic()
        if self._process is not None and self._process.is_alive():
            if now - self._pulse.value <= STUCK:
                return
            logger.error("The listener gets nowhere: it is ended.")
            self._process.kill()
            self._process.join()
        if now >= self._not_before:
            if self._process is not None:
                logger.error("The listener had ended by itself: it is started again.")
            self._start(now)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.join(PARTING + 5)
            self._process.kill()

    def _start(self, now: float) -> None:
        self._not_before, self._pulse.value = now + ROUND, now
        self._process = self._processes.Process(target=run, args=(self._pulse,), name="listener")
        connections.close_all()
        # The workers' handlers would answer a signal that comes before the listener has its own.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
