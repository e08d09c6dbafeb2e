"""Outbound connections: the address policy, one resolution, deadlines, certificates to be refused."""

import ipaddress
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.servers.certificates import Authority
from zalion import net

OPEN = net.NetworkPolicy()
LOOPBACK = net.NetworkPolicy((ipaddress.ip_network("127.0.0.0/8"),))


@pytest.fixture
def listener() -> Iterator[Callable[..., int]]:
    """Starts listeners on loopback that greet, with or without TLS, and gives their ports."""
    with ExitStack() as stack:

        def start(context: ssl.SSLContext | None = None, *, greet: bool = True) -> int:
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve() -> None:
                try:
                    connection, _ = server.accept()
                    with connection:
                        if not greet:
                            while connection.recv(4096):
                                pass
                            return
                        talking = context.wrap_socket(connection, server_side=True) if context else connection
                        with talking:
                            talking.sendall(b"hello")
                            talking.recv(1)
                except OSError:
                    pass  # the client under test hung up, which is what several tests are about

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            return server.getsockname()[1]

        yield start


def secured(port: int, context: ssl.SSLContext, host: str = "localhost", timeout: float = 5) -> ssl.SSLSocket:
    plain = net.connect("127.0.0.1", port, policy=LOOPBACK, timeout=timeout)
    return net.handshake(plain, host=host, context=context, timeout=timeout)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
        "fec0::1",
    ],
)
def test_an_inward_address_is_refused_unless_its_network_is_allowed(address: str) -> None:
    parsed = ipaddress.ip_address(address)
    assert not OPEN.permits(parsed)
    bare = getattr(parsed, "ipv4_mapped", None) or ipaddress.ip_address(address.partition("%")[0])
    assert net.NetworkPolicy((ipaddress.ip_network(bare),)).permits(parsed)


@pytest.mark.parametrize("address", ["8.8.8.8", "52.97.1.1", "2a00:1450:4001::1", "::ffff:8.8.8.8"])
def test_a_public_address_may_be_reached(address: str) -> None:
    assert OPEN.permits(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "::1", "::ffff:127.0.0.1"]
)
def test_every_spelling_of_this_machine_is_refused(host: str) -> None:
    with pytest.raises(net.NetworkError) as caught:
        net.connect(host, 993, policy=OPEN, timeout=1)
    assert caught.value.code in {"address_refused", "name_not_resolved"}


@pytest.mark.parametrize("host", ["nothing.invalid", "a" * 70 + ".example", "with\0nul", "with space"])
def test_a_name_without_address_says_so(host: str) -> None:
    with pytest.raises(net.NameNotResolved):
        net.resolve(host, 993, policy=LOOPBACK)


def test_a_name_that_answers_differently_the_second_time_gains_nothing(
    monkeypatch: pytest.MonkeyPatch, listener: Callable[..., int]
) -> None:
    """DNS rebinding: the resolver is asked once, and what it said is what is connected to."""
    port = listener()
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: str, *args: object, **kwargs: object) -> object:
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "10.255.255.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with net.connect("mail.example", port, policy=LOOPBACK, timeout=5) as connection:
        assert connection.getpeername() == ("127.0.0.1", port)
    assert asked == ["mail.example"]


def test_only_the_permitted_addresses_of_a_name_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def mixed(host: str, port: int, **_: object) -> object:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("10.0.0.5", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", mixed)
    found = net.resolve("mail.example", 993, policy=LOOPBACK)
    assert [endpoint.address for endpoint in found] == ["127.0.0.1"]


def test_a_closed_port_is_a_failed_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(net.ConnectFailed):
        net.connect("127.0.0.1", port, policy=LOOPBACK, timeout=2)


def test_a_good_certificate_is_verified_with_tls_1_3(
    listener: Callable[..., int], authority: Authority
) -> None:
    port = listener(authority.server_context("localhost"))
    with secured(port, net.tls_context(ca_pem=authority.pem)) as connection:
        assert connection.version() == "TLSv1.3"


def test_tls_1_2_is_accepted_and_can_be_refused(listener: Callable[..., int], authority: Authority) -> None:
    old = authority.server_context("localhost")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with secured(listener(old), net.tls_context(ca_pem=authority.pem)) as connection:
        assert connection.version() == "TLSv1.2"
    with pytest.raises(net.TlsFailed):
        secured(listener(old), net.tls_context(minimum=ssl.TLSVersion.TLSv1_3, ca_pem=authority.pem))


BAD = ["expired", "wrong name", "unknown authority", "own authority beside ours", "name with a prefix"]


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_certificate_is_refused_with_its_reason(
    fault: str, listener: Callable[..., int], authority: Authority
) -> None:
    stranger = Authority()
    presented = {
        "expired": lambda: authority.server_context("localhost", days=-1),
        "wrong name": lambda: authority.server_context("mail.other.example"),
        "unknown authority": lambda: stranger.server_context("localhost"),
        "own authority beside ours": lambda: stranger.server_context("localhost", "127.0.0.1"),
        "name with a prefix": lambda: authority.server_context("localhost.evil.example"),
    }[fault]()
    trusted = None if fault == "unknown authority" else authority.pem
    with pytest.raises(net.CertificateRefused) as caught:
        secured(listener(presented), net.tls_context(ca_pem=trusted))
    assert "refused" in str(caught.value)


def test_a_name_may_be_pinned_to_the_certificate_itself(
    listener: Callable[..., int], authority: Authority
) -> None:
    leaf = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    pinned = net.tls_context(ca_pem=leaf.cert_chain_pems[0].bytes().decode())
    with secured(listener(context), pinned) as connection:
        assert connection.version()


def test_plain_text_on_a_tls_port_is_refused(listener: Callable[..., int], authority: Authority) -> None:
    with pytest.raises(net.TlsFailed):
        secured(listener(), net.tls_context(ca_pem=authority.pem))


def test_a_silent_server_ends_the_handshake_by_deadline(
    listener: Callable[..., int], authority: Authority
) -> None:
    with pytest.raises(net.DeadlineExceeded):
        secured(listener(greet=False), net.tls_context(ca_pem=authority.pem), timeout=0.3)


@pytest.mark.parametrize(
    "pem", ["", "rubbish", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "ü"]
)
def test_an_unreadable_authority_is_named(pem: str) -> None:
    with pytest.raises(net.AuthorityUnreadable):
        net.tls_context(ca_pem=pem)


def test_the_module_needs_no_django() -> None:
    program = "import sys, zalion.net; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
