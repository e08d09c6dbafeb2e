"""The IMAP adapter against hoodiecrow: the contract on a bare server, and Gmail's extension."""

import ipaddress
from collections.abc import Callable
from datetime import datetime

import pytest

from connectors.adapters import Limits, Receiver
from connectors.providers.imap.adapter import ImapAdapter, ImapOptions
from tests.contracts.adapter import WHEN, Ground, ReceiverContract
from tests.servers.hoodiecrow import Hoodiecrow, HoodiecrowServer
from zalion.net import NetworkPolicy

LOOPBACK = NetworkPolicy((ipaddress.ip_network("127.0.0.0/8"),))


class HoodiecrowGround(Ground):
    def __init__(self, server: Hoodiecrow, *, auth: str = "password") -> None:
        self.server = server
        self.secret = server.password
        self.options = ImapOptions(
            host="localhost",
            port=server.port,
            user=server.user,
            ca_pem=server.process.authority.pem,
        )

    def adapter(self, *, secret: Callable[[], str] | None = None, limits: Limits | None = None) -> Receiver:
        return ImapAdapter(
            self.options, secret=secret or (lambda: self.secret), policy=LOOPBACK, limits=limits
        )

    def deliver(self, raw: bytes, *, folder: str = "INBOX", when: datetime = WHEN) -> None:
        self.server.deliver(raw, folder=folder, when=when)

    def remove(self, folder: str, position: int) -> None:
        self.server.remove(folder, position)

    def forget_identities(self, folder: str) -> None:
        self.server.forget_identities(folder)

    def snapshot(self) -> object:
        return self.server.snapshot()


class TestImapOverHoodiecrow(ReceiverContract):
    """LOGIN, no extension at all, and BAD where others say NO."""

    @pytest.fixture
    def ground(self, hoodiecrow: HoodiecrowServer) -> HoodiecrowGround:
        return HoodiecrowGround(hoodiecrow.mailbox())
