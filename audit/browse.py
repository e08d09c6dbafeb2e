"""Looking into the trail: filters, a page of events, and the state of the chain's seal."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone

from audit import actions, checkpoints, trail, triggers
from audit.chain import chain_of, digest, head_is_ours
from audit.models import AuditEvent, ChainHead, Outcome
from zalion.tenancy.context import WorkContext, current


class FilterForm(forms.Form):
    """What the trail can be narrowed to; every field may be left empty."""

    actor = forms.CharField(required=False, max_length=64, label="Who (id, or user, token, task, command)")
    action = forms.ChoiceField(required=False, label="What")
    object = forms.CharField(required=False, max_length=125, label="To what (kind, id, or kind:id)")
    outcome = forms.ChoiceField(required=False, choices=[("", "Any"), *Outcome.choices])
    story = forms.CharField(required=False, max_length=64, label="Story (correlation id)")
    since = forms.DateTimeField(required=False, label="From")
    until = forms.DateTimeField(required=False, label="To")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("since", "until"):
            self.fields[name].widget = forms.DateTimeInput(attrs={"type": "datetime-local"})
        field = self.fields["action"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (declared above)
        field.choices = [("", "Anything"), *actions.choices()]


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
