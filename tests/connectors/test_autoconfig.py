"""The form fills itself in: hosters, SRV, autoconfig files and MX, from servers of our own and nobody else's."""

import ipaddress
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from connectors import autoconfig
from connectors.autoconfig import Location, Search, Suggestion, suggest
from connectors.hosts import HostOptions
from connectors.sasl import AUTHS
from tests.servers.certificates import Authority
from zalion.net import NetworkPolicy

LOOPBACK = NetworkPolicy((ipaddress.ip_network("127.0.0.0/8"),))
ADDRESS = "orders@acme.example"

Records = dict[tuple[str, str], list[str]]


class Names:
    """A name server with the records given, silent when told to be."""

    def __init__(self) -> None:
        self.records: Records = {("localhost", "A"): ["127.0.0.1"]}
        self.asked: list[str] = []
        self.silent = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    def _answer(self) -> None:
        while True:
            question, client = self._socket.recvfrom(4096)
            if not question:
                return
            asked = dns.message.from_wire(question)
            [wanted] = asked.question
            name, kind = str(wanted.name).rstrip("."), dns.rdatatype.to_text(wanted.rdtype)
            self.asked.append(f"{kind} {name}")
            if self.silent:
                continue
            answer = dns.message.make_response(asked, recursion_available=True)
            if found := self.records.get((name, kind)):
                answer.answer.append(dns.rrset.from_text_list(wanted.name, 60, "IN", kind, found))
            elif not any(known == name for known, _ in self.records):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self._socket.sendto(answer.to_wire(), client)


@pytest.fixture
def names() -> Iterator[Names]:
    server = Names()
    yield server
    server.close()


class Site(ThreadingHTTPServer):
    daemon_threads = True
    status = 200
    document = b""
    drip = 0.0
    block_on_close = False


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Host"]))  # type: ignore[attr-defined]
        self.send_response(self.server.status)
        if self.server.status >= 300:
            self.send_header("Location", "https://elsewhere.example/config.xml")
        self.send_header("Content-Length", str(len(self.server.document)))
        self.end_headers()
        try:
            for byte in self.server.document if self.server.drip else []:
                self.wfile.write(bytes([byte]))
                time.sleep(self.server.drip)
            self.wfile.write(b"" if self.server.drip else self.server.document)
        except OSError:
            pass  # the client lost patience

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site(authority: Authority) -> Iterator[Site]:
    """A web server of the domain, over TLS."""
    server = Site(("127.0.0.1", 0), Handler)
    server.asked = []  # type: ignore[attr-defined]
    context = authority.server_context("localhost")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # refused handshakes are meant
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def search(names: Names, site: Site, authority: Authority) -> Search:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = names.port
    place = Location("localhost", "/mail/config-v1.1.xml", site.server_address[1])
    return Search(LOOPBACK, resolver, lambda _: [place], authority.pem, step_seconds=1)


def config(*servers: str) -> bytes:
    inner = "".join(servers)
    return (
        f'<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="x">{inner}'
        "</emailProvider></clientConfig>"
    ).encode()


def server(
    host: str = "imap.acme.example",
    *,
    kind: str = "imap",
    port: str = "993",
    security: str = "SSL",
    ways: tuple[str, ...] = ("password-cleartext",),
    user: str = "%EMAILADDRESS%",
) -> str:
    told = "".join(f"<authentication>{way}</authentication>" for way in ways)
    return (
        f'<incomingServer type="{kind}"><hostname>{host}</hostname><port>{port}</port>'
        f"<socketType>{security}</socketType>{told}<username>{user}</username></incomingServer>"
    )


def filled(suggestion: Suggestion | None) -> tuple[str, int, str, str, str]:
    assert suggestion is not None
    options = suggestion.options
    return options.host, options.port, options.security, options.user, options.auth


# --- SRV ---------------------------------------------------------------------------------------------


def test_srv_names_the_server(names: Names, search: Search) -> None:
    """RFC 6186."""
    names.records["_imaps._tcp.acme.example", "SRV"] = [
        "20 1 993 backup.acme.example.",
        "10 1 993 old.acme.example.",
        "10 5 1993 mail.acme.example.",
    ]
    found = suggest(ADDRESS, search)
    assert filled(found) == ("mail.acme.example", 1993, "tls", ADDRESS, "password")
    assert found is not None
    assert (found.provider, found.source, found.foreign) == ("imap", "srv", False)


def test_a_service_that_is_said_not_to_be_there_is_not_suggested(names: Names, search: Search) -> None:
    """RFC 6186 section 3.4: a target of "." means no."""
    names.records["_imaps._tcp.acme.example", "SRV"] = ["0 0 0 ."]
    names.records["_imap._tcp.acme.example", "SRV"] = ["0 0 143 mail.acme.example."]
    assert filled(suggest(ADDRESS, search))[:3] == ("mail.acme.example", 143, "starttls")


def test_a_server_outside_of_the_domain_is_marked_for_the_person_to_confirm(
    names: Names, search: Search
) -> None:
    """RFC 6186 section 6: DNS alone proves nothing."""
    names.records["_imaps._tcp.acme.example", "SRV"] = ["0 0 993 mail.notacme.example."]
    found = suggest(ADDRESS, search)
    assert found is not None
    assert found.foreign


# --- autoconfig files --------------------------------------------------------------------------------


def test_an_autoconfig_file_fills_the_form_in(names: Names, site: Site, search: Search) -> None:
    site.document = config(
        server("pop.acme.example", kind="pop3", port="995"),
        server("plain.acme.example", security="plain", port="143"),
        server("ntlm.acme.example", ways=("NTLM", "GSSAPI")),
        server("IMAP.%EMAILDOMAIN%", user="%EMAILLOCALPART%", ways=("NTLM", "password-encrypted")),
        server("second.acme.example"),
    )
    found = suggest(ADDRESS, search)
    assert filled(found) == ("imap.acme.example", 993, "tls", "orders", "password")
    assert found is not None
    assert found.source == "autoconfig"


def test_starttls_and_tokens_are_understood(site: Site, search: Search) -> None:
    site.document = config(server(port="143", security="STARTTLS", ways=("OAuth2",)))
    assert filled(suggest(ADDRESS, search))[1:] == (143, "starttls", ADDRESS, "xoauth2")


def test_the_address_is_told_to_nobody(names: Names, site: Site, search: Search) -> None:
    assert suggest(ADDRESS, search) is None
    port = site.server_address[1]
    assert site.asked == [("/mail/config-v1.1.xml", f"localhost:{port}")]  # type: ignore[attr-defined]
    assert not any("orders" in name for name in names.asked)
    assert [(place.host, place.path, place.port) for place in autoconfig.usual_locations("acme.example")] == [
        ("autoconfig.acme.example", "/mail/config-v1.1.xml", 443),
        ("acme.example", "/.well-known/autoconfig/mail/config-v1.1.xml", 443),
    ]


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]>'


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html><body>parked</body></html>",
        b"<clientConfig>",
        b"\xff\xfe\x00",
        config(server("a b")),
        config(server("imap.acme.example]")),
        config(server(port="0")),
        config(server(port="99999")),
        config(server(port="imap")),
        config(server(user="a&#13;&#10;b")),
        config(server(ways=())),
        config(server(security="none")),
        config(server("x" * 70_000)),
        f"{BOMB}<clientConfig><emailProvider>{server('&c;')}</emailProvider></clientConfig>".encode(),
    ],
    ids=range(14),
)
def test_a_file_that_is_none_suggests_nothing(site: Site, search: Search, document: bytes) -> None:
    site.document = document
    assert suggest(ADDRESS, search) is None


def test_entities_reach_neither_files_nor_the_network(site: Site, search: Search) -> None:
    """Field note 46."""
    site.document = (
        '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/hostname">]><clientConfig><emailProvider>'
        f"{server(user='&f;x')}</emailProvider></clientConfig>"
    ).encode()
    found = suggest(ADDRESS, search)
    assert found is None or found.options.user == "x"


@pytest.mark.parametrize("status", [301, 302, 404, 500])
def test_only_a_plain_answer_counts_and_no_redirect_is_followed(
    site: Site, search: Search, status: int
) -> None:
    site.document, site.status = config(server()), status
    assert suggest(ADDRESS, search) is None


def test_a_certificate_that_proves_nothing_ends_it(site: Site, search: Search) -> None:
    site.document = config(server())
    assert suggest(ADDRESS, replace(search, ca_pem=None)) is None
    assert site.asked == []  # type: ignore[attr-defined]


def test_an_internal_web_server_is_not_asked(site: Site, search: Search) -> None:
    """Addresses are judged as for every connection: nothing inward unless the deployment allows it."""
    site.document = config(server())
    assert suggest(ADDRESS, replace(search, policy=NetworkPolicy())) is None
    assert site.asked == []  # type: ignore[attr-defined]


# --- hosters -----------------------------------------------------------------------------------------


def test_a_hosters_own_domain_needs_no_question(names: Names, search: Search) -> None:
    found = suggest("Firma@GMX.de ", search)
    assert filled(found) == ("imap.gmx.net", 993, "tls", "Firma@gmx.de", "password")
    assert found is not None
    assert "switched on" in found.advice
    assert names.asked == []


@pytest.mark.parametrize(
    ("exchanger", "host", "auth"),
    [
        ("acme-example.mail.protection.outlook.com", "outlook.office365.com", "xoauth2"),
        ("aspmx.l.google.com", "imap.gmail.com", "xoauth2"),
        ("mx00.ionos.de", "imap.ionos.de", "password"),
        ("smtpin.rzone.de", "imap.strato.de", "password"),
        ("w0123456.kasserver.com", "w0123456.kasserver.com", "password"),
    ],
)
def test_who_takes_the_mail_tells_who_keeps_it(
    names: Names, search: Search, exchanger: str, host: str, auth: str
) -> None:
    names.records["acme.example", "MX"] = ["50 spam.example.", f"10 {exchanger}."]
    found = suggest(ADDRESS, search)
    assert filled(found) == (host, 993, "tls", ADDRESS, auth)
    assert found is not None
    assert found.source == "mx"


def test_an_exchanger_that_only_ends_alike_is_nobodys(names: Names, search: Search) -> None:
    names.records["acme.example", "MX"] = ["10 mail.notionos.de."]
    assert suggest(ADDRESS, search) is None


def test_what_the_domain_publishes_goes_before_who_takes_the_mail(names: Names, search: Search) -> None:
    names.records["acme.example", "MX"] = ["10 aspmx.l.google.com."]
    names.records["_imaps._tcp.acme.example", "SRV"] = ["0 0 993 mail.acme.example."]
    assert filled(suggest(ADDRESS, search))[0] == "mail.acme.example"


def test_every_entry_of_the_map_makes_a_connection() -> None:
    seen: set[str] = set()
    for hoster in autoconfig.hosters():
        assert set(hoster) <= {"name", "domains", "mx", "host", "user", "auth", "advice"}
        assert hoster.get("domains") or hoster.get("mx")
        assert hoster.get("auth", "password") in AUTHS
        assert hoster.get("user", "address") in {"address", "local"}
        assert HostOptions(host=hoster["host"].format(mx="mx.example"), user="a", port=993)
        for name in [*hoster.get("domains", []), *("mx " + end for end in hoster.get("mx", []))]:
            assert name not in seen, name
            seen.add(name)


# --- time, and what is no address --------------------------------------------------------------------


def test_servers_that_do_not_answer_cost_no_more_than_the_time_allowed(names: Names, search: Search) -> None:
    names.silent = True
    started = time.monotonic()
    assert suggest(ADDRESS, replace(search, seconds=1, step_seconds=0.5)) is None
    assert time.monotonic() - started < 3


def test_a_file_that_drips_costs_no_more_than_the_time_allowed(site: Site, search: Search) -> None:
    """Field note 67."""
    site.document, site.drip = config(server()), 0.1
    started = time.monotonic()
    assert suggest(ADDRESS, replace(search, seconds=2, step_seconds=1)) is None
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    "address",
    ["", "orders", "@acme.example", "orders@", "orders@localhost", "a@b..example", "a@" + "x" * 300],
)
def test_what_is_no_address_is_asked_of_nobody(names: Names, search: Search, address: str) -> None:
    assert suggest(address, search) is None
    assert names.asked == []


def test_a_domain_beyond_ascii_is_asked_for_as_the_dns_knows_it(names: Names, search: Search) -> None:
    names.records["_imaps._tcp.xn--mller-kva.example", "SRV"] = ["0 0 993 mail.xn--mller-kva.example."]
    assert filled(suggest("bestellung@müller.example", search))[0] == "mail.xn--mller-kva.example"


def test_the_module_needs_no_django() -> None:
    program = "import sys, connectors.autoconfig; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
