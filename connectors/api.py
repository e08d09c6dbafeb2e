"""Mailboxes and mail over REST: their state, the ledger, and the raw message."""

from typing import Any

from django.db.models import Max, Prefetch, QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from connectors import reading
from connectors.models import (
    Attachment,
    Completeness,
    FolderMapping,
    Mailbox,
    Message,
    MessageState,
    Reconciliation,
)
from zalion import rest
from zalion.tenancy import roles
from zalion.tenancy.models import Scope
from zalion.vault.errors import BlobMissing, SealBroken


class MonthRow(rest.RowSerializer[Completeness]):
    class Meta:
        model = Completeness
        fields = ("month", "on_server", "accounted", "left_server")
        read_only_fields = fields


class ReconciliationRow(rest.RowSerializer[Reconciliation]):
    class Meta:
        model = Reconciliation
        fields = (
            "compared_at",
            "on_server",
            "accounted",
            "missing",
            "left_server",
            "incident_at",
            "incident_missing",
            "error_code",
        )
        read_only_fields = fields


class FolderRow(rest.RowSerializer[FolderMapping]):
    """A folder and its completeness line: `missing` is what the server has and the ledger has not."""

    reconciliation = ReconciliationRow(read_only=True, allow_null=True)
    months = MonthRow(source="completeness", many=True, read_only=True)

    class Meta:
        model = FolderMapping
        fields = ("id", "kind", "name", "reconciliation", "months")
        read_only_fields = fields


class MailboxRow(rest.RowSerializer[Mailbox]):
    last_success_at = serializers.DateTimeField(read_only=True, allow_null=True)
    folders = FolderRow(source="mappings", many=True, read_only=True)

    class Meta:
        model = Mailbox
        fields = (
            "id",
            "name",
            "address",
            "provider",
            "state",
            "polling_minutes",
            "push",
            "error_code",
            "last_success_at",
            "folders",
        )
        read_only_fields = fields


class MailboxViewSet(viewsets.ReadOnlyModelViewSet[Mailbox]):
    """The tenant's mailboxes and how they fare."""

    queryset = Mailbox.objects.all()
    serializer_class = MailboxRow
    read_scope, read_permission = Scope.MAILBOXES_READ, roles.VIEW_MAILBOXES

    def get_queryset(self) -> QuerySet[Mailbox]:
        folders = FolderMapping.objects.select_related("reconciliation").prefetch_related("completeness")
        return Mailbox.objects.annotate(
            last_success_at=Max("mappings__sync__last_success_at")
        ).prefetch_related(Prefetch("mappings", queryset=folders))


class AttachmentRow(rest.RowSerializer[Attachment]):
    class Meta:
        model = Attachment
        fields = ("path", "parent_path", "name", "media_type", "size", "inline", "flags")
        read_only_fields = fields


class MessageRow(rest.RowSerializer[Message]):
    attachments = AttachmentRow(many=True, read_only=True)

    class Meta:
        model = Message
        fields = (
            "id",
            "mailbox",
            "state",
            "reason",
            "flags",
            "kind",
            "received_at",
            "left_server_at",
            "size",
            "subject",
            "sender_name",
            "sender_address",
            "message_id",
            "authentication",
            "copy_of",
            "attachments",
        )
        read_only_fields = fields


class MessageViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Message]):
    """The ledger: every message of the mapped folders, whatever became of it."""

    queryset = Message.objects.all()
    serializer_class = MessageRow
    ordering = ("-received_at", "-pk")
    read_scope, read_permission = Scope.MESSAGES_READ, roles.VIEW_MAIL

    def get_queryset(self) -> QuerySet[Message]:
        wanted = self.request.query_params
        found = reading.search(wanted.get("q", "")).prefetch_related("attachments")
        if state := wanted.get("state"):
            if state not in MessageState.values:
                raise serializers.ValidationError({"state": f"One of {', '.join(MessageState.values)}."})
            found = found.filter(state=state)
        return found

    @extend_schema(
        parameters=[
            OpenApiParameter("state", enum=MessageState.values),
            OpenApiParameter("q", description="Words of subject, people, Message-ID or attachment names."),
        ]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None  # noqa: S101  (this view always has a paginator)
        reading.listed(page)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        message = self.get_object()
        reading.listed([message])
        return Response(self.get_serializer(message).data)

    @extend_schema(responses={(200, "message/rfc822"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def raw(self, request: Request, pk: str) -> HttpResponse:
        """The bytes as they were taken in (RFC 5322)."""
        message = self.get_object()
        try:
            content = reading.raw(message)
        except reading.Withheld as error:
            raise exceptions.PermissionDenied(str(error)) from error
        except (BlobMissing, SealBroken) as error:
            raise exceptions.NotFound("There is no raw mail for this row.") from error
        return HttpResponse(
            content,
            content_type="message/rfc822",
            headers={
                "Content-Disposition": f'attachment; filename="{message.pk}.eml"',
                "Content-Security-Policy": "sandbox; default-src 'none'",
            },
        )
