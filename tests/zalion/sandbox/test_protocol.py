"""The wire between pool and child: text that no page could show does not come back from hostile content."""

import io
import socket
import threading
from typing import Any

import pytest

from zalion.sandbox import protocol


def across(value: Any) -> Any:
    near, far = socket.socketpair()
    with near, far:
        protocol.send(near, value)
        return protocol.receive(far)


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("\ud800", "\ufffd"),
        ("a\udfffb\ud83d", "a\ufffdb\ufffd"),
        ("\ud83d\ude00 whole", "\U0001f600 whole"),
        ("\\ud800 written out", "\\ud800 written out"),
        ('"\\\ud800"', '"\\\ufffd"'),
    ],
)
def test_half_a_character_becomes_the_sign_for_what_is_missing(sent: str, received: str) -> None:
    assert across({sent: [sent, b"\xff"]}) == {received: [received, b"\xff"]}
    across(sent).encode()


class Source(io.BytesIO):
    """Counts the most that was asked of it at once."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.most = max(self.most, size or 0)
        return super().read(size)


def test_what_is_read_while_it_is_sent_arrives_as_bytes() -> None:
    source = Source(b"x" * (3 << 20) + b"end")
    near, far = socket.socketpair()
    with near, far:
        sent = {"raw": protocol.Streamed(source, (3 << 20) + 3), "more": b"after"}
        sender = threading.Thread(target=protocol.send, args=(near, sent))
        sender.start()
        arrived = protocol.receive(far)
        sender.join()
    assert arrived == {"raw": source.getvalue(), "more": b"after"}
    assert source.most == protocol.CHUNK


@pytest.mark.parametrize("announced", [9, 11])
def test_a_source_that_gives_more_or_less_than_it_announced_breaks_the_message(announced: int) -> None:
    near, far = socket.socketpair()
    with near, far, pytest.raises(protocol.ProtocolViolation):
        protocol.send(near, protocol.Streamed(io.BytesIO(b"x" * 10), announced))
