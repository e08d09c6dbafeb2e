"""People and their roles, API tokens, and the platform operator's tenants."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from zalion.portal import site
from zalion.tenancy import people, roles, signin
from zalion.tenancy.context import current
from zalion.tenancy.models import ApiToken, Membership, Scope, Tenant, User

LIVES = ((30, "30 days"), (90, "90 days"), (365, "1 year"))


class TokenForm(forms.Form):
    """A new key to the REST endpoints: what it is for, what it may do, how long."""

    name = forms.CharField(
        max_length=100,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        help_text="Which system uses it.",
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        widget=forms.CheckboxSelectMultiple(),
        help_text="Only what you may see yourself: mail and documents are compliance's to open to a system.",
    )
    days = forms.TypedChoiceField(
        label="Valid for",
        choices=LIVES,
        coerce=int,
        initial=90,
        widget=forms.Select(attrs={"class": "select"}),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        allowed = [pair for pair in Scope.choices if roles.allows(user, signin.SCOPE_RIGHTS[pair[0]])]
        self.fields["scopes"].choices = allowed  # type: ignore[attr-defined]


class TenantForm(forms.Form):
    """A new customer."""

    name = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"})
    )
    slug = forms.SlugField(
        label="Short name",
        max_length=50,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off", "spellcheck": "false"}),
        help_text="Used on the command line and bound to secrets; it does not change later.",
    )


def everybody(request: HttpRequest) -> HttpResponse:
    by_person: dict[User, list[str]] = {}
    for membership in Membership.objects.select_related("user").order_by("user__name", "role"):
        by_person.setdefault(membership.user, []).append(membership.get_role_display())
    return site.render(
        request, "portal/settings/people.html", title="Settings", current="settings", tab="people",
        people=by_person.items(), grants=roles.GRANTS,
    )  # fmt: skip


def tokens(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    rows = [
        (token, "revoked" if token.revoked_at else "expired" if token.expires_at <= now else "active")
        for token in ApiToken.objects.select_related("created_by")
    ]
    return site.render(
        request, "portal/settings/tokens.html", title="Settings", current="settings", tab="tokens",
        rows=rows, labels=dict(Scope.choices),
    )  # fmt: skip


def token_new(request: HttpRequest) -> HttpResponse:
    """The answer to the POST shows the secret; it is nowhere else, and reloading does not bring it back."""
    form = TokenForm(request.POST or None, user=request.user)
    shown = ""
    if request.method == "POST" and form.is_valid() and isinstance(request.user, User):
        wanted = form.cleaned_data
        expires = timezone.now() + timedelta(days=wanted["days"])
        _, shown = signin.issue_token(
            wanted["name"], scopes=wanted["scopes"], created_by=request.user, expires_at=expires
        )
    return site.render(
        request, "portal/settings/token_new.html", title="New API token", current="settings", form=form,
        shown=shown, crumbs=[("Settings", reverse("portal:people")), ("API tokens", reverse("portal:tokens"))],
    )  # fmt: skip


def token_revoke(request: HttpRequest, key: UUID) -> HttpResponse:
    signin.revoke_token(get_object_or_404(ApiToken, pk=key))
    messages.success(request, "Revoked: it opens nothing from now on.")
    return HttpResponseRedirect(reverse("portal:tokens"))


def tenants(request: HttpRequest) -> HttpResponse:
    return site.render(
        request, "portal/settings/tenants.html", title="Tenants", current="tenants", rows=Tenant.objects.all()
    )


def tenant_new(request: HttpRequest) -> HttpResponse:
    form = TenantForm(request.POST or None)
    at_work = current()
    if request.method == "POST" and form.is_valid() and at_work is not None:
        try:
            people.create_tenant(
                form.cleaned_data["name"], slug=form.cleaned_data["slug"], actor=at_work.actor
            )
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            messages.success(
                request, "The tenant is there, with keys of its own. Give its people their roles."
            )
            return HttpResponseRedirect(reverse("portal:tenants"))
    return site.render(
        request, "portal/settings/tenant_new.html", title="New tenant", current="tenants", form=form,
        crumbs=[("Tenants", reverse("portal:tenants"))],
    )  # fmt: skip
