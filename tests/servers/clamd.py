"""A speaker of clamd's protocol on loopback that knows one signature, EICAR's, as raw bytes and in base64."""

import base64
import re
import socket
import socketserver
import threading
import time
from pathlib import Path
from typing import Any, Self

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
NAME = "Eicar-Test-Signature"
BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{60,76}\r?\n)*[A-Za-z0-9+/]{4,76}={0,2}")
LOOKED_INTO = 64 << 10  # bytes that are searched for base64: this is Python


class _Conversation(socketserver.StreamRequestHandler):
    server: "_Listener"

    def handle(self) -> None:
        try:
            self._answer(self.server.clamd)
        except (ConnectionError, ValueError):
            pass  # The client hung up, which is all there is to say.

    def _answer(self, clamd: "Clamd") -> None:
        command = self._until(b"\0")
        clamd.commands.append(command.decode())
        if clamd.fault == "garbage":
            self.wfile.write(b"220 mail.example ESMTP\r\n\0")
        elif command == b"zPING":
            self.wfile.write(b"PONG\0")
        elif command != b"zINSTREAM":
            self.wfile.write(b"UNKNOWN COMMAND\0")
        else:
            self._scan(clamd)

    def _scan(self, clamd: "Clamd") -> None:
        content = bytearray()
        while size := int.from_bytes(self._exactly(4), "big"):
            content += self._exactly(size)
            if len(content) > clamd.longest:
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
        clamd.scanned.append(bytes(content))
        if clamd.fault == "hangs up":
            return
        if clamd.fault == "slow":
            time.sleep(clamd.slowness)
        if clamd.fault == "error":
            self.wfile.write(b"stream: Can't allocate memory ERROR\0")
        elif clamd.fault == "endless":
            self.wfile.write(b"x" * (1 << 20))
        else:
            verdict = f"{NAME} FOUND" if holds(bytes(content)) else "OK"
            self.wfile.write(f"stream: {verdict}\0".encode())

    def _until(self, end: bytes) -> bytes:
        found = bytearray()
        while (byte := self._exactly(1)) != end:
            found += byte
        return bytes(found)

    def _exactly(self, size: int) -> bytes:
        found = self.rfile.read(size)
        if len(found) < size:
            raise ConnectionError
        return found


class _Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    clamd: "Clamd"


class _LocalListener(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    clamd: "Clamd"


class Clamd:
    """`fault` is "", "slow" (by `slowness` seconds), "garbage", "error", "endless" or "hangs up"; changed at will.

    Listens on a port, or on the socket `path`.
    """

    def __init__(self, *, path: Path | None = None, longest: int = 25 << 20) -> None:
        self.fault, self.slowness, self.longest = "", 1.0, longest
        self.scanned: list[bytes] = []
        self.commands: list[str] = []
        self._path = path
        self._listener: Any = None

    def __enter__(self) -> Self:
        if self._path is None:
            self._listener = _Listener(("127.0.0.1", 0), _Conversation)
        else:
            self._listener = _LocalListener(str(self._path), _Conversation)
        self._listener.clamd = self
        threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._listener.server_close()

    @property
    def address(self) -> str:
        """As ZALION_CLAMD names it."""
        return str(self._path) if self._path else f"127.0.0.1:{self._listener.server_address[1]}"


def nobody() -> str:
    """The address of a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def holds(content: bytes) -> bool:
    """Whether EICAR's line is in it, as it is or in base64, which is all of mail that this scanner takes apart."""
    if EICAR in content:
        return True
    for found in BASE64.findall(content[:LOOKED_INTO]):
        try:
            if EICAR in base64.b64decode(b"".join(found.split())):
                return True
        except ValueError:
            continue
    return False
