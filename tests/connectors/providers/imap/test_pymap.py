"""The IMAP adapter against pymap, a server with few extensions, and the one the demo runs."""

import ipaddress
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from connectors.adapters import Limits, Receiver
from connectors.providers.imap.adapter import ImapAdapter, ImapOptions
from tests.contracts.adapter import WHEN, Ground, ReceiverContract
from tests.servers.pymap import PymapServer
from zalion.net import NetworkPolicy

LOOPBACK = NetworkPolicy((ipaddress.ip_network("127.0.0.0/8"),))


class PymapGround(Ground):
    def __init__(self, server: PymapServer) -> None:
        self.server = server
        self.user, self.secret = server.add_user()

    def adapter(self, *, secret: Callable[[], str] | None = None, limits: Limits | None = None) -> Receiver:
        options = ImapOptions(
            host="localhost", port=self.server.port, user=self.user, ca_pem=self.server.authority.pem
        )
        return ImapAdapter(options, secret=secret or (lambda: self.secret), policy=LOOPBACK, limits=limits)

    def deliver(self, raw: bytes, *, folder: str = "INBOX", when: datetime = WHEN) -> None:
        assert folder == "INBOX"
        self.server.deliver(self.user, raw, when=when.timestamp())

    def remove(self, folder: str, position: int) -> None:
        self.server.remove(self.user, position)

    def forget_identities(self, folder: str) -> None:
        self.server.forget_identities(self.user)

    def snapshot(self) -> object:
        return self.server.snapshot(self.user)


class TestImapOverPymap(ReceiverContract):
    @pytest.fixture
    def ground(self, pymap_server: PymapServer) -> PymapGround:
        return PymapGround(pymap_server)


def test_broken_mails_arrive_as_they_are(pymap_server: PymapServer, shared: Path) -> None:
    ground = PymapGround(pymap_server)
    samples = sorted((shared / "data" / "mime" / "cpython").glob("*.eml"))[:30]
    mails = [path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for path in samples]
    assert len(mails) == 30
    for raw in mails:
        ground.deliver(raw)
    with ground.adapter() as adapter:
        refs = [ref for page in adapter.changes("INBOX", None) for ref in page.refs]
        assert [adapter.fetch(ref).body.read() for ref in refs] == mails
