"""The wall between tenants, in the SQL: managers that add the tenant, saves that refuse another's."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.expressions import Expression
from django.db.models.sql.compiler import SQLCompiler

from zalion.tenancy import context
from zalion.tenancy.unit import rows_written, unit


class CrossTenantError(RuntimeError):
    """A row was about to be tied to another tenant than the one at work."""


class CurrentTenant(Expression):
    """The tenant at work, looked up when the SQL is compiled: a queryset made at import time is harmless."""

    allowed_default = False

    def __init__(self) -> None:
        super().__init__(output_field=models.UUIDField())

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[Any, ...]]:
        value = models.UUIDField().get_db_prep_value(context.tenant_id(), connection)
        return "%s", (value,)


class TenantQuerySet(models.QuerySet[Any]):
    """Refuses what would go round the wall, or round a sealed field, and announces bulk writes."""

    def _sealed(self, names: Iterable[Any]) -> list[str]:
        sealed = {f.name for f in self.model._meta.concrete_fields if getattr(f, "sealed", False)}
        return sorted(sealed.intersection(str(n) for n in names))

    def _refuse_sealed(self, names: Sequence[Any], what: str) -> None:
        wanted = names or [f.name for f in self.model._meta.concrete_fields]
        if found := self._sealed(wanted):
            raise FieldError(f"{what} on sealed fields: {', '.join(found)}. Load the rows instead.")

    def values(self, *fields: Any, **expressions: Any) -> Any:
        self._refuse_sealed(fields if fields or expressions else (), "values()")
        return super().values(*fields, **expressions)

    def values_list(self, *fields: Any, flat: bool = False, named: bool = False) -> Any:
        self._refuse_sealed(fields, "values_list()")
        return super().values_list(*fields, flat=flat, named=named)

    def order_by(self, *field_names: Any) -> Any:
        self._refuse_sealed(
            [name.lstrip("-") for name in field_names if isinstance(name, str)] or ["pk"], "order_by()"
        )
        return super().order_by(*field_names)

    def update(self, **values: Any) -> int:
        if values:
            self._refuse_sealed(list(values), "update()")
        if self.model._meta.get_field("tenant").name in values or "tenant_id" in values:
            raise CrossTenantError("A row's tenant never changes.")
        for field in self.model._meta.concrete_fields:
            for name in {field.name, field.attname} & values.keys():
                _check_target(self.model, field, values[name])
        ids = list(super().values_list("pk", flat=True)) if rows_written.has_listeners(self.model) else []
        changed = super().update(**values)
        if changed:
            rows_written.send(sender=self.model, action="update", ids=ids, fields=sorted(values))
        return changed

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("update_conflicts") or len(args) > 2:
            # The database would change whatever row has the key, another tenant's included.
            raise CrossTenantError("Rows are created or updated; what conflicts is not written over.")
        rows = list(objs)
        for row in rows:
            row.claim_tenant()
        _check_foreign_keys(self.model, rows)
        made = super().bulk_create(rows, *args, **kwargs)
        if rows:
            rows_written.send(sender=self.model, action="create", ids=[row.pk for row in rows], fields=[])
        return made

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None) -> int:
        rows, names = list(objs), list(fields)
        self._refuse_sealed(names, "bulk_update()")
        for row in rows:
            row.claim_tenant()
        _check_foreign_keys(self.model, rows)
        return super().bulk_update(rows, names, batch_size=batch_size)

    def delete(self) -> tuple[int, dict[str, int]]:
        with unit():  # Django opens a transaction of its own here; the events belong into it
            return super().delete()


class TenantManager(models.Manager.from_queryset(TenantQuerySet)):  # type: ignore[misc]
    """Only the rows of the tenant at work; outside a WorkContext it raises NoTenantError."""

    use_in_migrations = False

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(tenant_id=CurrentTenant())


def _same_tenant(model: type[models.Model], field: str, tenant: uuid.UUID) -> None:
    if tenant != context.tenant_id():
        raise CrossTenantError(f"{model.__name__}.{field} would point to another tenant's row.")


def _check_target(model: type[models.Model], field: "models.Field[Any, Any]", value: Any) -> None:
    """Raise CrossTenantError when ``value``, a row or a key, is another tenant's; expressions name no row."""
    target = field.related_model
    if not isinstance(target, type) or not issubclass(target, TenantModel):
        return
    if isinstance(value, TenantModel):
        _same_tenant(model, field.name, value.tenant_id)
        return
    value = value.value if isinstance(value, models.Value) else value
    names_a_row = value is not None and not hasattr(value, "resolve_expression")
    if names_a_row and not target.objects.filter(pk=value).exists():
        raise CrossTenantError(f"{model.__name__}.{field.name} would point to another tenant's row.")


def _check_foreign_keys(model: type["TenantModel"], rows: Sequence["TenantModel"]) -> None:
    """Raise CrossTenantError unless every row that ``rows`` point to is the current tenant's."""
    for field in model._meta.concrete_fields:
        related = field.related_model
        if not isinstance(related, type) or not issubclass(related, TenantModel):
            continue
        unknown: set[Any] = set()
        for row in rows:
            key = getattr(row, field.attname)
            if key is None:
                continue
            if field.is_cached(row):  # type: ignore[attr-defined]
                _same_tenant(model, field.name, getattr(row, field.name).tenant_id)
            else:
                unknown.add(key)
        if unknown and related.objects.filter(pk__in=unknown).count() != len(unknown):
            raise CrossTenantError(f"{model.__name__}.{field.name} would point to another tenant's row.")


class TenantModel(models.Model):
    """A row of one tenant: UUID key made in Python, since a sealed field is bound to it before it is written."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("tenancy.Tenant", on_delete=models.CASCADE, related_name="+", editable=False)

    objects: ClassVar[models.Manager[Self]] = TenantManager()
    # The way round the wall: only the modules that tests/architecture lists may use it.
    across_tenants: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
        default_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.claim_tenant()
        _check_foreign_keys(type(self), [self])
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self.claim_tenant()
        with unit():
            return super().delete(*args, **kwargs)

    def claim_tenant(self) -> None:
        """Set the tenant from the context, or refuse a row that is another's."""
        known: uuid.UUID | None = self.tenant_id
        if known is None:
            self.tenant_id = context.tenant_id()
        elif self.tenant_id != context.tenant_id():
            raise CrossTenantError(f"This {type(self).__name__} belongs to another tenant.")
