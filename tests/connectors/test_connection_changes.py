"""A secret rotated and a certificate replaced under a live mailbox: state, words, event, and the line right after."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import onboarding
from connectors.models import Mailbox, MailboxState, SyncState
from tests.cast import Company
from tests.connectors import live
from tests.connectors.live import Live, mail
from tests.servers.broken import BrokenServer
from tests.servers.certificates import Authority, Crooked
from tests.servers.dovecot import DovecotServer

# --- the secret ----------------------------------------------------------------------------------------------


def stopped(box: Live) -> None:
    """Read until the mailbox has stopped: Dovecot notices another password within a second."""
    for _ in range(40):
        box.read()
        if box.mailbox.state != MailboxState.ACTIVE:
            return
        time.sleep(0.1)
    raise AssertionError("the mailbox goes on")


def test_a_rotated_secret_stops_the_mailbox_and_the_new_one_takes_it_up_where_it_was(
    acme: Company, dovecot: DovecotServer
) -> None:
    """Field note 73."""
    user, password = dovecot.add_user()
    box = live.make(acme, port=dovecot.port, ca_pem=dovecot.authority.pem, user=user, password=password)
    for number in range(3):
        dovecot.deliver(user, "INBOX", mail(number))
    with acme.work():
        box.read()
        cursor = SyncState.objects.get().cursor
        dovecot.write(f"users/{user}", f"{user}:another-secret\n")
        stopped(box)
        assert (box.mailbox.state, box.mailbox.error_code) == ("needs_attention", "authentication")
        events = [(event.reason, event.facts["stopped"]) for event in box.told("mailbox.needs_attention")]
        assert events == [("authentication", False)] * 2 + [("authentication", True)]
        # Nobody asks the server again: three refusals lock no account.
        opened = len(box.told("messages.listed"))
        box.read()
        assert (len(box.told("messages.listed")), box.mailbox.refusals) == (opened, 3)
        assert (SyncState.objects.get().cursor, box.rows()) == (cursor, 3)
    page = box.page()
    assert "Needs attention" in page
    assert "Renew the secret this mailbox refers to" in page
    dovecot.deliver(user, "INBOX", mail(3))
    with acme.work(acme.ada):
        live.provision(user, "another-secret", port=dovecot.port)
        onboarding.resume(box.mailbox)
        fetched = [len(event.facts["ids"]) for event in box.told("message.fetched")]
        assert box.line() == (4, 4, 0)
        assert [len(event.facts["ids"]) for event in box.told("message.fetched")] == [*fetched, 1]
        box.mailbox.refresh_from_db()
        assert (box.mailbox.state, box.mailbox.error_code) == (MailboxState.ACTIVE, "")
        assert len(box.told("mailbox.activated")) == 2
    assert "Renew the secret" not in box.page()


def test_a_secret_bound_to_another_host_or_user_is_not_sent(acme: Company, authority: Authority) -> None:
    with BrokenServer(authority, mails={1: mail(1)}) as server:
        box = live.make(acme, port=server.port, ca_pem=authority.pem, user="orders", password="canary")
        with acme.work():
            box.read()
            for user, host in (("somebody", "localhost"), ("orders", "mail.evil.example")):
                live.provision(user, "canary", host=host, port=server.port)
                server.heard.clear()
                Mailbox.objects.update(state=MailboxState.ACTIVE, refusals=0)
                for _ in range(3):
                    box.read()
                assert (box.mailbox.state, box.mailbox.error_code) == ("needs_attention", "secret_unbound")
                assert not any(b"AUTHENTICATE" in line or b"LOGIN" in line for line in server.heard)
            assert {event.reason for event in box.told("mailbox.needs_attention")} == {"secret_unbound"}
        page = box.page()
        assert "provisioned for another server or user, so it was not sent" in page
        with acme.work(acme.ada):
            live.provision("orders", "canary", port=server.port)
            onboarding.resume(box.mailbox)
            assert box.line() == (1, 1, 0)


def test_a_failure_that_passes_by_itself_is_on_record_with_its_end(
    acme: Company, authority: Authority
) -> None:
    with BrokenServer(authority, mails={1: mail(1)}) as server:
        box = live.make(acme, port=server.port, ca_pem=authority.pem, user="orders", password="canary")
        with acme.work():
            server.fault = "later"
            box.read()
            assert (box.mailbox.state, box.mailbox.failures) == (MailboxState.ACTIVE, 1)
            server.fault = ""
            assert box.line() == (1, 1, 0)
            [event] = box.told("mailbox.recovered")
            assert (event.reason, event.facts) == ("transient", {"failures": 1})


# --- the certificate -----------------------------------------------------------------------------------------


@pytest.fixture
def server(authority: Authority) -> Iterator[BrokenServer]:
    with BrokenServer(authority, mails={n: mail(n) for n in range(1, 4)}) as server:
        yield server


@pytest.fixture
def box(acme: Company, authority: Authority, server: BrokenServer) -> Live:
    made = live.make(acme, port=server.port, ca_pem=authority.pem, user="orders", password="canary")
    with acme.work():
        made.read()
        assert made.rows() == 3
    return made


def test_another_valid_certificate_of_the_same_ca_goes_on_and_is_on_record(
    acme: Company, authority: Authority, server: BrokenServer, box: Live
) -> None:
    with acme.work():
        before = box.mailbox.connection_facts
        assert box.told("connection.changed") == []
        server._context = authority.server_context("localhost")
        server.mails[4] = mail(4)
        assert box.line() == (4, 4, 0)
        box.mailbox.refresh_from_db()
        assert box.mailbox.state == MailboxState.ACTIVE
        [event] = box.told("connection.changed")
        now = box.mailbox.connection_facts
        assert event.facts == {"changed": {"certificate": [before["certificate"], now["certificate"]]}}
        assert len(now["certificate"]) == 64
        box.read()
        assert len(box.told("connection.changed")) == 1
    assert now["certificate"][:16] in box.page()


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        ({}, "certificate_unknown_authority", "enter its certificate under “CA certificates”"),
        ({"days": (-9, -1)}, "certificate_expired", "Have the server&#x27;s certificate renewed"),
        ({"name": "mail.other.example"}, "certificate_other_name", "Enter the host name that the server"),
    ],
    ids=["unknown CA", "expired", "another name"],
)
def test_a_certificate_that_proves_nothing_stops_the_mailbox_until_the_new_ca_is_signed_for(
    acme: Company,
    server: BrokenServer,
    box: Live,
    tmp_path: Path,
    wrong: dict[str, object],
    code: str,
    words: str,
) -> None:
    """Field note 69: refused before the secret is sent, with clear words and no way to ignore it."""
    crooked = Crooked()
    if wrong:  # of a CA that is trusted, so that it is this alone that is wrong
        give(acme, box, server, ca_pem=crooked.pem, presents=crooked.server_context(tmp_path))
    server._context = crooked.server_context(tmp_path, **wrong)  # type: ignore[arg-type]
    server.heard.clear()
    with acme.work():
        cursor = SyncState.objects.get().cursor
        box.read()
        assert (box.mailbox.state, box.mailbox.error_code) == (MailboxState.NEEDS_ATTENTION, code)
        assert not any(b"AUTHENTICATE" in line or b"LOGIN" in line for line in server.heard)
        event = box.told("mailbox.needs_attention")[-1]
        assert (event.reason, event.outcome, event.facts["stopped"]) == (code, "failed", True)
    page = box.page()
    assert words in page
    assert "Verification cannot be switched off" in page
    assert "ignore" not in page.lower()
    server.mails[4] = mail(4)
    give(acme, box, server, ca_pem=crooked.pem, presents=crooked.server_context(tmp_path))
    with acme.work():
        assert SyncState.objects.get().cursor == cursor
        assert box.line() == (4, 4, 0)
        assert box.mailbox.state == MailboxState.ACTIVE
        assert [len(event.facts["ids"]) for event in box.told("message.fetched")] == [3, 1]


def give(acme: Company, box: Live, server: BrokenServer, *, ca_pem: str, presents: object) -> None:
    """The server shows this certificate, and the mailbox is given this CA; both sign what was changed."""
    server._context = presents  # type: ignore[assignment]
    with acme.work(acme.ada):
        found = Mailbox.objects.get(pk=box.mailbox.pk)
        onboarding.configure(
            found,
            name=found.name,
            address=found.address,
            options=live.options(port=server.port, ca_pem=ca_pem, user="orders"),
            reference="file:orders",
            polling_minutes=found.polling_minutes,
            retention=found.retention,
        )
        assert found.state not in onboarding.LIVE
        onboarding.check_mailbox(found.pk)
    live.sign(acme, box.mailbox)
