"""A worker killed at random points of its work: every mail once, nothing past the store, the trail whole."""

import os
import random
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection

from tests import invariants
from tests.journeys.installation import Installation
from tests.servers.databases import own_database
from tests.servers.dovecot import DovecotServer
from zalion.demo import mails

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
MAILS = 60
PATIENCE = 120.0  # seconds for any single thing to happen on a busy machine
GROUNDS = [("sqlite", "orm"), ("sqlite", "redis"), ("postgresql", "orm"), ("postgresql", "redis")]


@pytest.fixture
def ground(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The database this test run is about: the embedded pair, or beside PostgreSQL the one for many machines."""
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
    if database == "postgresql":
        environment["DATABASE_URL"] = own_database(request.getfixturevalue("postgres"))
    if broker == "redis":
        environment["REDIS_URL"] = request.getfixturevalue("redis_server").url
    made = Installation(tmp_path, **environment)
    yield made
    made.close()


@pytest.fixture
def mailbox(dovecot: DovecotServer) -> tuple[str, str]:
    """Sixty mails: the demo's forty, papers and all, and twenty plain ones between them."""
    user, password = dovecot.add_user()
    written = [mail.raw for mail in mails.make(NOW)]
    for number in range(MAILS):
        raw = written[number // 3 * 2 + number % 3] if number % 3 < 2 else plain(number)
        dovecot.deliver(user, "INBOX", raw)
    return user, password


def plain(number: int) -> bytes:
    head = f"From: Nord <mail@nord.example>\r\nMessage-ID: <{number}@nord.example>\r\nSubject: Nr. {number}"
    return f"{head}\r\n\r\nHello, this is mail {number}.\r\n".encode()


def wait(installation: Installation, *, until: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < ends, (
            f"{what}: {installation.ask('progress')}\n{installation.told()[-3000:]}"
        )
        time.sleep(0.02)


def done(installation: Installation, blobs_before: int) -> int:
    """How much of the work is done, from 0 to 180: a mail counts when sealed, when parsed and when read."""
    now = installation.ask("progress")
    sealed = MAILS if now["stored"] == MAILS else min(MAILS - 1, installation.blobs() - blobs_before)
    return sealed + int(now["parsed"]) + int(now["read"])


def survive(
    installation: Installation, dovecot: DovecotServer, mailbox: tuple[str, str], *, kills: int, seed: int
) -> None:
    user, password = mailbox
    chance = random.Random(seed)
    ca_pem = dovecot.authority.pem
    truth = invariants.on_server(dovecot.port, user, password, ca_pem=ca_pem)
    assert len(truth) == MAILS
    before = dovecot.snapshot(user)
    installation.ask(
        "set_up", host="localhost", port=dovecot.port, user=user, password=password, ca_pem=ca_pem
    )
    for point in sorted(chance.randrange(2 * MAILS + MAILS // 2) for _ in range(kills)):
        blobs = installation.blobs()
        claims = installation.ask("progress")["claims"]
        installation.start_worker()
        wait(
            installation,
            until=lambda claims=claims, blobs=blobs, point=point: (
                installation.ask("progress")["claims"] > claims and done(installation, blobs) >= point
            ),
            what=f"seed {seed}: work did not get to {point}",
        )
        time.sleep(chance.uniform(0, 0.4))
        installation.kill_worker()
        assert installation.ask("violations", truth=truth, rest=False) == [], f"seed {seed}, at {point}"
        installation.ask("later")
    ticks = installation.ask("progress")["ticked"]
    installation.start_worker()
    wait(
        installation,
        until=lambda: at_rest(installation) and installation.ask("progress")["ticked"] != ticks,
        what=f"seed {seed}: work did not come to its end",
    )
    assert installation.stop_worker() == 0
    assert installation.ask("violations", truth=truth, rest=True) == [], f"seed {seed}"
    truths = {t.number for mail in mails.make(NOW) for t in mail.documents if mail.expected != "duplicate"}
    found = installation.ask("numbers")
    assert truths <= set(found)
    assert len(set(found)) == len(found), "a document is there twice"
    assert dovecot.snapshot(user) == before
    print(f"seed {seed}, {kills} kills:", installation.ask("outcomes"))


def at_rest(installation: Installation) -> bool:
    now = installation.ask("progress")
    return now["stored"] == MAILS and not now["waiting"] and not installation.ask("queued")


def chosen_seed() -> int:
    seed = int(os.environ.get("ZALION_KILL_SEED") or secrets.randbelow(1_000_000))
    print(f"seed {seed}; ZALION_KILL_SEED={seed} runs it again")
    return seed


@pytest.mark.database
def test_a_worker_killed_five_times_takes_every_mail_in_once(
    installation: Installation, dovecot: DovecotServer, mailbox: tuple[str, str]
) -> None:
    survive(installation, dovecot, mailbox, kills=5, seed=chosen_seed())


@pytest.mark.soak
@pytest.mark.parametrize("ground", GROUNDS, ids="-".join, indirect=True)
def test_a_worker_killed_fifty_times_takes_every_mail_in_once(
    installation: Installation, dovecot: DovecotServer, mailbox: tuple[str, str]
) -> None:
    survive(installation, dovecot, mailbox, kills=50, seed=chosen_seed())
