"""Servers that cannot prove who they are: each is refused with its reason, before a secret is asked for."""

import socket
import ssl
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors import errors
from connectors.errors import ConfigurationError, ConnectorError, ProviderUnavailable
from connectors.providers.imap.adapter import ImapAdapter, ImapOptions
from tests.connectors.providers.imap.conftest import LIMITS, LOOPBACK
from tests.servers.broken import BrokenServer
from tests.servers.certificates import Authority, Crooked


@pytest.fixture
def crooked() -> Crooked:
    return Crooked()


def opened(port: int, *, ca_pem: str, starttls: bool = False) -> list[str]:
    """Try to sign in; the times that the secret was asked for. Raises what the adapter raises."""
    asked: list[str] = []

    def secret() -> str:
        asked.append("asked")
        return "canary-5e1d"

    options = ImapOptions(
        host="localhost",
        port=port,
        user="orders@acme.example",
        security="starttls" if starttls else "tls",
        ca_pem=ca_pem,
    )
    try:
        with ImapAdapter(options, secret=secret, policy=LOOPBACK, limits=LIMITS):
            return asked
    except ConnectorError:
        assert asked == []
        raise


def presenting(server: BrokenServer, context: ssl.SSLContext) -> BrokenServer:
    """From its next connection on, the server shows another certificate."""
    server._context = context
    return server


# What is asked of the crooked CA, the code, and words of the reason.
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "expired": ({"days": (-9, -1)}, "certificate_expired", "has run out"),
    "not yet valid": ({"days": (1, 9)}, "certificate_not_yet_valid", "not valid yet"),
    "another name": ({"name": "mail.other.example"}, "certificate_other_name", "this host name"),
    "self-signed": ({"alone": True}, "certificate_self_signed", "itself alone"),
    "NUL in the name": ({"name": "localhost\0.evil.example"}, "certificate_other_name", "this host name"),
    "NUL in the common name": (
        {"name": None, "common_name": "localhost\0.evil.example"},
        "certificate_other_name",
        "this host name",
    ),
    "common name only": ({"name": None}, "certificate_other_name", "this host name"),
    "RSA 1024": ({"weak": True}, "certificate_weak", "too short"),
}


@pytest.mark.parametrize("starttls", [False, True], ids=["tls", "starttls"])
@pytest.mark.parametrize("kind", [*BAD, "unknown CA", "impostor of the CA"])
def test_a_certificate_that_proves_nothing_is_refused_before_a_secret_is_asked_for(
    crooked: Crooked, tmp_path: Path, kind: str, starttls: bool
) -> None:
    """Field note 69."""
    wrong, code, words = BAD.get(kind, ({}, "certificate_unknown_authority", "its authority"))
    trusted = {"unknown CA": Authority(), "impostor of the CA": Crooked()}.get(kind, crooked)
    with BrokenServer(starttls=starttls) as server:
        presenting(server, crooked.server_context(tmp_path, **wrong))
        with pytest.raises(ConfigurationError) as caught:
            opened(server.port, ca_pem=trusted.pem, starttls=starttls)
        assert caught.value.code == code
        assert words in str(caught.value)
        assert "cannot be switched off" in caught.value.what_to_do
        assert caught.value.what_to_do == errors.advice(code)
        assert not any(b"AUTHENTICATE" in line or b"LOGIN" in line for line in server.heard)


def test_a_certificate_swapped_for_a_bad_one_between_two_sessions_is_refused(
    crooked: Crooked, tmp_path: Path
) -> None:
    """Field note 69: what was good a minute ago proves nothing."""
    with BrokenServer() as server:
        presenting(server, crooked.server_context(tmp_path))
        assert opened(server.port, ca_pem=crooked.pem) == ["asked"]
        presenting(server, Crooked().server_context(tmp_path))
        with pytest.raises(ConfigurationError) as caught:
            opened(server.port, ca_pem=crooked.pem)
        assert caught.value.code == "certificate_unknown_authority"
        presenting(server, crooked.server_context(tmp_path))
        assert opened(server.port, ca_pem=crooked.pem) == ["asked"]


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_server_with_old_tls_alone_is_refused(crooked: Crooked, tmp_path: Path, version: str) -> None:
    """Field note 69; RFC 8996."""
    context = crooked.server_context(tmp_path)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with BrokenServer() as server:
        presenting(server, context)
        with pytest.raises(ProviderUnavailable) as caught:
            opened(server.port, ca_pem=crooked.pem)
        assert caught.value.code == "tls_too_old"
        assert "TLS 1.2" in caught.value.what_to_do


def test_plain_text_on_a_tls_port_is_refused(crooked: Crooked) -> None:
    """Field note 69."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"* OK ready\r\n")
                connection.recv(65536)

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(ProviderUnavailable) as caught:
            opened(listening.getsockname()[1], ca_pem=crooked.pem)
        thread.join(10)
    assert caught.value.code == "tls_missing"
    assert "993" in caught.value.what_to_do


def test_the_check_names_the_reason_and_sends_nothing(crooked: Crooked, tmp_path: Path) -> None:
    with BrokenServer() as server:
        presenting(server, crooked.server_context(tmp_path, days=(-9, -1)))
        options = ImapOptions(host="localhost", port=server.port, user="orders", ca_pem=crooked.pem)
        report = ImapAdapter(options, secret=lambda: "canary", policy=LOOPBACK, limits=LIMITS).check()
        [failed] = [step for step in report.steps if step.outcome.value == "failed"]
        assert (failed.key, failed.code) == ("tls", "certificate_expired")
        assert "renewed" in failed.what_to_do


def test_verification_has_no_switch() -> None:
    """No option of a mailbox says that a certificate is to be ignored."""
    names = set(ImapOptions.__dataclass_fields__)
    assert names == {"host", "user", "port", "security", "auth", "ca_pem"}
    for security in ("none", "ssl", "insecure", ""):
        with pytest.raises(ConfigurationError):
            replace(ImapOptions(host="localhost", user="orders"), security=security)
