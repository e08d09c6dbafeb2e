"""The trail's pages in the portal, their right, and what they add to the menu and the overview."""

from audit import policies, views
from audit.models import AuditEvent, RetentionPolicy
from zalion.portal.site import MenuItem, Page, Panel, PortalAdmin, Watch, portal
from zalion.tenancy import roles


class EventAdmin(PortalAdmin):
    view_permission = roles.VIEW_AUDIT
    pages = (
        Page("audit/", views.trail, "trail", roles.VIEW_AUDIT),
        Page("audit/<uuid:key>/", views.event, "event", roles.VIEW_AUDIT),
    )


class RetentionAdmin(PortalAdmin):
    view_permission = roles.VIEW_AUDIT
    pages = (
        Page("settings/retention/", policies.index, "retention", roles.VIEW_AUDIT),
        Page(
            "settings/retention/new/",
            policies.create,
            "retention-new",
            roles.CONFIGURE_MAILBOXES,
            ("GET", "POST"),
        ),
    )


portal.register(AuditEvent, EventAdmin)
portal.register(RetentionPolicy, RetentionAdmin)
portal.add_menu_item(MenuItem("audit", "Audit", "portal:trail", roles.VIEW_AUDIT, 50))
portal.add_watch(Watch("seal", roles.VIEW_AUDIT, 5, views.todos))
portal.add_panel(Panel("seal", "audit/panels/seal.html", roles.VIEW_AUDIT, 60, views.seal))
