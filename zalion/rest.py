"""The ground of the REST endpoints: who asks, what they may, pages, limits, and how a refusal reads."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.db.models import Model
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle

from zalion.tenancy import roles, throttle
from zalion.tenancy.models import ApiToken, Scope, User
from zalion.vault.fields import SealedJsonField, SealedTextField

RowType = TypeVar("RowType", bound=Model)
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PROBLEM = "application/problem+json"
DEEPEST = 20  # lists and objects within each other in a body


class TokenAuthentication(BaseAuthentication):
    """A bearer token, which the middleware has already looked up so that the tenant's context is open."""

    def authenticate(self, request: Request) -> tuple[None, ApiToken] | None:
        if not getattr(request, "token_shown", False):
            return None
        token: ApiToken | None = getattr(request, "api_token", None)
        if token is None:
            self._refuse(request)
        return None, token

    @staticmethod
    def _refuse(request: Request) -> NoReturn:
        shown, address = request.headers.get("Authorization", ""), request.META.get("REMOTE_ADDR", "")
        over = throttle.over("token", address=address, shown=shown.partition(" ")[2].strip())
        if over <= 1:
            reason = "throttled" if over == 1 else "token"
            roles.access_refused.send(sender=None, permission="token", reason=reason)
        if over > 0:
            raise exceptions.Throttled(wait=throttle.WINDOW)
        raise exceptions.AuthenticationFailed("This token is unknown, expired or revoked.")

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Zalion"'


class ScopePermission(BasePermission):
    """A token needs the view's scope, a person in a session the view's permission; each for reading or writing.

    Views name ``read_scope``, ``read_permission`` and, where they write, ``write_scope``, ``write_permission``.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        kind = "read" if request.method in READ_METHODS else "write"
        token: Any = request.auth
        if not hasattr(view, f"{kind}_scope"):
            raise exceptions.MethodNotAllowed(str(request.method))
        if isinstance(token, ApiToken):
            scope: Scope = getattr(view, f"{kind}_scope")
            allowed, wanted = scope in token.scopes, str(scope)
        elif isinstance(request.user, User) and getattr(request, "tenant", None) is not None:
            wanted = getattr(view, f"{kind}_permission")
            allowed = roles.allows(request.user, wanted)
        else:
            raise exceptions.NotAuthenticated
        if not allowed:
            roles.access_refused.send(sender=None, permission=wanted, reason="scope")
        return allowed


class RowSerializer(serializers.ModelSerializer[RowType]):
    """A row with its sealed fields opened; every serializer lists its fields one by one."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        SealedTextField: serializers.CharField,
        SealedJsonField: serializers.JSONField,
    }


class Pagination(CursorPagination):
    """Opaque cursors in `next` and `previous`; `page_size` up to 200. A view may name its own ``ordering``."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering = ("-created_at", "-pk")

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return tuple(getattr(view, "ordering", self.ordering))

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """One page; raises NotFound for a cursor that somebody made up."""
        cursor = self.decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            first = self.get_ordering(request, queryset, view)[0].lstrip("-")
            try:
                queryset.model._meta.get_field(first).to_python(cursor.position)
            except ValidationError:
                raise exceptions.NotFound(self.invalid_cursor_message) from None
        return super().paginate_queryset(queryset, request, view)


class BoundedJsonParser(JSONParser):
    """JSON as deep as our bodies are: what is nested further is refused before anything walks through it."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise exceptions.ParseError("This is nested too deeply.") from None
        level: list[Any] = [data] if isinstance(data, dict | list) else []
        depth = 0
        while level:
            if (depth := depth + 1) > DEEPEST:
                raise exceptions.ParseError("This is nested too deeply.")
            inner: list[Any] = [item.values() if isinstance(item, dict) else item for item in level]
            level = [child for items in inner for child in items if isinstance(child, dict | list)]
        return data


class TokenRateThrottle(SimpleRateThrottle):
    """So many requests a minute for each token or person, per web process."""

    scope = "token"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        who = request.auth if isinstance(request.auth, ApiToken) else request.user
        return f"rate:{type(who).__name__}:{who.pk}" if getattr(who, "pk", None) else None


class PreconditionRequired(exceptions.APIException):
    status_code = HTTPStatus.PRECONDITION_REQUIRED
    default_detail = "Send If-Match with the ETag of the document you read."
    default_code = "precondition_required"


class PreconditionFailed(exceptions.APIException):
    status_code = HTTPStatus.PRECONDITION_FAILED
    default_detail = "Somebody else changed it since you read it."
    default_code = "precondition_failed"


class TooLarge(exceptions.APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = "This is larger than any body that is taken."
    default_code = "too_large"


class NotInThisState(exceptions.APIException):
    status_code = HTTPStatus.CONFLICT
    default_detail = "Its state does not allow this."
    default_code = "conflict"


def problem(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Any refusal as RFC 9457 problem details; another tenant's object is a plain 404."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, RequestDataTooBig):
        error = TooLarge()
    if not isinstance(error, exceptions.APIException):
        return None
    status = HTTPStatus(error.status_code)
    body: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": int(status)}
    if isinstance(error, exceptions.ValidationError):
        body["detail"], body["errors"] = "Some values do not fit.", error.detail
    else:
        body["detail"] = str(error.detail)
    headers: dict[str, str] = {}
    if isinstance(error, exceptions.AuthenticationFailed | exceptions.NotAuthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="Zalion"'
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    return Response(body, status=status, headers=headers, content_type=PROBLEM)


def version_of(request: Request) -> int:
    """The version that If-Match names; raises PreconditionRequired without one, PreconditionFailed for nonsense."""
    tag = request.headers.get("If-Match", "").strip()
    if not tag:
        raise PreconditionRequired
    bare = tag.removeprefix("W/").strip('"')
    if not (bare.isascii() and bare.isdigit() and len(bare) < 10):
        raise PreconditionFailed
    return int(bare)
