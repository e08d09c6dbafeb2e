"""One exchange over HTTP: what is sent, and that no answer costs more than it may."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import repeat

import pytest

from tests.servers.certificates import Authority
from zalion import http, net

LOOPBACK = net.NetworkPolicy((ipaddress.ip_network("127.0.0.0/8"),))
Serve = Callable[..., int]


@pytest.fixture
def heard() -> list[bytes]:
    return []


@pytest.fixture
def serve(authority: Authority, heard: list[bytes]) -> Iterator[Serve]:
    """Starts a server that hears one request, sends the pieces, and waits `pause` seconds after each."""
    ends = threading.Event()
    with ExitStack() as stack:

        def start(pieces: Iterable[bytes], *, pause: float = 0, tls: bool = False) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def run() -> None:
                try:
                    connection, _ = listener.accept()
                    if tls:
                        connection = authority.server_context("localhost").wrap_socket(
                            connection, server_side=True
                        )
                    with connection:
                        heard.append(connection.recv(65536))
                        for piece in pieces:
                            connection.sendall(piece)
                            if ends.wait(pause):
                                return
                except OSError:
                    pass  # the client under test lost patience, which is what most tests are about

            threading.Thread(target=run, daemon=True).start()
            return int(listener.getsockname()[1])

        yield start
        ends.set()


def ask(port: int, *, seconds: float = 5, at_most: int = 1000, **request: object) -> http.Answer:
    asked = http.Request("localhost", "/v1/things", port, tls=False, **request)  # type: ignore[arg-type]
    return http.exchange(asked, policy=LOOPBACK, seconds=seconds, at_most=at_most)


def test_an_answer_has_status_headers_and_body(serve: Serve, heard: list[bytes]) -> None:
    port = serve([b"HTTP/1.1 201 Created\r\nX-Kind: b\r\nContent-Length: 2\r\n\r\nok and more"])
    answer = ask(port, method="POST", headers={"Accept": "text/plain"}, body=b"{}")
    assert (answer.status, answer.headers["x-kind"], answer.body) == (201, "b", b"ok")
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert body == b"{}"
    assert head.splitlines() == [
        b"POST /v1/things HTTP/1.1",
        b"Host: localhost:%d" % port,
        b"Connection: close",
        b"Accept-Encoding: identity",
        b"Content-Length: 2",
        b"Accept: text/plain",
    ]


def test_chunks_are_put_together_and_a_redirect_is_an_answer(serve: Serve) -> None:
    port = serve([b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nTransfer-Encoding: chunked\r\n\r\n",
                  b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"])  # fmt: skip
    answer = ask(port)
    assert (answer.status, answer.body) == (302, b"abcde")


@pytest.mark.parametrize(
    ("pieces", "pause", "error"),
    [
        ([b"HTTP/1.1 200 OK\r\n\r\n", *repeat(b"x" * 100, 50)], 0, net.AnswerTooLong),
        ([b"HTTP/1.1 200 OK\r\n", *repeat(b"X-More: " + b"y" * 90 + b"\r\n", 50)], 0, net.AnswerTooLong),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nabc"], 0, http.NotHttp),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\nabc"], 0, http.NotHttp),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\nabc"], 0, http.NotHttp),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nabc"], 0, http.NotHttp),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], 0, http.NotHttp),
        ([b"220 mail.example ESMTP\r\n"], 0, http.NotHttp),
        ([b""], 0, http.NotHttp),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", *repeat(b"x", 50)], 0.05, net.DeadlineExceeded),
        ([b"HTTP", *repeat(b"/", 50)], 0.05, net.DeadlineExceeded),
    ],
    ids=[
        "endless-body",
        "endless-head",
        "cut-huge",
        "cut-beyond-numbers",
        "cut-huge-chunk",
        "cut",
        "bad-chunk",
        "smtp",
        "nothing",
        "drip",
        "drip-head",
    ],
)
def test_no_answer_takes_more_than_its_time_and_size(
    serve: Serve, pieces: Iterable[bytes], pause: float, error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask(serve(pieces, pause=pause), seconds=0.4)


def test_over_tls_the_server_proves_who_it_is(serve: Serve, authority: Authority) -> None:
    answer = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]
    asked = http.Request("localhost", "/", serve(answer, tls=True))
    found = http.exchange(asked, policy=LOOPBACK, seconds=5, at_most=1000, ca_pem=authority.pem)
    assert found.body == b"ok"
    stranger = http.Request("localhost", "/", serve(answer, tls=True))
    with pytest.raises(net.CertificateRefused):
        http.exchange(stranger, policy=LOOPBACK, seconds=5, at_most=1000)
    with pytest.raises(net.AddressRefused):
        http.exchange(stranger, policy=net.NetworkPolicy(), seconds=5, at_most=1000)


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\nb", "a\x00b", "ü"])
def test_nothing_that_is_more_than_a_line_is_sent_or_repeated(value: str) -> None:
    with pytest.raises(ValueError, match="header Authorization") as raised:
        http.Request("localhost", "/", headers={"Authorization": value}).encoded()
    assert value not in str(raised.value)
    with pytest.raises(ValueError, match="path"):
        http.Request("localhost", f"/{value}").encoded()
    assert "secret" not in repr(http.Request("localhost", "/", headers={"Authorization": "secret"}))
