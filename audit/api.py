"""The trail over REST: read-only, newest first, with the facts opened."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from audit import browse
from audit.forms import FilterForm
from audit.models import AuditEvent
from zalion.rest import Pagination
from zalion.tenancy import roles
from zalion.tenancy.models import Scope


class EventRow(serializers.ModelSerializer[AuditEvent]):
    sentence = serializers.CharField(read_only=True)
    facts = serializers.JSONField(read_only=True, allow_null=True)
    actor_name = serializers.CharField(read_only=True, allow_null=True)
    source_address = serializers.CharField(read_only=True, allow_null=True)
    correlation_id = serializers.CharField(source="cid", read_only=True)

    class Meta:
        model = AuditEvent
        fields = (
            "id",
            "sequence",
            "timestamp",
            "action",
            "sentence",
            "outcome",
            "reason",
            "scope",
            "actor_kind",
            "actor_id",
            "actor_name",
            "signed_in_by",
            "source_address",
            "object_kind",
            "object_id",
            "correlation_id",
            "facts",
            "previous_hash",
            "hash",
        )
        read_only_fields = fields


class EventPagination(Pagination):
    ordering = ("-sequence", "-pk")


class EventViewSet(viewsets.ReadOnlyModelViewSet[AuditEvent]):
    """What happened in the tenant: who did what to what, when, and with which outcome."""

    queryset = AuditEvent.objects.all()
    serializer_class = EventRow
    pagination_class = EventPagination
    read_scope, read_permission = Scope.AUDIT_READ, roles.VIEW_AUDIT

    def get_queryset(self) -> QuerySet[AuditEvent]:
        form = FilterForm(self.request.query_params)
        if not form.is_valid():
            raise serializers.ValidationError({name: [*map(str, e)] for name, e in form.errors.items()})
        return browse.filtered(form.cleaned_data)

    @extend_schema(
        parameters=[
            *(OpenApiParameter(name) for name in ("actor", "action", "object", "outcome", "story")),
            OpenApiParameter("since", OpenApiTypes.DATETIME),
            OpenApiParameter("until", OpenApiTypes.DATETIME),
        ]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None  # noqa: S101  (this view always has a paginator)
        browse.viewed(page)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        event = self.get_object()
        browse.viewed([event])
        return Response(self.get_serializer(event).data)
