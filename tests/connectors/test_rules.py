"""A folder's filter: what it lets pass, how it is tried, and that it is part of what is approved."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from connectors import onboarding, parse, rules, sync
from connectors.models import FolderMapping, Mailbox, MailboxState, Message
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox
from zalion.tenancy import context, people, signin
from zalion.tenancy.models import Role, User
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


def test_taking_the_filter_away_again_does_not_bring_back_signatures_that_were_overtaken(
    acme: Company, mapping: FolderMapping
) -> None:
    with acme.work(acme.ada):
        onboarding.set_filter(mapping, chosen=filled(subject_words=["order"]))
        signed = onboarding.configuration_hash(mapping.mailbox)
        onboarding.set_filter(mapping, chosen=rules.Filter())
        assert onboarding.configuration_hash(mapping.mailbox) != signed
        assert not onboarding.is_approved(Mailbox.objects.get())


def signed_in(user: User) -> Client:
    client = Client()
    with context.system("tests"):
        link = signin.issue_link(user)
    client.post(reverse("signin-redeem", args=[link]))
    return client


def test_a_filter_is_kept_only_as_it_was_tried_and_the_look_is_on_record(
    acme: Company, mapping: FolderMapping
) -> None:
    ada = signed_in(acme.ada)
    address = reverse("portal:mailbox-filter", args=[mapping.mailbox.pk, mapping.pk])
    asked = {"senders_denied": "sued.example\n", "attachment_types": ["pdf"], "last": "50"}
    # Not tried yet, so it is tried instead of kept.
    page = ada.post(address, {**asked, "save": "", "tried": ""})
    assert page.status_code == 200
    assert "1 of the last 3 would pass" in page.content.decode()
    with acme.work():
        assert FolderMapping.objects.get(pk=mapping.pk).filter == {}
        listed = AuditEvent.objects.filter(action="messages.searched").first()
        assert listed is not None
        assert len(listed.facts["ids"]) == 3
    tried = page.context["tried"]
    # Changed since it was tried.
    assert (
        ada.post(address, {**asked, "senders_denied": "nord.example", "save": "", "tried": tried}).status_code
        == 200
    )
    assert ada.post(address, {**asked, "save": "", "tried": tried}).status_code == 302
    with acme.work():
        kept = FolderMapping.objects.get(pk=mapping.pk).filter
        assert kept == {"senders_denied": ["sued.example"], "attachment_types": ["pdf"]}
    shown = ada.get(reverse("portal:mailbox", args=[mapping.mailbox.pk])).content.decode()
    assert "senders denied sued.example" in shown
    assert (
        "sued.example"
        in ada.get(reverse("portal:mailbox-folders", args=[mapping.mailbox.pk])).content.decode()
    )


def test_who_may_not_read_mail_sees_no_subject_and_no_sender_in_a_dry_run(
    acme: Company, mapping: FolderMapping
) -> None:
    address = reverse("portal:mailbox-filter", args=[mapping.mailbox.pk, mapping.pk])
    page = signed_in(acme.ada).post(address, {"last": "50", "try": ""}).content.decode()
    assert "3 of the last 3 would pass" in page
    assert "Lunch" not in page
    assert "anna@nord.example" not in page
    with acme.work():
        people.grant_role(acme.ada, role=Role.OPERATOR)
    page = signed_in(acme.ada).post(address, {"last": "50", "try": ""}).content.decode()
    assert "Lunch" in page
    assert "anna@nord.example" in page


def test_a_filter_that_cannot_be_is_explained_on_the_page(acme: Company, mapping: FolderMapping) -> None:
    address = reverse("portal:mailbox-filter", args=[mapping.mailbox.pk, mapping.pk])
    page = signed_in(acme.ada).post(address, {"senders_allowed": "not a domain", "last": "50", "try": ""})
    assert "is no domain" in page.content.decode()


def test_the_message_page_says_why_a_filtered_mail_was_not_looked_into(
    acme: Company, mapping: FolderMapping, server: MemoryMailbox
) -> None:
    with acme.work():
        FolderMapping.objects.filter(pk=mapping.pk).update(filter={"senders_denied": ["sued.example"]})
        server.deliver(mail("spam@sued.example", "Order 3"), received_at=START + timedelta(days=1))
        read(mapping)
        filtered = Message.objects.get(identity="1:4")
    page = signed_in(acme.rui).get(reverse("portal:message", args=[filtered.pk])).content.decode()
    assert "filter does not let it pass" in page
    assert "Filter sender denied" in page
