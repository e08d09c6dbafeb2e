"""One HTTP exchange: within the address policy, a deadline and a size, without redirects, proxies or cookies."""

import http.client
import io
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zalion import net

# RFC 9110 section 5.5, without what is obsolete; RFC 3986 for the target.
_VALUE = re.compile(r"[\x20-\x7e]*")
_PATH = re.compile(r"/[\x21-\x7e]*")


class NotHttp(net.NetworkError):
    """What came back is no HTTP answer, or ended before it was whole."""

    code = "not_http"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of whom. `headers` are sent beside Host, Connection and, with a body, Content-Length.

    `tls` is off for a service on this machine alone; whether it is, is for the caller and the policy to say.
    """

    host: str
    path: str
    port: int = 443
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    tls: bool = True

    def encoded(self) -> bytes:
        """The bytes of the request. Raises ValueError, without the text, for what could be more than one line."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.port != (443 if self.tls else 80):
            host += f":{self.port}"
        lines = {"Host": host, "Connection": "close", "Accept-Encoding": "identity"}
        if self.body:
            lines["Content-Length"] = str(len(self.body))
        if not _PATH.fullmatch(self.path):
            raise ValueError("The path has characters that no request may have.")
        for name, value in {**lines, **self.headers}.items():
            if not _VALUE.fullmatch(value):
                raise ValueError(f"The header {name} has characters that no header may have.")
        head = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **self.headers}.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + self.body


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers by their names in lower case, and the whole body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def exchange(
    request: Request, *, policy: net.NetworkPolicy, seconds: float, at_most: int, ca_pem: str | None = None
) -> Answer:
    """Ask once. `seconds` hold for everything after the name is resolved, however slowly the answer drips; an answer
    of more than `at_most` bytes, headers included, is not taken. A redirect is an answer like any other.

    Raises net.NetworkError: NotHttp, AnswerTooLong, DeadlineExceeded, ConnectionLost and what `net.connect`,
    `net.tls_context` and `net.handshake` raise; ValueError for a request that cannot be sent.
    """
    data = request.encoded()
    endpoints = net.resolve(request.host, request.port, policy=policy)
    ends = time.monotonic() + seconds
    channel = net.Channel(net.dial(endpoints, timeout=seconds), session_seconds=ends - time.monotonic())
    try:
        if request.tls:
            context = net.tls_context(ca_pem=ca_pem)
            channel.protect(host=request.host, context=context, timeout=max(0.001, ends - time.monotonic()))
        channel.send(data)
        return _answer(_Received(channel, at_most=at_most), request.method, at_most=at_most)
    finally:
        channel.close()


def _answer(received: "_Received", method: str, *, at_most: int) -> Answer:
    response = http.client.HTTPResponse(received, method=method)  # type: ignore[arg-type]  # makefile is all it uses
    try:
        response.begin()
        # Without a number it makes room for whatever length the other side announced.
        body = response.read(at_most + 1)
    except (http.client.HTTPException, ValueError):
        # The text would quote what the other side said.
        raise NotHttp("The answer is no HTTP, or was cut short.") from None
    if response.length:
        raise NotHttp("The answer was cut short.")
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, body)


class _Received(io.RawIOBase):
    """What the other side says, in the place of the socket, within the channel's deadline and the size."""

    def __init__(self, channel: net.Channel, *, at_most: int) -> None:
        self._channel = channel
        self._left = at_most

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        arrived = self._channel.receive(len(buffer))
        self._left -= len(arrived)
        if self._left < 0:
            raise net.AnswerTooLong("The server does not stop talking.")
        buffer[: len(arrived)] = arrived
        return len(arrived)
