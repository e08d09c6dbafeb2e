"""The trail's rows: sealed and chained events, the head of each chain, and how long things are kept."""

import uuid
from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn, Self

from auditlog.models import AbstractLogEntry
from django.db import models
from django.db.models.expressions import F
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from audit import actions
from zalion.tenancy.context import NoTenantError, SystemContext, WorkContext, current
from zalion.tenancy.scoping import TenantModel
from zalion.vault.fields import Ciphertext, SealedField, SealedJsonField, SealedTextField


class AppendOnlyError(TypeError):
    """Somebody tried to write, change or delete an event by hand; only the chain appends."""


class OfCurrentChain(models.Func):
    """Rows of the chain at work, decided when the SQL is compiled: a tenant's own, or the system's."""

    output_field = models.BooleanField()

    def __init__(self) -> None:
        super().__init__(F("tenant_id"))

    def as_sql(  # type: ignore[override]  # Django passes these two
        self, compiler: SQLCompiler, connection: Any, **extra: Any
    ) -> tuple[str, list[Any]]:
        column, _ = compiler.compile(self.source_expressions[0])
        context = current()
        if isinstance(context, WorkContext):
            return f"{column} = %s", [models.UUIDField().get_db_prep_value(context.tenant_id, connection)]
        if isinstance(context, SystemContext):
            return f"{column} IS NULL", []
        raise NoTenantError("The trail is read inside a WorkContext (the tenant's) or a SystemContext.")


class EventQuerySet(models.QuerySet["AuditEvent"]):
    """Reads only; the database's triggers refuse the same once more."""

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("The trail is append-only: events are written by audit.trail.record.")

    create = update = delete = bulk_create = bulk_update = get_or_create = update_or_create = _refuse


class EventManager(models.Manager.from_queryset(EventQuerySet)):  # type: ignore[misc]
    """The events of the chain at work. Not a TenantManager: the system's own events have no tenant.

    Inside a WorkContext it shows that tenant's events, inside a SystemContext those of the system chain, and
    outside both it raises NoTenantError. django-auditlog hands its entries to the ``log_`` methods.
    """

    use_in_migrations = False

    def get_queryset(self) -> EventQuerySet:
        found: EventQuerySet = super().get_queryset().filter(OfCurrentChain())
        return found

    def log_create(self, instance: models.Model, force_log: bool = False, **entry: Any) -> None:
        from audit import trail  # the trail stands on these rows

        changes = entry.get("changes")
        if changes is not None or force_log:
            trail.record_change(instance, kind=entry["action"], changes=changes or {})

    def log_m2m_changes(
        self,
        changed_queryset: Iterable[models.Model],
        instance: models.Model,
        operation: str,
        field_name: str,
    ) -> None:
        from audit import trail

        if ids := [str(row.pk) for row in changed_queryset]:
            changes = {field_name: {"operation": operation, "ids": ids}}
            trail.record_change(instance, kind=AbstractLogEntry.Action.UPDATE, changes=changes)

    def get_for_object(self, instance: models.Model) -> EventQuerySet:
        found: EventQuerySet = self.filter(object_kind=instance._meta.model_name, object_id=str(instance.pk))
        return found


class _SealedByTrail:
    """The trail seals before it hashes; what was hashed is written as it is, even if the key is gone by then."""

    attname: str

    def pre_save(self, model_instance: models.Model, add: bool) -> Ciphertext | None:
        value = model_instance.__dict__.get(self.attname)
        if value is not None and not isinstance(value, Ciphertext):
            raise AppendOnlyError("Events are written by audit.trail.record, which seals them.")
        return value


class EventTextField(_SealedByTrail, SealedTextField):
    """Sealed text of an event."""


class EventJsonField(_SealedByTrail, SealedJsonField):
    """Sealed facts of an event."""


class Outcome(models.TextChoices):
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"


class AuditEvent(AbstractLogEntry):  # type: ignore[misc]  # auditlog has no types
    """One thing that happened: django-auditlog's entry with a place in a chain.

    auditlog's columns that would hold content in clear, or would be rewritten when a person or a model goes,
    are left out; what is personal is sealed before it is hashed, so destroying a tenant's keys leaves the
    chain verifiable. The tenant has no constraint: events outlive the rows they tell of.
    """

    content_type = object_pk = object_repr = serialized_data = changes = changes_text = None
    actor = actor_email = remote_addr = remote_port = additional_data = None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(
        "tenancy.Tenant", on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="+"
    )
    sequence = models.BigIntegerField()
    timestamp = models.DateTimeField("time")
    actor_kind = models.CharField(max_length=20)
    actor_id = models.CharField(max_length=64, blank=True)
    actor_name = EventTextField(null=True)
    signed_in_by = models.CharField(max_length=40, blank=True)
    source_address = EventTextField(null=True)
    action = models.CharField(max_length=60)
    object_kind = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    scope = models.CharField("scope decision", max_length=120, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.DONE)
    reason = models.CharField(max_length=120, blank=True)
    cid = models.CharField("correlation id", max_length=64)
    facts = EventJsonField(null=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects: ClassVar[EventManager] = EventManager()
    # Every chain at once: for the chain itself, which appends, and for verify.
    across_tenants: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        base_manager_name = "objects"
        default_manager_name = "objects"
        ordering = ("-sequence",)
        get_latest_by = "sequence"
        verbose_name = "event"
        constraints = (
            models.UniqueConstraint(fields=("tenant", "sequence"), name="event_once_per_place"),
            models.UniqueConstraint(
                fields=("sequence",), condition=models.Q(tenant=None), name="event_once_per_system_place"
            ),
        )
        indexes = (
            models.Index(fields=("tenant", "timestamp"), name="event_by_time"),
            models.Index(fields=("tenant", "cid"), name="event_by_story"),
            models.Index(fields=("tenant", "object_kind", "object_id"), name="event_by_object"),
            models.Index(fields=("tenant", "actor_id"), name="event_by_actor"),
            models.Index(fields=("tenant", "action"), name="event_by_action"),
        )

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"

    @property
    def sentence(self) -> str:
        """What happened, for people."""
        return actions.sentence(self.action, self.outcome)

    def seal(self) -> None:
        """Seal what is personal, in the context of the event's own chain; once sealed it can be hashed."""
        for field in self._meta.concrete_fields:
            if isinstance(field, SealedField):
                self.__dict__[field.attname] = field.value_from_object(self)

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("Events are written by audit.trail.record, never saved.")

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("Events are never deleted.")


class ChainHead(models.Model):
    """Where a chain ends; the MAC under the master key ring shows when the end was cut or made up."""

    chain = models.CharField(primary_key=True, max_length=36, help_text="The tenant's id, or `system`.")
    sequence = models.BigIntegerField(default=0)
    count = models.BigIntegerField(default=0, help_text="Rows kept; fewer once sealed segments were dropped.")
    hash = models.CharField(max_length=64, blank=True)
    mac = models.CharField(max_length=80, blank=True)

    def __str__(self) -> str:
        return f"{self.chain} at {self.sequence}"


class SourceAction(models.TextChoices):
    """What happens in the mailbox itself when the stored copy is due; anything but leaving needs `modify`."""

    LEAVE = "leave", "Leave the mail where it is"
    MARK_READ = "mark_read", "Mark it read"
    MOVE = "move", "Move it"
    DELETE = "delete", "Delete it"


class RetentionPolicy(TenantModel):
    """How long what came out of a mailbox is kept, in days from the day it was received."""

    name = models.CharField(max_length=100)
    raw_mail_days = models.PositiveIntegerField("days raw mail is kept", default=365)
    attachment_days = models.PositiveIntegerField("days attachments are kept", default=365)
    document_days = models.PositiveIntegerField("days documents are kept", default=3650)
    source_action = models.CharField(
        "in the mailbox", max_length=10, choices=SourceAction.choices, default=SourceAction.LEAVE
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(TenantModel.Meta):
        ordering = ("name",)
        verbose_name_plural = "retention policies"
        constraints = (
            models.UniqueConstraint(fields=("tenant", "name"), name="retention_policy_once_per_name"),
        )

    def __str__(self) -> str:
        return self.name

    def terms(self) -> dict[str, int | str]:
        """What is signed when a mailbox is approved: changing any of it asks for new signatures."""
        days = ("raw_mail_days", "attachment_days", "document_days")
        return {**{name: getattr(self, name) for name in days}, "source_action": self.source_action}


class HoldKind(models.TextChoices):
    TENANT = "tenant", "Everything"
    MAILBOX = "mailbox", "A mailbox"
    SENDER = "sender", "A sender"
    DOCUMENT = "document", "A document"


class LegalHold(TenantModel):
    """Stops deletion of what it names until it is lifted."""

    kind = models.CharField(max_length=10, choices=HoldKind.choices)
    # A key, or for a sender its blind token: never an address.
    object_id = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=200)
    who = models.ForeignKey("tenancy.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} since {self.created_at:%Y-%m-%d}"
