"""The REST router: /api/v1/, its OpenAPI description and the page that shows it."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.routers import SimpleRouter

from audit.api import EventViewSet
from connectors.api import MailboxViewSet, MessageViewSet
from extraction.api import DocumentViewSet, ProfileViewSet
from zalion.portal.site import Page, guarded, portal
from zalion.tenancy import roles

router = SimpleRouter()
router.register("documents", DocumentViewSet, basename="document")
router.register("supplier-profiles", ProfileViewSet, basename="profile")
router.register("messages", MessageViewSet, basename="message")
router.register("mailboxes", MailboxViewSet, basename="mailbox")
router.register("audit-events", EventViewSet, basename="audit-event")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address, as the reference page shows it."""

    method: str
    path: str
    words: str
    scope: str
    parameters: tuple[dict[str, Any], ...]
    body: tuple[tuple[str, str], ...]


def operations() -> dict[str, list[Operation]]:
    """Everything the OpenAPI description says, by the first word of its path."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    found: dict[str, list[Operation]] = {}
    for path_, methods in schema["paths"].items():
        for method, told in methods.items():
            parameters = tuple(p for p in told.get("parameters", ()) if p["in"] != "path")
            scope = told.get("x-scope", "")
            body = _body(schema, told)
            operation = Operation(method.upper(), path_, told.get("description", ""), scope, parameters, body)
            found.setdefault(path_.split("/")[3], []).append(operation)
    return found


def _body(schema: dict[str, Any], told: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Name and description of each field of the JSON that the operation takes."""
    content = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    fields = schema["components"]["schemas"].get(name, {}).get("properties", {})
    return tuple((field, described.get("description", "")) for field, described in fields.items())


def reference(request: HttpRequest) -> HttpResponse:
    """The endpoints as a page, made from the same description that machines read."""
    context = {
        "title": "REST endpoints",
        "current": "settings",
        "tab": "api",
        "groups": operations(),
        "root": request.build_absolute_uri("/api/v1/"),
    }
    return render(request, "portal/api.html", portal.each_context(request) | context)


_REFERENCE = Page("reference/", reference, "reference", roles.VIEW_AUDIT)
app_name = "api"
urlpatterns = [
    *router.urls,
    path("openapi.json", SpectacularJSONAPIView.as_view(permission_classes=[]), name="openapi"),
    path("reference/", portal.admin_view(guarded(_REFERENCE)), name="reference"),
]
