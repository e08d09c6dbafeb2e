"""An installation of its own for tests that kill: data folder, keys, database, worker and a steward process."""

import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.processes import alive, descendants

ROOT = Path(__file__).resolve().parents[2]
# Long enough for every lease and delay of the line: see claims, parse, pipeline and Q_CLUSTER's retry.
LONG = timedelta(minutes=30)


class Installation:
    """Started with the production settings, set up through the flows that the portal calls.

    ``ask`` has the steward, one process that stays, do a step of ``STEPS`` on the installation's database, which
    begins as a copy of ``migrated``, if that is given.
    """

    steward = "tests.journeys.installation"

    def __init__(self, folder: Path, *, migrated: Path | None = None, **environment: str) -> None:
        self.folder = folder
        ring = folder / "master.keys"
        own = f"test-1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
        ring.write_text(f"{os.environ['ZALION_TEST_RING'] if migrated else own}\n")
        ring.chmod(0o600)
        foreign = ("ZALION_", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
            "DJANGO_SETTINGS_MODULE": "zalion.settings",
            "ZALION_DATA_DIR": str(folder / "data"),
            "ZALION_MASTER_KEYS": f"file:{ring}",
            "ZALION_SECRET_KEY": secrets.token_urlsafe(50),
            "ZALION_ALLOWED_NETWORKS": "127.0.0.0/8",
            **environment,
        }
        (folder / "data").mkdir(mode=0o700)
        if migrated:
            shutil.copy(migrated, folder / "data" / "db.sqlite3")
        self.starts = 0
        self._worker: subprocess.Popen[bytes] | None = None
        self._steward = subprocess.Popen(
            [sys.executable, "-m", self.steward],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, step: str, **facts: Any) -> Any:
        assert self._steward.stdin is not None
        assert self._steward.stdout is not None
        self._steward.stdin.write(json.dumps([step, facts]) + "\n")
        self._steward.stdin.flush()
        answer = self._steward.stdout.readline()
        assert answer, f"the steward died over {step}"
        return json.loads(answer)

    def start_worker(self, *, under: Sequence[str] = ()) -> None:
        """``under`` is a command that becomes the worker, as ``strace -D`` does."""
        self.starts += 1
        with self._log().open("wb") as log:
            self._worker = subprocess.Popen(
                [*under, sys.executable, "manage.py", "work"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def worker_processes(self) -> set[int]:
        """The worker and what it has below it, by process id."""
        assert self._worker is not None
        return {self._worker.pid, *descendants(self._worker.pid)}

    def kill_worker(self) -> None:
        """SIGKILL, as the machine's out-of-memory killer does it, and wait until nothing of it is left."""
        assert self._worker is not None
        below = descendants(self._worker.pid)
        self._worker.kill()
        self._worker.wait(20)
        self._worker = None
        ends = time.monotonic() + 20
        while any(alive(pid) for pid in below):
            assert time.monotonic() < ends, "processes of a killed worker live on"
            time.sleep(0.02)

    def stop_worker(self) -> int:
        assert self._worker is not None
        self._worker.terminate()
        code = self._worker.wait(60)
        self._worker = None
        return code

    def told(self) -> str:
        """What the worker started last has logged."""
        return self._log().read_text(errors="replace")

    def blobs(self) -> int:
        return sum(1 for path in (self.folder / "data" / "blobs").rglob("*") if path.is_file())

    def close(self) -> None:
        if self._worker is not None:
            self.kill_worker()
        assert self._steward.stdin is not None
        assert self._steward.stdout is not None
        self._steward.stdin.close()
        self._steward.wait(30)
        self._steward.stdout.close()

    def _log(self) -> Path:
        return self.folder / f"worker-{self.starts}.log"


def connect_imap(company: Any, *, host: str, port: int, user: str, password: str, ca_pem: str) -> Any:
    """A live IMAP mailbox by the flows that the portal's forms call: secret, check, folder, scope, two signatures."""
    from audit.models import RetentionPolicy
    from connectors import onboarding
    from zalion.tenancy.models import Role
    from zalion.tenancy.unit import unit
    from zalion.vault import secrets as store

    ada, cleo = company.people[Role.ADMINISTRATOR], company.people[Role.COMPLIANCE]
    reference = store.put(
        user.partition("@")[0], password, store.SecretPurpose(company.tenant.slug, "imap", host, port, user)
    )
    with company.work(ada):
        policy = RetentionPolicy(name="Standard")
        with unit():
            policy.save()
        mailbox = onboarding.create_mailbox(
            "Orders",
            address=user,
            provider="imap",
            options={"host": host, "port": port, "user": user, "ca_pem": ca_pem},
            reference=str(reference),
            retention=policy,
        )
        onboarding.check_mailbox(mailbox.pk)
        mailbox.refresh_from_db()
        onboarding.map_folders(mailbox, folders=["INBOX"])
        onboarding.grant_scopes(mailbox, grants=[("INBOX", "read")])
        onboarding.request_sign_off(mailbox)
        onboarding.approve(mailbox, user=ada, kind="it")
    with company.work(cleo):
        onboarding.approve(mailbox, user=cleo, kind="compliance")
        mailbox.refresh_from_db()
    return mailbox


# --- the steward's side ------------------------------------------------------------------------------


def set_up(**connection: Any) -> None:
    from django.core.management import call_command

    from tests.cast import make_company
    from zalion.tenancy.models import Role

    call_command("migrate", verbosity=0)
    people = {
        Role.ADMINISTRATOR: ("ada", "Ada Brandt"),
        Role.COMPLIANCE: ("cleo", "Cleo Marin"),
    }
    connect_imap(make_company("acme", "Acme Maschinenbau GmbH", people), **connection)


def progress() -> dict[str, Any]:
    """How far the line is: rows in the ledger, parsed ones, finished runs, what is left, and the last tick."""
    from connectors.models import Message, SyncState
    from extraction.models import ExtractionRun
    from zalion.models import Heartbeat

    tick = Heartbeat.objects.filter(name="tick").first()
    return {
        "ticked": str(tick.at) if tick else None,
        "stored": Message.across_tenants.count(),
        "parsed": Message.across_tenants.exclude(parsed_at=None).count(),
        "read": ExtractionRun.across_tenants.filter(due_at=None).count(),
        "claims": sum(SyncState.across_tenants.values_list("fence", flat=True)),
        "waiting": Message.across_tenants.exclude(parse_due_at=None).count()
        + ExtractionRun.across_tenants.exclude(due_at=None).count()
        + SyncState.across_tenants.exclude(lease_until=None).count(),
    }


def queued() -> int:
    from tests import invariants

    return invariants.queued()


def violations(truth: Mapping[str, str], *, rest: bool, altered: Sequence[str] = ()) -> list[str]:
    from tests import invariants

    with at_work() as mapping:
        return list((invariants.at_rest if rest else invariants.always)(mapping, truth, altered=altered))


def outcomes() -> dict[str, int]:
    from tests import invariants

    with at_work():
        return invariants.outcomes()


def numbers() -> list[str | None]:
    """The numbers of all documents, sorted."""
    from extraction.models import Document

    with at_work():
        return sorted((document.number for document in Document.objects.all()), key=str)


def later() -> None:
    """Half an hour goes by in which nobody works."""
    from tests import invariants

    invariants.let_time_pass(LONG)


def poll() -> None:
    """Press "Sync now" on the mailbox."""
    from connectors import sync

    with at_work() as mapping:
        sync.sync_now(mapping.mailbox)


def visit() -> dict[str, str]:
    """Sync the folder here and now, as a worker does; the state it leaves, and its mailbox's."""
    from connectors import sync
    from connectors.models import Mailbox, SyncState

    with at_work() as mapping:
        sync.sync_folder(mapping.pk)
        mailbox = Mailbox.objects.get()
        return {"mailbox": mailbox.state, "error": SyncState.objects.get().error_code or mailbox.error_code}


def rehearse(control: int) -> list[tuple[str, int, int]]:
    """Read the folder on from its cursor without taking anything in; where in the bytes each step ended.

    A list of (step, bytes up, bytes down), counted by the proxy whose control port is ``control``.
    """
    from connectors import errors, gateway
    from tests.servers.faultproxy import told

    def mark(step: str) -> None:
        stats = told(control)
        marks.append((step, stats["up"] - start["up"], stats["down"] - start["down"]))

    with at_work() as mapping:
        for cursor in (mapping.sync.cursor or None, None):
            marks: list[tuple[str, int, int]] = []
            start = told(control)
            try:
                with gateway.adapter_for(mapping.mailbox) as adapter:
                    mark("open")
                    for page in adapter.changes(mapping.folder, cursor):  # type: ignore[attr-defined]
                        mark("listed")
                        for ref in page.refs:
                            adapter.fetch(ref).body.close()  # type: ignore[attr-defined]
                            mark("fetched")
                    mark("ended")
                mark("closed")
                break
            except errors.CursorExpired:
                pass  # A lie has got into the cursor: the folder is about to be read anew.
    return marks


def lacking(truth: Mapping[str, str]) -> list[str]:
    """What the ledger lacks of a folder that was just read to its end and compared, and what is still held."""
    from tests import invariants

    with at_work() as mapping:
        return [*invariants.caught_up(mapping, truth), *invariants.compared(mapping, truth)]


def reconcile() -> dict[str, Any]:
    """Compare the folder with its ledger; the completeness line."""
    from connectors import reconcile
    from connectors.models import Reconciliation

    with at_work() as mapping:
        reconcile.reconcile_now(mapping.mailbox)
        reconcile.reconcile_folder(mapping.pk)
        row = Reconciliation.objects.get()
        names = ("on_server", "accounted", "left_server", "incident_missing", "error_code")
        return {name: getattr(row, name) for name in names}


def resume() -> None:
    """What a person does with a mailbox that needs attention."""
    from connectors import onboarding

    with at_work() as mapping:
        onboarding.resume(mapping.mailbox)


def digests(identities: Sequence[str]) -> dict[str, str]:
    """What the ledger's rows of these identities open to."""
    from tests import invariants

    with at_work() as mapping:
        return invariants.digests(mapping, identities)


@contextmanager
def at_work() -> Iterator[Any]:
    """The one folder that is followed, in its tenant's context."""
    from connectors.models import FolderMapping
    from zalion.tenancy import context

    mapping = FolderMapping.across_tenants.get()
    with context.work(mapping.tenant_id, context.SYSTEM):
        yield FolderMapping.objects.select_related("mailbox", "sync").get()


STEPS = {
    step.__name__: step
    for step in (
        *(set_up, progress, queued, violations, outcomes, numbers, later),
        *(poll, visit, rehearse, lacking, reconcile, resume, digests),
    )
}


def main() -> None:
    import django

    django.setup()
    answers, sys.stdout = sys.stdout, sys.stderr  # what a step prints is not an answer
    for line in sys.stdin:
        step, facts = json.loads(line)
        answers.write(json.dumps(STEPS[step](**facts)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
