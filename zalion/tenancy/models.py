"""Tenants, the people who work for them, their roles, and the ways in: one-time links and API tokens."""

import secrets
import uuid
from typing import Any, ClassVar

from django.contrib.auth import get_backends
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone

from zalion.tenancy.scoping import TenantModel


def _nonce() -> str:
    return secrets.token_urlsafe(32)


class Tenant(models.Model):
    """A customer. Made and suspended by a platform operator, who never sees its content."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(unique=True, max_length=50)
    name = models.CharField(max_length=200)
    audit_days = models.PositiveIntegerField("days the trail is kept", default=3650)
    suspended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, **fields: Any) -> "User":
        user = self.model(username=username, **fields)
        user.full_clean()
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person. There is no password column: people sign in by a one-time link, later by OIDC or a passkey."""

    password: ClassVar[None] = None  # type: ignore[assignment,misc]
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.SlugField(unique=True, max_length=100)
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    is_platform_operator = models.BooleanField(default=False)
    # Part of every session's hash: renewing it ends all sessions of this person at once.
    session_nonce = models.CharField(max_length=64, default=_nonce, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split()[0] if self.name else self.username

    def set_password(self, raw_password: str | None) -> None:
        raise TypeError("Nobody has a password here.")

    def check_password(self, raw_password: str | None) -> bool:
        return False

    def has_usable_password(self) -> bool:
        return False

    def get_session_auth_hash(self) -> str:
        return self.session_nonce

    def get_session_auth_fallback_hash(self) -> Any:
        return iter(())

    @property
    def is_staff(self) -> bool:
        return self.is_active

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        """Whether the role this person has in the tenant at work grants ``perm``; the backend asks roles.GRANTS."""
        return any(backend.has_perm(self, perm, obj) for backend in get_backends())

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active


class Role(models.TextChoices):
    ADMINISTRATOR = "administrator", "IT administrator"
    COMPLIANCE = "compliance", "Compliance officer"
    OPERATOR = "operator", "Operator"
    AUDITOR = "auditor", "Auditor"


class Membership(TenantModel):
    """What a person is in one tenant; somebody with several tenants works in one at a time."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(TenantModel.Meta):
        constraints = (
            models.UniqueConstraint(fields=("tenant", "user", "role"), name="membership_once_per_role"),
        )

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class Scope(models.TextChoices):
    DOCUMENTS_READ = "documents:read", "Read documents"
    DOCUMENTS_WRITE = "documents:write", "Correct, approve and reject documents"
    MESSAGES_READ = "messages:read", "Read mail"
    MAILBOXES_READ = "mailboxes:read", "See mailboxes and their state"
    AUDIT_READ = "audit:read", "Read the audit trail"


class ApiToken(TenantModel):
    """An integrator's key to the REST endpoints: shown once, stored hashed, scoped, expiring, revocable."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the token, which has 256 random bits.")
    scopes = models.JSONField(default=list)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.name


class SignInLink(models.Model):
    """A one-time link printed on the server's console: ten minutes, single use, stored hashed."""

    digest = models.CharField(primary_key=True, max_length=64)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link for {self.user_id}"
