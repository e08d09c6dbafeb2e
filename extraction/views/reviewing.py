"""The review queue, and the page on which a person checks one document against its source."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html

from connectors.models import Message
from extraction import outcomes, pages, pipeline, places, review
from extraction.forms import Sheet, changes_of, doc_types, label_of, still_typed
from extraction.models import Document, DocumentState, Review
from zalion.portal import site
from zalion.portal.paging import cut
from zalion.sandbox import SandboxError
from zalion.tenancy import roles
from zalion.tenancy.models import User
from zalion.vault.errors import VaultError

WAITING: Final = "waiting"
TABS: Final = (
    (WAITING, "Waiting"),
    (DocumentState.APPROVED.value, "Approved"),
    (DocumentState.REJECTED.value, "Rejected"),
    (DocumentState.HANDED_OVER.value, "Handed over"),
    ("all", "All"),
)
LOW_CONFIDENCE: Final = 0.8


def queue(request: HttpRequest) -> HttpResponse:
    """Documents by state, oldest first where they wait; searched across every state."""
    words = request.GET.get("q", "").strip()[:200]
    tab = request.GET.get("show", "all" if words else WAITING)
    found = review.search(words).select_related("message")
    if tab == WAITING:
        found = found & review.waiting()
    elif tab in DocumentState.values:
        found = found.filter(state=tab)
    page = cut(found, by="created_at", asked=request.GET, newest_first=tab != WAITING)
    review.listed(page.rows)
    rows = [
        {"document": row, "serious": sum(f["severity"] != "info" for f in row.current.get("findings", []))}
        for row in page.rows
    ]
    return site.render(
        request,
        "extraction/queue.html",
        title="Review",
        current="review",
        page=page,
        rows=rows,
        words=words,
        tab=tab,
        tabs=TABS,
        low=LOW_CONFIDENCE,
    )


def document(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = _document(key)
    if roles.allows(request.user, roles.REVIEW_DOCUMENTS):
        review.open_document(shown)
    else:
        review.record_view(shown)
    return _show(request, shown)


def page_image(request: HttpRequest, key: UUID, page: int) -> HttpResponse:
    try:
        content = pages.page_image(_document(key), page=page)
    except (SandboxError, VaultError) as error:
        raise Http404 from error
    return HttpResponse(content, content_type="image/png", headers={"Cache-Control": "private, no-store"})


def decide(request: HttpRequest, key: UUID) -> HttpResponse:
    """Save, approve, reject or reopen, as the button pressed says; what was typed is saved before an approval."""
    shown = _document(key)
    act = request.POST.get("act", "")
    posted = request.POST.dict(), request.POST.getlist("drop")
    changes = changes_of(*posted, shown.current)
    try:
        version = int(request.POST.get("version", ""))
        _carry_out(shown, act, changes=changes, reason=request.POST.get("reason", ""), version=version)
    except review.InvalidCorrection as error:
        review.record_view(shown)
        return _show(request, shown, typed=changes, errors=error.errors, status=422)
    except review.Conflict:
        fresh = _document(key)
        review.record_view(fresh)
        meanwhile = list(Review.objects.filter(document=fresh, version__gt=version).order_by("version"))
        mine = still_typed(changes_of(*posted, fresh.current), [act.fields for act in meanwhile])
        return _show(request, fresh, typed=mine, meanwhile=meanwhile, status=409)
    except (review.NotAllowed, ValueError) as error:
        messages.error(
            request, str(error) if isinstance(error, review.NotAllowed) else "That was not understood."
        )
        return HttpResponseRedirect(reverse("portal:document", args=[key]))
    messages.success(request, _done(shown, act))
    following = review.next_document(shown) if act in {"approve", "reject"} else shown
    if following is None:
        return HttpResponseRedirect(reverse("portal:review"))
    return HttpResponseRedirect(reverse("portal:document", args=[following.pk]))


def _serious(shown: Document) -> set[tuple[str, str]]:
    found = shown.current.get("findings", [])
    return {(f.get("field") or "", f["message"]) for f in found if f["severity"] != "info"}


def _done(shown: Document, act: str) -> str:
    """What was done; after a decision, which opens another document, with the way back."""
    if act in {"approve", "reject"}:
        words = "Approved." if act == "approve" else "Rejected."
        return format_html(
            '{} <a href="{}">Back to it</a>', words, reverse("portal:document", args=[shown.pk])
        )
    return "Saved." if act == "save" else "Reopened."


def _carry_out(shown: Document, act: str, *, changes: Mapping[str, Any], reason: str, version: int) -> None:
    if act == "save":
        review.correct(shown, changes=changes, version=version)
    elif act == "approve":
        if changes:
            known = _serious(shown)
            shown = review.correct(shown, changes=changes, version=version)
            version = shown.version
            if _serious(shown) - known:
                raise review.NotAllowed("Saved and not approved: see what your correction brought up.")
        review.approve(shown, version=version)
    elif act == "reject":
        review.reject(shown, reason=reason, version=version)
    elif act == "reopen":
        review.reopen(shown, version=version, reason=reason)
    else:
        raise ValueError(act)


def extract_again(request: HttpRequest, key: UUID) -> HttpResponse:
    found = get_object_or_404(Message, pk=key)
    try:
        pipeline.rerun(found)
    except ValueError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The mail is read again; new documents appear in a moment.")
    return HttpResponseRedirect(reverse("portal:message", args=[key]))


def _show(
    request: HttpRequest,
    shown: Document,
    *,
    typed: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    meanwhile: list[Review] | None = None,
    status: int = 200,
) -> HttpResponse:
    sheet = Sheet(shown.current, shown.machine, typed or {}, errors or {})
    source = _source(shown)
    following = review.next_document(shown)
    return site.render(
        request,
        "extraction/document.html",
        title=shown.number or "Document without a number",
        current="review",
        status=status,
        document=shown,
        sheet=sheet,
        source=source,
        following=following,
        waiting=review.waiting().count(),
        editable=shown.state in review.OPEN and roles.allows(request.user, roles.REVIEW_DOCUMENTS),
        doc_types=doc_types(),
        errors=errors or {},
        meanwhile=[(act, _labelled(act)) for act in meanwhile or ()],
        history=_history(shown),
        model=outcomes.of_model(shown.run, path=shown.source_path),
        newer=review.has_newer_reading(shown),
        low=LOW_CONFIDENCE,
    )


def _source(shown: Document) -> dict[str, Any]:
    """What the document was read from: pages with the places of its evidence, or text cut at them."""
    evidence = shown.current.get("evidence", {})
    try:
        sizes = pages.page_sizes(shown)
        if not sizes:
            return {"pieces": places.pieces(pages.source_text(shown), evidence)}
    except (SandboxError, VaultError):
        return {"broken": True}
    boxes: dict[int, list[dict[str, Any]]] = {}
    for path, place in evidence.items():
        if place.get("box"):
            x0, y0, x1, y1 = place["box"]
            box = {"path": path, "x": x0 - 1.5, "y": y0 - 1.5, "width": x1 - x0 + 3, "height": y1 - y0 + 3}
            boxes.setdefault(place.get("page") or 1, []).append(box)
    return {
        "pages": [
            {"number": number, "width": width, "height": height, "boxes": boxes.get(number, [])}
            for number, (width, height) in enumerate(sizes, start=1)
        ]
    }


def _history(shown: Document) -> list[dict[str, Any]]:
    """What people did to the document, newest first, with their names."""
    acts = list(Review.objects.filter(document=shown).order_by("-version"))
    ids = {act.actor_id for act in acts if act.actor_kind == "user"}
    names = {str(person.pk): person.name for person in User.objects.filter(pk__in=ids)}
    return [
        {"act": act, "who": names.get(act.actor_id, act.actor_kind), "changes": _labelled(act)}
        for act in acts
    ]


def _labelled(act: Review) -> list[tuple[str, Any]]:
    """What an act changed, each field by its name on the page."""
    return [(label_of(path), change) for path, change in act.fields.items()]


def _document(key: UUID) -> Document:
    found: Document = get_object_or_404(Document.objects.select_related("message__mailbox", "run"), pk=key)
    return found
