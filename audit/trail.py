"""Puts what happens on record: in the unit that does it, or at once when nothing is written."""

from collections.abc import Iterable, Mapping
from typing import Any

from auditlog.models import AbstractLogEntry
from auditlog.registry import auditlog
from django.db.models import Model
from django.utils import timezone

from audit import actions
from audit.models import AuditEvent, Outcome
from zalion.tenancy import unit as units
from zalion.tenancy.context import Context, NoTenantError, WorkContext, current
from zalion.tenancy.unit import rows_written, unit

# An event names this many rows at most, and counts the rest: a page of mail is 200.
MOST_IDS = 500
_HIDDEN = "(not shown)"
_CHANGES = {
    AbstractLogEntry.Action.CREATE: actions.CONFIGURATION_CREATED,
    AbstractLogEntry.Action.UPDATE: actions.CONFIGURATION_CHANGED,
    AbstractLogEntry.Action.DELETE: actions.CONFIGURATION_DELETED,
}
_ROWS = {"create": actions.CONFIGURATION_CREATED, "update": actions.CONFIGURATION_CHANGED}


class ForeignTransactionError(RuntimeError):
    """An event was recorded inside a transaction that no unit opened, so it could be undone in silence."""


def record(
    action: str,
    *,
    object: Model | tuple[str, object] | None = None,  # noqa: A002  (what the event is about)
    facts: Mapping[str, Any] | None = None,
    outcome: str = Outcome.DONE,
    reason: str = "",
    scope: str = "",
) -> None:
    """Record that ``action`` (a code of audit.actions) happened to ``object``: a row, or its (kind, id).

    Inside a unit the event is committed with it, as its last statement; what was refused or failed is kept
    even when the unit is undone. Without a unit the event is committed before this returns: call it before
    content is released. The event goes to the chain of the context at work: the tenant's, or the system's.

    ``facts`` are sealed; ``reason`` is a code and ``scope`` the scope decision, both readable. ``outcome`` is
    done, refused or failed. Raises ForeignTransactionError inside a transaction that is no unit,
    NoTenantError without a context, ValueError for an action that has no sentence, and whatever the database
    raises: what cannot be recorded must not happen.
    """
    if action not in actions.SENTENCES:
        raise ValueError(f"{action} is no action of audit.actions.")
    context = current()
    if context is None:
        raise NoTenantError("Nobody is at work: events are recorded inside a WorkContext or a SystemContext.")
    event = _event(context, object)
    event.action, event.outcome, event.reason, event.scope = action, Outcome(outcome).value, reason, scope
    event.facts = dict(facts) if facts else None
    if units.in_foreign_transaction():
        raise ForeignTransactionError("Open a unit, or record before the transaction.")
    event.seal()
    if units.is_open():
        units.collect(event)
    else:
        with unit():
            units.collect(event)


def _event(context: Context, subject: Model | tuple[str, object] | None) -> AuditEvent:
    """An event of whoever is at work, about ``subject``."""
    kind, key = "", ""
    if isinstance(subject, Model):
        kind, key = subject._meta.model_name or "", str(subject.pk)
    elif subject is not None:
        kind, key = subject[0], str(subject[1])
    actor = context.actor
    return AuditEvent(
        tenant_id=context.tenant_id if isinstance(context, WorkContext) else None,
        timestamp=timezone.now(),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name or None,
        signed_in_by=actor.signed_in_by,
        source_address=actor.address or None,
        object_kind=kind,
        object_id=key,
        cid=context.correlation_id,
    )


def track(model: type[Model], *, masked: Iterable[str] = (), ignored: Iterable[str] = ()) -> None:
    """Record every change of ``model``'s rows as configuration; an app calls this from its ``ready``.

    Sealed fields and ``masked`` ones are named when they change but their values never appear; a change of
    nothing but ``ignored`` fields is no event. Deleting tracked rows and bulk_update need a unit, as Django wraps
    them in a transaction of its own.
    """
    sealed = [field.name for field in model._meta.concrete_fields if getattr(field, "sealed", False)]
    auditlog.register(
        model,
        exclude_fields=["id", "tenant", *ignored],
        mask_fields=[*sealed, *masked],
        mask_callable="audit.trail.hidden",
        m2m_fields={field.name for field in model._meta.many_to_many},
    )
    rows_written.connect(record_rows, sender=model, dispatch_uid=("audit", model._meta.label))


def hidden(value: str) -> str:
    """What a diff shows instead of a masked value: only whether there was one."""
    return "" if value in ("", "None") else _HIDDEN


def record_change(instance: Model, *, kind: int, changes: Mapping[str, Any]) -> None:
    """A row that django-auditlog saw change; ``kind`` is one of its actions, ``changes`` its diff."""
    if kind not in _CHANGES:
        return
    names = {field.name for field in (*instance._meta.concrete_fields, *instance._meta.many_to_many)}
    kept = {name: change for name, change in changes.items() if name in names}
    if kept or kind != AbstractLogEntry.Action.UPDATE:
        record(_CHANGES[kind], object=instance, facts={"changes": kept})


def record_rows(
    sender: type[Model], *, action: str, ids: Iterable[Any], fields: list[str], **signal: Any
) -> None:
    """Rows written in bulk, which django-auditlog does not see: one event that names them."""
    ignored = set(auditlog.get_model_fields(sender)["exclude_fields"])
    if fields and ignored.issuperset(fields):
        return
    keys = [str(key) for key in ids]
    facts = {"ids": keys[:MOST_IDS], "count": len(keys), "fields": fields}
    record(
        _ROWS[action], object=(sender._meta.model_name or "", keys[0] if len(keys) == 1 else ""), facts=facts
    )
