"""The IMAP adapter's way in, against servers that lie and cheat before or while it signs in."""

import base64
from dataclasses import replace

import pytest

from connectors.errors import (
    AccessDenied,
    AuthenticationError,
    ConfigurationError,
    ConnectorError,
    ProtocolError,
    ProviderUnavailable,
    RateLimited,
    TransientError,
)
from connectors.providers.imap.adapter import ImapAdapter
from tests.connectors.providers.imap.conftest import LIMITS, LOOPBACK, SECRET, Broken
from tests.contracts.adapter import mail
from tests.servers.broken import BrokenServer


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


def test_a_check_ends_in_a_named_step_whatever_the_server_does(broken: Broken) -> None:
    expected = {"silent": "tls", "preauth": "tls", "login disabled": "sign_in", "hangs up": "read_only"}
    for fault, key in expected.items():
        _, adapter = broken(fault)
        [failed] = [step for step in adapter.check().steps if step.outcome.value == "failed"]
        assert failed.key == key
        assert failed.detail
        assert failed.what_to_do
        assert failed.code
