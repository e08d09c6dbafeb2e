"""One folder, one worker: SyncState claimed by compare-and-swap, with a lease and a fencing token."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from connectors.models import Mailbox, MappingKind, SyncState
from zalion.tenancy.unit import unit

LEASE = timedelta(minutes=5)


class ClaimLost(Exception):
    """Another worker has the folder; what this one was about to write is not written."""


@dataclass(frozen=True, slots=True)
class Claim:
    state: UUID
    fence: int
    cursor: str
    resync: datetime | None = None


def free(now: datetime, path: str = "") -> Q:
    """Folders that nobody holds; ``path`` leads to their SyncState ("mapping__sync__")."""
    return Q(**{f"{path}lease_until": None}) | Q(**{f"{path}lease_until__lte": now})


def claim(mapping_id: UUID, *, now: datetime) -> Claim:
    """Take the folder for five minutes; raises ClaimLost when somebody has it, or another one of its mailbox.

    One worker per mailbox: a server that hangs delays no other mailbox's mail, and none is pressed by many.
    """
    with unit():
        state = SyncState.objects.select_related("mapping").get(mapping_id=mapping_id)
        # Of two workers that come for two folders, one sees the other's claim.
        Mailbox.objects.select_for_update(no_key=True).get(pk=state.mapping.mailbox_id)
        of_mailbox = SyncState.objects.filter(mapping__mailbox=state.mapping.mailbox_id)
        if of_mailbox.filter(lease_until__gt=now).exists():
            raise ClaimLost
        taken = SyncState.objects.filter(free(now), pk=state.pk, fence=state.fence).update(
            fence=state.fence + 1, lease_until=now + LEASE, last_started_at=now, attempts=F("attempts") + 1
        )
    if not taken:
        raise ClaimLost
    return Claim(state.pk, state.fence + 1, state.cursor, state.resync_at)


def _write(claim: Claim, **values: Any) -> None:
    if not SyncState.objects.filter(pk=claim.state, fence=claim.fence).update(**values):
        raise ClaimLost


def hold(claim: Claim) -> None:
    """Renew the lease, inside the unit that is about to write; raises ClaimLost."""
    _write(claim, lease_until=timezone.now() + LEASE)


def advance(claim: Claim, *, cursor: str | None, seen: int, total: int | None) -> None:
    values: dict[str, Any] = {"seen": F("seen") + seen, "total": total}
    if cursor is not None:
        values["cursor"] = cursor
    _write(claim, **values)


def restart(claim: Claim, *, now: datetime) -> Claim:
    """Read the folder from its start, comparing what comes with what is stored, until its end was reached."""
    with unit():
        _write(claim, cursor="", seen=0, resync_at=now)
    return replace(claim, cursor="", resync=now)


def release(claim: Claim, *, next_attempt_at: datetime, error_code: str = "", now: datetime) -> None:
    """Give the folder back.

    What was asked for while it was held (sync.wake) comes before ``next_attempt_at``, but not before the end
    of a failure's wait. A claim that was lost in between is somebody else's and stays untouched.
    """
    values: dict[str, Any] = {
        "lease_until": None,
        "next_attempt_at": next_attempt_at,
        "error_code": error_code,
    }
    if not error_code:
        asked = Q(next_attempt_at__gt=F("last_started_at"), next_attempt_at__lte=now)
        values |= {"last_success_at": now, "attempts": 0}
        values["next_attempt_at"] = Case(When(asked, then="next_attempt_at"), default=Value(next_attempt_at))
    with unit():
        SyncState.objects.filter(pk=claim.state, fence=claim.fence).update(**values)


def next_due(mailbox_id: UUID, *, now: datetime) -> UUID | None:
    """The folder of a mailbox that has waited longest for its turn; the bell for it may have come too early."""
    states = SyncState.objects.filter(
        free(now),
        Q(mapping__mailbox__back_off_until=None) | Q(mapping__mailbox__back_off_until__lte=now),
        mapping__mailbox=mailbox_id,
        mapping__kind=MappingKind.FOLDER,
        next_attempt_at__lte=now,
    )
    return states.order_by("next_attempt_at").values_list("mapping_id", flat=True).first()
