"""Who really sent a mail: what servers that the mailbox trusts found, and our own look at its signatures."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import dns.exception
import dns.flags
import dns.resolver
from django.conf import settings

from connectors.mime import limits
from zalion import sandbox
from zalion.sandbox import SandboxError, Streamed

METHODS = ("spf", "dkim", "dmarc")
LOOKUP_SECONDS = 3.0
LOOKUPS_PER_MINUTE = 120  # of one process; what is over is a temperror
KEPT = 1000  # keys remembered by one process
KEPT_SECONDS = 3600.0
NOTHING_KEPT_SECONDS = 300.0
LONGEST_RECORD = 4096  # bytes; a 4096-bit RSA key needs 800

logger = logging.getLogger(__name__)
Clock = Callable[[], float]


class KeyUnavailable(Exception):
    """The name servers did not answer, or too much was asked of them."""


class Keys:
    """DKIM keys from DNS through ``resolver``: few look-ups, short waits, and each answer kept for a while."""

    def __init__(self, resolver: dns.resolver.Resolver, *, clock: Clock = time.monotonic) -> None:
        self._resolver, self._clock = resolver, clock
        self._kept: OrderedDict[str, tuple[float, bytes | None]] = OrderedDict()
        self._asked: list[float] = []
        self._lock = threading.Lock()

    def find(self, name: str) -> bytes | None:
        """The TXT record of ``name``, None where there is none. Raises KeyUnavailable."""
        now = self._clock()
        with self._lock:
            until, kept = self._kept.get(name, (0.0, None))
            if until > now:
                return kept
            self._asked = [when for when in self._asked if when > now - 60]
            if len(self._asked) >= LOOKUPS_PER_MINUTE:
                raise KeyUnavailable
            self._asked.append(now)
        found = self._look_up(name)
        with self._lock:
            self._kept[name] = (now + (KEPT_SECONDS if found else NOTHING_KEPT_SECONDS), found)
            self._kept.move_to_end(name)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def _look_up(self, name: str) -> bytes | None:
        try:
            answer = self._resolver.resolve(name + ".", "TXT", lifetime=LOOKUP_SECONDS, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return None
        except (dns.exception.DNSException, OSError) as error:
            raise KeyUnavailable from error
        records = [b"".join(record.strings) for record in answer]
        return next((record for record in records if len(record) <= LONGEST_RECORD), None)


@cache
def configured_keys() -> Keys | None:
    """The keys of this process, None unless ZALION_DKIM_DNS is set: a look-up tells the sender that we read."""
    if not settings.DKIM_DNS:
        return None
    resolver = dns.resolver.Resolver(configure=not settings.DNS_SERVERS)
    if settings.DNS_SERVERS:
        resolver.nameservers = [address for address, _ in settings.DNS_SERVERS]
        resolver.nameserver_ports = dict(settings.DNS_SERVERS)
    return Keys(resolver)


def assess(
    parsed: dict[str, Any],
    *,
    open_raw: Callable[[], AbstractContextManager[Streamed]],
    trusted: Sequence[str],
    keys: Keys | None,
) -> dict[str, Any]:
    """The facts kept on the message: {"server", "spf", "dkim", "dmarc", "signatures"}.

    Each method is {"result", "domain"}, from the topmost Authentication-Results of a ``trusted`` server alone
    (RFC 8601 section 5: that server has removed what others wrote in its name). ``signatures`` are our own
    check, {"domain", "result", "aligned"}, empty without ``keys`` and for mail above limits.SIGNED.
    """
    believed = next((found for found in parsed["authentication"] if found["server"] in trusted), None)
    facts: dict[str, Any] = {"server": believed["server"] if believed else "", "signatures": []}
    sender = parsed["from"][0]["address"].rpartition("@")[2].lower() if parsed["from"] else ""
    for method in METHODS:
        told = [found for found in believed["results"] if found["method"] == method] if believed else []
        facts[method] = _best(told, sender)
    if keys is not None and parsed["signatures"] and parsed["size"] <= limits.SIGNED:
        with open_raw() as raw:
            facts["signatures"] = _check(raw, parsed["signatures"], sender, keys)
    return facts


def flags(facts: dict[str, Any]) -> list[str]:
    """spf_fail, dkim_fail, dmarc_fail. One good signature outweighs bad ones (RFC 6376 section 6.1)."""
    checked = {found["result"] for found in facts["signatures"]}
    failed = {method: facts[method]["result"] == "fail" for method in METHODS}
    signed = facts["dkim"]["result"] == "pass" or "pass" in checked
    failed["dkim"] = (failed["dkim"] or "fail" in checked) and not signed
    return [f"{method}_fail" for method in METHODS if failed[method]]


def failed(facts: dict[str, Any], *, sender: str) -> bool:
    """Whether it is not from the domain ``sender``, as far as is known: DMARC decides where it was looked at.

    Else something must have failed and nothing passed for the domain: a forwarder breaks SPF, a mailing list
    DKIM, so one of the two alone says little (RFC 7489 section 3.1).
    """
    if facts["dmarc"]["result"] in ("pass", "fail"):
        return bool(facts["dmarc"]["result"] == "fail")
    checked = [*facts["signatures"], facts["spf"], facts["dkim"]]
    vouched = any(one["result"] == "pass" and aligned(one["domain"], sender) for one in checked)
    return bool(flags(facts)) and not vouched


def _best(told: list[dict[str, str]], sender: str) -> dict[str, str]:
    """Of several results of a method, one that passed, for the visible sender if there is such a one."""
    ranked = sorted(
        told,
        key=lambda found: (
            found["result"] != "pass",
            not aligned(found["domain"], sender),
            found["result"] != "fail",
        ),
    )
    if not ranked:
        return {"result": "none", "domain": ""}
    return {"result": ranked[0]["result"], "domain": ranked[0]["domain"]}


def aligned(domain: str, sender: str) -> bool:
    """Whether ``domain`` speaks for ``sender``: the same, or above it and no top-level domain."""
    return bool(domain) and (sender == domain or ("." in domain and sender.endswith("." + domain)))


def _check(
    raw: Streamed, signatures: Sequence[dict[str, str]], sender: str, keys: Keys
) -> list[dict[str, Any]]:
    """Our own check, the keys from here, the mathematics over hostile bytes in the child pool."""
    names = [
        f"{found['selector']}._domainkey.{found['domain']}" if found["domain"] else "" for found in signatures
    ]
    records: dict[str, bytes] = {}
    unavailable: set[str] = set()
    for name in dict.fromkeys(filter(None, names)):
        try:
            record = keys.find(name)
        except KeyUnavailable:
            unavailable.add(name)
            continue
        if record is not None:
            records[name] = record
    try:
        results = sandbox.run("connectors.mime.signatures:verify_signatures", raw=raw, keys=records)
    except SandboxError as error:
        logger.warning("The check of a message's signatures ended: %s.", error.code)
        results = ["temperror"] * len(names)
    return [
        {
            "domain": found["domain"],
            "result": "temperror" if name in unavailable else result,
            "aligned": aligned(found["domain"], sender),
        }
        for found, name, result in zip(signatures, names, results, strict=False)
    ]
