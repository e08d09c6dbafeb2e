"""Signing in by a one-time link, signing out, and choosing the tenant to work in."""

from django.contrib.auth import login, logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from zalion.tenancy import roles, signin, throttle
from zalion.tenancy.middleware import SESSION_METHOD, SESSION_STARTED, SESSION_TENANT


@never_cache
@require_http_methods(["GET"])
def how(request: HttpRequest) -> HttpResponse:
    """Tells how to get a link; nothing can be typed here."""
    return render(request, "portal/signin.html", {"title": "Sign in"})


@never_cache
@require_http_methods(["GET", "POST"])
def redeem(request: HttpRequest, secret: str) -> HttpResponse:
    """GET shows a button, so that a link opened by a scanner is not used up; POST signs in."""
    if request.method == "GET":
        return _not_passed_on(render(request, "portal/signin.html", {"title": "Sign in", "secret": secret}))
    try:
        user = signin.redeem(secret)
    except signin.SignInRefused as refused:
        over = throttle.over("signin", address=request.META.get("REMOTE_ADDR", ""), shown=secret)
        if over <= 1:
            reason = "throttled" if over == 1 else "link"
            roles.access_refused.send(sender=None, permission="signin", reason=reason)
        context = {"title": "Sign in", "refused": str(refused)}
        answer = render(request, "portal/signin.html", context, status=429 if over > 0 else 403)
        return _not_passed_on(answer)
    login(request, user, backend="zalion.tenancy.roles.RoleBackend")
    request.session[SESSION_STARTED] = timezone.now().isoformat()
    request.session[SESSION_METHOD] = "link"
    return HttpResponseRedirect(reverse("portal:index"))


def _not_passed_on(answer: HttpResponse) -> HttpResponse:
    """The page's address is a secret: its style sheets are fetched, and their log written, without it.

    Not `no-referrer`, with which browsers send an opaque Origin that the CSRF check refuses.
    """
    answer.headers["Referrer-Policy"] = "strict-origin"
    return answer


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    logout(request)
    response = HttpResponseRedirect(reverse("signin"))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Work in another of one's tenants."""
    wanted = request.POST.get("tenant", "")
    if wanted not in {str(tenant.pk) for tenant in getattr(request, "tenants", None) or []}:
        raise Http404
    request.session[SESSION_TENANT] = wanted
    roles.tenant_switched.send(sender=None, tenant_id=wanted)
    return HttpResponseRedirect(reverse("portal:index"))
