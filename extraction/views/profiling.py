"""What corrections taught about each supplier's layouts, where it came from, and the button that takes it back."""

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from extraction import profiles, review
from extraction.lessons import lessons, new_in
from extraction.models import Document
from zalion.portal import site
from zalion.portal.paging import cut

LAST: Final = 10  # documents shown that were read with a profile


def taught(request: HttpRequest) -> HttpResponse:
    """Each layout once, those taught last on top."""
    page = cut(profiles.latest().select_related("document"), by="created_at", asked=request.GET)
    profiles.listed(page.rows)
    review.listed([row.document for row in page.rows if row.document])
    current = {
        row.layout: row for row in profiles.in_force().filter(layout__in=[row.layout for row in page.rows])
    }
    rows = [
        {
            "newest": row,
            "current": current.get(row.layout),
            "count": len(lessons((current.get(row.layout) or row).taught)),
        }
        for row in page.rows
    ]
    return site.render(
        request,
        "extraction/profiles.html",
        title="Learned from corrections",
        current="review",
        page=page,
        rows=rows,
    )


def profile(request: HttpRequest, key: UUID) -> HttpResponse:
    versions = profiles.versions(key)
    if not versions:
        raise Http404
    current = next((row for row in versions if row.undone_at is None), None)
    before = [*versions[1:], None]
    found = Document.objects.filter(profile__layout=key)
    read = list(found.select_related("profile").order_by("-created_at")[:LAST])
    review.listed([*read, *(row.document for row in versions if row.document)])
    return site.render(
        request,
        "extraction/profile.html",
        title=versions[0].seller_name or versions[0].domain,
        current="review",
        versions=[
            {"row": row, "new": new_in(row.taught, other.taught if other else None)}
            for row, other in zip(versions, before, strict=True)
        ],
        in_force=current,
        lessons=lessons(current.taught) if current else [],
        layout=key,
        domain=versions[0].domain,
        read=read,
        count=found.count(),
    )


def undo(request: HttpRequest, key: UUID) -> HttpResponse:
    """Take the version in force back; the one before it, if there is one, is in force again."""
    get_object_or_404(profiles.latest(), layout=key)
    try:
        before = profiles.undo(key, version=int(request.POST.get("version", "")))
    except (ValueError, profiles.NotInForce):
        messages.error(request, "Nothing was undone: this version is not the one in force.")
    else:
        told = f"Version {before.version} is in force again." if before else "This layout is read as before."
        messages.success(request, f"Undone. {told}")
    return HttpResponseRedirect(reverse("portal:profile", args=[key]))
