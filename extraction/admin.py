"""The pages of review, their rights, and what documents add to the menu, the overview and a message's page."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from connectors.models import Attachment, Message
from extraction import outcomes, review
from extraction.models import Document, DocumentState, ExtractionRun, RunState, SupplierProfile
from extraction.views import comparing, profiling, reviewing, unreadable, uploading
from zalion.portal.site import MenuItem, Page, Panel, PortalAdmin, Section, Todo, Watch, portal
from zalion.tenancy import roles

DAYS = 28  # of the chart
RECENT = timedelta(days=7)  # files that could not be read are called out
OLD = timedelta(days=1)  # a document that waits longer is called out


class DocumentAdmin(PortalAdmin):
    view_permission = roles.VIEW_DOCUMENTS
    pages = (
        Page("review/", reviewing.queue, "review", roles.VIEW_DOCUMENTS),
        Page("upload/", uploading.upload, "upload", roles.IMPORT_MAIL, ("GET", "POST")),
        Page("mail/reading/", uploading.progress, "reading-progress", roles.VIEW_DOCUMENTS),
        Page("review/unreadable/", unreadable.unreadable, "unreadable", roles.VIEW_DOCUMENTS),
        Page("review/<uuid:key>/", reviewing.document, "document", roles.VIEW_DOCUMENTS),
        Page(
            "review/<uuid:key>/pages/<int:page>/", reviewing.page_image, "document-page", roles.VIEW_DOCUMENTS
        ),
        Page(
            "review/<uuid:key>/decide/",
            reviewing.decide,
            "document-decide",
            roles.REVIEW_DOCUMENTS,
            ("POST",),
        ),
        Page("review/<uuid:key>/readings/", comparing.readings, "document-readings", roles.VIEW_DOCUMENTS),
        Page(
            "review/<uuid:key>/readings/take/",
            comparing.take_over,
            "document-take-over",
            roles.REVIEW_DOCUMENTS,
            ("POST",),
        ),
        Page(
            "mail/<uuid:key>/extract/",
            reviewing.extract_again,
            "message-extract",
            roles.RETRY_MAIL,
            ("POST",),
        ),
    )


class ProfileAdmin(PortalAdmin):
    view_permission = roles.VIEW_DOCUMENTS
    pages = (
        Page("review/learned/", profiling.taught, "profiles", roles.VIEW_DOCUMENTS),
        Page("review/learned/<uuid:key>/", profiling.profile, "profile", roles.VIEW_DOCUMENTS),
        Page(
            "review/learned/<uuid:key>/undo/",
            profiling.undo,
            "profile-undo",
            roles.REVIEW_DOCUMENTS,
            ("POST",),
        ),
    )


def figures(request: HttpRequest) -> dict[str, Any]:
    """What waits, since when, and how the last days went."""
    now = timezone.now()
    oldest = review.waiting().values_list("created_at", flat=True).first()
    week = Q(decided_at__gte=now - timedelta(days=7))
    numbers = Document.objects.aggregate(
        approved=Count("pk", filter=week & Q(state__in=(DocumentState.APPROVED, DocumentState.HANDED_OVER))),
        rejected=Count("pk", filter=week & Q(state=DocumentState.REJECTED)),
    )
    return {
        "waiting": review.waiting().count(),
        "oldest": oldest,
        "old": oldest is not None and now - oldest > OLD,
        "mail": Message.objects.filter(received_at__gte=now - timedelta(days=1)).count(),
        **numbers,
    }


def chart(request: HttpRequest) -> dict[str, Any]:
    """Mail received and documents found in it, per day."""
    today = timezone.localdate()
    first = today - timedelta(days=DAYS - 1)
    since = timezone.make_aware(datetime.combine(first, time.min))

    def daily(model: type[Message] | type[Document], column: str) -> dict[date, int]:
        found = model.objects.filter(**{f"{column}__gte": since}).order_by()
        return dict(found.annotate(day=TruncDate(column)).values_list("day").annotate(Count("pk")))

    mail, documents = daily(Message, "received_at"), daily(Document, "message__received_at")
    days = [first + timedelta(days=number) for number in range(DAYS)]
    return {
        "series": ("Mail", "Documents"),
        "rows": [(day, (mail.get(day, 0), documents.get(day, 0))) for day in days],
        "total": sum(mail.values()),
        "found": sum(documents.values()),
        "days": DAYS,
    }


def of_message(request: HttpRequest, message: Message) -> dict[str, Any]:
    """The documents found in a message, and what became of reading it."""
    documents = list(Document.objects.filter(message=message).order_by("created_at"))
    if documents:
        review.listed(documents)
    runs = list(ExtractionRun.objects.filter(message=message).order_by("-created_at")[:2])
    waits = bool(runs) and runs[0].state in (RunState.QUEUED, RunState.RUNNING)
    parts = list(Attachment.objects.filter(message=message)) if runs else []
    sources = {reading["source_hmac"] for reading in (runs[0].readings if runs else None) or ()}
    return {
        "documents": documents,
        # What is in the mail was read before, in another one.
        "known": [] if documents else list(Document.objects.filter(source_hmac__in=sources).only("pk")),
        "run": runs[0] if runs else None,
        "told": outcomes.told(runs[0], parts, found=bool(documents)) if runs and not waits else [],
        "model": outcomes.of_model(runs[0]) if runs else [],
        "read_again": len(runs) > 1,
        **(uploading.following([message]) if waits else {}),
        "message": message,
        "may_read_again": roles.allows(request.user, roles.RETRY_MAIL),
    }


def waiting() -> list[Todo]:
    count = review.waiting().count()
    if not count:
        return []
    words = "1 document waits" if count == 1 else f"{count} documents wait"
    first = review.waiting().values_list("pk", flat=True).first()
    return [
        Todo(f"{words} for review", "The oldest first.", reverse("portal:document", args=[first]), "Start")
    ]


def failed_runs() -> list[Todo]:
    count = ExtractionRun.objects.filter(state=RunState.FAILED).count()
    if not count:
        return []
    words = "1 mail" if count == 1 else f"{count} mails"
    return [
        Todo(
            f"{words} could not be searched for documents",
            "The mail itself is stored; it can be read again.",
            f"{reverse('portal:mail')}?state=stored",
            "Open",
        )
    ]


def unreadable_files() -> list[Todo]:
    """Of the last days: what nobody asks for again settles by itself."""
    count = outcomes.unreadable().filter(created_at__gte=timezone.now() - RECENT).count()
    if not count:
        return []
    words = "1 mail has" if count == 1 else f"{count} mails have"
    return [
        Todo(
            f"{words} files that could not be read",
            f"In the last {RECENT.days} days; they may hold a document.",
            reverse("portal:unreadable"),
            "Open",
        )
    ]


def waiting_count() -> int:
    return review.waiting().count()


portal.register(Document, DocumentAdmin)
portal.register(SupplierProfile, ProfileAdmin)
portal.add_menu_item(MenuItem("review", "Review", "portal:review", roles.VIEW_DOCUMENTS, 20, waiting_count))
portal.add_watch(Watch("review", roles.REVIEW_DOCUMENTS, 20, waiting))
portal.add_watch(Watch("runs", roles.RETRY_MAIL, 40, failed_runs))
portal.add_watch(Watch("unreadable", roles.RETRY_MAIL, 30, unreadable_files))
portal.add_panel(Panel("figures", "extraction/panels/figures.html", roles.VIEW_DOCUMENTS, 10, figures))
portal.add_panel(Panel("chart", "extraction/panels/chart.html", roles.VIEW_OVERVIEW, 20, chart))
portal.add_section(
    Section("message", "documents", "extraction/panels/documents.html", roles.VIEW_DOCUMENTS, 10, of_message)
)
