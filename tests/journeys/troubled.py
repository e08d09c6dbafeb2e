"""A mailbox with everything that can happen to one, so that its pages can be looked at."""

from datetime import datetime, timedelta

from django.utils import timezone

from connectors import onboarding, parse, reconcile, sync
from connectors.models import Approval, FolderMapping, Mailbox, Message, Reconciliation, SyncState
from tests.cast import Company, make_mailbox
from tests.contracts.memory import MemoryMailbox
from zalion.tenancy.unit import unit

FOLDERS = ("INBOX", "Confirmations", "Invoices", "Shipping", "Quotes", "Returns", "Suppliers/North")
FORGED = (
    "Authentication-Results: mx.acme.example; spf=fail; dkim=none; dmarc=fail header.from=nord.example\r\n"
)


def mail(number: int, head: str = "") -> bytes:
    people = "From: Nora Lund <sales@nord.example>\r\nTo: orders@acme.example\r\n"
    return f"{head}{people}Subject: About parcel {number}\r\n\r\nIt is on its way.\r\n".encode()


def fill(company: Company, when: datetime) -> None:
    server = MemoryMailbox()
    for folder in FOLDERS[1:]:
        server.deliver(mail(len(folder)), folder=folder, received_at=when + timedelta(minutes=1))
    mailbox = make_mailbox(company, server, folders=FOLDERS, name="Purchasing")
    with company.work():
        trust = {"trusted_authserv_ids": ["mx.acme.example"], "failed_senders": "quarantine"}
        Mailbox.objects.filter(pk=mailbox.pk).update(**trust, taken_from=when)
        server.deliver(mail(1), received_at=when - timedelta(seconds=1))
        for number, raw in enumerate((mail(2), mail(3, FORGED), mail(4), b""), start=2):
            server.deliver(raw, received_at=when + timedelta(minutes=number))
        mappings = list(FolderMapping.objects.filter(mailbox=mailbox))
        for mapping in mappings:
            sync.sync_folder(mapping.pk)
            parse.parse_messages(mapping.pk)
        server.remove("INBOX", 1)
        reconcile.reconcile_now(mailbox)
        for mapping in mappings:
            reconcile.reconcile_folder(mapping.pk)
        hold(mailbox)
        mark(timezone.now())


def hold(mailbox: Mailbox) -> None:
    """Let it be signed as it is now, and no worker change what is to be looked at."""
    Approval.objects.filter(mailbox=mailbox).update(
        configuration=onboarding.configuration_hash(Mailbox.objects.get(pk=mailbox.pk)), withdrawn_at=None
    )
    SyncState.objects.filter(mapping__mailbox=mailbox).update(lease_until=timezone.now() + timedelta(days=1))


def mark(now: datetime) -> None:
    """What takes a day, a slow server or thousands of mails to happen, as the flows would have left it."""

    def state(folder: str, **values: object) -> None:
        SyncState.objects.filter(mapping__mailbox__name="Purchasing", mapping__folder=folder).update(**values)

    def line(folder: str, **values: object) -> None:
        rows = Reconciliation.objects.filter(mapping__mailbox__name="Purchasing", mapping__folder=folder)
        rows.update(**values)

    with unit():
        state(
            "Confirmations", renamed_to="Confirmations 2026", renamed_name="Purchasing / Confirmations 2026"
        )
        state("Invoices", error_code="folder_deleted", attempts=3, next_attempt_at=now + timedelta(hours=2))
        state("Shipping", error_code="numbering_unstable", resets=4, reset_at=now - timedelta(hours=1))
        state("Quotes", total=4812, seen=1, last_success_at=None)
        Reconciliation.objects.filter(mapping__folder="Quotes").delete()
        line("Returns", incident_at=now - timedelta(hours=3), incident_missing=17, on_server=18)
        state("Returns", total=18)
        line("Suppliers/North", incident_at=now - timedelta(hours=8), incident_missing=2)
        state("Suppliers/North", resync_at=now - timedelta(minutes=4))
        assert Message.objects.filter(mailbox__name="Purchasing", reason="historical").exists()
