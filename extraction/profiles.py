"""Supplier profiles: which are in force for a mail's sender, how a new version is kept, and how one is undone."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from audit import actions, trail
from connectors import senders
from connectors.models import Message
from extraction.models import Document, SupplierProfile
from zalion.tenancy.unit import unit
from zalion.vault.index import token

LEARN_TASK: Final = "extraction.learn_due"
# So many layouts of one sender are tried on a page, those taught last.
MAX_LAYOUTS: Final = 12
WITHHELD: Final = {
    "code": "profile_withheld",
    "field": None,
    "severity": "warning",
    "message": "The mail failed its sender's authentication: it was read without what was learned about this sender.",
}
_LINES: Final = Path(__file__).with_name("freemail.txt").read_text("utf-8").splitlines()
FREEMAIL: Final = frozenset(line for line in _LINES if line and not line.startswith("#"))


class NotInForce(Exception):
    """The version is not the one in force: somebody undid it, or a newer one was learned."""


def in_force() -> "QuerySet[SupplierProfile]":
    """Of each layout the newest version that is not undone."""
    newer = SupplierProfile.objects.filter(
        layout=OuterRef("layout"), version__gt=OuterRef("version"), undone_at=None
    )
    return SupplierProfile.objects.filter(~Exists(newer), undone_at=None)


def company_domain(message: Message) -> str | None:
    """The domain of a mail's sender, unless anybody may have an address there; None where it tells nothing."""
    domain = message.sender_domain
    return domain if domain and domain not in FREEMAIL else None


def sender_of(message: Message) -> tuple[str, str]:
    """By what a mail's sender is known, and its token: the domain, or the whole address where the domain is shared;
    both empty without an address."""
    domain = company_domain(message)
    if domain:
        return domain, message.sender_domain_token
    address = (message.sender_address or "").lower()
    return address, token("domain", address) if address else ""


def of_sender(message: Message) -> Sequence[SupplierProfile]:
    """What is known of the layouts of this mail's sender."""
    _, sender_token = sender_of(message)
    if not sender_token:
        return []
    found = in_force().filter(domain_token=sender_token)
    return list(found.order_by("-created_at")[:MAX_LAYOUTS])


def is_proven(message: Message) -> bool:
    """Whether nothing speaks against the sender, whatever the mailbox does with mail whose sender failed."""
    if not message.authentication or "verdict_foreign" in message.flags:
        return False
    return not senders.failed(message.authentication, sender=message.sender_domain)


def hints(found: Iterable[SupplierProfile]) -> list[dict[str, Any]]:
    """The profiles as extractors take them."""
    return [{"id": str(row.pk), "version": row.version, "taught": row.taught} for row in found]


def keep(
    document: Document, *, taught: dict[str, Any], base: SupplierProfile | None
) -> SupplierProfile | None:
    """A new version of ``base``, or the first of a new layout, taught by ``document``; None when ``base`` is not in
    force any more, so that it has to be learned anew."""
    sender, sender_token = sender_of(document.message)
    row = SupplierProfile(
        domain=sender,
        domain_token=sender_token,
        seller_name=document.seller_name,
        taught=taught,
        document=document,
    )
    with unit():
        if base is not None:
            rows = _held(base.layout)
            if _in_force(rows) != base:
                return None
            row.layout, row.version = base.layout, rows[-1].version + 1
        row.save()
        trail.record(
            actions.PROFILE_TAUGHT, object=row, facts={"version": row.version, "document": str(document.pk)}
        )
    return row


def undo(layout: UUID, *, version: int) -> SupplierProfile | None:
    """Take the version in force back: the one before it is in force again and returned, None when there is none.

    Raises NotInForce when ``version`` is not the one in force.
    """
    with unit():
        row = _in_force(_held(layout))
        if row is None or row.version != version:
            raise NotInForce
        SupplierProfile.objects.filter(pk=row.pk).update(undone_at=timezone.now())
        trail.record(actions.PROFILE_UNDONE, object=row, facts={"version": version})
    return in_force().filter(layout=layout).first()


def _held(layout: UUID) -> list[SupplierProfile]:
    """The layout's versions, oldest first. Until the unit ends nobody else adds or undoes one: documents never teach a
    layout at once, and nothing is added to what is being undone."""
    # The first version is the lock. The others are asked for once it is held, for those that came until then.
    SupplierProfile.objects.select_for_update(no_key=True).filter(layout=layout, version=1).first()
    return list(SupplierProfile.objects.filter(layout=layout).order_by("version").defer("taught"))


def _in_force(rows: Sequence[SupplierProfile]) -> SupplierProfile | None:
    return next((row for row in reversed(rows) if row.undone_at is None), None)


def versions(layout: UUID) -> list[SupplierProfile]:
    """Every version of a layout, newest first, and the look on record; empty when there is no such layout."""
    found = list(
        SupplierProfile.objects.filter(layout=layout).select_related("document").order_by("-version")
    )
    if found:
        record_view(found[0])
    return found


def record_view(row: SupplierProfile) -> None:
    trail.record(actions.PROFILE_VIEWED, object=row, facts={"version": row.version})


def latest() -> "QuerySet[SupplierProfile]":
    """Of each layout the newest version, undone or not."""
    newer = SupplierProfile.objects.filter(layout=OuterRef("layout"), version__gt=OuterRef("version"))
    return SupplierProfile.objects.filter(~Exists(newer))


def listed(found: Sequence[SupplierProfile]) -> None:
    """Record that these are about to be shown."""
    trail.record(actions.PROFILES_LISTED, facts={"ids": [str(row.pk) for row in found]})
