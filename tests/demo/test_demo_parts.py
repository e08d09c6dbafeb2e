"""The ground a demo stands on, its child processes, and the search for what must not be on disk."""

import base64
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from zalion.demo import leaks, mails
from zalion.demo.children import ChildDied, Children
from zalion.demo.ground import Ground, GroundError
from zalion.demo.leaks import Canary

PROJECT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path / "demo")


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    with (
        (tmp_path / "lock").open("w") as lock,
        Children(tmp_path / "logs", environment=dict(os.environ), kept_open=lock.fileno()) as started,
    ):
        yield started


def script(tmp_path: Path, code: str) -> str:
    path = tmp_path / "child.py"
    path.write_text(code)
    return str(path)


# --- ground ------------------------------------------------------------------------------------------


def test_a_folder_that_holds_something_else_is_left_alone(ground: Ground) -> None:
    ground.root.mkdir()
    (ground.root / "thesis.txt").write_text("years of work")
    with pytest.raises(GroundError, match="nothing was touched"):
        ground.claim(reset=True)
    assert (ground.root / "thesis.txt").read_text() == "years of work"


def test_two_demos_do_not_share_a_folder(ground: Ground) -> None:
    ground.claim(reset=False)
    with pytest.raises(GroundError, match=f"process {os.getpid()}"):
        Ground(ground.root).claim(reset=False)


def test_a_reset_ends_the_demo_that_runs_and_empties_its_folder(ground: Ground, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from zalion.demo.ground import Ground\n"
        "Ground(Path(sys.argv[1])).claim(reset=False); print('claimed', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(ground.root)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "claimed\n"
        (ground.root / "data").mkdir()
        (ground.root / "data" / "db.sqlite3").write_text("rows")
        ground.claim(reset=True)
        assert running.wait(10) == -signal.SIGTERM
    assert not (ground.root / "data").exists()


def test_keys_certificate_and_free_ports_are_kept_from_one_start_to_the_next(ground: Ground) -> None:
    def made(place: Ground) -> list[bytes]:
        place.choose_ports(web=0, mail=0)
        place.make_keys()
        place.make_certificate()
        return [p.read_bytes() for p in (place.environment_file, place.master_keys, place.certificate)]

    ground.claim(reset=False)
    first = made(ground)
    again = Ground(ground.root)
    assert made(again) == first
    assert (again.web_port, again.mail_port) == (ground.web_port, ground.mail_port)
    for path in (ground.environment_file, ground.master_keys, ground.certificate):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_demo_does_not_see_what_the_shell_says_about_another_portal(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://live/zalion")
    monkeypatch.setenv("ZALION_DATA_DIR", "elsewhere")
    seen = ground.environment()
    assert "DATABASE_URL" not in seen
    assert "ZALION_DATA_DIR" not in seen
    assert seen["ZALION_ENV_FILE"] == str(ground.environment_file)


# --- children ----------------------------------------------------------------------------------------


def test_a_child_that_dies_is_named_with_the_end_of_its_log(children: Children, tmp_path: Path) -> None:
    children.start("mail server", script(tmp_path, "print('the disk is full'); raise SystemExit(3)"))
    with pytest.raises(ChildDied, match=r"(?s)mail server ended with code 3.*the disk is full"):
        children.wait_for(lambda: False, seconds=20, words="Nothing")


def test_a_child_that_does_not_listen_is_ended_all_the_same(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zalion.demo.children.PATIENCE", 0.5)
    deaf = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    children.start("worker", script(tmp_path, deaf))
    log = tmp_path / "logs" / "worker.log"
    children.wait_for(lambda: "deaf" in log.read_text(), seconds=20, words="The start")
    pid = children.pids["worker"]
    children.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    sleeper = script(tmp_path, "import time; time.sleep(600)")
    code = (
        "import os, sys, time; from pathlib import Path; from zalion.demo.children import Children\n"
        "started = Children(Path(sys.argv[1]), environment=dict(os.environ), kept_open=2)\n"
        "started.start('worker', sys.argv[2]); print(started.pids['worker'], flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "logs"), sleeper],
        cwd=PROJECT, stdout=subprocess.PIPE, text=True,
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    ends = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and "State:\tZ" not in Path(f"/proc/{child}/status").read_text():
        assert time.monotonic() < ends, "the child lives on"
        time.sleep(0.05)


# --- leaks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "x Auftragsbestätigung Müller 4711".encode(),
        "AUFTRAGSBESTäTIGUNG MüLLER 4711".encode(),
        "Auftragsbestätigung Müller 4711".encode("latin-1"),
        "Auftragsbestätigung Müller 4711".encode("utf-16-le"),
        b'{"subject": "Auftragsbest\\u00e4tigung M\\u00fcller 4711"}',
        base64.b64encode("Auftragsbestätigung Müller 4711 anbei".encode()),
        base64.b64encode("AW: Auftragsbestätigung Müller 4711".encode()),
        base64.b64encode("Re: - Auftragsbestätigung Müller 4711!".encode()),
    ],
)
def test_a_text_is_found_in_every_way_it_may_be_written(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(b"\0\1" + content)
    canary = Canary("subject", "Auftragsbestätigung Müller 4711")
    assert [leak.kind for leak in leaks.search(tmp_path, [canary])] == ["subject"]


def test_a_text_is_found_in_a_file_name_and_in_a_databases_log(tmp_path: Path) -> None:
    (tmp_path / "Angebot 47110815.pdf").touch()
    with sqlite3.connect(tmp_path / "db.sqlite3") as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE mail (subject TEXT)")
        connection.execute("INSERT INTO mail VALUES ('Angebot 47110815')")
        connection.commit()
        found = {leak.path.name for leak in leaks.search(tmp_path, [Canary("subject", "Angebot 47110815")])}
    connection.close()
    assert {"Angebot 47110815.pdf", "db.sqlite3-wal"} <= found


def test_folders_left_out_are_not_searched_and_a_leak_does_not_repeat_the_text(tmp_path: Path) -> None:
    for folder in ("secrets", "logs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_text("correct horse battery staple")
    canary = Canary("password", "correct horse battery staple")
    found = leaks.search(tmp_path, [canary], besides=[tmp_path / "secrets"])
    assert [str(leak) for leak in found] == [f"password in {Path('logs') / 'file'}"]


def test_the_demos_mails_give_more_than_two_hundred_texts_to_look_for() -> None:
    canaries = leaks.of_mails([*mails.make(NOW), *mails.make_borealis(NOW)])
    assert len(canaries) >= 200
    kinds = {canary.kind for canary in canaries}
    assert {"subject", "person", "address", "number", "order", "IBAN", "Message-ID", "file name"} <= kinds
    assert all(len(canary.text) >= leaks.SHORTEST for canary in canaries)
