"""A folder with mail of two months, compared with its ledger, and what the line says."""

from datetime import UTC, date, datetime

from audit.models import AuditEvent
from connectors import reconcile, sync
from connectors.models import (
    Completeness,
    FolderMapping,
    Mailbox,
    Reconciliation,
)
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox

JULY, AUGUST = datetime(2026, 7, 3, 9, tzinfo=UTC), datetime(2026, 8, 31, 23, 59, tzinfo=UTC)


def mail(number: int) -> bytes:
    head = f"From: s@nord.example\r\nMessage-ID: <{number}@nord.example>\r\nSubject: Order {number}"
    return f"{head}\r\n\r\nHello {number}\r\n".encode()


def compare(mapping: FolderMapping) -> Reconciliation:
    reconcile.reconcile_now(mapping.mailbox)
    reconcile.reconcile_folder(mapping.pk)
    return Reconciliation.objects.get(mapping=mapping)


def line(mapping: FolderMapping) -> list[tuple[date | None, int, int, int]]:
    rows = Completeness.objects.filter(mapping=mapping).order_by("month")
    return list(rows.values_list("month", "on_server", "accounted", "left_server"))


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))


def fill(acme: Company, mailbox: Mailbox, server: MemoryMailbox) -> FolderMapping:
    """A folder with three mails of July and two of August, all taken in."""
    for number in range(5):
        server.deliver(mail(number), received_at=JULY if number < 3 else AUGUST)
    with acme.work():
        found = FolderMapping.objects.select_related("mailbox").get(mailbox=mailbox)
        sync.sync_folder(found.pk)
        return found
