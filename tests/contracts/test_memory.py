"""The in-memory adapter keeps the same contract as the real ones, or flows tested with it prove nothing."""

from collections.abc import Callable
from datetime import datetime

import pytest

from connectors.adapters import Limits, Receiver
from tests.contracts.adapter import Ground, ReceiverContract
from tests.contracts.listener import ListenerContract
from tests.contracts.memory import MemoryAdapter, MemoryMailbox, MemoryOptions
from zalion.net import NetworkPolicy


class MemoryGround(Ground):
    def __init__(self) -> None:
        self.mailbox = MemoryMailbox()
        self.secret = self.mailbox.password

    def adapter(self, *, secret: Callable[[], str], limits: Limits) -> Receiver:
        return MemoryAdapter(
            MemoryOptions(self.mailbox.key), secret=secret, policy=NetworkPolicy(), limits=limits
        )

    def deliver(self, raw: bytes, *, folder: str, when: datetime) -> None:
        self.mailbox.deliver(raw, folder=folder, received_at=when)

    def remove(self, folder: str, position: int) -> None:
        self.mailbox.remove(folder, position)

    def forget_identities(self, folder: str) -> None:
        self.mailbox.forget_identities(folder)

    def snapshot(self) -> object:
        return self.mailbox.snapshot()


class TestMemoryAdapter(ReceiverContract):
    @pytest.fixture
    def ground(self) -> MemoryGround:
        return MemoryGround()


class TestMemoryListener(ListenerContract):
    @pytest.fixture
    def ground(self) -> MemoryGround:
        return MemoryGround()
