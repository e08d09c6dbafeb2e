"""Two real worker processes on one mailbox: the one that lost its claim stops, and every mail is there once."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import invariants
from tests.journeys.test_listening import plain
from tests.journeys.workplace import Workplace, freeze, opened, thaw
from tests.servers.dovecot import DovecotServer

MAILS = 60


@pytest.fixture
def workplace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workplace]:
    with opened(request, tmp_path) as made:
        yield made


@pytest.mark.database
def test_the_worker_that_lost_its_claim_stops_and_each_mail_is_there_once(
    workplace: Workplace, dovecot: DovecotServer
) -> None:
    """Field note 81: one is held up in the middle of a page until its lease is over, the other takes the folder."""
    user, password = dovecot.add_user()
    for number in range(MAILS):
        dovecot.deliver(user, "INBOX", plain(number))
    ca_pem = dovecot.authority.pem
    truth = invariants.on_server(dovecot.port, user, password, ca_pem=ca_pem)
    place = {"host": "localhost", "port": dovecot.port, "user": user, "password": password, "ca_pem": ca_pem}
    workplace.ask("found", acme=place)

    slow = workplace.hire()
    workplace.until(lambda: workplace.blobs() >= 10, "nothing was sealed")
    freeze(slow)
    while not workplace.ask("expire"):
        thaw(slow)
        time.sleep(0.01)
        freeze(slow)
    assert workplace.ask("standing")["acme"]["stored"] < MAILS
    assert workplace.ask("orphans"), "it was to be held up between sealing and commit"

    quick = workplace.hire()
    workplace.until(
        lambda: workplace.ask("standing")["acme"]["stored"] == MAILS, "the other did not take over"
    )
    thaw(slow)
    workplace.until(lambda: not workplace.ask("orphans"), "the loser kept what it had sealed")
    workplace.until(lambda: at_rest(workplace), "work did not come to its end")
    assert workplace.ask("violations", truth=truth, rest=True) == []
    for worker in (slow, quick):
        worker.terminate()
        assert worker.wait(60) == 0
    assert workplace.ask("violations", truth=truth, rest=True) == []
    assert workplace.blobs() == MAILS


def at_rest(workplace: Workplace) -> bool:
    return not workplace.ask("progress")["waiting"] and not workplace.ask("queued")
