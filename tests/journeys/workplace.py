"""An installation of several companies, each with a mailbox, and of several worker processes at once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection

from tests.journeys import installation
from tests.journeys.installation import ROOT, Installation
from tests.processes import alive, descendants
from tests.servers.databases import own_database

PATIENCE = 120.0  # seconds for any single thing to happen on a busy machine


class Workplace(Installation):
    """``hire`` starts one more ``manage.py work``; ``ask`` knows the steps below as well."""

    steward = "tests.journeys.workplace"

    def __init__(self, folder: Path, *, migrated: Path | None = None, **environment: str) -> None:
        super().__init__(folder, migrated=migrated, **environment)
        self.workers: list[subprocess.Popen[bytes]] = []

    def hire(self) -> subprocess.Popen[bytes]:
        with (self.folder / f"hired-{len(self.workers)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "manage.py", "work"], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        below = {pid for worker in self.workers for pid in descendants(worker.pid)}
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait(20)
        ends = time.monotonic() + 20
        while any(alive(pid) for pid in below):
            assert time.monotonic() < ends, "processes of a killed worker live on"
            time.sleep(0.02)
        super().close()

    def told(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def until(self, true: Callable[[], Any], what: str) -> None:
        ends = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < ends, f"{what}: {self.ask('standing')}\n{self.told()[-3000:]}"
            time.sleep(0.05)


@contextmanager
def opened(request: pytest.FixtureRequest, folder: Path, **environment: str) -> Iterator[Workplace]:
    """On the database that this test run is about: the embedded pair, or PostgreSQL and Redis."""
    migrated = None
    if connection.vendor == "postgresql":
        environment["DATABASE_URL"] = own_database(request.getfixturevalue("postgres"))
        environment["REDIS_URL"] = request.getfixturevalue("redis_server").url
        with redis.Redis.from_url(environment["REDIS_URL"]) as queue:
            queue.flushdb()  # of what an installation before this one has left
    else:
        migrated = request.getfixturevalue("migrated")
    environment["ZALION_BROKER"] = "redis" if "REDIS_URL" in environment else "orm"
    made = Workplace(folder, migrated=migrated, **environment)
    try:
        yield made
    finally:
        made.close()


def everyone(worker: "subprocess.Popen[bytes]") -> list[int]:
    return [worker.pid, *descendants(worker.pid)]


def freeze(worker: "subprocess.Popen[bytes]") -> None:
    for pid in everyone(worker):
        os.kill(pid, signal.SIGSTOP)


def thaw(worker: "subprocess.Popen[bytes]") -> None:
    for pid in everyone(worker):
        os.kill(pid, signal.SIGCONT)


# --- the steward's side ------------------------------------------------------------------------------


def found(**companies: dict[str, Any]) -> None:
    """Make each company with its people and its live mailbox, which is read once a day and listened to."""
    from django.core.management import call_command

    from connectors.models import Mailbox
    from tests.cast import make_company
    from zalion.tenancy import context
    from zalion.tenancy.models import Role

    call_command("migrate", verbosity=0)
    for slug, place in companies.items():
        people = {
            Role.ADMINISTRATOR: (f"ada-{slug}", "Ada Brandt"),
            Role.COMPLIANCE: (f"cleo-{slug}", "Cleo Marin"),
        }
        company = make_company(slug, slug, people)
        installation.connect_imap(company, **place)
        with context.work(company.tenant.pk, context.SYSTEM):
            Mailbox.objects.update(push=True, polling_minutes=1440)


def standing() -> dict[str, dict[str, Any]]:
    """Of each company: rows in its ledger, what its mailbox and folder say, and who listens since when."""
    from connectors.models import Listening, Mailbox, Message, SyncState

    told = {}
    for mailbox in Mailbox.across_tenants.select_related("tenant"):
        state = SyncState.across_tenants.get(mapping__mailbox=mailbox)
        row = Listening.across_tenants.filter(mailbox=mailbox).first()
        told[mailbox.tenant.slug] = {
            "stored": Message.across_tenants.filter(mailbox=mailbox).count(),
            "state": mailbox.state,
            "error": mailbox.error_code,
            "failures": mailbox.failures,
            "held": state.lease_until is not None,
            "read": str(state.last_success_at or ""),
            "folder_error": state.error_code,
            "claims": state.fence,
            "due": str(state.next_attempt_at),
            "since": str(row.since) if row and row.since else "",
            "listeners": row.fence if row else 0,
            "deaf": row.error_code if row else "",
        }
    return told


def expire() -> bool:
    """End the leases of folders and listeners; False where whoever is frozen holds a lock on them."""
    from django.db import OperationalError
    from django.utils import timezone

    from connectors.models import Listening, SyncState
    from zalion.tenancy import context

    patience = "SET lock_timeout = {}" if connection.vendor == "postgresql" else "PRAGMA busy_timeout = {}"
    tenant = SyncState.across_tenants.values_list("tenant_id", flat=True)[0]
    try:
        with connection.cursor() as cursor:
            cursor.execute(patience.format(200))
        with context.work(tenant, context.SYSTEM):
            SyncState.objects.exclude(lease_until=None).update(lease_until=timezone.now())
            Listening.objects.exclude(lease_until=None).update(lease_until=timezone.now())
    except OperationalError:
        return False
    finally:
        with connection.cursor() as cursor:
            cursor.execute(patience.format(30_000))
    return True


def orphans() -> int:
    """Blobs that no row knows of."""
    from django.core.files.storage import storages

    from connectors.models import Message

    known = {key[:32] for key in Message.across_tenants.values_list("raw_blob", flat=True)}
    folder = Path(storages["blobs"].path(""))
    return sum(1 for path in folder.rglob("*") if path.is_file() and path.name not in known)


def pause(slug: str) -> None:
    from connectors import onboarding
    from connectors.models import Mailbox
    from zalion.tenancy import context

    mailbox = Mailbox.across_tenants.get(tenant__slug=slug)
    with context.work(mailbox.tenant_id, context.SYSTEM):
        onboarding.pause(mailbox)


def ring(slug: str) -> None:
    """Press "Sync now" on the mailbox of a company."""
    from connectors import sync
    from connectors.models import Mailbox
    from zalion.tenancy import context

    mailbox = Mailbox.across_tenants.get(tenant__slug=slug)
    with context.work(mailbox.tenant_id, context.SYSTEM):
        sync.sync_now(mailbox)


if __name__ == "__main__":
    for step in (found, standing, expire, orphans, pause, ring):
        installation.STEPS[step.__name__] = step
    installation.main()
