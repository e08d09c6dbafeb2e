"""A folder's filter: what it lets pass, how it is tried, and that it is part of what is approved."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.models import AuditEvent
from connectors import onboarding, parse, rules, sync
from connectors.models import FolderMapping, Mailbox, MailboxState, Message
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox
from zalion.vault.errors import BlobMissing

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
START = datetime(2026, 8, 1, tzinfo=UTC)


def mail(sender: str, subject: str, *, pdf: bool = False) -> bytes:
    head = (
        f"From: {sender}\r\nMessage-ID: <{subject}@x.example>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
    )
    if not pdf:
        return f"{head}\r\nHello\r\n".encode()
    return (
        (
            f'{head}Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nHello\r\n'
            '--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="a.bin"\r\n\r\n'
        ).encode()
        + PDF
        + b"\r\n--b--\r\n"
    )


def filled(**told: list[str]) -> rules.Filter:
    return rules.make(told)


@pytest.mark.parametrize(
    ("told", "domain", "refusal"),
    [
        ({}, "nord.example", ""),
        ({"senders_allowed": ["nord.example"]}, "nord.example", ""),
        ({"senders_allowed": ["nord.example"]}, "mail.nord.example", ""),
        ({"senders_allowed": ["nord.example"]}, "evilnord.example", "sender_not_allowed"),
        ({"senders_allowed": ["nord.example"]}, "", "sender_not_allowed"),
        ({"senders_denied": ["nord.example"]}, "nord.example", "sender_denied"),
        (
            {"senders_allowed": ["example"], "senders_denied": ["nord.example"]},
            "nord.example",
            "sender_denied",
        ),
        ({"attachment_types": ["pdf"]}, "nord.example", ""),
        ({"attachment_types": ["xml", "edi"]}, "nord.example", "attachment_missing"),
        ({"subject_words": ["auftrag", "order"]}, "nord.example", ""),
        ({"subject_words": ["rechnung"]}, "nord.example", "subject_word_missing"),
    ],
)
def test_each_rule_is_met_or_named(told: dict[str, list[str]], domain: str, refusal: str) -> None:
    found = filled(**told).refusal(domain=domain, subject="Your ORDER 4711", media_types=["application/pdf"])
    assert found == refusal


def test_a_filter_is_kept_in_one_spelling() -> None:
    made = filled(senders_allowed=[" Nord.Example ", "orders@nord.example", ""], subject_words=["Order  No"])
    assert made.kept() == {"senders_allowed": ["nord.example"], "subject_words": ["order no"]}
    assert rules.make(made.kept()) == made
    assert not filled(subject_words=[" "])


@pytest.mark.parametrize(
    "told",
    [
        {"senders_allowed": ["nord example"]},
        {"senders_denied": ["@"]},
        {"attachment_types": ["exe"]},
        {"subject_words": "order"},
        {"subject_words": [4711]},
        {"subject_words": ["x" * 300]},
        {"subject_words": [str(n) for n in range(201)]},
        {"colour": ["red"]},
    ],
)
def test_a_filter_that_cannot_be_is_refused_in_words(told: dict[str, object]) -> None:
    with pytest.raises(rules.FilterError, match=r"\w"):
        rules.make(told)


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox, server: MemoryMailbox) -> FolderMapping:
    """A folder with three mails that are read: an order with a PDF, a note, and a mail of somebody else."""
    for hours, raw in enumerate(
        (
            mail("orders@nord.example", "Order 1", pdf=True),
            mail("anna@nord.example", "Lunch"),
            mail("spam@sued.example", "Order 2", pdf=True),
        )
    ):
        server.deliver(raw, received_at=START + timedelta(hours=hours))
    with acme.work():
        found = FolderMapping.objects.select_related("mailbox").get(mailbox=mailbox)
        read(found)
        return found


def read(mapping: FolderMapping) -> None:
    sync.sync_folder(mapping.pk)
    parse.parse_messages(mapping.pk)


def test_a_dry_run_says_what_would_have_become_of_the_last_mails_and_changes_nothing(
    acme: Company, mapping: FolderMapping
) -> None:
    with acme.work():
        before = list(Message.objects.order_by("pk").values_list("pk", "state", "reason", "flags"))
        chosen = filled(senders_allowed=["nord.example"], attachment_types=["pdf"])
        trials = rules.dry_run(mapping, chosen, last=50)
        assert [(trial.message.subject, trial.refusal) for trial in trials] == [
            ("Order 2", "sender_not_allowed"),
            ("Lunch", "attachment_missing"),
            ("Order 1", ""),
        ]
        assert len(rules.dry_run(mapping, chosen, last=2)) == 2
        assert list(Message.objects.order_by("pk").values_list("pk", "state", "reason", "flags")) == before
        assert FolderMapping.objects.get(pk=mapping.pk).filter == {}


def test_a_filtered_mail_is_a_row_with_its_reason_and_its_rule_and_its_raw_mail_is_kept(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    from connectors import ingest
    from extraction.models import ExtractionRun

    with acme.work():
        FolderMapping.objects.filter(pk=mapping.pk).update(filter={"senders_denied": ["sued.example"]})
        runs = ExtractionRun.objects.count()
        server.deliver(mail("spam@sued.example", "Order 3"), received_at=START + timedelta(days=1))
        server.deliver(mail("orders@nord.example", "Order 4"), received_at=START + timedelta(days=1))
        read(mapping)
        filtered, passed = Message.objects.get(identity="1:4"), Message.objects.get(identity="1:5")
        assert (filtered.state, filtered.reason) == ("skipped", "filtered")
        assert "filter_sender_denied" in filtered.flags
        assert filtered.subject == "Order 3"
        assert (passed.state, passed.reason) == ("stored", "")
        assert ExtractionRun.objects.count() == runs + 1
        try:
            assert b"Order 3" in ingest.read_raw(filtered)
        except BlobMissing:
            pytest.fail("the raw mail is gone")


def test_the_filter_is_part_of_what_is_approved(acme: Company, mapping: FolderMapping) -> None:
    with acme.work(acme.ada):
        before = onboarding.configuration_hash(mapping.mailbox)
        onboarding.set_filter(mapping, chosen=filled(subject_words=["order"]))
        assert onboarding.configuration(mapping.mailbox)["filters"] == {"INBOX": {"subject_words": ["order"]}}
        assert onboarding.configuration_hash(mapping.mailbox) != before
        mailbox = Mailbox.objects.get()
        assert mailbox.state == MailboxState.TESTED
        actions = set(AuditEvent.objects.values_list("action", flat=True))
        assert {"configuration.changed", "mailbox.reopened"} <= actions


def test_taking_the_filter_away_again_leaves_the_earlier_signatures_valid(
    acme: Company, mapping: FolderMapping
) -> None:
    with acme.work(acme.ada):
        onboarding.set_filter(mapping, chosen=filled(subject_words=["order"]))
        onboarding.set_filter(mapping, chosen=rules.Filter())
        assert onboarding.is_approved(Mailbox.objects.get())
