"""One-time sign-in links, API tokens and ending sessions: the ways in, and the ways out."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.dispatch import Signal
from django.utils import timezone

from zalion.tenancy import roles
from zalion.tenancy.models import ApiToken, Scope, SignInLink, User, _nonce
from zalion.tenancy.unit import unit

# Sent with ``user`` in the unit that makes a link for them; the trail listens.
link_issued = Signal()

LINK_LIFE = timedelta(minutes=10)
TOKEN_MARK = "zal"  # noqa: S105  (what a token starts with, so that secret scanners can find a leaked one)
# What a person must be allowed to see before they may issue a token that reads or decides it.
SCOPE_RIGHTS: dict[str, str] = {
    Scope.DOCUMENTS_READ: roles.VIEW_DOCUMENTS,
    Scope.DOCUMENTS_WRITE: roles.VIEW_DOCUMENTS,
    Scope.MESSAGES_READ: roles.VIEW_MAIL,
    Scope.MAILBOXES_READ: roles.VIEW_MAILBOXES,
    Scope.AUDIT_READ: roles.VIEW_AUDIT,
}


class SignInRefused(Exception):
    """The link or token is unknown, used, expired or revoked; the caller is not told which."""


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def issue_link(user: User) -> str:
    """A new secret for ``user``'s next sign-in, good for ten minutes and once."""
    secret = secrets.token_urlsafe(32)
    with unit():
        SignInLink.objects.filter(expires_at__lt=timezone.now()).delete()
        SignInLink.objects.create(digest=_digest(secret), user=user, expires_at=timezone.now() + LINK_LIFE)
        link_issued.send(sender=None, user=user)
    return secret


def redeem(secret: str) -> User:
    """The person a link belongs to, using it up; raises SignInRefused."""
    now = timezone.now()
    links = SignInLink.objects.filter(digest=_digest(secret))
    with unit():
        if not links.filter(used_at=None, expires_at__gt=now, user__is_active=True).update(used_at=now):
            raise SignInRefused("This link is used, expired or unknown.")
        return links.select_related("user").get().user


def end_sessions(user: User) -> None:
    """Every session of ``user`` is dead from the next request on."""
    user.session_nonce = _nonce()
    with unit():
        user.save(update_fields=["session_nonce"])


def issue_token(
    name: str, *, scopes: Iterable[str], created_by: User, expires_at: datetime
) -> tuple[ApiToken, str]:
    """A new API token of the tenant at work and its secret, which is not kept.

    Nobody hands out what they may not see: raises PermissionDenied for a scope that ``created_by`` lacks the
    right of, so an administrator's token reads no mail.
    """
    wanted = sorted({Scope(scope).value for scope in scopes})
    for scope in wanted:
        roles.require(created_by, SCOPE_RIGHTS[scope])
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    shown = f"{TOKEN_MARK}_{prefix}_{secret}"
    with unit():
        token = ApiToken(
            name=name,
            prefix=prefix,
            digest=_digest(shown),
            scopes=wanted,
            created_by=created_by,
            expires_at=expires_at,
        )
        token.save()
    return token, shown


def revoke_token(token: ApiToken) -> None:
    token.revoked_at = timezone.now()
    with unit():
        token.save(update_fields=["revoked_at"])


def find_token(shown: str) -> ApiToken:
    """The live token that ``shown`` is; raises SignInRefused. Looks across tenants: it decides which one works.

    It dies with the account of the person who made it.
    """
    parts = shown.split("_", 2)
    prefix = parts[1] if len(parts) == 3 and parts[0] == TOKEN_MARK else ""
    rows = ApiToken.across_tenants.select_related("tenant", "created_by")
    token = rows.filter(prefix=prefix).first()
    digest = token.digest if token else _digest("")
    right = secrets.compare_digest(digest, _digest(shown))
    if (
        token is None
        or not right
        or token.revoked_at is not None
        or token.expires_at <= timezone.now()
        or token.tenant.suspended_at is not None
        or not token.created_by.is_active
    ):
        raise SignInRefused("This token is unknown, expired or revoked.")
    return token
