"""Where a mailbox probably is, from its address alone, so that the connection form need not be filled in by hand."""

import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import dns.exception
import dns.resolver
from lxml import etree

from connectors.errors import ConfigurationError
from connectors.hosts import HostOptions
from zalion import http, net

Source = Literal["hosters", "srv", "autoconfig", "mx"]

_LONGEST_ANSWER = 64 * 1024
_SECURITY = {"SSL": "tls", "STARTTLS": "starttls"}
_AUTH = {"password-cleartext": "password", "password-encrypted": "password", "OAuth2": "xoauth2"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to fill the form of `provider` in with; the person looks at it, and the check decides.

    `foreign` is true where the server lies outside the address's domain on no better word than the DNS's, of
    which RFC 6186 section 6 wants the person asked. `advice` is the hoster's peculiarity, if any.
    """

    provider: str
    options: HostOptions
    source: Source
    foreign: bool = False
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """Where an autoconfig file may lie, to be asked for over HTTPS alone."""

    host: str
    path: str
    port: int = 443


def usual_locations(domain: str) -> Sequence[Location]:
    """Where Thunderbird looks, without telling the address as it does."""
    return (
        Location(f"autoconfig.{domain}", "/mail/config-v1.1.xml"),
        Location(domain, "/.well-known/autoconfig/mail/config-v1.1.xml"),
    )


def system_resolver() -> dns.resolver.Resolver:
    """The name servers of this machine; one that knows nobody where there are none."""
    try:
        return dns.resolver.Resolver()
    except dns.exception.DNSException:
        return dns.resolver.Resolver(configure=False)


@dataclass(frozen=True, slots=True)
class Search:
    """Whom to ask, and for how long: `seconds` for everything, `step_seconds` for each question."""

    policy: net.NetworkPolicy
    resolver: dns.resolver.Resolver = field(default_factory=system_resolver)
    locations: Callable[[str], Sequence[Location]] = usual_locations
    ca_pem: str | None = None
    seconds: float = 10
    step_seconds: float = 3


def suggest(address: str, search: Search) -> Suggestion | None:
    """The most reliable answer there is: hosters' own domains, SRV, autoconfig files, then who takes the mail.

    Passwords are only suggested over TLS. None where nobody knows; raises nothing for what servers do.
    """
    local, _, domain = address.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    if not local or "." not in domain:
        return None
    ends = time.monotonic() + search.seconds
    for attempt in (_by_domain, _by_srv, _by_autoconfig, _by_mx):
        seconds = min(search.step_seconds, ends - time.monotonic())
        if seconds <= 0:
            return None
        try:
            found = attempt(f"{local}@{domain}", search, seconds)
        except ConfigurationError:
            continue  # What they published cannot be a server.
        if found is not None:
            return found
    return None


# --- the map of hosters ------------------------------------------------------------------------------


@cache
def hosters() -> tuple[dict[str, Any], ...]:
    """The entries of hosters.toml."""
    with Path(__file__).with_name("hosters.toml").open("rb") as file:
        return tuple(tomllib.load(file)["hoster"])


def _hosted(hoster: dict[str, Any], address: str, source: Source, exchanger: str = "") -> Suggestion:
    user = address.rpartition("@")[0] if hoster.get("user") == "local" else address
    host = hoster["host"].format(mx=exchanger)
    options = HostOptions(host=host, user=user, port=993, auth=hoster.get("auth", "password"))
    return Suggestion("imap", options, source, advice=hoster.get("advice", ""))


def _by_domain(address: str, search: Search, seconds: float) -> Suggestion | None:
    domain = address.rpartition("@")[2]
    found = (hoster for hoster in hosters() if domain in hoster.get("domains", ()))
    return next((_hosted(hoster, address, "hosters") for hoster in found), None)


def _by_mx(address: str, search: Search, seconds: float) -> Suggestion | None:
    for record in sorted(
        _ask(search, address.rpartition("@")[2], "MX", seconds), key=lambda mx: mx.preference
    ):
        exchanger = str(record.exchange).rstrip(".").lower()
        for hoster in hosters():
            if any(_within(exchanger, end) for end in hoster.get("mx", ())):
                return _hosted(hoster, address, "mx", exchanger)
    return None


def _within(host: str, domain: str) -> bool:
    return host == domain or host.endswith("." + domain)


# --- what the domain publishes -----------------------------------------------------------------------


def _ask(search: Search, name: str, kind: str, seconds: float) -> list[Any]:
    try:
        return list(search.resolver.resolve(name, kind, lifetime=seconds, search=False))
    except dns.exception.DNSException:
        return []  # No answer is an answer too: nothing is published.


def _by_srv(address: str, search: Search, seconds: float) -> Suggestion | None:
    """RFC 6186; RFC 8314 puts TLS from the first byte before STARTTLS."""
    domain = address.rpartition("@")[2]
    for service, security in (("_imaps", "tls"), ("_imap", "starttls")):
        records = _ask(search, f"{service}._tcp.{domain}", "SRV", seconds / 2)
        for record in sorted(records, key=lambda srv: (srv.priority, -srv.weight)):
            if host := str(record.target).rstrip(".").lower():  # "." says that there is no such service.
                options = HostOptions(host=host, user=address, port=record.port, security=security)
                return Suggestion("imap", options, "srv", foreign=not _within(host, domain))
    return None


def _by_autoconfig(address: str, search: Search, seconds: float) -> Suggestion | None:
    domain = address.rpartition("@")[2]
    locations = search.locations(domain)
    share = seconds / len(locations)
    for location in locations:
        # The system's own resolver, which is asked next, has no time limit of ours.
        if not any(_ask(search, location.host, kind, share) for kind in ("A", "AAAA")):
            continue
        try:
            document = _fetched(location, search, share)
        except net.NetworkError:
            continue
        if document and (options := next(_offered(document, address), None)):
            return Suggestion("imap", options, "autoconfig", foreign=not _within(options.host, domain))
    return None


def _fetched(location: Location, search: Search, seconds: float) -> bytes | None:
    """The file's bytes within size and time; no redirect is followed. Raises net.NetworkError."""
    asked = http.Request(location.host, location.path, location.port, headers={"Accept": "text/xml"})
    answer = http.exchange(
        asked, policy=search.policy, seconds=seconds, at_most=_LONGEST_ANSWER, ca_pem=search.ca_pem
    )
    return answer.body if answer.status == 200 else None


def _offered(document: bytes, address: str) -> Iterator[HostOptions]:
    """The IMAP servers of an autoconfig file that can be used, in its order, what it says of plain ones left out."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        return
    local, _, domain = address.rpartition("@")
    places = {"%EMAILADDRESS%": address, "%EMAILLOCALPART%": local, "%EMAILDOMAIN%": domain}

    def text(server: Any, name: str) -> str:
        said = (server.findtext(name) or "").strip()
        for place, value in places.items():
            said = said.replace(place, value)
        return said

    for server in root.findall("emailProvider/incomingServer[@type='imap']"):
        security = _SECURITY.get(text(server, "socketType"))
        ways = [_AUTH.get((way.text or "").strip()) for way in server.findall("authentication")]
        auth = next((way for way in ways if way), None)
        port = text(server, "port")
        if security and auth and port.isdecimal():
            host, user = text(server, "hostname").lower(), text(server, "username")
            try:
                yield HostOptions(host=host, user=user, port=int(port), security=security, auth=auth)
            except ConfigurationError:
                continue  # Nothing that could be a server; the next may be one.
