"""The portal's own pages: people, API tokens and tenants, and the server's health on the overview."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from zalion import health
from zalion.portal import settings_pages as pages
from zalion.portal.site import MenuItem, Page, Panel, PortalAdmin, Todo, Watch, portal
from zalion.tenancy import roles
from zalion.tenancy.models import ApiToken, Membership, Tenant

BOTH = ("GET", "POST")


class PeopleAdmin(PortalAdmin):
    view_permission = roles.VIEW_AUDIT
    pages = (Page("settings/people/", pages.everybody, "people", roles.VIEW_AUDIT),)


class TokenAdmin(PortalAdmin):
    view_permission = roles.VIEW_AUDIT
    pages = (
        Page("settings/tokens/", pages.tokens, "tokens", roles.VIEW_AUDIT),
        Page("settings/tokens/new/", pages.token_new, "token-new", roles.MANAGE_TOKENS, BOTH),
        Page(
            "settings/tokens/<uuid:key>/revoke/",
            pages.token_revoke,
            "token-revoke",
            roles.MANAGE_TOKENS,
            ("POST",),
        ),
    )


class TenantAdmin(PortalAdmin):
    view_permission = roles.MANAGE_TENANTS
    pages = (
        Page("tenants/", pages.tenants, "tenants", roles.MANAGE_TENANTS),
        Page("tenants/new/", pages.tenant_new, "tenant-new", roles.MANAGE_TENANTS, BOTH),
    )


def system_health(request: HttpRequest) -> dict[str, Any]:
    """How the server fares: for the platform operator, and for whoever looks after mailboxes."""
    return {"findings": health.health()}


def failures() -> list[Todo]:
    """Parts of the server that only a person can bring back."""
    url = reverse("portal:index") + "#health"
    return [
        Todo(f"{found.name}: not well", found.detail, url, "See", tone="bad")
        for found in health.health()
        if found.state == "failed"
    ]


portal.register(Membership, PeopleAdmin)
portal.register(ApiToken, TokenAdmin)
portal.register(Tenant, TenantAdmin)
portal.add_menu_item(MenuItem("settings", "Settings", "portal:people", roles.VIEW_AUDIT, 60))
portal.add_menu_item(MenuItem("tenants", "Tenants", "portal:tenants", roles.MANAGE_TENANTS, 70))
portal.add_watch(Watch("health", roles.VIEW_HEALTH, 1, failures))
portal.add_panel(Panel("health", "portal/panels/health.html", roles.VIEW_HEALTH, 70, system_health))
