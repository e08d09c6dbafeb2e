"""What the trail listens to: units that close, people who come and go, doors that refuse."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_migrate
from django.http import HttpRequest

from audit import actions, chain, trail, triggers
from audit.models import AuditEvent, Outcome
from zalion import tasks
from zalion.tenancy import context, roles, signin
from zalion.tenancy.middleware import SESSION_METHOD, tenants_of
from zalion.tenancy.models import User
from zalion.tenancy.unit import in_foreign_transaction, unit, unit_closing, unit_undone


def append_collected(sender: None, events: Sequence[AuditEvent], **signal: Any) -> None:
    """The last act of a unit: its events, as one batch."""
    chain.append(events)


def keep_refusals(sender: None, events: Sequence[AuditEvent], **signal: Any) -> None:
    """What was refused or failed happened all the same, although its unit was undone."""
    kept = [event for event in events if event.outcome != Outcome.DONE]
    if kept and not in_foreign_transaction():
        with unit():
            chain.append(kept)


def signed_in(sender: Any, request: HttpRequest, user: User, **signal: Any) -> None:
    with _session_context(request, user):
        trail.record(actions.SIGNIN_SUCCEEDED, object=user)


def signed_out(sender: Any, request: HttpRequest, user: User | None, **signal: Any) -> None:
    if isinstance(user, User):
        with _session_context(request, user):
            trail.record(actions.SIGNED_OUT, object=user)


@contextmanager
def _session_context(request: HttpRequest, user: User) -> Iterator[None]:
    """The tenant whose people see this sign-in: the one the session works in first, or the system's chain."""
    if isinstance(context.current(), context.WorkContext):
        yield
        return
    tenants = tenants_of(user)
    method = request.session.get(SESSION_METHOD) or "link"  # the view notes it after signing in
    actor = context.Actor("user", str(user.pk), user.username, method, request.META.get("REMOTE_ADDR", ""))
    if tenants:
        with context.work(tenants[0].pk, actor):
            yield
    else:
        with context.system("sign-in", actor):
            yield


def access_refused(sender: Any, permission: str, reason: str, **signal: Any) -> None:
    action = actions.SIGNIN_REFUSED if permission == "signin" else actions.ACCESS_REFUSED
    trail.record(action, facts={"permission": permission}, outcome=Outcome.REFUSED, reason=reason)


def link_issued(sender: Any, user: User, **signal: Any) -> None:
    """On the chain where the person's sign-in will be: whoever makes a link can be them."""
    tenants, at_work = tenants_of(user), context.current()
    if tenants and isinstance(at_work, context.SystemContext):
        with context.work(tenants[0].pk, at_work.actor, at_work.correlation_id):
            trail.record(actions.SIGNIN_LINK_ISSUED, object=user)
    else:
        trail.record(actions.SIGNIN_LINK_ISSUED, object=user)


def tenant_switched(sender: Any, tenant_id: uuid.UUID | str, **signal: Any) -> None:
    """On both chains: the tenant that somebody goes over to sees who came, too."""
    trail.record(actions.TENANT_SWITCHED, object=("tenant", tenant_id))
    here, there = context.work_context(), uuid.UUID(str(tenant_id))
    if there != here.tenant_id:
        with context.work(there, here.actor, here.correlation_id):
            trail.record(actions.TENANT_SWITCHED, object=("tenant", tenant_id))


def stranger_refused(sender: None, reason: str, place: str, digest: str, **signal: Any) -> None:
    """Somebody put work into the queue that no registered task is: it was deleted, never run."""
    facts = {"place": place, "digest": digest}
    trail.record(actions.TASK_REFUSED, facts=facts, outcome=Outcome.REFUSED, reason=reason)


def connect() -> None:
    unit_closing.connect(append_collected, dispatch_uid="audit")
    unit_undone.connect(keep_refusals, dispatch_uid="audit")
    user_logged_in.connect(signed_in, dispatch_uid="audit")
    user_logged_out.connect(signed_out, dispatch_uid="audit")
    roles.access_refused.connect(access_refused, dispatch_uid="audit")
    roles.tenant_switched.connect(tenant_switched, dispatch_uid="audit")
    signin.link_issued.connect(link_issued, dispatch_uid="audit")
    tasks.stranger_refused.connect(stranger_refused, dispatch_uid="audit")
    post_migrate.connect(triggers.install, sender=apps.get_app_config("audit"), dispatch_uid="audit")
