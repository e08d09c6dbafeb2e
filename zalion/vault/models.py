"""Wrapped keys and the tokens of the blind search index."""

from django.db import models
from django.utils import timezone

from zalion.tenancy.scoping import TenantModel


class Purpose(models.TextChoices):
    """What a tenant's key is for: one key never serves two of them."""

    CONTENT = "content", "Raw mail, attachments, images"
    FIELDS = "fields", "Columns of rows"
    INDEX = "index", "Search tokens, equality tokens and content hashes"
    TOKENS = "tokens", "Tokens of mail providers"


class KeyState(models.TextChoices):
    ACTIVE = "active", "Seals and opens"
    RETIRED = "retired", "Opens what it sealed"
    SHREDDED = "shredded", "Destroyed"


class TenantKey(TenantModel):
    """A random 256-bit key of one tenant, wrapped by the master key; a destroyed one leaves its row."""

    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=KeyState.choices, default=KeyState.ACTIVE)
    state_since = models.DateTimeField(default=timezone.now)
    master = models.CharField("master key id", max_length=32)
    wrapped = models.BinaryField()

    class Meta(TenantModel.Meta):
        constraints = (
            models.UniqueConstraint(fields=("tenant", "purpose", "version"), name="tenant_key_version_once"),
            models.UniqueConstraint(
                fields=("tenant", "purpose"),
                condition=models.Q(state=KeyState.ACTIVE),
                name="tenant_key_one_active",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=KeyState.SHREDDED) | models.Q(wrapped=b""),
                name="tenant_key_shredded_is_empty",
            ),
        )

    def __str__(self) -> str:
        return f"{self.purpose} key, version {self.version}"


class SystemKey(models.Model):
    """The wrapped key behind what belongs to no tenant; made with the database, once."""

    version = models.PositiveIntegerField(primary_key=True)
    created_at = models.DateTimeField(default=timezone.now)
    master = models.CharField("master key id", max_length=32)
    wrapped = models.BinaryField()

    def __str__(self) -> str:
        return f"system key, version {self.version}"


class SearchToken(TenantModel):
    """One word of one object as an HMAC: equal words are found, none can be read."""

    # Every query here starts from the token or the object, so the tenant alone needs no index.
    tenant = models.ForeignKey(
        "tenancy.Tenant", on_delete=models.CASCADE, related_name="+", editable=False, db_index=False
    )
    kind = models.CharField(max_length=64, help_text="label of the model, for example connectors.message")
    object_id = models.UUIDField()
    token = models.BinaryField(max_length=16)

    class Meta(TenantModel.Meta):
        constraints = (
            models.UniqueConstraint(fields=("token", "tenant", "object_id"), name="search_token_once"),
        )
        indexes = (models.Index(fields=("object_id",), name="search_token_object"),)

    def __str__(self) -> str:
        return f"token of {self.kind} {self.object_id}"
