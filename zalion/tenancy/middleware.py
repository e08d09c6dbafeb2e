"""The HTTP door: opens the work context of the person's tenant, ends sessions that are over."""

import ipaddress
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from zalion.tenancy import context, signin
from zalion.tenancy.models import ApiToken, Membership, Tenant, User

SESSION_TENANT = "tenant"
SESSION_STARTED = "signed_in_at"
SESSION_METHOD = "signed_in_by"


def tenants_of(user: User) -> list[Tenant]:
    """The tenants ``user`` may work in, by name. Looks across tenants: it decides which one works."""
    memberships = Membership.across_tenants.filter(user=user, tenant__suspended_at=None)
    return list(Tenant.objects.filter(pk__in=memberships.values("tenant_id")).order_by("name"))


def address_of(request: HttpRequest) -> str:
    """Who connected; behind the configured proxy, whom that proxy saw: the last entry is its own."""
    address: str = request.META.get("REMOTE_ADDR", "")
    if settings.SECURE_PROXY_SSL_HEADER is None:
        return address
    seen = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(seen))
    except ValueError:
        return address


def actor_of(request: HttpRequest) -> context.Actor:
    user = request.user
    address = request.META.get("REMOTE_ADDR", "")
    if not isinstance(user, User):
        return context.Actor(kind="anonymous", address=address)
    method = request.session.get(SESSION_METHOD, "")
    return context.Actor("user", str(user.pk), user.username, method, address)


def bearer(request: HttpRequest) -> str | None:
    """The token in the Authorization header (RFC 6750), if there is one."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else None


class EncryptedApiMiddleware:
    """Refuses REST requests that came without TLS. A redirect would hide that the token went in clear."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SECURE_SSL_REDIRECT and not request.is_secure() and request.path.startswith("/api/"):
            return JsonResponse(
                {
                    "type": "about:blank",
                    "title": "Forbidden",
                    "status": 403,
                    "detail": "Use https, and a new token: this one was sent in clear.",
                },
                status=403,
                content_type="application/problem+json",
            )
        return self.get_response(request)


class WorkContextMiddleware:
    """Puts a WorkContext round every request of a person or token with a tenant, a SystemContext round the rest.

    A request that shows a token is the token's alone: the session beside it does not count, and a refused token
    leaves the request with nobody (``request.api_token`` is None, ``request.token_shown`` True).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.META["REMOTE_ADDR"] = address_of(request)
        shown = bearer(request)
        request.token_shown, request.api_token = shown is not None, None  # type: ignore[attr-defined]
        request.tenant, request.tenants = None, []  # type: ignore[attr-defined]
        opened = self._token(request, shown) if shown is not None else self._person(request)
        with context.enter(opened):
            response = self.get_response(request)
        if isinstance(opened, context.WorkContext):
            response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Correlation-ID"] = opened.correlation_id
        return response

    def _token(self, request: HttpRequest, shown: str) -> context.Context:
        address = request.META.get("REMOTE_ADDR", "")
        request.user = AnonymousUser()
        try:
            token: ApiToken = signin.find_token(shown)
        except signin.SignInRefused:
            return context.SystemContext("request", context.Actor("anonymous", address=address))
        request.api_token, request.tenant = token, token.tenant  # type: ignore[attr-defined]
        return context.WorkContext(
            token.tenant_id, context.Actor("token", str(token.pk), token.name, "token", address)
        )

    def _person(self, request: HttpRequest) -> context.Context:
        user = request.user
        if isinstance(user, User) and self._too_old(request):
            logout(request)
            user = request.user
        if isinstance(user, User):
            request.session.touch()  # type: ignore[attr-defined]
            tenants = tenants_of(user)
            chosen = request.session.get(SESSION_TENANT)
            tenant = next((t for t in tenants if str(t.pk) == chosen), tenants[0] if tenants else None)
            request.tenant, request.tenants = tenant, tenants  # type: ignore[attr-defined]
            if tenant is not None:
                return context.WorkContext(tenant.pk, actor_of(request))
        return context.SystemContext("request", actor_of(request))

    @staticmethod
    def _too_old(request: HttpRequest) -> bool:
        started = parse_datetime(request.session.get(SESSION_STARTED, ""))
        limit = timedelta(seconds=settings.SESSION_ABSOLUTE_AGE)
        return started is None or timezone.now() - started > limit
