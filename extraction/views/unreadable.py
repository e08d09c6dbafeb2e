"""The page of mails with files that could not be read, so that no document is lost without a word."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from connectors import reading
from extraction import outcomes
from zalion.portal import site
from zalion.portal.paging import cut


def unreadable(request: HttpRequest) -> HttpResponse:
    """Each mail once, by its newest reading, the newest first, with what is to be said of each file."""
    found = outcomes.unreadable().select_related("message").defer("readings")
    page = cut(found, by="created_at", asked=request.GET)
    messages = [run.message for run in page.rows]
    reading.listed(messages)
    parts = outcomes.parts_of(messages)
    return site.render(
        request,
        "extraction/unreadable.html",
        title="Files that could not be read",
        current="review",
        crumbs=[("Review", reverse("portal:review"))],
        page=page,
        rows=[(run.message, outcomes.told(run, parts[run.message_id], found=True)) for run in page.rows],
    )
