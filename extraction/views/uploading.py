"""The page on which people hand up documents and mail, several at a time."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from connectors.mime.limits import RAW_MAIL
from extraction import uploads
from extraction.forms import UploadForm
from zalion.portal import site
from zalion.tenancy.models import User

# What the browser's dialog offers first; whatever is chosen is told apart by its content.
ACCEPT: Final = (
    ".pdf,.eml,.msg,.xml,.edi,.xlsx,.xls,.ods,.csv,.txt,.html,.htm,.png,.jpg,.jpeg,.tif,.tiff,.zip"
)


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
    return site.render(
        request,
        "extraction/upload.html",
        title="Upload",
        current="review",
        crumbs=[("Review", reverse("portal:review"))],
        status=status,
        form=form,
        outcomes=outcomes,
        accept=ACCEPT,
        most_document=uploads.DOCUMENT_BYTES,
        most_mail=RAW_MAIL,
        most_together=settings.UPLOAD_BYTES,
    )


def _taken_in(request: HttpRequest, form: UploadForm) -> list[uploads.Outcome]:
    assert isinstance(request.user, User)  # noqa: S101 - the page asks for a right that only people have
    given = (uploads.Upload(file.name or "", file.size or 0, file) for file in form.uploads())
    return list(uploads.take_in(form.cleaned_data["mailbox"], uploads=given, uploader=request.user))
