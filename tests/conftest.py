"""What every test may ask for: the material beside the project, and the cast."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import settings

# What passed once passes again; `make soak` draws anew.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

# Playwright keeps an event loop in the test process; Django would take every later query for one inside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

pytest_plugins = ["tests.sharing", "tests.servers.fixtures", "tests.cast", "tests.populated"]

BESIDE = Path(__file__).resolve().parents[2] / "shared"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever touches the database runs on PostgreSQL too; a browser sees no difference between the two."""
    for item in items:
        used = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
        if (used or item.get_closest_marker("django_db")) and not item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.database)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of test material beside the checkout; tests that need it skip, visibly, where it is absent."""
    if not BESIDE.is_dir():
        pytest.skip("needs ../shared beside the checkout")
    return BESIDE


@pytest.fixture(scope="session")
def hostile_pack(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 183 hostile mails and their manifest; making it takes seconds."""
    folder = tmp_path_factory.mktemp("hostile")
    generator = shared / "tools" / "make_hostile.py"
    subprocess.run([sys.executable, str(generator), str(folder)], check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="session")
def migrated(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table and nobody's rows, for copies: it belongs to the master key of this process."""
    if connection.vendor != "sqlite":
        pytest.skip("is about SQLite")
    file: Path = tmp_path_factory.mktemp("migrated") / "db.sqlite3"
    with django_db_blocker.unblock(), sqlite3.connect(file) as copy:
        connection.ensure_connection()
        connection.connection.backup(copy)
    copy.close()
    return file


@pytest.fixture(autouse=True)
def _trail_lets_go(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests that commit end in a flush, which the trail's triggers refuse; migrate's signal puts them back."""
    marker = request.node.get_closest_marker("django_db")
    commits = {"transactional_db", "live_server"} & set(request.fixturenames)
    if not commits and not (marker and marker.kwargs.get("transaction")):
        yield
        return
    # Asked for here so that it is torn down, and flushes, after this fixture.
    request.getfixturevalue("transactional_db" if commits else "_django_db_helper")
    yield
    from tests.audit.tampering import drop_triggers

    drop_triggers()
