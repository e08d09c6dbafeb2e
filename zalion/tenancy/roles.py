"""What each role may do; the doors ask here and announce every refusal."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import PermissionDenied
from django.dispatch import Signal

from zalion.tenancy.context import WorkContext, current
from zalion.tenancy.models import Membership, Role, User

# Sent with ``permission`` and ``reason`` when a door refuses somebody; the trail listens.
access_refused = Signal()
# Sent with ``tenant_id`` when a person goes over to another of their tenants.
tenant_switched = Signal()

VIEW_OVERVIEW = "overview.view"
VIEW_MAIL = "mail.view"
IMPORT_MAIL = "mail.import"
RETRY_MAIL = "mail.retry"
VIEW_DOCUMENTS = "document.view"
REVIEW_DOCUMENTS = "document.review"
VIEW_MAILBOXES = "mailbox.view"
CONFIGURE_MAILBOXES = "mailbox.configure"
APPROVE_IT = "mailbox.approve_it"
APPROVE_COMPLIANCE = "mailbox.approve_compliance"
VIEW_AUDIT = "audit.view"
MANAGE_TOKENS = "tokens.manage"
MANAGE_TENANTS = "tenants.manage"
VIEW_HEALTH = "health.view"

# Administrators connect mailboxes without reading what is in them; content is for those whose work it is.
GRANTS: dict[str, frozenset[str]] = {
    Role.ADMINISTRATOR: frozenset(
        {
            VIEW_OVERVIEW,
            VIEW_MAILBOXES,
            CONFIGURE_MAILBOXES,
            APPROVE_IT,
            VIEW_AUDIT,
            MANAGE_TOKENS,
            VIEW_HEALTH,
        }
    ),
    Role.COMPLIANCE: frozenset(
        {
            VIEW_OVERVIEW,
            VIEW_MAIL,
            VIEW_DOCUMENTS,
            VIEW_MAILBOXES,
            APPROVE_COMPLIANCE,
            VIEW_AUDIT,
            MANAGE_TOKENS,
        }
    ),
    Role.OPERATOR: frozenset(
        {VIEW_OVERVIEW, VIEW_MAIL, IMPORT_MAIL, RETRY_MAIL, VIEW_DOCUMENTS, REVIEW_DOCUMENTS, VIEW_MAILBOXES}
    ),
    Role.AUDITOR: frozenset({VIEW_OVERVIEW, VIEW_MAIL, VIEW_DOCUMENTS, VIEW_MAILBOXES, VIEW_AUDIT}),
}
PLATFORM_GRANTS = frozenset({MANAGE_TENANTS, VIEW_HEALTH})


def granted(user: Any) -> frozenset[str]:
    """The permissions of ``user`` in the tenant at work; asked once per request and user object."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    context = current()
    tenant = context.tenant_id if isinstance(context, WorkContext) else None
    cached: tuple[Any, frozenset[str]] | None = getattr(user, "_granted", None)
    if cached is not None and cached[0] == tenant:
        return cached[1]
    found = PLATFORM_GRANTS if user.is_platform_operator else frozenset()
    if tenant is not None:
        for role in Membership.objects.filter(user=user).values_list("role", flat=True):
            found |= GRANTS[role]
    user._granted = (tenant, found)  # type: ignore[attr-defined]
    return found


def allows(user: Any, permission: str) -> bool:
    return permission in granted(user)


def require(user: Any, permission: str) -> None:
    """Raise PermissionDenied, on record, unless ``user`` has ``permission`` in the tenant at work."""
    if not allows(user, permission):
        access_refused.send(sender=None, permission=permission, reason="role")
        raise PermissionDenied(f"This needs the right {permission}.")


class RoleBackend(BaseBackend):
    """Finds the person of a session; sign-in itself goes through signin.redeem."""

    def authenticate(self, request: Any, **credentials: Any) -> None:
        return None

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return allows(user_obj, perm)

    def get_user(self, user_id: Any) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()
