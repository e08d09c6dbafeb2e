"""The REST router: /api/v1/, its OpenAPI description and the page that shows it."""

from typing import Any

from audit.api import EventViewSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.routers import SimpleRouter

from connectors.api import MailboxViewSet, MessageViewSet
from extraction.api import DocumentViewSet
from zalion.portal.site import portal

router = SimpleRouter()
router.register("documents", DocumentViewSet, basename="document")
router.register("messages", MessageViewSet, basename="message")
router.register("mailboxes", MailboxViewSet, basename="mailbox")
router.register("audit-events", EventViewSet, basename="audit-event")


def reference(request: HttpRequest) -> HttpResponse:
    """The endpoints as a page, made from the same description that machines read."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    context = portal.each_context(request) | {
        "title": "REST endpoints",
        "current": "settings",
        "schema": schema,
    }
    return render(request, "portal/api.html", context)


app_name = "api"
urlpatterns = [
    *router.urls,
    path("openapi.json", SpectacularJSONAPIView.as_view(permission_classes=[]), name="openapi"),
    path("reference/", portal.admin_view(reference), name="reference"),
]
