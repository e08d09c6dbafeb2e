"""The page on which people hand up documents and mail, several at a time, and see how far reading them has come."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from connectors.mime.limits import RAW_MAIL
from connectors.models import Message
from extraction import outcomes as read
from extraction import uploads
from extraction.forms import UploadForm
from zalion.portal import site
from zalion.tenancy.models import User

# What the browser's dialog offers first; whatever is chosen is told apart by its content.
ACCEPT: Final = (
    ".pdf,.eml,.msg,.xml,.edi,.xlsx,.xls,.ods,.csv,.txt,.html,.htm,.png,.jpg,.jpeg,.tif,.tiff,.zip"
)
MOST_FOLLOWED: Final = 200  # mails whose reading one page follows


def upload(request: HttpRequest) -> HttpResponse:
    """The form; after it was sent, what became of each file above it. Sent twice, everything is known."""
    form = UploadForm(request.POST or None, request.FILES or None)
    outcomes: list[uploads.Outcome] = []
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            outcomes = _taken_in(request, form)
            status = 200 if any(outcome.state != "refused" for outcome in outcomes) else 422
    new = [item.message for item in outcomes if item.state == "taken_in" and item.message is not None]
    followed = following(new)
    became = {row.message.pk: row for row in followed["progress"]}
    return site.render(
        request,
        "extraction/upload.html",
        title="Upload",
        current="review",
        crumbs=[("Review", reverse("portal:review"))],
        status=status,
        form=form,
        outcomes=outcomes,
        rows=[(item, became.get(item.message.pk) if item.message else None) for item in outcomes],
        accept=ACCEPT,
        **followed,
        most_document=uploads.DOCUMENT_BYTES,
        most_mail=RAW_MAIL,
        most_together=settings.UPLOAD_BYTES,
    )


def progress(request: HttpRequest) -> HttpResponse:
    """How far reading the mails that are asked for has come, for a page that shows it; nothing of what is in them."""
    try:
        keys = [UUID(key) for key in request.GET.getlist("mail")[:MOST_FOLLOWED]]
    except ValueError as error:
        raise Http404 from error
    return render(request, "extraction/progress.html", following(list(Message.objects.filter(pk__in=keys))))


def following(messages: Sequence[Message]) -> dict[str, Any]:
    """What a page needs to show how far reading these mails has come, and to keep it shown."""
    rows = read.progress(messages)
    return {
        "progress": rows,
        "open": any(row.open for row in rows),
        "done": sum(not row.open for row in rows),
        "asked": urlencode([("mail", row.message.pk) for row in rows]),
    }


def _taken_in(request: HttpRequest, form: UploadForm) -> list[uploads.Outcome]:
    assert isinstance(request.user, User)  # noqa: S101 - the page asks for a right that only people have
    given = (uploads.Upload(file.name or "", file.size or 0, file) for file in form.uploads())
    return list(uploads.take_in(form.cleaned_data["mailbox"], uploads=given, uploader=request.user))
