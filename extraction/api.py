"""Documents and supplier profiles over REST; each act calls what the portal calls."""

from dataclasses import fields
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, inline_serializer
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from extraction import profiles, review
from extraction.lessons import lessons
from extraction.models import Document, DocumentState, SupplierProfile
from extraction.schemas import (
    DATE_FIELDS,
    DOC_TYPES,
    NUMBER_FIELDS,
    SEVERITIES,
    CanonicalDocument,
    Line,
)
from zalion import rest
from zalion.tenancy import roles
from zalion.tenancy.models import ApiToken, Scope

IF_MATCH = OpenApiParameter(
    "If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, required=True, description="The ETag you read."
)


def _described(name: str) -> serializers.Field[Any, Any, Any, Any]:
    """A value of the canonical document, as the schema tells of it."""
    if name in NUMBER_FIELDS:
        return serializers.CharField(allow_null=True, help_text="A number, with a point for its decimals.")
    if name in DATE_FIELDS:
        return serializers.DateField(allow_null=True)
    return serializers.CharField(allow_null=True)


LINE = inline_serializer(
    "CanonicalLine", {item.name: _described(item.name) for item in fields(Line)}, many=True
)
FINDING = inline_serializer(
    "CanonicalFinding",
    {
        "code": serializers.CharField(),
        "field": serializers.CharField(allow_null=True, help_text="Its path, where it concerns one."),
        "severity": serializers.ChoiceField(SEVERITIES),
        "message": serializers.CharField(),
    },
    many=True,
)
EVIDENCE = inline_serializer(
    "CanonicalEvidence",
    {
        "text": serializers.CharField(required=False, help_text="What stands there."),
        "page": serializers.IntegerField(required=False, min_value=1),
        "box": serializers.ListField(
            child=serializers.FloatField(),
            required=False,
            help_text="Left, top, right and bottom in points from the page's top left corner.",
        ),
        "path": serializers.CharField(required=False, help_text="In XML, EDIFACT or a sheet."),
        "offset": serializers.IntegerField(required=False, help_text="In the source's text."),
    },
)
CANONICAL = inline_serializer(
    "CanonicalDocument",
    {item.name: _described(item.name) for item in fields(CanonicalDocument)}
    | {
        "doc_type": serializers.ChoiceField(DOC_TYPES),
        "order_references": serializers.ListField(child=serializers.CharField()),
        "lines": LINE,
        "confidence": serializers.FloatField(min_value=0, max_value=1),
        "findings": FINDING,
        "evidence": serializers.DictField(
            child=EVIDENCE, help_text="By field path, such as lines.0.quantity."
        ),
    },
)


@extend_schema_field(CANONICAL)
class CanonicalField(serializers.JSONField):
    """The canonical document as it is stored."""


class DocumentRow(rest.RowSerializer[Document]):
    class Meta:
        model = Document
        fields = (
            "id",
            "state",
            "version",
            "doc_type",
            "number",
            "order_reference",
            "seller_name",
            "issue_date",
            "confidence",
            "finding_count",
            "message",
            "created_at",
            "decided_at",
        )
        read_only_fields = fields


class DocumentWhole(DocumentRow):
    document = CanonicalField(source="current", read_only=True, help_text="The canonical document.")

    class Meta:
        model = Document
        fields = (*DocumentRow.Meta.fields, "document")
        read_only_fields = fields


class Corrections(serializers.Serializer[Any]):
    changes = serializers.DictField(help_text="Field path to value, such as lines.0.quantity: '12'.")


class Reason(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class DocumentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Document]):
    """Order documents as extracted and reviewed. Changing one needs If-Match with its ETag."""

    queryset = Document.objects.all()
    serializer_class = DocumentWhole
    read_scope, write_scope = Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE
    read_permission, write_permission = roles.VIEW_DOCUMENTS, roles.REVIEW_DOCUMENTS

    def get_queryset(self) -> QuerySet[Document]:
        wanted = self.request.query_params
        found = review.search(wanted.get("q", ""))
        if state := wanted.get("state"):
            found = found.filter(state=self._one_of("state", state, DocumentState.values))
        if doc_type := wanted.get("doc_type"):
            found = found.filter(doc_type=self._one_of("doc_type", doc_type, DOC_TYPES))
        return found

    @staticmethod
    def _one_of(name: str, value: str, known: Any) -> str:
        if value not in known:
            raise serializers.ValidationError({name: f"One of {', '.join(known)}."})
        return value

    @extend_schema(
        responses=DocumentRow(many=True),
        parameters=[
            OpenApiParameter("state", enum=DocumentState.values),
            OpenApiParameter("doc_type", enum=DOC_TYPES),
            OpenApiParameter("q", description="Words or numbers of number, order reference or supplier."),
        ],
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None  # noqa: S101  (this view always has a paginator)
        review.listed(page)
        return self.get_paginated_response(DocumentRow(page, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        document = self.get_object()
        review.record_view(document)
        return self._answer(document)

    @extend_schema(request=Corrections, responses=DocumentWhole, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str) -> Response:
        """Change fields by path; the machine's own reading is kept beside the correction."""
        return self._act(review.correct, request, Corrections)

    @extend_schema(request=None, responses=DocumentWhole, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """Decide that the document is right as it stands."""
        return self._act(review.approve, request)

    @extend_schema(request=Reason, responses=DocumentWhole, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:
        """Decide that the document is not to be used, and say why."""
        return self._act(review.reject, request, Reason)

    @extend_schema(request=None, responses=DocumentWhole, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Take a decision back: the document waits for review again."""
        return self._act(review.reopen, request)

    def _act(
        self, flow: Any, request: Request, asks: type[serializers.Serializer[Any]] = serializers.Serializer
    ) -> Response:
        document = self.get_object()
        asked = asks(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            return self._answer(flow(document, version=rest.version_of(request), **asked.validated_data))
        except review.Conflict as error:
            raise rest.PreconditionFailed(str(error)) from error
        except review.NotAllowed as error:
            raise rest.NotInThisState(str(error)) from error
        except review.InvalidCorrection as error:
            raise serializers.ValidationError(error.errors) from error

    def _answer(self, document: Document) -> Response:
        """The document, for who may read it; a token that may only write is told what became of it."""
        token = self.request.auth
        may_read = not isinstance(token, ApiToken) or self.read_scope in token.scopes
        data = DocumentWhole(document).data if may_read else {}
        told = {"id": str(document.pk), "state": document.state, "version": document.version}
        return Response(data or told, headers={"ETag": f'"{document.version}"'})


class ProfileRow(rest.RowSerializer[SupplierProfile]):
    id = serializers.UUIDField(source="layout", read_only=True)
    document = serializers.PrimaryKeyRelatedField[Document](
        read_only=True, help_text="The one that taught it."
    )

    class Meta:
        model = SupplierProfile
        fields: tuple[str, ...] = ("id", "version", "domain", "seller_name", "document", "created_at")
        read_only_fields = fields


class LessonRow(serializers.Serializer[Any]):
    subject = serializers.CharField()
    words = serializers.CharField()


class ProfileWhole(ProfileRow):
    lessons = serializers.SerializerMethodField(help_text="What was learned, in sentences.")

    class Meta:
        model = SupplierProfile
        fields = (*ProfileRow.Meta.fields, "lessons")
        read_only_fields = fields

    @extend_schema_field(LessonRow(many=True))
    def get_lessons(self, row: SupplierProfile) -> Any:
        return LessonRow(lessons(row.taught), many=True).data


class ProfileViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[SupplierProfile]
):
    """What corrections taught about each supplier's layouts: the versions in force."""

    queryset = SupplierProfile.objects.all()
    serializer_class = ProfileWhole
    lookup_field, lookup_url_kwarg = "layout", "pk"
    read_scope, write_scope = Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE
    read_permission, write_permission = roles.VIEW_DOCUMENTS, roles.REVIEW_DOCUMENTS

    def get_queryset(self) -> QuerySet[SupplierProfile]:
        return profiles.in_force()

    @extend_schema(responses=ProfileRow(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        assert page is not None  # noqa: S101  (this view always has a paginator)
        profiles.listed(page)
        return self.get_paginated_response(ProfileRow(page, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        profiles.record_view(row)
        return Response(ProfileWhole(row).data, headers={"ETag": f'"{row.version}"'})

    @extend_schema(request=None, responses={204: None}, parameters=[IF_MATCH])
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        """Take the version in force back; the one before it, if there is one, is in force again."""
        row = self.get_object()
        try:
            profiles.undo(row.layout, version=rest.version_of(request))
        except profiles.NotInForce as error:
            raise rest.PreconditionFailed from error
        return Response(status=204)
