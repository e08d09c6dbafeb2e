"""Messages fetched over IMAP from servers that cut, hang, flood and lie about sizes."""

import io
import socket
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import (
    ConnectorError,
    MessageGone,
    MessageTooLarge,
    ProtocolError,
    ProviderUnavailable,
)
from connectors.providers.imap.adapter import ImapAdapter
from tests.connectors.providers.imap.conftest import FIRST, LIMITS, LOOPBACK, SECRET, Broken
from tests.contracts.adapter import mail
from tests.servers.broken import BrokenServer


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("hang", ProviderUnavailable, "deadline_exceeded"),
        ("drip", ProviderUnavailable, "deadline_exceeded"),
        ("half literal", ProviderUnavailable, "connection_lost"),
        ("huge literal", ProtocolError, "answer_too_long"),
        ("absurd literal", ProtocolError, "unreadable_answer"),
        ("negative literal", ProtocolError, None),
        ("endless line", ProtocolError, "answer_too_long"),
        ("endless answer", ConnectorError, None),
        ("nested", ProtocolError, "unreadable_answer"),
        ("too much", ProtocolError, None),
    ],
)
def test_a_body_that_cannot_be_right_ends_the_connection(
    broken: Broken, fault: str, error: type[ConnectorError], code: str | None
) -> None:
    """Field notes 64, 65, 67: nothing half-stored, nothing allocated on a server's word, nobody waits long."""
    server, adapter = broken(fault)
    if fault == "too much":
        server.mails[1] = mail(1, size=3 * 1024 * 1024)
    spools: list[io.BytesIO] = []

    def spool() -> io.BytesIO:
        spools.append(io.BytesIO())
        return spools[-1]

    adapter = ImapAdapter(adapter.options, secret=lambda: SECRET, policy=LOOPBACK, limits=LIMITS, spool=spool)
    tracemalloc.start()
    started = time.monotonic()
    try:
        with adapter:
            list(adapter.changes("INBOX", None))
            with pytest.raises(error) as caught:
                adapter.fetch(FIRST)
            peak = tracemalloc.get_traced_memory()[1]
            assert caught.value.code == (code or caught.value.code)
            assert time.monotonic() - started < 20
            assert peak < 64 * 1024 * 1024
            # Whatever the server still sends could be taken for the answer to something else.
            with pytest.raises(ProviderUnavailable):
                adapter.fetch(FIRST)
    finally:
        tracemalloc.stop()
    assert all(body.closed for body in spools)


def test_a_session_has_an_end_too(broken: Broken) -> None:
    _, adapter = broken()
    short = ImapAdapter(
        adapter.options, secret=lambda: SECRET, policy=LOOPBACK, limits=replace(LIMITS, session_seconds=1.5)
    )
    with short:
        time.sleep(1.6)
        with pytest.raises(ProviderUnavailable) as caught:
            list(short.changes("INBOX", None))
    assert caught.value.code == "deadline_exceeded"


def test_messages_that_were_not_asked_for_are_ignored(broken: Broken) -> None:
    """Field note 66."""
    server, adapter = broken("uninvited")
    with adapter:
        assert adapter.fetch(FIRST).body.read() == server.mails[1]


def test_a_wrong_size_neither_cuts_the_message_nor_beats_the_limit(broken: Broken) -> None:
    """Field note 66."""
    server, adapter = broken("wrong size")
    server.mails[1] = mail(1, size=2_500_000)
    with adapter:
        ref = next(adapter.changes("INBOX", None)).refs[0]
        assert ref.size == 250_000
        raw = adapter.fetch(ref)
        assert raw.body.read() == server.mails[1]
        assert raw.size == 2_500_000
    limited = ImapAdapter(
        adapter.options,
        secret=lambda: SECRET,
        policy=LOOPBACK,
        limits=replace(LIMITS, message_bytes=2_000_000),
    )
    with limited, pytest.raises(MessageTooLarge):
        limited.fetch(ref)


def cut_at(server: BrokenServer, adapter: ImapAdapter, after: int) -> None:
    server.fault, server.cut_after = "cuts", after
    spools: list[io.BytesIO] = []

    def spool() -> io.BytesIO:
        spools.append(io.BytesIO())
        return spools[-1]

    cut = ImapAdapter(adapter.options, secret=lambda: SECRET, policy=LOOPBACK, limits=LIMITS, spool=spool)
    with cut, pytest.raises(ProviderUnavailable):
        cut.fetch(FIRST)
    assert all(body.closed for body in spools)


@pytest.mark.parametrize("share", [0, 1, 30, 60, 120, 250, 300, 310])
def test_a_connection_cut_at_any_byte_leaves_nothing_half_stored(broken: Broken, share: int) -> None:
    """Field note 64: the same UID comes whole in the next session."""
    server, adapter = broken()
    cut_at(server, adapter, share)
    server.fault = ""
    with adapter:
        assert adapter.fetch(FIRST).body.read() == server.mails[1]


@pytest.mark.soak
def test_a_connection_cut_at_every_byte_leaves_nothing_half_stored(broken: Broken) -> None:
    """Field note 64."""
    server, adapter = broken()
    answer = len(b"* 1 FETCH (UID 1 BODY[]<0> {000}\r\n") + len(server.mails[1]) + len(b")\r\n")
    for after in range(answer):
        cut_at(server, adapter, after)


def test_a_connection_cut_in_a_later_part_closes_what_was_spooled(broken: Broken) -> None:
    """Field note 64: a message of several parts is not handed out short."""
    server, adapter = broken()
    server.mails[1] = mail(1, size=2_500_000)
    spools: list[io.BytesIO] = []

    def spool() -> io.BytesIO:
        server.fault, server.cut_after = "cuts", 500_000
        spools.append(io.BytesIO())
        return spools[-1]

    cut = ImapAdapter(adapter.options, secret=lambda: SECRET, policy=LOOPBACK, limits=LIMITS, spool=spool)
    with cut, pytest.raises(ProviderUnavailable):
        cut.fetch(FIRST)
    assert [body.closed for body in spools] == [True]


def test_a_server_that_falls_silent_is_noticed_by_deadline(broken: Broken) -> None:
    """Field note 14: silent death; the deadline is for progress, and the kernel watches the connection too."""
    server, adapter = broken()
    with adapter:
        list(adapter.changes("INBOX", None))
        held = adapter._connected().wire.channel.socket
        assert held.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        server.fault = "hang"
        started = time.monotonic()
        with pytest.raises(ProviderUnavailable):
            adapter.fetch(FIRST)
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("size", [10_000_000, pytest.param(100_000_000, marks=pytest.mark.soak)])
def test_a_large_message_is_streamed_to_its_spool(broken: Broken, size: int, tmp_path: Path) -> None:
    """Field note 60: memory stays far below the message's size."""
    server, adapter = broken()
    server.mails[1] = mail(1, size=size)
    streamed = ImapAdapter(
        adapter.options,
        secret=lambda: SECRET,
        policy=LOOPBACK,
        limits=replace(LIMITS, command_seconds=30),
        spool=lambda: (tmp_path / "spool").open("w+b"),
    )
    with streamed:
        tracemalloc.start()
        raw = streamed.fetch(FIRST)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    with raw.body:
        assert raw.size == size
    assert peak < 9 * 1024 * 1024
    assert (tmp_path / "spool").read_bytes() == server.mails[1]


def test_an_expunged_message_is_gone(broken: Broken) -> None:
    _, adapter = broken("gone")
    with adapter, pytest.raises(MessageGone):
        adapter.fetch(FIRST)
