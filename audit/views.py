"""The trail's pages: the events with their seal, and one event with its facts."""

import json
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from audit import browse
from audit.forms import FilterForm
from audit.models import AuditEvent
from zalion.portal import site
from zalion.portal.site import Todo


def trail(request: HttpRequest) -> HttpResponse:
    form = FilterForm(request.GET)
    fits = form.is_valid()
    wanted = form.cleaned_data
    found = browse.filtered(wanted)
    return site.render(
        request,
        "audit/trail.html",
        title="Audit",
        current="audit",
        form=form,
        narrowed=any(wanted.values()),
        story=wanted.get("story", ""),
        page=browse.page(found if fits else found.none(), request.GET),
        seal=browse.seal_state(),
    )


def event(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = get_object_or_404(AuditEvent.objects.all(), pk=key)
    browse.viewed([shown])
    fits = browse.fits(shown)
    facts = dict(shown.facts) if isinstance(shown.facts, dict) else {}
    changes = facts.pop("changes", {})
    return site.render(
        request,
        "audit/event.html",
        title=f"Event {shown.sequence:,}",
        current="audit",
        crumbs=[("Audit", reverse("portal:trail"))],
        event=shown,
        fits=fits,
        changes=[(name, _pair(change)) for name, change in sorted(changes.items())],
        facts=[(name, _shown(value)) for name, value in sorted(facts.items())],
    )


def _pair(change: Any) -> tuple[str, str]:
    """Before and after of one field; of a relation to many, what was done and to which rows."""
    if isinstance(change, list) and len(change) == 2:
        return _shown(change[0]), _shown(change[1])
    return "", _shown(change)


def _shown(value: Any) -> str:
    if value is None or value == "None":
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def seal(request: HttpRequest) -> dict[str, Any]:
    return {"seal": browse.seal_state()}


def todos() -> list[Todo]:
    """A broken seal needs a person at once."""
    state = browse.seal_state()
    if not state.problems:
        return []
    return [
        Todo(
            "The trail does not fit its seal",
            state.problems[0],
            reverse("portal:trail"),
            "Look",
            tone="bad",
        )
    ]
