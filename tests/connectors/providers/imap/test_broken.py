"""The IMAP adapter against servers that lie, hang and cheat: one field note after the other."""

import base64
import io
import ipaddress
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from connectors.adapters import Limits, MessageRef
from connectors.errors import (
    AccessDenied,
    AuthenticationError,
    ConfigurationError,
    ConnectorError,
    CursorExpired,
    IdentitiesReused,
    MessageGone,
    MessageTooLarge,
    ProtocolError,
    ProviderUnavailable,
    RateLimited,
    TransientError,
    UnsupportedOperation,
)
from connectors.providers.imap.adapter import ImapAdapter, ImapOptions
from tests.contracts.adapter import mail
from tests.servers.broken import BrokenServer
from tests.servers.certificates import Authority
from zalion.net import NetworkPolicy

LOOPBACK = NetworkPolicy((ipaddress.ip_network("127.0.0.0/8"),))
SECRET = "canary-5e1d"
LIMITS = Limits(page_size=3, command_seconds=2, connect_seconds=2)
FIRST = MessageRef("INBOX", "1000:1")

Broken = Callable[..., tuple[BrokenServer, ImapAdapter]]


@pytest.fixture
def broken(authority: Authority) -> Iterator[Broken]:
    with ExitStack() as stack:

        def start(fault: str = "", *, starttls: bool = False) -> tuple[BrokenServer, ImapAdapter]:
            mails = {number: mail(number) for number in range(1, 5)}
            server = stack.enter_context(BrokenServer(authority, fault, starttls, mails))
            options = ImapOptions(
                host="localhost",
                port=server.port,
                user="orders@acme.example",
                security="starttls" if starttls else "tls",
                ca_pem=authority.pem,
            )
            adapter = ImapAdapter(options, secret=lambda: SECRET, policy=LOOPBACK, limits=LIMITS)
            stack.callback(adapter.close)
            return server, adapter

        yield start


def gave_the_secret_away(server: BrokenServer) -> bool:
    heard = b"".join(server.heard)
    encoded = base64.b64encode(f"\0orders@acme.example\0{SECRET}".encode())
    return SECRET.encode() in heard or encoded in heard


def test_the_script_without_a_fault_is_an_honest_server(broken: Broken) -> None:
    server, adapter = broken()
    with adapter:
        pages = list(adapter.changes("INBOX", None))
        assert [len(page.refs) for page in pages] == [3, 1]
        assert [adapter.fetch(ref).body.read() for page in pages for ref in page.refs] == list(
            server.mails.values()
        )
    assert gave_the_secret_away(server)
    sent = b"".join(server.heard).upper()
    assert not any(word in sent for word in (b"SELECT", b"STORE", b"EXPUNGE", b" BODY[", b"RFC822)"))
    assert b":*" not in sent


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("preauth", ProtocolError, "preauth"),
        ("bye", ProviderUnavailable, "hung_up"),
        ("busy", RateLimited, "rate_limited"),
        ("not imap", ProtocolError, "protocol"),
        ("silent", ProviderUnavailable, "deadline_exceeded"),
        ("login disabled", ConfigurationError, "login_disabled"),
    ],
)
def test_a_bad_greeting_gets_no_secret(
    broken: Broken, fault: str, error: type[ConnectorError], code: str
) -> None:
    """Field notes 67, 68, 71."""
    server, adapter = broken(fault)
    with pytest.raises(error) as caught:
        adapter.open()
    assert caught.value.code == code
    assert not gave_the_secret_away(server)


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("no starttls", ConfigurationError, "starttls_missing"),
        ("injected", ProtocolError, "spoke_before_tls"),
        ("preauth", ProtocolError, "preauth"),
    ],
)
def test_starttls_that_was_tampered_with_gets_no_secret(
    broken: Broken, fault: str, error: type[ConnectorError], code: str
) -> None:
    """Field note 68: STARTTLS stripped, PREAUTH greeting, response injected before TLS."""
    server, adapter = broken(fault, starttls=True)
    with pytest.raises(error) as caught:
        adapter.open()
    assert caught.value.code == code
    assert not gave_the_secret_away(server)


def test_starttls_asks_for_capabilities_anew(broken: Broken) -> None:
    server, adapter = broken(starttls=True)
    with adapter:
        assert adapter.facts.tls_version == "TLSv1.3"
    assert [line.split()[1] for line in server.heard[:4]] == [
        b"CAPABILITY",
        b"STARTTLS",
        b"CAPABILITY",
        b"AUTHENTICATE",
    ]


def test_login_is_quoted(broken: Broken) -> None:
    server, adapter = broken("only login")
    quoting = ImapAdapter(
        replace(adapter.options, user='a "b" \\c'), secret=lambda: 'p "q', policy=LOOPBACK, limits=LIMITS
    )
    with quoting:
        pass
    assert any(line.endswith(b' LOGIN "a \\"b\\" \\\\c" "p \\"q"\r\n') for line in server.heard)
    with (
        pytest.raises(ConfigurationError) as caught,
        ImapAdapter(adapter.options, secret=lambda: "pässwort", policy=LOOPBACK, limits=LIMITS),
    ):
        pass
    assert caught.value.code == "password_not_ascii"


def test_a_server_that_repeats_the_password_is_not_quoted(broken: Broken) -> None:
    _, adapter = broken("echoes")
    with pytest.raises(AuthenticationError) as caught:
        adapter.open()
    encoded = base64.b64encode(f"\0orders@acme.example\0{SECRET}".encode()).decode()
    shown = f"{caught.value!r} {vars(caught.value)} {caught.value.__cause__!r} {adapter.check()!r}"
    assert SECRET not in shown
    assert encoded not in shown


def test_a_sign_in_refused_for_the_moment_is_no_wrong_password(broken: Broken) -> None:
    """Field note 7: tell permanent from transient, or a directory that is down pauses every mailbox."""
    _, adapter = broken("later")
    with pytest.raises(TransientError):
        adapter.open()


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


def test_an_unchanged_folder_is_known_without_a_search(broken: Broken) -> None:
    """CONDSTORE (RFC 7162): HIGHESTMODSEQ and UIDNEXT as they were."""
    server, adapter = broken("condstore")
    server.mails[9] = server.mails.pop(4)
    with adapter:
        *_, page = adapter.changes("INBOX", None)
        del server.mails[9]
        server.mails[20] = mail(20)
        server.modseq = 7
        *_, page = adapter.changes("INBOX", page.cursor)
        server.heard.clear()
        [again] = adapter.changes("INBOX", page.cursor)
        assert (again.refs, again.cursor, again.done) == ((), page.cursor, True)
        assert [line.split()[1] for line in server.heard] == [b"EXAMINE"]
        # A server that forgets to count up is not believed when UIDNEXT says otherwise.
        server.mails[21] = mail(21)
        [news] = adapter.changes("INBOX", page.cursor)
        assert [ref.id for ref in news.refs] == ["1000:21"]


def test_an_unfinished_reading_is_never_taken_for_a_finished_one(broken: Broken) -> None:
    _, adapter = broken("condstore")
    with adapter:
        first = next(adapter.changes("INBOX", None))
        assert not first.done
        [rest] = adapter.changes("INBOX", first.cursor)
        assert [ref.id for ref in rest.refs] == ["1000:4"]


def test_uids_given_to_other_messages_are_noticed(broken: Broken) -> None:
    """Field notes 9, 63: a backup played back reuses UIDs under the same UIDVALIDITY."""
    server, adapter = broken()
    with adapter:
        *_, page = adapter.changes("INBOX", None)
        server.date = b"05-Mar-2025 06:07:08 +0000"
        server.mails[5] = mail(5)
        with pytest.raises(IdentitiesReused) as caught:
            next(adapter.changes("INBOX", page.cursor))
    assert caught.value.code == "uid_reused"
    assert isinstance(caught.value, CursorExpired)


def test_a_position_from_an_earlier_release_still_holds(broken: Broken) -> None:
    _, adapter = broken()
    with adapter:
        [page] = adapter.changes("INBOX", '{"uidvalidity": 1000, "last_uid": 3}')
        assert [ref.id for ref in page.refs] == ["1000:4"]


def test_a_sign_in_without_a_mailbox_behind_it_is_explained(broken: Broken) -> None:
    """Field note 23: "User is authenticated but not connected"."""
    _, adapter = broken("not connected")
    with adapter, pytest.raises(AccessDenied) as caught:
        next(adapter.changes("INBOX", None))
    assert caught.value.code == "not_connected"
    assert "shared mailbox" in caught.value.what_to_do


def test_a_token_that_runs_out_during_a_session_is_no_refusal(broken: Broken) -> None:
    """Field note 72: the next session asks for the token anew and goes on from the cursor."""
    server, adapter = broken()
    with adapter:
        *_, page = adapter.changes("INBOX", None)
        server.fault = "token ran out"
        with pytest.raises(TransientError) as caught:
            next(adapter.changes("INBOX", page.cursor))
    assert caught.value.code == "token_expired"
    server.fault = ""
    server.mails[5] = mail(5)
    with adapter:
        [news] = adapter.changes("INBOX", page.cursor)
        assert [ref.id for ref in news.refs] == ["1000:5"]


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


class ManyMails(dict[int, bytes]):
    """A mailbox of one mail, a million times over."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        return iter(range(1, self.count + 1))

    def __contains__(self, uid: object) -> bool:
        return isinstance(uid, int) and 1 <= uid <= self.count

    def __getitem__(self, uid: int) -> bytes:
        return b"Subject: one\r\n\r\none\r\n"


def read_all(broken: Broken, count: int) -> None:
    server, adapter = broken()
    server.mails = ManyMails(count)
    many = ImapAdapter(adapter.options, secret=lambda: SECRET, policy=LOOPBACK, limits=Limits(page_size=1000))
    with many:
        seen, cursor = 0, ""
        for page in islice(many.changes("INBOX", None), 3):
            seen, cursor, total = seen + len(page.refs), page.cursor, page.total
        assert (seen, total) == (3000, count)
    with many:
        tracemalloc.start()
        for page in many.changes("INBOX", cursor):
            seen += len(page.refs)
            server.heard.clear()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert seen == count
    assert peak < 32 * 1024 * 1024


def test_a_large_mailbox_is_read_in_windows_resumed_and_counted(broken: Broken) -> None:
    """Field note 61: bounded memory, resumable, progress shown."""
    read_all(broken, 5_000)


@pytest.mark.soak
def test_a_mailbox_of_a_million_messages_is_read(broken: Broken) -> None:
    """Field note 61."""
    read_all(broken, 1_000_000)


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


def test_renumbering_expires_cursor_and_references(broken: Broken) -> None:
    """Field notes 9, 62: the key is mailbox, folder, UIDVALIDITY and UID."""
    _, adapter = broken("renumbers")
    with adapter:
        page = next(adapter.changes("INBOX", None))
        with pytest.raises(CursorExpired) as caught:
            next(adapter.changes("INBOX", page.cursor))
        assert caught.value.code == "uidvalidity_changed"
        with pytest.raises(CursorExpired):
            adapter.fetch(page.refs[0])


def test_a_numbering_that_goes_back_is_noticed(broken: Broken) -> None:
    """Field note 63: UIDNEXT goes back, UIDs are given out twice, UIDVALIDITY stays."""
    server, adapter = broken()
    with adapter:
        *_, page = adapter.changes("INBOX", None)
        server.fault = "goes back"
        with pytest.raises(CursorExpired) as caught:
            next(adapter.changes("INBOX", page.cursor))
        assert caught.value.code == "uidnext_went_back"


@pytest.mark.parametrize("cursor", ["", "{}", "[]", "null", '{"uidvalidity": "x", "last_uid": 1}', "12"])
def test_a_cursor_that_cannot_be_read_means_reading_anew(broken: Broken, cursor: str) -> None:
    _, adapter = broken()
    with adapter, pytest.raises(CursorExpired) as caught:
        next(adapter.changes("INBOX", cursor))
    assert caught.value.code == "cursor_unreadable"


@pytest.mark.parametrize(
    ("fault", "error"),
    [("no uids", UnsupportedOperation), ("writes", ProtocolError), ("hangs up", ProviderUnavailable)],
)
def test_a_folder_that_cannot_be_followed_is_not_opened(
    broken: Broken, fault: str, error: type[ConnectorError]
) -> None:
    _, adapter = broken(fault)
    with adapter, pytest.raises(error):
        next(adapter.changes("INBOX", None))


def test_the_newest_message_is_not_taken_for_a_new_one(broken: Broken) -> None:
    """Field note 10: the answer to a window beyond the end names the last message."""
    server, adapter = broken("always the last")
    with adapter:
        *_, page = adapter.changes("INBOX", None)
        server.mails[9] = mail(9)
        [news] = adapter.changes("INBOX", page.cursor)
        assert [ref.id for ref in news.refs] == ["1000:9"]
    assert not any(b" 0" in line.split(b"UID", 2)[-1] for line in server.heard if b"SEARCH" in line)


def test_dates_that_do_not_exist_are_no_dates(broken: Broken) -> None:
    """Field note 13: the time of receipt may be missing."""
    _, adapter = broken("odd dates")
    with adapter:
        assert next(adapter.changes("INBOX", None)).refs[0].received_at is None


def test_phantom_folders_are_listed_only_as_far_as_they_can_be_opened(broken: Broken) -> None:
    """Field note 34: NIL phantom folders, raw 8-bit names, names that are numbers."""
    _, adapter = broken("phantoms")
    with adapter:
        folders = {folder.id: folder for folder in adapter.folders()}
    assert [folder.selectable for folder in folders.values()] == [True, False, True, True]
    assert {"INBOX", "2024", "a&b"} <= set(folders)


def test_a_check_ends_in_a_named_step_whatever_the_server_does(broken: Broken) -> None:
    expected = {"silent": "tls", "preauth": "tls", "login disabled": "sign_in", "hangs up": "read_only"}
    for fault, key in expected.items():
        _, adapter = broken(fault)
        [failed] = [step for step in adapter.check().steps if step.outcome.value == "failed"]
        assert failed.key == key
        assert failed.detail
        assert failed.what_to_do
        assert failed.code
