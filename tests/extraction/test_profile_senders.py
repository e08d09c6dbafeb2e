"""Whose profile it is: a company's domain, or one address where a domain is shared; and one change of it at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from connectors.models import Mailbox
from extraction import pipeline, profiles
from extraction.models import SupplierProfile
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox
from tests.extraction.odd_papers import polish
from tests.extraction.paper import Paper
from tests.extraction.test_profiles import Desk, wrong


def test_the_list_of_shared_domains_is_one_of_domains_in_small_letters_each_once() -> None:
    lines = [line for line in profiles._LINES if line and not line.startswith("#")]
    assert len(lines) == len(set(lines)) > 100
    assert all(line == line.strip().lower() and "." in line and "@" not in line for line in lines)


def test_suppliers_at_a_shared_domain_do_not_share_what_was_learned(
    acme: Company, mailbox: Mailbox, server: MemoryMailbox
) -> None:
    desk = Desk(acme, mailbox, server)
    first, second, third = (polish(number) for number in range(3))
    (document,) = desk.take_in([first.pdf], sender="Dorota@GMail.com")
    with acme.work():
        assert pipeline.context_of(document.message, recognise=False).hints["sender_domain"] is None
    desk.correct(document, first.truth)
    (row,) = desk.in_force()
    assert row.domain == "dorota@gmail.com"
    (stranger,) = desk.take_in([second.pdf], sender="pawel@gmail.com")
    assert stranger.profile_id is None
    (known,) = desk.take_in([third.pdf], sender="dorota@gmail.com")
    assert known.profile_id == row.pk
    assert not wrong(known.machine, third.truth)


@pytest.mark.database
def test_nothing_is_added_to_a_version_while_it_is_undone(
    acme: Company, mailbox: Mailbox, server: MemoryMailbox, transactional_db: None
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets one write at a time")
    (document,) = Desk(acme, mailbox, server).take_in([Paper().pdf()])
    both = threading.Barrier(2)

    def keep(base: SupplierProfile) -> bool:
        with acme.work():
            both.wait(30)
            kept = profiles.keep(document, taught={}, base=base) is not None
        connection.close()
        return kept

    def undo(base: SupplierProfile) -> bool:
        with acme.work(acme.rui):
            both.wait(30)
            try:
                profiles.undo(base.layout, version=base.version)
            except profiles.NotInForce:
                return False
            finally:
                connection.close()
        return True

    with ThreadPoolExecutor(2) as threads:
        for _ in range(8):
            with acme.work():
                base = profiles.keep(document, taught={}, base=None)
                assert base is not None
            done = [threads.submit(act, base) for act in (keep, undo)]
            assert sorted(running.result() for running in done) == [False, True]
            with acme.work():
                left = profiles.in_force().filter(layout=base.layout)
                assert [row.version for row in left] == ([2] if done[0].result() else [])
