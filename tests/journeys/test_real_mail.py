"""The whole line on real mail: two hundred mails and twenty documents from Dovecot to the review list."""

import json
import mimetypes
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest

from audit.models import AuditEvent
from connectors import sync
from connectors.models import FolderMapping, Mailbox, Message
from extraction.models import Document
from tests import invariants
from tests.background import run_waiting
from tests.cast import Company
from tests.journeys.installation import connect_imap
from tests.servers.dovecot import DovecotServer


@dataclass(frozen=True)
class Paper:
    """A supplier's document with what it says, attached to a mail of ours."""

    path: Path
    kind: str
    number: str | None

    def mail(self, position: int) -> bytes:
        message = EmailMessage(policy=SMTP)
        message["From"] = f"Vertrieb <vertrieb@supplier-{position}.example>"
        message["To"] = "orders@acme.example"
        message["Subject"] = f"Unser Beleg {position}"
        message["Date"] = "Fri, 20 Nov 2026 09:00:00 +0100"
        message["Message-ID"] = f"<paper-{position}@supplier-{position}.example>"
        message.set_content("Guten Tag,\n\nanbei unser Beleg.\n\nMit freundlichen Grüßen\n")
        kind = mimetypes.guess_type(self.path.name)[0] or "application/octet-stream"
        main, _, sub = kind.partition("/")
        content = self.path.read_bytes()
        message.add_attachment(content, maintype=main, subtype=sub, filename=self.path.name)
        return message.as_bytes()


def spread(found: list[Any], count: int) -> list[Any]:
    """``count`` of ``found``, evenly from first to last, so that every source has its share."""
    assert len(found) >= count
    return [found[position * len(found) // count] for position in range(count)]


@pytest.fixture(scope="session")
def real_mails(shared: Path) -> list[bytes]:
    listed = json.loads((shared / "data" / "mime" / "manifest.json").read_text())["messages"]
    paths = [shared / "data" / "mime" / entry["path"] for entry in listed]
    return [path.read_bytes() for path in spread(paths, 210)]


@pytest.fixture(scope="session")
def papers(shared: Path) -> list[Paper]:
    folder = shared / "data" / "documents"
    listed = json.loads((folder / "manifest.json").read_text())
    chosen = [
        entry
        for kind, count in (("xml-ubl", 10), ("pdf-text", 7), ("pdf-hybrid", 3))
        for entry in spread([entry for entry in listed if entry["kind"] == kind], count)
    ]
    return [
        Paper(
            folder / entry["path"],
            entry["kind"],
            json.loads((folder / entry["truth"]).read_text()).get("number"),
        )
        for entry in chosen
    ]


@pytest.mark.django_db
@pytest.mark.database
def test_real_mail_comes_in_whole_once_and_the_mailbox_stays_as_it_was(
    acme: Company, dovecot: DovecotServer, real_mails: list[bytes], papers: list[Paper]
) -> None:
    user, password = dovecot.add_user()

    def deliver(mails: list[bytes]) -> None:
        for raw in mails:
            dovecot.deliver(user, "INBOX", raw)

    def truth() -> dict[str, str]:
        return invariants.on_server(dovecot.port, user, password, ca_pem=dovecot.authority.pem)

    deliver(real_mails[:200])
    deliver([paper.mail(position) for position, paper in enumerate(papers)])
    before = dovecot.snapshot(user)
    on_server = truth()
    assert len(before) == len(on_server) == 220

    mailbox = connect_imap(
        acme,
        host="localhost",
        port=dovecot.port,
        user=user,
        password=password,
        ca_pem=dovecot.authority.pem,
    )
    run_waiting()
    with acme.work():
        mapping = FolderMapping.objects.get(mailbox=mailbox)
        assert Message.objects.count() == 220
        assert list(invariants.at_rest(mapping, on_server)) == []
        print("220 mails ended as", invariants.outcomes())
        check_papers(papers)
    assert dovecot.snapshot(user) == before

    assert taken_by_another_run(acme, mailbox) == []

    deliver(real_mails[200:])
    with_ten = dovecot.snapshot(user)
    new = truth().keys() - on_server.keys()
    assert len(new) == 10
    assert sorted(taken_by_another_run(acme, mailbox)) == sorted(new)
    with acme.work():
        assert list(invariants.at_rest(mapping, truth())) == []
    assert before.items() <= with_ten.items()
    assert dovecot.snapshot(user) == with_ten


def check_papers(papers: list[Paper]) -> None:
    """Each paper of ours is a document; those with structure have their number."""
    mails = {message.subject: message for message in Message.objects.all()}
    for position, paper in enumerate(papers):
        documents = list(Document.objects.filter(message=mails[f"Unser Beleg {position}"]))
        assert documents, f"{paper.path.name} ({paper.kind}) became no document"
        if paper.kind == "xml-ubl":
            assert [document.number for document in documents] == [paper.number], paper.path.name


def taken_by_another_run(acme: Company, mailbox: Mailbox) -> list[str]:
    """What "Sync now" fetches, by the trail, which is written before the server is asked."""
    with acme.work(acme.ada):
        earlier = AuditEvent.objects.filter(action="message.fetched").count()
        sync.sync_now(mailbox)
    run_waiting()
    with acme.work():
        fetched = AuditEvent.objects.filter(action="message.fetched").order_by("sequence")[earlier:]
        return [identity for event in fetched for identity in event.facts["ids"]]
