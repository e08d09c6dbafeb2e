"""Many write at once, in threads and processes: no number is missing or given twice, and nothing fails."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]


class Site:
    """A database of its own that processes work on."""

    def __init__(self, url: str, folder: Path) -> None:
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": url,
            "ZALION_DATA_DIR": str(folder),
            "PYTHONPATH": str(ROOT),
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.audit.appender", *words]
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, *words: str) -> str:
        process = self.start(*words)
        out, err = process.communicate(timeout=180)
        assert process.returncode == 0, err
        return out


@pytest.fixture
def site(tmp_path: Path, migrated: Path) -> Site:
    shutil.copy(migrated, tmp_path)
    return Site(f"sqlite:///{tmp_path / migrated.name}", tmp_path)


def append_from_two_processes(site: Site) -> None:
    site.run("prepare")
    running = [site.start("append", "2", "20") for _ in range(2)]
    for process in running:
        _, err = process.communicate(timeout=180)
        assert process.returncode == 0, err
        assert not err
    found = json.loads(site.run("verify"))
    # Each of 80 rounds leaves a view, a store and the new row's own event.
    assert found == {"ok": True, "events": 240, "stored": 80, "rows": 80}


def test_two_threads_in_two_processes_append_without_a_gap(site: Site):
    append_from_two_processes(site)


def test_a_killed_process_leaves_a_chain_that_fits(site: Site, tmp_path: Path, migrated: Path):
    site.run("prepare")
    process = site.start("append", "2", "2000")
    file = sqlite3.connect(tmp_path / migrated.name, timeout=30)
    while (
        process.poll() is None
        and not file.execute("SELECT count(*) FROM audit_retentionpolicy").fetchone()[0]
    ):
        time.sleep(0.1)
    file.close()
    process.kill()
    process.communicate(timeout=60)
    found = json.loads(site.run("verify"))
    assert found["ok"]
    assert found["stored"] == found["rows"] > 0


@pytest.mark.database
def test_threads_and_processes_append_without_a_gap_on_postgresql(tmp_path: Path):
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        pytest.skip("runs with the databases of `make test`")
    import psycopg

    base = os.environ["DATABASE_URL"]
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS trail_appenders")
        connection.execute("CREATE DATABASE trail_appenders")
    site = Site(base.rsplit("/", 1)[0] + "/trail_appenders", tmp_path)
    site.run("migrate")
    append_from_two_processes(site)
