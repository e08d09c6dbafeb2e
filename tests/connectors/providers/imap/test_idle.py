"""IDLE (RFC 2177): what servers tell of new mail, and those that do not, refuse, hang up or flood."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from connectors.adapters import Heard, Limits
from connectors.errors import ConnectorError, ProtocolError, ProviderUnavailable, UnsupportedOperation
from connectors.providers.imap.adapter import ImapAdapter, ImapOptions
from tests.connectors.providers.imap.test_dovecot import LOOPBACK, DovecotGround
from tests.contracts.listener import ListenerContract
from tests.servers.broken import BrokenServer
from tests.servers.certificates import Authority
from tests.servers.dovecot import DovecotServer

Broken = Callable[..., tuple[BrokenServer, ImapAdapter]]


class TestDovecotTells(ListenerContract):
    @pytest.fixture
    def ground(self, dovecot: DovecotServer) -> DovecotGround:
        return DovecotGround(dovecot)


@pytest.fixture
def broken(authority: Authority) -> Iterator[Broken]:
    with ExitStack() as stack:

        def start(fault: str, **limits: float) -> tuple[BrokenServer, ImapAdapter]:
            server = stack.enter_context(BrokenServer(authority, fault))
            options = ImapOptions(
                host="localhost", port=server.port, user="orders@acme.example", ca_pem=authority.pem
            )
            held = Limits(**({"command_seconds": 2} | limits))  # type: ignore[arg-type]
            adapter = ImapAdapter(options, secret=lambda: "canary", policy=LOOPBACK, limits=held)
            stack.callback(adapter.close)
            adapter.open()
            return server, adapter

        yield start


def listen_on(adapter: ImapAdapter) -> None:
    for _ in range(10):
        adapter.listen("INBOX", seconds=1)


def test_a_folder_is_opened_for_reading_only(broken: Broken) -> None:
    server, adapter = broken("idles")
    adapter.listen("INBOX", seconds=1)
    said = b"".join(server.heard)
    assert b"EXAMINE" in said
    assert b"SELECT" not in said


def test_idle_is_given_once_and_ended_by_the_next_command(broken: Broken) -> None:
    server, adapter = broken("idles")
    for _ in range(3):
        adapter.listen("INBOX", seconds=0.05)
    assert sum(b" IDLE" in line for line in server.heard) == 1
    adapter.folders()
    assert [line.split()[-1] for line in server.heard if b"DONE" in line] == [b"DONE"]


def test_idle_is_given_anew_before_the_server_would_end_it(broken: Broken) -> None:
    """RFC 2177 section 3: at least every 29 minutes."""
    assert Limits().listening_seconds < 29 * 60
    server, adapter = broken("idles", listening_seconds=0)
    for _ in range(3):
        adapter.listen("INBOX", seconds=0.05)
    assert sum(b" IDLE" in line for line in server.heard) == 3


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ("", UnsupportedOperation, "idle_missing"),
        ("refuses idle", UnsupportedOperation, "idle_refused"),
        ("idle ends", ProviderUnavailable, "hung_up"),
        ("idle breaks", ProviderUnavailable, "connection_lost"),
        ("idle hangs", ProviderUnavailable, "deadline_exceeded"),
        ("idle floods", ProtocolError, "answer_too_long"),
    ],
)
def test_a_server_that_does_not_tell_says_so_by_its_code(
    broken: Broken, fault: str, kind: type[ConnectorError], code: str
) -> None:
    _, adapter = broken(fault)
    with pytest.raises(kind) as caught:
        listen_on(adapter)
    assert caught.value.code == code


def test_an_idle_that_the_server_ends_by_itself_is_given_anew(broken: Broken) -> None:
    server, adapter = broken("idle times out")
    heard = [adapter.listen("INBOX", seconds=0.5) for _ in range(4)]
    assert heard[0] is Heard.NEWS
    assert Heard.NEWS not in heard[1:]
    assert sum(b" IDLE" in line for line in server.heard) >= 2


def test_a_session_that_has_lasted_long_enough_ends(broken: Broken) -> None:
    """Nothing is heard for ever on a session whose time is over: whoever listens connects anew."""
    _, adapter = broken("idles", session_seconds=1)
    with pytest.raises(ProviderUnavailable):
        listen_on(adapter)
