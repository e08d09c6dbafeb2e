"""What becomes of mail whose sender failed SPF, DKIM or DMARC: each mailbox's own choice."""

import pytest
from django.urls import reverse

from audit.models import AuditEvent
from connectors import ingest, onboarding, parse, senders
from connectors.models import FolderMapping, Mailbox
from extraction.models import ExtractionRun
from tests.cast import Company
from tests.connectors.test_senders import facts, mail, mapping, signed_in, taken_in
from tests.contracts.memory import MemoryMailbox

__all__ = ["mapping"]

FAILED = "Authentication-Results: mx.acme.example; spf=fail; dkim=none; dmarc=fail header.from=nord.example"


def test_a_mailbox_may_take_in_failed_senders_like_any_other(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    """Field note 56."""
    with acme.work():
        Mailbox.objects.update(failed_senders="accept")
    row = taken_in(acme, server, mapping, mail(FAILED))
    with acme.work():
        assert (row.state, row.flags) == ("stored", ["date_missing"])
        assert row.authentication["dmarc"]["result"] == "fail"


def test_a_mailbox_may_hold_failed_senders_back_until_somebody_releases_them(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    """Field note 56."""
    with acme.work():
        Mailbox.objects.update(failed_senders="quarantine")
    row = taken_in(acme, server, mapping, mail(FAILED))
    client = signed_in(acme)
    with acme.work():
        assert (row.state, row.reason, row.subject) == ("quarantined", "sender_failed", "Order 1")
        assert {"spf_fail", "dmarc_fail"} <= set(row.flags)
        assert ExtractionRun.objects.count() == 0
        assert AuditEvent.objects.get(action="message.quarantined").reason == "sender_failed"
        assert ingest.retry_all() == ingest.Again(tried=0, held=1, nothing_there=0)
    address = reverse("portal:message", args=[row.pk])
    assert "may not be from whom it says" in client.get(address).content.decode()
    client.post(reverse("portal:message-retry", args=[row.pk]))
    with acme.work():
        parse.parse_messages(mapping.pk)
        row.refresh_from_db()
        assert (row.state, row.reason, row.released) == ("stored", "", True)
        assert "dmarc_fail" in row.flags
        assert ExtractionRun.objects.count() == 1
        assert AuditEvent.objects.get(action="message.released").object_id == str(row.pk)
    other = taken_in(acme, server, mapping, mail())
    with acme.work():
        assert other.state == "stored"


def test_a_new_policy_for_failed_senders_wants_new_signatures(acme: Company, mailbox: Mailbox) -> None:
    with acme.work():
        before = onboarding.configuration_hash(mailbox)
        Mailbox.objects.update(failed_senders="quarantine")
        mailbox.refresh_from_db()
        assert onboarding.configuration(mailbox)["failed_senders"] == "quarantine"
        assert onboarding.configuration_hash(mailbox) != before


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("spf=pass smtp.mailfrom=nord.example; dkim=pass header.d=nord.example; dmarc=pass", False),
        ("spf=fail; dkim=pass header.d=nord.example; dmarc=pass", False),
        ("spf=pass smtp.mailfrom=nord.example; dkim=pass header.d=nord.example; dmarc=fail", True),
        ("spf=fail smtp.mailfrom=relay.example; dkim=pass header.d=nord.example", False),
        ("spf=fail smtp.mailfrom=nord.example; dkim=pass header.d=evil.example", True),
        ("spf=pass smtp.mailfrom=nord.example; dkim=fail header.d=nord.example", False),
        ("dkim=fail header.d=nord.example", True),
        ("spf=softfail; dkim=none; dmarc=none", False),
    ],
)
def test_dmarc_decides_and_without_it_one_aligned_pass_is_enough(told: str, expected: bool) -> None:
    found = facts(mail(f"Authentication-Results: mx.acme.example; {told}"))
    assert senders.failed(found, sender="nord.example") is expected


def test_a_verdict_of_a_foreign_server_alone_is_flagged(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    """Field note 55: what is believed is only what one's own servers say."""
    forged = taken_in(acme, server, mapping, mail("Authentication-Results: evil.example; dmarc=pass"))
    with acme.work():
        assert forged.authentication["server"] == ""
        assert "verdict_foreign" in forged.flags
