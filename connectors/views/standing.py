"""How mailboxes fare, in words: what the list, the overview and a mailbox's page say about them."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Least
from django.urls import reverse

from connectors import errors, ingest, scanner
from connectors.models import (
    Approval,
    ApprovalKind,
    FolderMapping,
    Listening,
    Mailbox,
    MailboxState,
    Message,
    MessageState,
    Reconciliation,
    SyncState,
)
from zalion.portal.site import Todo
from zalion.vault.errors import BlobNotStored, StoreFull

STORE = (StoreFull.code, BlobNotStored.code)
DEAF = ("idle_missing", "idle_refused")
PERSON_STATES = (MailboxState.NEEDS_ATTENTION, MailboxState.AWAITING_SIGN_OFF)


def mailboxes() -> "QuerySet[Mailbox]":
    """Mailboxes with what a list says of each: last success, next attempt, and mail accounted for."""
    counted = Message.objects.filter(mailbox=OuterRef("pk")).order_by().values("mailbox")
    return Mailbox.objects.annotate(
        last_success_at=Max("mappings__sync__last_success_at"),
        next_attempt_at=Min("mappings__sync__next_attempt_at"),
        on_server=Sum("mappings__sync__total"),
        accounted=Coalesce(Subquery(counted.annotate(n=Count("pk")).values("n")), 0),
        quarantined=Coalesce(
            Subquery(counted.filter(state=MessageState.QUARANTINED).annotate(n=Count("pk")).values("n")),
            0,
        ),
    ).order_by("name")


def rows(*, now: datetime) -> list[dict[str, Any]]:
    """What connectors/parts/mailbox_table.html shows, a row for each mailbox."""
    return [
        {"mailbox": mailbox, "late": is_late(mailbox, now=now), "advice": errors.advice(mailbox.error_code)}
        for mailbox in mailboxes()
    ]


def folders(mailbox: Mailbox) -> "QuerySet[FolderMapping]":
    """A mailbox's mapped folders with their sync, their completeness line, and what the ledger has of them.

    ``gone`` had left before they could be fetched. ``there`` are those of the ledger that were on the server at
    the last comparison, or came since.
    """
    left = Coalesce(F("reconciliation__left_server"), 0)
    gone = Q(messages__state=MessageState.SKIPPED, messages__reason=errors.MessageGone.default_code)
    gone &= ~Q(messages__identity__startswith=ingest.RETIRED)
    return (
        FolderMapping.objects.filter(mailbox=mailbox)
        .select_related("sync", "retention", "reconciliation")
        .prefetch_related("completeness")
        .annotate(
            accounted=Count("messages"), gone=Count("messages", filter=gone), sync_total=F("sync__total")
        )
        .annotate(there=Least(F("sync_total"), F("accounted") - left))
        .order_by("-kind", "name")
    )


def listening(mailbox: Mailbox, *, now: datetime) -> dict[str, Any]:
    """Whether somebody listens to ``mailbox`` now, or its server was found not to tell of new mail."""
    row = Listening.objects.filter(mailbox=mailbox).select_related("mapping").first()
    held = row is not None and row.since is not None and row.lease_until is not None and row.lease_until > now
    return {"row": row, "on": held, "deaf": row is not None and row.error_code in DEAF}


def offered(mailbox: Mailbox) -> list[dict[str, Any]]:
    """The folders of the last check that may be chosen.

    One that was renamed since it was signed is there under its new name, with the id that was signed: another
    that has its old name now is not offered, as it would be taken for it.
    """
    states = SyncState.objects.filter(mapping__mailbox=mailbox).exclude(renamed_to="")
    signed = dict(states.values_list("renamed_to", "mapping__folder"))
    listed = (mailbox.check_report or {}).get("folders", [])
    found = [folder for folder in listed if folder["selectable"] and folder["id"] not in signed.values()]
    return [{**folder, "id": signed.get(folder["id"], folder["id"])} for folder in found]


def unstored(mailbox: Mailbox) -> str:
    """The code by which our own store stopped the reading of ``mailbox``, empty where it did not."""
    states = SyncState.objects.filter(mapping__mailbox=mailbox, error_code__in=STORE)
    return states.values_list("error_code", flat=True).first() or ""


def unscanned(mailbox: Mailbox) -> int:
    """Messages of ``mailbox`` that wait for a virus scanner which does not answer."""
    return (
        Message.objects.filter(mailbox=mailbox).exclude(parse_due_at=None).count() if scanner.rests() else 0
    )


def historical(mailbox: Mailbox) -> int:
    """Messages of ``mailbox`` from before its start that were not looked into."""
    return Message.objects.filter(
        mailbox=mailbox, state=MessageState.SKIPPED, reason=ingest.HISTORICAL
    ).count()


def is_late(mailbox: Any, *, now: datetime) -> bool:
    """Whether a live mailbox has not been read for three of its intervals."""
    if mailbox.state != MailboxState.ACTIVE or mailbox.last_success_at is None:
        return False
    allowed = timedelta(minutes=3 * int(mailbox.polling_minutes))
    return bool(now - mailbox.last_success_at > allowed)


def waiting_for_person() -> int:
    return Mailbox.objects.filter(state__in=PERSON_STATES).count()


def stopped() -> list[Todo]:
    """Mailboxes that only a person can set going again."""
    return [
        Todo(
            f"{mailbox.name} has stopped", errors.advice(mailbox.error_code), _page_of(mailbox), "Look", "bad"
        )
        for mailbox in Mailbox.objects.filter(state=MailboxState.NEEDS_ATTENTION)
    ]


def to_sign(kind: ApprovalKind) -> list[Todo]:
    """Mailboxes that wait for the signature of ``kind``."""
    signed = Approval.objects.filter(mailbox=OuterRef("pk"), kind=kind, withdrawn_at=None)
    waiting = Mailbox.objects.filter(~Exists(signed), state=MailboxState.AWAITING_SIGN_OFF)
    words = f"Read what Zalion would touch, and sign for {'IT' if kind == ApprovalKind.IT else 'compliance'}."
    return [Todo(f"{box.name} waits for your signature", words, _page_of(box), "Sign") for box in waiting]


def in_set_up() -> list[Todo]:
    """Mailboxes that somebody began to set up; where there is none at all, the first."""
    begun = list(Mailbox.objects.filter(state__in=(MailboxState.CONFIGURED, MailboxState.TESTED)))
    if not begun and not Mailbox.objects.exists():
        needed = "Its address, a secret in your store, and the signatures of IT and compliance."
        return [Todo("Connect the first mailbox", needed, reverse("portal:mailbox-new"), "Connect")]
    words = "Its page says what comes next."
    return [Todo(f"{box.name} is not live yet", words, _page_of(box), "Go on") for box in begun]


def _page_of(mailbox: Mailbox) -> str:
    return reverse("portal:mailbox", args=[mailbox.pk])


def incomplete() -> list[Todo]:
    """Folders whose last comparison left mail on the server that the ledger does not have."""
    rows = Reconciliation.objects.filter(accounted__lt=F("on_server")).select_related("mapping__mailbox")
    return [
        Todo(
            f"{row.missing} of {row.mapping.name} could not be taken in",
            f"{row.mapping.mailbox.name}: on the server, and not in the ledger. It is tried again every night.",
            reverse("portal:mailbox", args=[row.mapping.mailbox_id]),
            "Look",
            "bad",
        )
        for row in rows
    ]


def quarantine() -> list[Todo]:
    held = Message.objects.filter(state=MessageState.QUARANTINED).count()
    if not held:
        return []
    url = f"{reverse('portal:mail')}?state={MessageState.QUARANTINED.value}"
    words = "1 message is" if held == 1 else f"{held} messages are"
    return [Todo(f"{words} in quarantine", "They could not be read; nothing of them is lost.", url, "Open")]
