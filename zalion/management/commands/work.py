"""Runs the background work of this machine until it is told to stop."""

import ctypes
import os
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django_q.cluster import Cluster

from connectors.listener import Supervisor
from zalion.tasks import enqueue, tick
from zalion.tenancy import context

PR_SET_PDEATHSIG = 1


class Command(BaseCommand):
    help = "Run background work: SIGTERM or Ctrl-C lets what is running end, then stops."
    requires_migrations_checks = True

    def handle(self, *args: Any, **options: Any) -> None:
        _die_with_parent()
        # What was due while nobody worked, or was held by a worker that was killed, is rung for at once.
        with context.system("start of a worker"):
            enqueue(tick)
        connections.close_all()
        cluster, listener = Cluster(), Supervisor()
        cluster.start()
        try:
            while cluster.sentinel.is_alive():
                if settings.LISTENERS:
                    listener.see_to()
                cluster.sentinel.join(1)
        finally:
            listener.stop()
        if cluster.sentinel.exitcode:
            raise CommandError("The process that guards the workers has died; start again.")


def _die_with_parent() -> None:
    """A killed process takes those it started with it, or a restart would find the old workers still at work.

    The sentinel, its workers, its two couriers and the listener are plain forks that nobody ends when their parent is
    killed with SIGKILL. Linux only; elsewhere they end when they next lose a pipe.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "prctl"):
        return
    parent = os.getpid()

    def remember() -> None:
        nonlocal parent
        parent = os.getpid()

    def follow() -> None:
        library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    os.register_at_fork(before=remember, after_in_child=follow)
