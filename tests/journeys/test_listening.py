"""Real workers and listeners: mail at once beside a server that hangs, one connection however many machines."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.journeys.workplace import Workplace, opened
from tests.processes import alive, descendants
from tests.servers.broken import BrokenServer
from tests.servers.dovecot import DovecotServer


def plain(number: int) -> bytes:
    head = f"From: Nord <mail@nord.example>\r\nMessage-ID: <{number}@nord.example>\r\nSubject: Nr. {number}"
    return f"{head}\r\n\r\nHello, this is mail {number}.\r\n".encode()


@pytest.fixture
def workplace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workplace]:
    # Two machines with a worker each are as many workers as one machine has by default.
    with opened(request, tmp_path, ZALION_WORKERS="1") as made:
        yield made


def mail_processes(dovecot: DovecotServer) -> set[int]:
    """Dovecot serves each connection that is signed in from a process of its own."""
    assert dovecot.process is not None
    named = {pid: Path(f"/proc/{pid}/comm") for pid in descendants(dovecot.process.pid)}
    return {pid for pid, comm in named.items() if alive(pid) and comm.read_text().strip() == "imap"}


@pytest.mark.database
def test_mail_is_told_of_at_once_by_one_connection_that_comes_back(
    workplace: Workplace, dovecot: DovecotServer
) -> None:
    """Field notes 14 and 84: no poll is due for a day, and another company's server holds one of two workers."""
    user, password = dovecot.add_user()
    here = {"host": "localhost", "password": password, "ca_pem": dovecot.authority.pem}
    before = mail_processes(dovecot)

    def standing(slug: str = "acme") -> dict[str, object]:
        return workplace.ask("standing")[slug]  # type: ignore[no-any-return]

    with BrokenServer(dovecot.authority, "hang", mails={1: plain(1)}) as hangs:
        workplace.ask(
            "found",
            borealis={**here, "port": hangs.port, "user": "orders@borealis.example"},
            acme={**here, "port": dovecot.port, "user": user},
        )
        told_and_cut(workplace, dovecot, user, before, standing)
        assert standing("borealis")["deaf"] == "idle_missing", "it is polled alone"
        for worker in workplace.workers:
            worker.terminate()
    assert [worker.wait(60) for worker in workplace.workers] == [0, 0]


def told_and_cut(
    workplace: Workplace,
    dovecot: DovecotServer,
    user: str,
    before: set[int],
    standing: Callable[..., dict[str, object]],
) -> None:

    for _ in range(2):
        workplace.hire()
    workplace.until(lambda: standing("borealis")["held"], "the server that hangs is not read")
    workplace.until(lambda: standing()["since"] and standing()["read"], "nobody listens")
    workplace.until(lambda: not standing()["held"], "it is read for ever")
    workplace.until(lambda: len(mail_processes(dovecot) - before) == 1, "more than one connection stays")
    dovecot.deliver(user, "INBOX", plain(1))
    workplace.until(lambda: standing()["stored"] == 1, "the mail was not told of")
    assert standing()["listeners"] == 1
    assert standing("borealis")["held"], "the other was to hang all the while"

    workplace.until(lambda: len(mail_processes(dovecot) - before) == 1, "more than one connection stays")
    [serving] = mail_processes(dovecot) - before
    os.kill(serving, signal.SIGKILL)
    workplace.until(lambda: not standing()["since"], "the cut was not noticed")
    assert standing()["error"] in ("connection_lost", "hung_up")
    workplace.ask("ring", slug="acme")  # rather than wait for the end of the back-off
    workplace.until(lambda: standing()["since"] and not standing()["held"], "nobody came back")
    assert standing()["error"] == ""
    dovecot.deliver(user, "INBOX", plain(2))
    workplace.until(lambda: standing()["stored"] == 2, "the mail was not told of after the cut")


@pytest.mark.soak
@pytest.mark.database
def test_a_paused_mailbox_is_left_within_a_minute(workplace: Workplace, dovecot: DovecotServer) -> None:
    user, password = dovecot.add_user()
    place = {"host": "localhost", "port": dovecot.port, "user": user, "password": password}
    before = mail_processes(dovecot)
    workplace.ask("found", acme={**place, "ca_pem": dovecot.authority.pem})
    workplace.hire()
    workplace.until(lambda: workplace.ask("standing")["acme"]["since"], "nobody listens")
    workplace.ask("pause", slug="acme")
    ends = time.monotonic() + 60
    workplace.until(lambda: not mail_processes(dovecot) - before, "a paused mailbox is listened to")
    assert time.monotonic() < ends


def listeners(worker: "subprocess.Popen[bytes]") -> set[int]:
    """What a worker starts has children of its own, but for its listener."""
    started = descendants(worker.pid)
    below = {child for pid in started for child in descendants(pid)}
    return {pid for pid in started - below if alive(pid) and not descendants(pid)}


@pytest.mark.soak
@pytest.mark.database
def test_a_listener_that_was_killed_is_started_again(workplace: Workplace, dovecot: DovecotServer) -> None:
    """Field note 14: whoever listens is watched, and mail arrives without a restart by hand."""
    user, password = dovecot.add_user()
    place = {"host": "localhost", "port": dovecot.port, "user": user, "password": password}
    workplace.ask("found", acme={**place, "ca_pem": dovecot.authority.pem})
    worker = workplace.hire()
    workplace.until(lambda: workplace.ask("standing")["acme"]["since"], "nobody listens")
    [killed] = listeners(worker)
    os.kill(killed, signal.SIGKILL)
    workplace.until(lambda: listeners(worker) - {killed}, "it is not started again")
    assert workplace.ask("expire")
    workplace.until(lambda: workplace.ask("standing")["acme"]["listeners"] == 2, "nobody took over")
    workplace.until(lambda: workplace.ask("standing")["acme"]["since"], "nobody listens again")
    workplace.until(lambda: not workplace.ask("standing")["acme"]["held"], "it is read for ever")
    dovecot.deliver(user, "INBOX", plain(1))
    workplace.until(lambda: workplace.ask("standing")["acme"]["stored"] == 1, "the mail was not told of")
