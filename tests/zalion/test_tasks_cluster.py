"""Real clusters as processes on one database file: what runs, what never does, what a kill leaves."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import alive, descendants

ROOT = Path(__file__).resolve().parents[2]


class Site:
    """A database file, a data folder, and the processes started on them."""

    def __init__(self, folder, migrated, **environment):
        self.folder = folder
        self.file = folder / "db.sqlite3"
        shutil.copy(migrated, self.file)
        self.environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{self.file}",
            "ZALION_DATA_DIR": str(folder),
            "ZALION_BROKER": "orm",
            **environment,
        }
        self.workers = []
        self.below = set()

    def _command(self, *steps):
        return [sys.executable, "-m", "tests.zalion.probe", *steps]

    def do(self, *steps):
        subprocess.run(self._command(*steps), cwd=ROOT, env=self.environment, check=True, timeout=120)

    def work(self, seconds=""):
        log = (self.folder / f"worker-{len(self.workers)}.log").open("wb")
        worker = subprocess.Popen(
            self._command(f"work {seconds}"),
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        self.workers.append(worker)
        return worker

    def end(self):
        for worker in self.workers:
            if worker.poll() is None:
                self.below |= descendants(worker.pid)
                worker.kill()
                worker.wait(20)
        for pid in filter(alive, self.below):
            os.kill(pid, signal.SIGKILL)

    def logs(self):
        return "".join(path.read_text() for path in sorted(self.folder.glob("worker-*.log")))

    def ask(self, sql):
        with sqlite3.connect(self.file, timeout=30) as connection:
            rows = connection.execute(sql).fetchall()
        connection.close()
        return rows

    def trace(self):
        trace = self.folder / "trace"
        return trace.read_text().splitlines() if trace.exists() else []

    def name(self):
        return self.ask("SELECT name FROM tenancy_tenant WHERE slug = 'acme'")[0][0]

    def queued(self):
        return self.ask("SELECT count(*) FROM django_q_ormq")[0][0]

    def until(self, true, seconds=60):
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, self.logs()[-3000:]
            time.sleep(0.1)


@pytest.fixture
def site(tmp_path, migrated):
    made = Site(tmp_path, migrated)
    yield made
    made.end()


@pytest.fixture(params=["orm", "redis"])
def site_by_broker(request, tmp_path, migrated):
    environment = {"ZALION_BROKER": request.param}
    if request.param == "redis":
        environment["REDIS_URL"] = request.getfixturevalue("redis_server").url
    made = Site(tmp_path, migrated, **environment)
    yield made
    made.end()


def test_a_worker_runs_what_is_enqueued_and_nothing_that_was_forged(site_by_broker):
    site = site_by_broker
    site.do("prepare Acme", "forge", "enqueue probe.rename probe.fail probe.count=3")
    assert site.queued() == (7 if site.environment["ZALION_BROKER"] == "orm" else 0)
    worker = site.work()
    site.until(lambda: len(site.trace()) == 4)
    site.until(lambda: site.name() == "renamed by a task")
    site.until(lambda: site.queued() == 0)
    assert sorted(line.split()[0] for line in site.trace()) == ["count", "count", "count", "failed"]
    assert [line.split()[1] for line in site.trace() if line.startswith("failed")] == ["unexpected"]
    site.until(lambda: site.ask("SELECT count(*) FROM portal_heartbeat WHERE name = 'tick'") == [(1,)])

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert not list(site.folder.glob("forged-*"))
    told = site.logs()
    assert told.count("Refused what was found in the queue: unknown_function") == 1
    assert told.count("Refused what was found in the queue: bad_signature") == 1
    assert "secret words" not in told
    assert site.ask("SELECT count(*) FROM django_q_task") == [(0,)]
    for path in site.folder.glob("db.sqlite3*"):
        assert b"secret words" not in path.read_bytes()


def test_a_killed_worker_takes_its_children_along_and_its_work_is_rung_for_at_the_next_start(site):
    """Field notes row 36 and finding 3: the rows hold the truth, whatever the queue still has locked."""
    site.do("prepare slow")
    worker = site.work()
    site.until(lambda: len(site.trace()) == 1)
    below = site.below = descendants(worker.pid)
    assert len(below) >= 5, "sentinel, two workers, pusher, monitor"
    worker.kill()
    worker.wait(20)
    site.until(lambda: not any(alive(pid) for pid in below), 20)
    assert site.name() == "slow"
    assert site.queued() == 1, "still locked for the dead worker"

    site.work()
    site.until(lambda: site.name() == "done at last")


def test_a_task_that_hangs_is_ended_with_a_reason_and_leaves_no_text(site):
    site.do("prepare Acme", "enqueue probe.hang probe.count=1")
    worker = site.work("2")
    site.until(lambda: any(line.startswith("failed timed_out") for line in site.trace()))
    site.until(lambda: site.queued() == 0)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert site.ask("SELECT count(*) FROM django_q_task") == [(0,)]
    assert "secret words" not in site.logs()


def test_two_clusters_on_one_file_take_each_message_once(site):
    """Field notes row 36: the claim is a compare-and-swap, also where every write locks the whole file."""
    site.do("prepare Acme", "enqueue probe.count=60")
    site.work()
    site.work()
    site.until(lambda: site.queued() == 0)
    site.until(lambda: len(site.trace()) >= 60, 20)
    time.sleep(1)
    assert sorted(site.trace()) == sorted(f"count {number}" for number in range(60))
    assert "database is locked" not in site.logs()
