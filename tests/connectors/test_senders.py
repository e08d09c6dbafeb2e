"""Sender authentication: whom we believe, what we check ourselves, and what is kept as a fact."""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import dkim
import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from django.urls import reverse

from connectors import parse, senders, sync
from connectors.mime import parse as parse_mail
from connectors.mime.signatures import verify_signatures
from connectors.models import FolderMapping, Mailbox, Message
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox
from zalion import sandbox
from zalion.sandbox import Streamed
from zalion.tenancy import context, signin

TRUSTED = ["mx.acme.example"]


def mail(*fields: str, sender: str = "Nord <orders@nord.example>", body: str = "Hello\r\n") -> bytes:
    head = "".join(f"{field}\r\n" for field in fields)
    return f"{head}From: {sender}\r\nSubject: Order 1\r\nMessage-ID: <1@nord.example>\r\n\r\n{body}".encode()


def facts(raw: bytes, *, trusted: list[str] = TRUSTED, keys: senders.Keys | None = None) -> dict[str, Any]:
    def open_raw():
        return nullcontext(Streamed(io.BytesIO(raw), len(raw)))

    return senders.assess(parse_mail(raw), open_raw=open_raw, trusted=trusted, keys=keys)


def told(raw: bytes, **kwargs: Any) -> dict[str, str]:
    found = facts(raw, **kwargs)
    return {method: found[method]["result"] for method in senders.METHODS}


NOTHING = {"spf": "none", "dkim": "none", "dmarc": "none"}
PASSED = (
    "Authentication-Results: mx.acme.example; spf=pass smtp.mailfrom=bounce@nord.example;\r\n"
    "\tdkim=pass (2048-bit key; unprotected) header.d=nord.example header.s=s1 header.b=abc;\r\n"
    "\tdmarc=fail (p=reject; dis=none) header.from=nord.example"
)


def test_the_results_of_a_trusted_server_are_kept_with_their_domains() -> None:
    found = facts(mail(PASSED))
    assert found["server"] == "mx.acme.example"
    assert found["spf"] == {"result": "pass", "domain": "nord.example"}
    assert found["dkim"] == {"result": "pass", "domain": "nord.example"}
    assert found["dmarc"] == {"result": "fail", "domain": "nord.example"}
    assert senders.flags(found) == ["dmarc_fail"]


def test_a_server_that_is_not_trusted_says_nothing() -> None:
    assert told(mail(PASSED), trusted=[]) == NOTHING
    assert told(mail(PASSED.replace("mx.acme", "mx.evil"))) == NOTHING
    assert told(mail(PASSED.replace("mx.acme.example", "mx.acme.example.evil.example"))) == NOTHING


def test_only_the_topmost_field_of_a_trusted_server_counts() -> None:
    forged = "Authentication-Results: mx.acme.example; spf=pass smtp.mailfrom=nord.example; dmarc=pass"
    real = "Authentication-Results: mx.acme.example; spf=fail smtp.mailfrom=nord.example"
    assert told(mail(real, "Received: from x by y", forged)) == {**NOTHING, "spf": "fail"}
    above = "Authentication-Results: scanner.acme.example; spf=pass"
    assert told(mail(above, real, forged)) == {**NOTHING, "spf": "fail"}


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("mx.acme.example; none", {}),
        ("mx.acme.example 1; none", {}),
        ("mx.acme.example 1; spf=pass", {"spf": "pass"}),
        ('"mx.acme.example"; spf=pass', {"spf": "pass"}),
        ("MX.Acme.Example; SPF=Pass", {"spf": "pass"}),
        ("(a (nested;) comment) mx.acme.example (b); (c) spf (d) = (e) fail (f)", {"spf": "fail"}),
        ("mx.acme.example; spf/1=softfail", {"spf": "softfail"}),
        ('mx.acme.example; dkim=pass reason="a; dmarc=pass" header.d=n.example', {"dkim": "pass"}),
        ("mx.acme.example; dkim=fail header.d=a.example; dkim=pass header.d=b.example", {"dkim": "pass"}),
        ("mx.acme.example; spf=hardfail", {"spf": "fail"}),
        ("mx.acme.example; spf=great; auth=pass; =; ;;", {}),
        ("mx.acme.example; spf=pass (unclosed", {"spf": "pass"}),
        ('mx.acme.example; spf="pass', {}),
        ("", {}),
        (";", {}),
    ],
)
def test_the_grammar_of_rfc_8601_and_what_people_make_of_it(field: str, expected: dict[str, str]) -> None:
    assert told(mail(f"Authentication-Results: {field}")) == NOTHING | expected


def test_a_server_that_leaves_its_name_out_is_believed_only_where_that_was_chosen() -> None:
    exchange = (
        "Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=nord.example; dkim=none"
    )
    assert told(mail(exchange)) == NOTHING
    assert told(mail(exchange), trusted=["-"]) == {**NOTHING, "spf": "pass"}


def test_a_hundred_thousand_brackets_cost_nothing() -> None:
    for junk in ("(" * 100_000, ";" * 100_000, '"' * 100_001, "\\" * 100_001, "spf=" * 25_000):
        assert told(mail(f"Authentication-Results: mx.acme.example; {junk}")) == NOTHING


def test_a_domain_speaks_for_itself_and_for_what_is_below_it() -> None:
    assert senders.aligned("nord.example", "nord.example")
    assert senders.aligned("nord.example", "mail.nord.example")
    assert not senders.aligned("example", "nord.example")
    assert not senders.aligned("ord.example", "nord.example")
    assert not senders.aligned("", "")


# --- our own check of DKIM ------------------------------------------------------------------------------


class Signer:
    def __init__(self, domain: str = "nord.example", *, bits: int = 2048) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self.domain = domain
        self.pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.record = b"v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1])
        self.name = f"s1._domainkey.{domain}"

    def sign(self, raw: bytes, **options: Any) -> bytes:
        signed: bytes = dkim.sign(raw, b"s1", self.domain.encode(), self.pem, **options) + raw
        return signed


@pytest.fixture(scope="module")
def nord() -> Signer:
    return Signer()


def test_a_good_signature_passes_and_a_changed_body_fails(nord: Signer) -> None:
    signed = nord.sign(mail())
    assert verify_signatures(signed, {nord.name: nord.record}) == ["pass"]
    assert verify_signatures(signed.replace(b"Hello", b"Hullo"), {nord.name: nord.record}) == ["fail"]
    assert verify_signatures(signed.replace(b"Order 1", b"Order 2"), {nord.name: nord.record}) == ["fail"]


def test_a_signature_without_a_key_or_of_a_part_of_the_body_proves_nothing(nord: Signer) -> None:
    signed = nord.sign(mail())
    assert verify_signatures(signed, {}) == ["none"]
    assert verify_signatures(nord.sign(mail(), length=True), {nord.name: nord.record}) == ["neutral"]


@pytest.mark.parametrize(
    "record", [b"", b"v=DKIM1; k=rsa; p=", b"v=DKIM1; p=AAAA", b"\xff\xfe", b"v=DKIM1; k=ed25519; p=AAAA"]
)
def test_a_key_that_is_none_never_passes(nord: Signer, record: bytes) -> None:
    assert verify_signatures(nord.sign(mail()), {nord.name: record}) in (["fail"], ["permerror"])


@pytest.mark.parametrize(
    "field",
    [
        "v=1",
        "v=1; a=rsa-sha256; d=nord.example; s=s1; h=from; bh=!!!; b=!!!",
        "a=b=c;;;=",
        "v=1; a=rsa-sha256; c=nonsense; d=nord.example; s=s1; h=from; bh=AAAA; b=AAAA",
        "v=1; a=rsa-sha256; d=nord.example; s=s1; h=subject; bh=AAAA; b=AAAA",
        "v=1; a=rsa-sha256; d=nord.example; s=s1; h=from; l=99999999999999999999; bh=AAAA; b=AAAA",
        ";" * 5000,
        "\x00\xff",
    ],
)
def test_a_signature_that_is_none_is_an_error_and_no_exception(nord: Signer, field: str) -> None:
    found = verify_signatures(mail(f"DKIM-Signature: {field}"), {nord.name: nord.record})
    assert found in (["permerror"], ["fail"])


class Names(threading.Thread):
    """A name server on the loopback that knows some TXT records and counts what it is asked."""

    def __init__(self, records: dict[str, bytes]) -> None:
        super().__init__(daemon=True)
        self.records, self.asked = records, list[str]()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.silent = False

    def run(self) -> None:
        while True:
            try:
                data, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(data)
            name = query.question[0].name
            self.asked.append(name.to_text().rstrip("."))
            if self.silent:
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            record = self.records.get(self.asked[-1])
            if record is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            else:
                pieces = " ".join(f'"{record[i : i + 200].decode()}"' for i in range(0, len(record), 200))
                answer.answer.append(dns.rrset.from_text(name, 300, "IN", "TXT", pieces))
            self.socket.sendto(answer.to_wire(), peer)

    def keys(self, **kwargs: Any) -> senders.Keys:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], self.port
        return senders.Keys(resolver, **kwargs)


@pytest.fixture
def names(nord: Signer) -> Iterator[Names]:
    server = Names({nord.name: nord.record})
    server.start()
    yield server
    server.socket.close()
    server.join(0.01)


def test_the_key_comes_from_dns_and_the_signature_is_checked_in_the_child(nord: Signer, names: Names) -> None:
    found = facts(nord.sign(mail()), keys=names.keys())
    assert found["signatures"] == [{"domain": "nord.example", "result": "pass", "aligned": True}]
    assert senders.flags(found) == []
    bad = facts(nord.sign(mail()).replace(b"Hello", b"Hullo"), keys=names.keys())
    assert bad["signatures"][0]["result"] == "fail"
    assert senders.flags(bad) == ["dkim_fail"]


def test_a_signature_of_another_domain_is_not_aligned(nord: Signer, names: Names) -> None:
    found = facts(nord.sign(mail(sender="boss@acme.example")), keys=names.keys())
    assert found["signatures"] == [{"domain": "nord.example", "result": "pass", "aligned": False}]


def test_one_good_signature_outweighs_bad_ones(nord: Signer, names: Names) -> None:
    bad = "DKIM-Signature: v=1; a=rsa-sha256; d=nord.example; s=s1; h=from; bh=AAAA; b=AAAA"
    found = facts(nord.sign(mail(bad)), keys=names.keys())
    assert [signature["result"] for signature in found["signatures"]] == ["pass", "fail"]
    assert senders.flags(found) == []


def test_a_key_is_looked_up_once_also_where_there_is_none(names: Names, nord: Signer) -> None:
    keys = names.keys()
    for _ in range(3):
        assert keys.find(nord.name) == nord.record
        assert keys.find("s9._domainkey.nord.example") is None
    assert names.asked == [nord.name, "s9._domainkey.nord.example"]


def test_a_kept_key_grows_old_and_the_memory_for_keys_is_bounded(
    names: Names, nord: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    keys = names.keys(clock=lambda: now[0])
    keys.find(nord.name)
    now[0] += senders.KEPT_SECONDS + 1
    keys.find(nord.name)
    assert names.asked == [nord.name] * 2
    monkeypatch.setattr(senders, "KEPT", 2)
    for number in range(5):
        keys.find(f"s{number}._domainkey.nord.example")
    assert len(keys._kept) == 2


def test_look_ups_are_limited_a_minute(names: Names, monkeypatch: pytest.MonkeyPatch, nord: Signer) -> None:
    monkeypatch.setattr(senders, "LOOKUPS_PER_MINUTE", 1)
    now = [0.0]
    keys = names.keys(clock=lambda: now[0])
    keys.find("s0._domainkey.nord.example")
    found = facts(nord.sign(mail()), keys=keys)
    assert found["signatures"][0]["result"] == "temperror"
    assert senders.flags(found) == []
    now[0] += 61
    assert facts(nord.sign(mail()), keys=keys)["signatures"][0]["result"] == "pass"


def test_a_name_server_that_is_silent_costs_seconds_and_no_verdict(
    names: Names, nord: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders, "LOOKUP_SECONDS", 0.3)
    names.silent = True
    found = facts(nord.sign(mail()), keys=names.keys())
    assert found["signatures"][0]["result"] == "temperror"


def test_names_that_are_none_are_never_looked_up(names: Names) -> None:
    for domain in ("nord example", "..", "x" * 300, "nord.example/../x", "\u00fc.example", "a..b"):
        raw = mail(f"DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=s1; h=from; bh=AA; b=AA")
        facts(raw, keys=names.keys())
    assert names.asked == []


def test_five_signatures_are_looked_at_and_no_more(names: Names) -> None:
    fields = [
        f"DKIM-Signature: v=1; a=rsa-sha256; d=d{n}.example; s=s; h=from; bh=AA; b=AA" for n in range(50)
    ]
    found = facts(mail(*fields), keys=names.keys())
    assert len(found["signatures"]) == len(names.asked) == 5


# --- on the ledger --------------------------------------------------------------------------------------


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox) -> FolderMapping:
    with acme.work():
        Mailbox.objects.update(trusted_authserv_ids=TRUSTED)
        return FolderMapping.objects.get(mailbox=mailbox)


def taken_in(acme: Company, server: MemoryMailbox, mapping: FolderMapping, raw: bytes) -> Message:
    server.deliver(raw)
    with acme.work():
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        return Message.objects.order_by("-taken_in_at")[0]


def test_spf_dkim_or_dmarc_failing_is_recorded_as_fact_and_flag(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    """Field note 56."""
    failed = (
        "Authentication-Results: mx.acme.example; spf=fail; dkim=fail; dmarc=fail header.from=nord.example"
    )
    row = taken_in(acme, server, mapping, mail(failed))
    with acme.work():
        assert row.state == "stored"
        assert {"spf_fail", "dkim_fail", "dmarc_fail"} <= set(row.flags)
        assert row.authentication["dmarc"] == {"result": "fail", "domain": "nord.example"}


def test_without_the_setting_no_name_server_is_asked(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, names: Names, nord: Signer, settings: Any
) -> None:
    settings.DNS_SERVERS = (("127.0.0.1", names.port),)
    senders.configured_keys.cache_clear()
    row = taken_in(acme, server, mapping, nord.sign(mail()))
    with acme.work():
        assert row.authentication["signatures"] == []
    assert names.asked == []


def test_with_the_setting_a_worker_checks_signatures_itself(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, names: Names, nord: Signer, settings: Any
) -> None:
    settings.DKIM_DNS, settings.DNS_SERVERS = True, (("127.0.0.1", names.port),)
    senders.configured_keys.cache_clear()
    try:
        row = taken_in(acme, server, mapping, nord.sign(mail()))
    finally:
        senders.configured_keys.cache_clear()
    with acme.work():
        assert [found["result"] for found in row.authentication["signatures"]] == ["pass"]
    assert names.asked == [nord.name]


def test_the_check_runs_in_a_child_without_network(nord: Signer) -> None:
    result = sandbox.run(
        "connectors.mime.signatures:verify_signatures", raw=nord.sign(mail()), keys={nord.name: nord.record}
    )
    assert result == ["pass"]


def signed_in(acme: Company) -> Client:
    client = Client()
    with context.system("tests"):
        link = signin.issue_link(acme.rui)
    client.post(reverse("signin-redeem", args=[link]))
    return client


def test_the_message_page_shows_the_verdicts_and_who_gave_them(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    row = taken_in(acme, server, mapping, mail(PASSED))
    page = signed_in(acme).get(reverse("portal:message", args=[row.pk])).content.decode()
    assert "mx.acme.example" in page
    assert "DMARC" in page
    assert "DMARC failed" in page
