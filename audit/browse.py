"""Looking into the trail: filters, a page of events, and the state of the chain's seal."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from audit import actions, checkpoints, trail, triggers
from audit.chain import chain_of, digest, head_is_ours
from audit.models import AuditEvent, ChainHead
from zalion.tenancy.context import WorkContext, current


def filtered(wanted: Mapping[str, Any]) -> QuerySet[AuditEvent]:
    """The events of the chain at work that fit a valid FilterForm, newest first."""
    found: QuerySet[AuditEvent] = AuditEvent.objects.order_by("-sequence")
    if actor := wanted.get("actor"):
        found = found.filter(Q(actor_id=actor) | Q(actor_kind=actor))
    if thing := wanted.get("object"):
        kind, _, key = thing.partition(":")
        found = (
            found.filter(object_kind=kind, object_id=key)
            if key
            else found.filter(Q(object_kind=kind) | Q(object_id=kind))
        )
    since: datetime | None = wanted.get("since")
    until: datetime | None = wanted.get("until")
    exact = {"action": "action", "outcome": "outcome", "story": "cid"}
    found = found.filter(**{column: wanted[name] for name, column in exact.items() if wanted.get(name)})
    if since:
        found = found.filter(timestamp__gte=since)
    if until:
        found = found.filter(timestamp__lte=until)
    return found


PAGE = 50


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events of one page, whether each one's hash fits, and the cursors of the pages after and before it."""

    rows: list[AuditEvent]
    fitting: frozenset[uuid.UUID]
    after: str
    before: str


def page(found: QuerySet[AuditEvent], asked: Mapping[str, str]) -> EventPage:
    """One page of ``found``, newest first; ``asked`` may hold a sequence as `after` or `before`.

    Shown events are on record before this returns.
    """
    backwards = "before" in asked and "after" not in asked
    cursor = asked.get("before" if backwards else "after", "")
    place = int(cursor) if cursor.isdecimal() and len(cursor) < 19 else None
    if place is not None:
        found = found.filter(**{"sequence__gt" if backwards else "sequence__lt": place})
    rows = list(found.order_by("sequence" if backwards else "-sequence")[: PAGE + 1])
    more, rows = len(rows) > PAGE, rows[:PAGE]
    if backwards:
        rows.reverse()
    viewed(rows)
    older, newer = (True, more) if backwards else (more, place is not None)
    return EventPage(
        rows,
        frozenset(event.pk for event in rows if fits(event)),
        str(rows[-1].sequence) if rows and older else "",
        str(rows[0].sequence) if rows and newer else "",
    )


def viewed(events: Sequence[AuditEvent]) -> None:
    """Put on record that ``events`` are about to be shown."""
    trail.record(actions.TRAIL_VIEWED, facts={"sequences": [event.sequence for event in events]})


def fits(event: AuditEvent) -> bool:
    """Whether an event's hash is that of its content; ask before its facts are read."""
    return digest(event) == event.hash


@dataclass(frozen=True, slots=True)
class SealState:
    """How the chain's end stands, from a quick look; ``manage.py audit verify`` walks all of it.

    ``problems`` is empty when the head and the last event fit each other and the triggers stand.
    """

    events: int
    hash: str
    problems: tuple[str, ...]
    signed_at: datetime | None
    signed_sequence: int | None


def seal_state() -> SealState:
    """The state of the chain at work."""
    context = current()
    tenant: uuid.UUID | None = context.tenant_id if isinstance(context, WorkContext) else None
    chain = chain_of(tenant)
    # The head first: events that others append meanwhile can only be behind it.
    head = ChainHead.objects.filter(chain=chain).first() or ChainHead(chain=chain)
    last = AuditEvent.objects.filter(sequence=head.sequence).first()
    signed = checkpoints.latest(chain)
    problems = [f"{words[:1].upper()}{words[1:]}." for words in triggers.missing()]
    if head.sequence and not head_is_ours(head):
        problems.append("The head of the chain was changed.")
    if head.sequence and (last is None or last.hash != head.hash or not fits(last)):
        problems.append("The last event does not fit the head of the chain.")
    if signed and signed.sequence > head.sequence:
        problems.append("Events that were signed are missing at the end.")
    return SealState(
        events=head.sequence,
        hash=head.hash,
        problems=tuple(problems),
        signed_at=datetime.fromisoformat(signed.time).astimezone(timezone.get_current_timezone())
        if signed
        else None,
        signed_sequence=signed.sequence if signed else None,
    )
