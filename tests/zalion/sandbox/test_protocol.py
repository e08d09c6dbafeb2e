"""The wire between pool and child: text that no page could show does not come back from hostile content."""

import socket
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
