"""The ledger, and a message with its body and attachments."""

from datetime import datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from connectors import errors, ingest, reading, scanner
from connectors.forms import LedgerFilter
from connectors.models import Attachment, Mailbox, Message, MessageState
from zalion.portal import site
from zalion.portal.paging import cut
from zalion.sandbox import SandboxError
from zalion.vault.errors import VaultError

COPIES = 20  # linked on a message's page
STORY = 15  # events shown on a message's page; the rest is in the audit browser
KINDS: Final = ("mail", "auto_reply", "newsletter", "calendar", "receipt", "bounce")
LEFT: Final = ("left_server", "Left the server")  # no state of a message: what is kept of it has one as well
# Why a message is not looked into for documents, for the person who wonders.
WHY: Final = {
    "auto_reply": "It is an automatic reply.",
    "calendar": "It is an invitation, or an answer to one.",
    "receipt": "It only confirms that a mail was read.",
    "bounce": "It reports that a mail could not be delivered.",
    "newsletter": "It went to a list, and nothing in it looks like a document.",
    "copy": "The same mail was taken in before; that one is looked into.",
    "historical": "It is older than the mailbox’s start. An administrator can have historical mail read.",
    "filtered": "The folder’s filter does not let it pass.",
    "message_gone": "It left the mailbox before it could be fetched.",
}
# What a mail's HTML may do: be read. Nothing is fetched, nothing runs, no link leads anywhere.
BODY_POLICY: Final[dict[str, Any]] = {
    "default-src": ["'none'"],
    "style-src": ["'self'"],
    "form-action": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'self'"],
    "sandbox": [True],
}
FILE_POLICY: Final[dict[str, Any]] = {
    "default-src": ["'none'"],
    "frame-ancestors": ["'none'"],
    "sandbox": [True],
}


def ledger(request: HttpRequest) -> HttpResponse:
    asked = LedgerFilter(request.GET)
    asked.is_valid()
    wanted = asked.cleaned_data
    found = reading.search(wanted.get("q", ""))
    if wanted.get("state") == LEFT[0]:
        found = found.filter(left_server_at__isnull=False)
    elif wanted.get("state") in MessageState.values:
        found = found.filter(state=wanted["state"])
    if wanted.get("kind"):
        found = found.filter(kind=wanted["kind"])
    if wanted.get("mailbox"):
        found = found.filter(mailbox=wanted["mailbox"])
    page = cut(found, by="received_at", asked=request.GET)
    reading.listed(page.rows)
    return site.render(
        request,
        "connectors/ledger.html",
        title="Mail",
        current="mail",
        page=page,
        wanted=wanted,
        states=[*MessageState.choices, LEFT],
        retriable=wanted.get("state") == MessageState.QUARANTINED and ingest.retriable().exists(),
        kinds=KINDS,
        mailboxes=Mailbox.objects.only("pk", "name"),
    )


def message(request: HttpRequest, key: UUID) -> HttpResponse:
    shown = _message(key)
    reading.listed([shown])
    return site.render(
        request,
        "connectors/message.html",
        title=shown.subject or ("(no subject)" if shown.kind else "Not read yet"),
        current="mail",
        crumbs=[("Mail", reverse("portal:mail"))],
        message=shown,
        key=str(key),
        attachments=Attachment.objects.filter(message=shown),
        written=datetime.fromisoformat(written) if (written := (shown.headers or {}).get("date")) else None,
        why=WHY.get(shown.reason, ""),
        empty=ingest.EMPTY,
        withheld=scanner.withheld(shown),
        copies=Message.objects.filter(copy_of=shown).select_related("mailbox", "mapping")[:COPIES],
        sections=site.portal.sections("message", request, shown),
        story=reading.story(shown, limit=STORY),
    )


def body(request: HttpRequest, key: UUID) -> HttpResponse:
    """The body alone, for the sandboxed frame: sanitised HTML, or the text where there is none."""
    shown = _message(key)
    try:
        parts = reading.body(shown)
    except reading.Withheld as error:
        parts = {"withheld": str(error)}
    except (SandboxError, VaultError):
        parts = {"broken": True}
    response = render(request, "connectors/body.html", parts)
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return confined(response, BODY_POLICY)


def raw(request: HttpRequest, key: UUID) -> HttpResponse:
    try:
        content = reading.raw(_message(key))
    except reading.Withheld as error:
        return _refused(request, key, str(error))
    except VaultError as error:
        raise Http404 from error
    return download(content, name=f"message-{key}.eml", media_type="message/rfc822")


def attachment(request: HttpRequest, key: UUID, path: str) -> HttpResponse:
    try:
        name, media_type, content = reading.attachment(_message(key), path=path)
    except reading.Withheld as error:
        return _refused(request, key, str(error))
    except (Attachment.DoesNotExist, SandboxError, VaultError) as error:
        raise Http404 from error
    return download(content, name=name, media_type=media_type)


def _refused(request: HttpRequest, key: UUID, words: str) -> HttpResponse:
    messages.error(request, words)
    return HttpResponseRedirect(reverse("portal:message", args=[key]))


def download(content: bytes, *, name: str, media_type: str) -> HttpResponse:
    """Bytes to keep, never to show: whatever they are, no browser runs them in our origin."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name) or "file"
    response = HttpResponse(content, content_type=media_type)
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    return confined(response, FILE_POLICY)


def confined(response: HttpResponse, policy: dict[str, Any]) -> HttpResponse:
    """The response under ``policy`` in place of the portal's own; django-csp's decorators want a bare request."""
    response._csp_config = policy  # type: ignore[attr-defined]
    return response


def retry(request: HttpRequest, key: UUID) -> HttpResponse:
    try:
        ingest.retry(_message(key))
    except (errors.MessageGone, errors.UnsupportedOperation) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The message is tried again from the start.")
    return HttpResponseRedirect(reverse("portal:message", args=[key]))


def retry_all(request: HttpRequest) -> HttpResponse:
    again = ingest.retry_all()
    told = f"{_mails(again.tried)} tried again from the start." if again.tried else "Nothing is tried again."
    if again.nothing_there:
        told += f" {_mails(again.nothing_there)} left: empty or never fetched, so there is nothing to read."
    if again.held:
        told += f" {_mails(again.held)} held back for the sender: released one by one."
    (messages.success if again.tried else messages.info)(request, told)
    return HttpResponseRedirect(f"{reverse('portal:mail')}?state={MessageState.QUARANTINED.value}")


def _mails(count: int) -> str:
    return "1 mail is" if count == 1 else f"{count} mails are"


def _message(key: UUID) -> Message:
    found: Message = get_object_or_404(
        Message.objects.select_related("mailbox", "mapping", "copy_of__mapping", "copy_of__mailbox"), pk=key
    )
    return found
