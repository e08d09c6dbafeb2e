"""603 real and 183 hostile mails through a worker: all accounted for, each ends as it must, in little memory."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.mime.test_hostile_mail import NAMED, NOT_REACHED
from tests.journeys.account import Account
from tests.journeys.installation import ROOT, Installation
from tests.servers.clamd import Clamd
from tests.servers.dovecot import DovecotServer

PATIENCE = 1800.0  # seconds, on a busy machine
FIRST = 1_790_000_000  # when the first mail came; the others a second apart
MOST_MEMORY = 300 << 20  # bytes of a worker
GROUNDS = [("sqlite", "orm"), ("postgresql", "orm")]


@dataclass(frozen=True)
class Sample:
    """A mail and, of a hostile one, its entry in the manifest."""

    path: Path
    case: dict[str, Any] | None = None

    @property
    def raw(self) -> bytes:
        return self.path.read_bytes()


@pytest.fixture(scope="session")
def samples(shared: Path, hostile_pack: Path) -> list[Sample]:
    real = shared / "data" / "mime"
    listed = json.loads((real / "manifest.json").read_text())["messages"]
    cases = json.loads((hostile_pack / "manifest.json").read_text())["cases"]
    return [
        *(Sample(real / entry["path"]) for entry in listed),
        *(Sample(hostile_pack / case["path"], case) for case in cases),
    ]


@pytest.fixture(autouse=True)
def _steward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Installation, "steward", "tests.journeys.corpus")


@pytest.fixture
def scanner() -> Iterator[Clamd]:
    with Clamd() as speaker:
        yield speaker


@pytest.fixture
def account(_steward: None, installation: Installation, dovecot: DovecotServer, scanner: Clamd) -> Account:
    installation.environment |= {"ZALION_WORKERS": "1", "ZALION_CLAMD": scanner.address}
    return Account(installation, dovecot)


def import_mail(account: Account, folder: Path) -> Counter[str]:
    """By the command; what it says of them."""
    told = subprocess.run(
        [sys.executable, "manage.py", "import_mail", "--tenant", "acme", "--mailbox", "Orders", str(folder)],
        cwd=ROOT, env=account.installation.environment, check=True, text=True, stdout=subprocess.PIPE,
    ).stdout  # fmt: skip
    found = re.search(r"(\d+) taken in, (\d+) known", told)
    assert found, told
    return Counter(taken_in=int(found[1]), known=int(found[2]))


def peaks(installation: Installation) -> Iterator[tuple[str, int]]:
    """The most memory that each process of the worker had, in bytes; children of the pool by their own name."""
    for pid in installation.worker_processes():
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            name = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if found := re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE):
            kind = "child" if b"sandbox.child" in name else "worker" if b"manage.py" in name else "other"
            yield kind, int(found[1]) << 10


def work(account: Account, *, wanted: int) -> dict[str, int]:
    """One worker until every mail is parsed; the most memory of its processes by kind."""
    most: Counter[str] = Counter()
    installation = account.installation
    installation.start_worker()
    ends = time.monotonic() + PATIENCE
    while True:
        now = installation.ask("unread")
        for kind, peak in peaks(installation):
            most[kind] = max(most[kind], peak)
        if now["stored"] >= wanted and not now["waiting"]:
            break
        assert time.monotonic() < ends, f"{now}\n{installation.told()[-3000:]}"
        time.sleep(0.2)
    # It reads for documents now, which may take its time, and is not what is looked at.
    installation.kill_worker()
    return dict(most)


def differences(told: list[tuple[Sample, dict[str, Any]]]) -> dict[str, str]:
    """The hostile mails that ended otherwise than their manifest says, and how.

    Its "stored" is any mail that is kept and read, be it skipped for what it is; "stored+flag" one that is flagged,
    or one of its attachments.
    """
    found = {}
    for sample, row in told:
        if sample.case is None:
            continue
        name, outcome = sample.case["id"], sample.case["outcome"]
        kept = "quarantined" if row["state"] == "quarantined" else "stored"
        if kept != outcome.partition("+")[0] or (outcome.endswith("+flag") and not row["flags"]):
            found[name] = f"{row['state']} {row['reason']} {row['flags']}"
        for must in sample.case["must"]:
            flag = NAMED.get(must)
            if flag and flag not in row["flags"] and (name, flag) not in NOT_REACHED:
                found.setdefault(name, f"{flag} is not among {row['flags']}")
    return found


def longest_wait(told: list[dict[str, Any]]) -> float:
    """Seconds from one mail that was read to the next one, at most."""
    moments = sorted(row["parsed"] for row in told if row["parsed"])
    return max((after - before for before, after in pairwise(moments)), default=0.0)


def run(way: str, account: Account, scanner: Clamd, samples: list[Sample], folder: Path) -> None:
    """``way`` is "import" or "imap"."""
    installation = account.installation
    account.set_up()
    installation.ask("trust", server="mx.acme.example")
    if way == "import":
        for number, sample in enumerate(samples):
            file = folder / f"{number:04}.eml"
            file.write_bytes(sample.raw)
            os.utime(file, (FIRST + number, FIRST + number))
        report = import_mail(account, folder)
        assert report.total() == len(samples)
        memory = work(account, wanted=report["taken_in"])
    else:
        account.deliver(sample.raw for sample in samples)
        memory = work(account, wanted=len(samples))
    rows = installation.ask("rows")
    if way == "import":
        by_content = {row["digest"]: row for row in rows}
        empty = next((row for row in rows if row["reason"] == "empty"), None)
        told = [(s, by_content.get(hashlib.sha256(s.raw).hexdigest()) or empty) for s in samples]
        assert len(rows) == report["taken_in"]
    else:
        in_order = sorted(rows, key=lambda row: int(row["identity"].partition(":")[2]))
        told = list(zip(samples, in_order, strict=True))
        assert account.violations() == []
        line = installation.ask("reconcile")
        assert (line["on_server"], line["accounted"], line["left_server"]) == (len(samples), len(samples), 0)
    assert all(row is not None for _, row in told)
    copies = sum(row["copy"] for row in rows)
    otherwise = differences(told)
    print(f"{way}: {len(samples)} mails, {len(rows)} rows, {copies} copies")
    print(f"{longest_wait(rows):.2f} s from one to the next")
    print({kind: f"{peak / (1 << 20):.0f} MiB" for kind, peak in memory.items()})
    print(Counter(f"{row['state']} {row['reason']}".strip() for row in rows), otherwise)
    assert otherwise == {}
    assert scanner.commands.count("zINSTREAM") >= sum(row["parsed"] > 0 for row in rows)
    assert memory["worker"] < MOST_MEMORY


def test_real_and_hostile_mail_is_accounted_for(
    account: Account, scanner: Clamd, samples: list[Sample], tmp_path: Path
) -> None:
    """Every twentieth, and the one that a virus scanner knows, over IMAP."""
    infected = [sample for sample in samples if sample.case and sample.case["id"] == "eicar"]
    run("imap", account, scanner, [*samples[::20], *infected], tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("ground", GROUNDS, indirect=True, ids=[name for name, _ in GROUNDS])
@pytest.mark.parametrize("way", ["import", "imap"])
def test_all_real_and_hostile_mail_is_accounted_for(
    way: str, account: Account, scanner: Clamd, samples: list[Sample], tmp_path: Path
) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    run(way, account, scanner, samples, folder)
