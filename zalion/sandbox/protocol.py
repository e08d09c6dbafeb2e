"""Plain data and bytes over a stream: one JSON document and the byte strings it points to."""

import io
import json
import re
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

# A message is `ZS1`, the length of the JSON document and the number of byte strings (unsigned 32 bit, big
# endian), the length of each byte string (unsigned 64 bit), the JSON document, the byte strings. In the
# document a byte string stands as `{"\u0000bytes": n}`; each of the n appears exactly once and in order, so
# that no content can pass for a reference. None, booleans, numbers, strings, lists and dictionaries with
# string keys survive; tuples arrive as lists, and lone surrogates as U+FFFD.
MAGIC = b"ZS1"
HEAD = struct.Struct(">3sII")
LENGTH = struct.Struct(">Q")
REFERENCE = "\x00bytes"
MAX_DOCUMENT = 64 << 20
MAX_BYTE_STRINGS = 10_000
MAX_BYTES = 512 << 20
CHUNK = 1 << 20


# Half a surrogate pair is no text: it could be kept, but no page that shows it could be sent.
ESCAPES = re.compile(rb"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\ud[89a-f][0-9a-f]{2}|\\.")
LONE = len(rb"\ud800")


def _whole(escape: "re.Match[bytes]") -> bytes:
    return rb"\ufffd" if len(escape[0]) == LONE else escape[0]


class ProtocolViolation(Exception):
    """What arrived is not a message, is too large, or the other side has gone."""


class Readable(Protocol):
    """Where a byte string comes from: at most `size` bytes at a time, none at the end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Streamed:
    """A byte string that is read while it is sent, so that it never lies in memory here as a whole.

    It arrives as bytes. A `source` that gives more or less than `size` bytes breaks the message.
    """

    source: Readable
    size: int

    def __len__(self) -> int:
        return self.size

    def pieces(self) -> Iterator[bytes]:
        left = self.size
        while piece := self.source.read(CHUNK):
            left -= len(piece)
            if left < 0:
                break
            yield piece
        if left:
            raise ProtocolViolation


def send(stream: socket.socket, value: Any, *, deadline: float | None = None) -> None:
    """Raises TypeError or ValueError for data that is not plain, sending nothing; OSError when nobody reads.

    `deadline` is of time.monotonic; past it TimeoutError.
    """
    strings: list[bytes | bytearray | memoryview | Streamed] = []

    def reference(item: Any) -> dict[str, int]:
        if not isinstance(item, bytes | bytearray | memoryview | Streamed):
            raise TypeError(f"{type(item).__name__} is not plain data")
        strings.append(item)
        return {REFERENCE: len(strings) - 1}

    document = json.dumps(value, default=reference, allow_nan=False).encode("ascii")
    head = HEAD.pack(MAGIC, len(document), len(strings)) + b"".join(
        LENGTH.pack(len(item)) for item in strings
    )
    for part in (head, document, *strings):
        for piece in part.pieces() if isinstance(part, Streamed) else (part,):
            stream.settimeout(_remaining(deadline))
            stream.sendall(piece)


def receive(stream: socket.socket, *, deadline: float | None = None) -> Any:
    """Raises ProtocolViolation for anything but a whole message, TimeoutError past `deadline`."""
    magic, document_length, count = HEAD.unpack(_exactly(stream, HEAD.size, deadline))
    if magic != MAGIC or document_length > MAX_DOCUMENT or count > MAX_BYTE_STRINGS:
        raise ProtocolViolation
    lengths = [size for (size,) in LENGTH.iter_unpack(_exactly(stream, LENGTH.size * count, deadline))]
    if sum(lengths) > MAX_BYTES:
        raise ProtocolViolation
    document = _exactly(stream, document_length, deadline)
    strings = [_exactly(stream, length, deadline) for length in lengths]
    used = 0

    def dereference(item: dict[str, Any]) -> Any:
        nonlocal used
        if REFERENCE not in item:
            return item
        if len(item) != 1 or item[REFERENCE] != used or used >= len(strings):
            raise ProtocolViolation
        used += 1
        return strings[used - 1]

    if b"\\ud" in document:
        document = ESCAPES.sub(_whole, document)
    try:
        value = json.loads(document, object_hook=dereference)
    except (ValueError, RecursionError) as error:
        raise ProtocolViolation from error
    if used != len(strings):
        raise ProtocolViolation
    return value


def _exactly(stream: socket.socket, size: int, deadline: float | None) -> bytes:
    # Its value is handed out without a copy, and it grows in place: a large mail is held once.
    buffer = io.BytesIO()
    while (left := size - buffer.tell()) > 0:
        stream.settimeout(_remaining(deadline))
        received = stream.recv(min(left, CHUNK))
        if not received:
            raise ProtocolViolation
        buffer.write(received)
    return buffer.getvalue()


def _remaining(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining
