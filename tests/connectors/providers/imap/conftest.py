"""An IMAP server that lies, hangs and cheats, and the adapter that is pointed at it."""

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from connectors.adapters import Limits, MessageRef
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
