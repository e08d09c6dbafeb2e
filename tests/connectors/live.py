"""A mailbox on a real IMAP server, set up and signed as people do it, and what is looked at afterwards."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent, RetentionPolicy
from connectors import onboarding, reconcile, sync
from connectors.models import FolderMapping, Mailbox, Message, Reconciliation
from tests.cast import Company
from zalion.tenancy import context, signin
from zalion.tenancy.unit import unit
from zalion.vault import secrets

WHEN = datetime(2026, 7, 3, 9, tzinfo=UTC)


def mail(number: int, size: int = 0) -> bytes:
    head = f"From: s@nord.example\r\nMessage-ID: <{number}@nord.example>\r\nSubject: Order {number}"
    return f"{head}\r\n\r\nHello {number}\r\n{'x' * 70}\r\n".encode() + b"y" * size


@dataclass
class Live:
    """Everything here is called inside ``with company.work()``, but ``page``, which is asked for as Ada."""

    company: Company
    mailbox: Mailbox

    def mapping(self, name: str = "INBOX") -> FolderMapping:
        return FolderMapping.objects.select_related("mailbox", "sync").get(mailbox=self.mailbox, name=name)

    def read(self, name: str = "INBOX") -> None:
        """Sync the folder now, whatever the back-off says."""
        Mailbox.objects.filter(pk=self.mailbox.pk).update(back_off_until=None)
        sync.sync_folder(self.mapping(name).pk)
        self.mailbox.refresh_from_db()

    def line(self, name: str = "INBOX") -> tuple[int, int, int]:
        """One comparison: on the server, accounted for, left the server."""
        Mailbox.objects.filter(pk=self.mailbox.pk).update(back_off_until=None)
        reconcile.reconcile_now(self.mailbox)
        reconcile.reconcile_folder(self.mapping(name).pk)
        row = Reconciliation.objects.get(mapping=self.mapping(name))
        assert (row.error_code, row.due_at > timezone.now()) == ("", True)
        return row.on_server, row.accounted, row.left_server

    def rows(self, name: str = "INBOX") -> int:
        return Message.objects.filter(mapping=self.mapping(name)).count()

    def told(self, action: str) -> list[AuditEvent]:
        """The events of this action, each with its sentence and about this mailbox."""
        found = list(AuditEvent.objects.filter(action=action).order_by("sequence"))
        assert {event.object_id for event in found} <= {str(self.mailbox.pk)}
        return found

    def page(self) -> str:
        client = Client()
        with context.system("tests"):
            link = signin.issue_link(self.company.ada)
        client.post(reverse("signin-redeem", args=[link]))
        found = client.get(reverse("portal:mailbox", args=[self.mailbox.pk]))
        return found.content.decode()


def provision(user: str, password: str, *, host: str = "localhost", port: int) -> None:
    """Put the secret under the reference that the mailbox has."""
    secrets.put("orders", password, secrets.SecretPurpose("acme", "imap", host, port, user))


def sign(company: Company, mailbox: Mailbox) -> None:
    """Ask for sign-off, and have both sides give it."""
    with company.work(company.ada):
        mailbox.refresh_from_db()
        onboarding.request_sign_off(mailbox)
        onboarding.approve(mailbox, user=company.ada, kind="it")
    with company.work(company.cleo):
        onboarding.approve(mailbox, user=company.cleo, kind="compliance")
        mailbox.refresh_from_db()


def make(
    company: Company,
    *,
    port: int,
    ca_pem: str,
    user: str,
    password: str,
    folders: tuple[str, ...] = ("INBOX",),
) -> Live:
    """A live mailbox on the server at ``port`` of this machine."""
    provision(user, password, port=port)
    with company.work(company.ada):
        policy = RetentionPolicy(name="Standard")
        with unit():
            policy.save()
        mailbox = onboarding.create_mailbox(
            "Orders",
            address="orders@acme.example",
            provider="imap",
            options=options(port=port, ca_pem=ca_pem, user=user),
            reference="file:orders",
            retention=policy,
        )
        onboarding.check_mailbox(mailbox.pk)
        mailbox.refresh_from_db()
        assert onboarding.check_passed(mailbox), mailbox.check_report
        onboarding.map_folders(mailbox, folders=list(folders))
        onboarding.grant_scopes(mailbox, grants=[(folder, "read") for folder in folders])
    sign(company, mailbox)
    return Live(company, mailbox)


def options(*, port: int, ca_pem: str, user: str) -> dict[str, object]:
    return {"host": "localhost", "port": port, "user": user, "security": "tls", "ca_pem": ca_pem}
