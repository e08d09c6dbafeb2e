"""A browser and a portal of its own for it to visit; installations for tests that kill and cut."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.journeys.installation import Installation
from tests.servers.databases import own_database

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def ground(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The database and the broker of an installation; by default those that this test run is about."""
    chosen: tuple[str, str] | None = getattr(request, "param", None)
    if chosen is not None:
        return chosen
    return ("postgresql", "redis") if connection.vendor == "postgresql" else ("sqlite", "orm")


@pytest.fixture
def installation(
    request: pytest.FixtureRequest, tmp_path: Path, ground: tuple[str, str]
) -> Iterator[Installation]:
    database, broker = ground
    environment = {"ZALION_BROKER": broker}
    migrated = None
    if database == "postgresql":
        environment["DATABASE_URL"] = own_database(request.getfixturevalue("postgres"))
    elif connection.vendor == "sqlite":
        migrated = request.getfixturevalue("migrated")
    if broker == "redis":
        environment["REDIS_URL"] = request.getfixturevalue("redis_server").url
        with redis.Redis.from_url(environment["REDIS_URL"]) as queue:
            queue.flushdb()  # of what an installation before this one has left
    made = Installation(tmp_path, migrated=migrated, **environment)
    yield made
    made.close()


class House:
    """The process of house.py: asked in words, answered in JSON."""

    def __init__(self, folder: Path) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ZALION_")}
        given = {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "ZALION_DATA_DIR": str(folder),
            "ZALION_SECRET_KEY": secrets.token_urlsafe(50),
            "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        }
        self._log = (folder / "house.log").open("w")
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.house"],
            cwd=ROOT, env=clean | given, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
        )  # fmt: skip
        try:
            self.address = f"http://127.0.0.1:{self._read()}"
        except BaseException:
            self.end()
            raise

    def ask(self, what: str, **more: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"what": what, **more}) + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("> "):
                return json.loads(line[2:])
        raise AssertionError((self.folder / "house.log").read_text()[-4000:])

    def end(self) -> None:
        with self.process as child:
            child.terminate()
        self._log.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    built = House(tmp_path_factory.mktemp("house"))
    yield built
    built.end()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("needs Debian's chromium")
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=found, args=FLAGS)
        yield opened
        opened.close()


class Visitor:
    """Somebody at a browser; what the console complains of is kept."""

    def __init__(self, house: House, context: BrowserContext) -> None:
        self.house = house
        self.context = context
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))

    def _heard(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def sign_in(self, who: str) -> "Visitor":
        self.page.goto(f"{self.house.address}/signin/{self.house.ask('link', who=who)}/")
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"{self.house.address}/")
        return self

    def open(self, path: str) -> Any:
        return self.page.goto(self.house.address + path)


@pytest.fixture
def visit(house: House, browser: Browser) -> Iterator[Any]:
    """``visit("ada")``: a window of her own, signed in; options are the context's."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def start(who: str = "", **options: Any) -> Visitor:
        contexts.append(browser.new_context(**{"viewport": WIDE, "color_scheme": "light", **options}))
        visitor = Visitor(house, contexts[-1])
        visitors.append(visitor)
        return visitor.sign_in(who) if who else visitor

    yield start
    for context in contexts:
        context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []
