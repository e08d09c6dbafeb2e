"""The client's side of clamd: content goes in as a stream, a verdict comes out."""

import re
import socket
from collections.abc import Iterable
from ipaddress import ip_network

from zalion import net

CONNECT_SECONDS = 5.0
PING_SECONDS = 10.0
CHUNK = 64 << 10
LONGEST_ANSWER = 4 << 10
FOUND = re.compile(rb"stream: (.{1,1000}) FOUND", re.DOTALL)
UNNAMED = re.compile(r"[^\w.:()/+-]", re.ASCII)
# The address comes from the environment, never from the portal: no range is closed to it.
ANYWHERE = net.NetworkPolicy((ip_network("0.0.0.0/0"), ip_network("::/0")))


class ScannerDown(Exception):
    """It does not accept connections, or does not speak as clamd does."""

    code = "scanner_down"


class ScanFailed(Exception):
    """It gave no verdict on this content, and answers otherwise."""

    code = "scan_failed"


class TooLargeToScan(Exception):
    """The content is larger than clamd takes (its StreamMaxLength)."""

    code = "scan_limit"


def address(text: str) -> str | tuple[str, int]:
    """Where it listens: the path of a Unix socket, or host and port. Raises ValueError."""
    if text.startswith("/"):
        return text
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65536:
        raise ValueError("Neither HOST:PORT nor the path of a socket.")
    return host.strip("[]"), int(port)


def scan(pieces: Iterable[bytes], *, at: str | tuple[str, int], seconds: float) -> str:
    """The name of the signature that was found, empty where none was (INSTREAM of clamd(8)).

    Raises ScannerDown, ScanFailed, TooLargeToScan, and whatever ``pieces`` raise.
    """
    channel = _connect(at, seconds)
    try:
        channel.begin(seconds)
        answer = _exchange(channel, pieces)
    except net.NetworkError as error:
        answer = b""
        failure: Exception = error
    else:
        failure = ScanFailed("It answered with something else than a verdict.")
    finally:
        channel.close()
    if answer == b"stream: OK":
        return ""
    if found := FOUND.fullmatch(answer):
        return UNNAMED.sub("_", found[1].decode("utf-8", "replace"))[:100]
    if answer.startswith(b"INSTREAM size limit exceeded"):
        raise TooLargeToScan
    # Whose fault is it, this content's or the scanner's? A scanner that is well says so.
    ping(at)
    raise ScanFailed from failure


def ping(at: str | tuple[str, int]) -> None:
    """Raises ScannerDown where it does not say that it is there."""
    channel = _connect(at, PING_SECONDS)
    try:
        channel.begin(PING_SECONDS)
        channel.send(b"zPING\0")
        answer = _answer(channel)
    except net.NetworkError as error:
        raise ScannerDown from error
    finally:
        channel.close()
    if answer != b"PONG":
        raise ScannerDown


def _connect(at: str | tuple[str, int], seconds: float) -> net.Channel:
    try:
        connection = _unix(at) if isinstance(at, str) else _tcp(*at)
    except (net.NetworkError, OSError) as error:
        raise ScannerDown from error
    return net.Channel(connection, session_seconds=seconds)


def _tcp(host: str, port: int) -> socket.socket:
    return net.connect(host, port, policy=ANYWHERE, timeout=CONNECT_SECONDS)


def _unix(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


def _exchange(channel: net.Channel, pieces: Iterable[bytes]) -> bytes:
    try:
        channel.send(b"zINSTREAM\0")
        for piece in pieces:
            for start in range(0, len(piece), CHUNK):
                chunk = piece[start : start + CHUNK]
                channel.send(len(chunk).to_bytes(4, "big") + chunk)
        channel.send(bytes(4))
    except net.ConnectionLost:
        # It hangs up on content that is too large, and has said so before.
        pass
    return _answer(channel)


def _answer(channel: net.Channel) -> bytes:
    answer = bytearray()
    while (byte := channel.read(1, at_most=1)) != b"\0":
        answer += byte
        if len(answer) > LONGEST_ANSWER:
            raise net.AnswerTooLong("The scanner does not stop talking.")
    return bytes(answer).strip()
