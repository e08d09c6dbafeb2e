"""Supplier profiles: which are in force for a mail's sender, how a new version is kept, and how one is undone."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from audit import actions, trail
from connectors import senders
from connectors.models import Message
from extraction.models import Document, SupplierProfile
from zalion.tenancy.unit import unit

LEARN_TASK: Final = "extraction.learn_due"
# So many layouts of one sender are tried on a page, those taught last.
MAX_LAYOUTS: Final = 12
WITHHELD: Final = {
    "code": "profile_withheld",
    "field": None,
    "severity": "warning",
    "message": "The mail failed its sender's authentication: it was read without what was learned about this sender.",
}


class NotInForce(Exception):
    """The version is not the one in force: somebody undid it, or a newer one was learned."""


def in_force() -> "QuerySet[SupplierProfile]":
    """Of each layout the newest version that is not undone."""
    newer = SupplierProfile.objects.filter(
        layout=OuterRef("layout"), version__gt=OuterRef("version"), undone_at=None
    )
    return SupplierProfile.objects.filter(~Exists(newer), undone_at=None)


def of_sender(message: Message) -> Sequence[SupplierProfile]:
    """What is known of the layouts of this mail's sender."""
    if not message.sender_domain_token:
        return []
    found = in_force().filter(domain_token=message.sender_domain_token)
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
    message = document.message
    row = SupplierProfile(
        domain=message.sender_domain,
        domain_token=message.sender_domain_token,
        seller_name=document.seller_name,
        taught=taught,
        document=document,
    )
    with unit():
        if base is not None:
            # The layout's first version is its lock: two documents never teach it at once.
            versions = SupplierProfile.objects.select_for_update(no_key=True).filter(layout=base.layout)
            rows = list(versions.order_by("version").defer("taught"))
            current = [version for version in rows if version.undone_at is None]
            if not current or current[-1].pk != base.pk:
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
        row = in_force().filter(layout=layout, version=version).first()
        undone = row and SupplierProfile.objects.filter(pk=row.pk, undone_at=None).update(
            undone_at=timezone.now()
        )
        if row is None or not undone:
            raise NotInForce
        trail.record(actions.PROFILE_UNDONE, object=row, facts={"version": version})
    return in_force().filter(layout=layout).first()


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
