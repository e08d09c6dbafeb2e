"""A worker killed at random and at counted points: every mail once, nothing past the store, the trail whole."""

import itertools
import os
import random
import re
import secrets
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from tests.journeys.account import Account
from tests.journeys.installation import Installation
from tests.servers.dovecot import DovecotServer
from tests.servers.private import required_binary
from zalion.demo import mails

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
MAILS = 60
PATIENCE = 120.0  # seconds for any single thing to happen on a busy machine
POINTS = 25  # on each of the four
FEW = 6  # mails for each point
GROUNDS = [("sqlite", "orm"), ("sqlite", "redis"), ("postgresql", "orm"), ("postgresql", "redis")]


@pytest.fixture
def account(installation: Installation, dovecot: DovecotServer) -> Account:
    return Account(installation, dovecot)


def sixty() -> Iterator[bytes]:
    """The demo's forty mails, papers and all, and twenty plain ones between them."""
    written = [mail.raw for mail in mails.make(NOW)]
    for number in range(MAILS):
        yield written[number // 3 * 2 + number % 3] if number % 3 < 2 else plain(number)


def plain(number: int) -> bytes:
    head = f"From: Nord <mail@nord.example>\r\nMessage-ID: <{number}@nord.example>\r\nSubject: Nr. {number}"
    return f"{head}\r\n\r\nHello, this is mail {number}.\r\n".encode()


def wait(installation: Installation, *, until: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < ends, (
            f"{what}: {installation.ask('progress')}\n{installation.told()[-3000:]}"
        )
        time.sleep(0.1)


def done(installation: Installation, blobs_before: int) -> int:
    """How much of the work is done, from 0 to 180: a mail counts when sealed, when parsed and when read."""
    now = installation.ask("progress")
    sealed = MAILS if now["stored"] == MAILS else min(MAILS - 1, installation.blobs() - blobs_before)
    return sealed + int(now["parsed"]) + int(now["read"])


def survive(account: Account, *, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    installation, dovecot = account.installation, account.dovecot
    account.deliver(sixty())
    before = dovecot.snapshot(account.user)
    account.set_up()
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
        assert account.violations() == [], f"seed {seed}, at {point}"
        installation.ask("later")
    ticks = installation.ask("progress")["ticked"]
    installation.start_worker()
    wait(
        installation,
        until=lambda: account.at_rest() and installation.ask("progress")["ticked"] != ticks,
        what=f"seed {seed}: work did not come to its end",
    )
    assert installation.stop_worker() == 0
    assert account.violations(rest=True) == [], f"seed {seed}"
    truths = {t.number for mail in mails.make(NOW) for t in mail.documents if mail.expected != "duplicate"}
    found = installation.ask("numbers")
    assert truths <= set(found)
    assert len(set(found)) == len(found), "a document is there twice"
    assert dovecot.snapshot(account.user) == before
    print(f"seed {seed}, {kills} kills:", installation.ask("outcomes"))


def chosen_seed() -> int:
    seed = int(os.environ.get("ZALION_KILL_SEED") or secrets.randbelow(1_000_000))
    print(f"seed {seed}; ZALION_KILL_SEED={seed} runs it again")
    return seed


@pytest.mark.database
def test_a_worker_killed_three_times_takes_every_mail_in_once(account: Account) -> None:
    survive(account, kills=3, seed=chosen_seed())


@pytest.mark.soak
@pytest.mark.parametrize("ground", GROUNDS, ids="-".join, indirect=True)
def test_a_worker_killed_fifty_times_takes_every_mail_in_once(account: Account) -> None:
    survive(account, kills=50, seed=chosen_seed())


# --- at counted points -------------------------------------------------------------------------------

# The calls by which a disk or another process learns of something; SQLite's own are fdatasync and pwrite64.
CALLS = ("fsync", "rename", "sendto", "fdatasync", "pwrite64")
Point = tuple[str, int]  # a system call, and the how manieth of it in whichever process comes to it first


@pytest.fixture
def strace() -> list[str]:
    """The beginning of a command that becomes a worker whose calls are counted; skips where nobody may look on."""
    binary = required_binary("strace", "strace")
    if subprocess.run([binary, "-o", os.devnull, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace processes here")
    return [binary, "-D", "-f", "-qq"]


def assorted() -> Iterator[bytes]:
    """The demo's mails over and over, a plain one between any two."""
    for number, mail in enumerate(itertools.cycle(mails.make(NOW))):
        yield mail.raw
        yield plain(number)


@dataclass
class Counted:
    """A worker under strace, and a mailbox that gets a few more mails whenever it starts."""

    account: Account
    strace: list[str]
    mails: Iterator[bytes] = field(default_factory=assorted)

    def __post_init__(self) -> None:
        self.installation = self.account.installation
        self.log = self.installation.folder / "strace.log"

    def work(self, *what: str) -> bool:
        """Have a worker take in a few mails under strace, told ``what``; whether a call killed it before the end."""
        self.account.deliver(itertools.islice(self.mails, FEW))
        self.log.unlink(missing_ok=True)
        self.installation.start_worker(under=[*self.strace, "-o", str(self.log), *what])
        killed = False

        def over() -> bool:
            nonlocal killed
            killed = self.log.exists() and "killed by SIGKILL" in self.log.read_text(errors="replace")
            return killed or self.account.at_rest()

        wait(self.installation, until=over, what=" ".join(what))
        self.installation.kill_worker()
        return killed

    def kill_at(self, point: Point) -> bool:
        call, number = point
        killed = self.work("-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")
        assert self.account.violations() == [], f"killed at {call} number {number}"
        self.installation.ask("later")
        return killed

    def calls(self) -> dict[str, int]:
        """How often the process that makes each call most often does so."""
        self.work("-e", f"trace={','.join(CALLS)}")
        self.installation.ask("later")
        found = re.findall(r"^(\d+) +(\w+)\(", self.log.read_text(errors="replace"), re.MULTILINE)
        most: Counter[str] = Counter()
        for (_, call), times in Counter(found).items():
            most[call] = max(most[call], times)
        return most

    def rest(self) -> None:
        self.installation.start_worker()
        wait(self.installation, until=self.account.at_rest, what="work did not come to its end")
        assert self.installation.stop_worker() == 0
        assert self.account.violations(rest=True) == []


def spread(calls: Mapping[str, int], points: int) -> list[Point]:
    """Points that lie evenly over what was counted, a call at a time in turn."""
    each = -(-points // len(calls))
    rows = [
        [(call, 1 + most * number // each) for number in range(min(each, most))]
        for call, most in calls.items()
    ]
    return [point for column in itertools.zip_longest(*rows) for point in column if point is not None]


@pytest.mark.database
def test_a_worker_killed_at_counted_calls_takes_every_mail_in_once(
    account: Account, strace: list[str]
) -> None:
    account.set_up()
    counted = Counted(account, strace)
    assert [counted.kill_at(point) for point in (("rename", 2), ("fsync", 5))] == [True, True]
    counted.rest()


@pytest.mark.soak
@pytest.mark.parametrize("ground", GROUNDS, ids="-".join, indirect=True)
def test_a_worker_killed_at_twenty_five_counted_calls_takes_every_mail_in_once(
    account: Account, strace: list[str]
) -> None:
    account.set_up()
    counted = Counted(account, strace)
    points = spread(counted.calls(), POINTS)
    reached: list[Point] = []
    # A point that a run did not come to is made up for by the call after one of the others.
    again = ((call, number + later) for later in range(3) for call, number in points)
    for point in again:
        if counted.kill_at(point):
            reached.append(point)
        if len(reached) == POINTS:
            break
    print(f"{len(reached)} points:", *(f"{call} {number}" for call, number in sorted(reached)))
    assert len(reached) == POINTS
    counted.rest()
    print(account.installation.ask("outcomes"))
