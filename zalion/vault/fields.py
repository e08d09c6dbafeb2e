"""Sealed columns: clear text in Python when somebody asks for it, ZL1 everywhere else."""

import json
import re
import uuid
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, ClassVar

from django.core import checks
from django.core.exceptions import FieldError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.expressions import Combinable
from django.db.models.query_utils import DeferredAttribute

from zalion.vault.models import Purpose
from zalion.vault.sealing import Binding, seal, unseal


class Ciphertext(bytes):
    """Sealed bytes of a column, as they stand in the database; not opened yet."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<sealed>"

    __str__ = __repr__


class SealedAttribute(DeferredAttribute):
    """Opens the column when it is first read, and keeps what it opened on the instance."""

    field: "SealedField"

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        if isinstance(value, Ciphertext):
            value = self.field.opened(instance, value)
            instance.__dict__[self.field.attname] = value
        return value

    def __set__(self, instance: models.Model, value: Any) -> None:
        # Makes this a data descriptor: without it the instance's own dict would be read first, unopened.
        instance.__dict__[self.field.attname] = value


class SealedField(models.Field):  # type: ignore[type-arg]
    """A column bound to tenant, model, row and field name; None stays NULL, so isnull is its one lookup.

    The model needs a ``tenant`` and a primary key made in Python. Rows of a nullable tenant that have none
    are sealed under the system's key. Renaming the model or the field makes what is stored unreadable: such
    a migration has to seal the column anew.
    """

    sealed: ClassVar[bool] = True
    descriptor_class = SealedAttribute

    def __init__(self, *args: Any, purpose: Purpose | str = Purpose.FIELDS, **kwargs: Any) -> None:
        self.purpose = Purpose(purpose)
        # Never part of a form that is made from the model: forms that change it say so field by field.
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def encode(self, value: Any) -> bytes:
        raise NotImplementedError

    def decode(self, plain: bytes) -> Any:
        raise NotImplementedError

    # -- sealing and opening

    def _binding(self, instance: models.Model) -> Binding:
        tenant = instance.tenant_id  # type: ignore[attr-defined]
        if tenant is None and not self.model._meta.get_field("tenant").null:
            raise FieldError(f"{self.model.__name__}.{self.name}: the row has no tenant yet.")
        if instance.pk is None:
            raise FieldError(f"{self.model.__name__}.{self.name}: the row has no primary key yet.")
        if tenant is not None and not isinstance(tenant, uuid.UUID):
            tenant = uuid.UUID(str(tenant))
        row = str(self.model._meta.pk.to_python(instance.pk))
        return Binding(tenant, self.model._meta.label_lower, row, self.name)

    def opened(self, instance: models.Model, sealed: Ciphertext) -> Any:
        """The clear value; raises SealBroken when the column was changed or comes from another row."""
        return self.decode(unseal(bytes(sealed), binding=self._binding(instance)))

    def pre_save(self, model_instance: models.Model, add: bool) -> Ciphertext | None:
        value = model_instance.__dict__.get(self.attname)
        if value is None:
            return None
        if isinstance(value, Ciphertext):
            # Never read: written back as it is, if it is this row's. A copied row must not carry it along.
            self.opened(model_instance, value)
            return value
        return self._sealed(model_instance, value)

    def _sealed(self, instance: models.Model, value: Any) -> Ciphertext:
        return Ciphertext(seal(self.encode(value), binding=self._binding(instance), purpose=self.purpose))

    # -- the database's side

    def get_internal_type(self) -> str:
        return "BinaryField"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Ciphertext | None:
        return None if value is None else Ciphertext(value)

    def get_prep_value(self, value: Any) -> Ciphertext | None:
        if value is None or isinstance(value, Ciphertext):
            return value
        raise FieldError(
            f"{self.name} is sealed: it is written by save() or bulk_create(), not by update(), loaddata "
            f"or a lookup."
        )

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        value = super().get_db_prep_value(value, connection, prepared)
        return None if value is None else connection.Database.Binary(bytes(value))

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        return str(connection.ops.binary_placeholder_sql(value))

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError(f"{self.name} is sealed: it has no lookup but isnull; search the blind index.")
        return super().get_lookup(lookup_name)

    def get_transform(self, lookup_name: str) -> Any:
        raise FieldError(f"{self.name} is sealed: it cannot be transformed in the database.")

    # -- Django's side

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        # A model's __str__ may name what is sealed, and the default repr, which ends up in logs, shows it.
        if cls.__repr__ is models.Model.__repr__:
            cls.__repr__ = _opaque_repr

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.purpose != Purpose.FIELDS:
            kwargs["purpose"] = self.purpose.value
        kwargs.pop("editable", None)
        if self.editable:
            kwargs["editable"] = True
        return name, path, args, kwargs

    def value_from_object(self, obj: models.Model) -> Ciphertext | None:
        """Sealed: serializers and forms that walk over a model's fields get no clear text."""
        value = obj.__dict__.get(self.attname)
        return value if value is None or isinstance(value, Ciphertext) else self._sealed(obj, value)

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else b64encode(value).decode()

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        found = super().check(**kwargs)
        names = {self.name, self.attname}
        ordered = {str(name).lstrip("-") for name in self.model._meta.ordering or ()}
        if names & ordered:
            found.append(
                checks.Error("Nothing can be ordered by a sealed column.", obj=self, id="vault.E002")
            )
        if self.unique or getattr(self, "db_index", False):
            hint = "Put an EqualityTokenField beside it."
            found.append(checks.Error("A sealed column has no index.", hint=hint, obj=self, id="vault.E003"))
        if not any(field.name == "tenant" for field in self.model._meta.concrete_fields):
            found.append(checks.Error("A sealed column needs a tenant.", obj=self, id="vault.E004"))
        return found


def _opaque_repr(self: models.Model) -> str:
    return f"<{type(self).__name__}: {self.pk}>"


class SealedTextField(SealedField):
    """Text of any length."""

    _pyi_private_set_type: str | Combinable
    _pyi_private_get_type: str

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise TypeError(f"{self.name} takes text, not {type(value).__name__}.")
        # Decoded mail headers may hold lone surrogates; they come back as they were.
        return value.encode("utf-8", "surrogatepass")

    def decode(self, plain: bytes) -> str:
        return plain.decode("utf-8", "surrogatepass")


class SealedJsonField(SealedField):
    """Anything JSON can say; Decimal, dates and UUIDs come back as text. JSON's null is kept apart from NULL
    by never being stored: None is NULL.
    """

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any
    empty_strings_allowed = False

    def encode(self, value: Any) -> bytes:
        return json.dumps(value, cls=DjangoJSONEncoder, separators=(",", ":")).encode()

    def decode(self, plain: bytes) -> Any:
        return json.loads(plain)


_TOKEN = re.compile(r"[0-9a-f]{32}")


class EqualityTokenField(models.CharField):  # type: ignore[type-arg]
    """The column beside a sealed one that makes equal values findable; holds what ``index.token`` returns.

    Anything else is refused with ValueError, so that clear text cannot get into it by mistake.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_length"] = 32
        kwargs.setdefault("db_index", True)
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"]
        return name, path, args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        if value and not (isinstance(value, str) and _TOKEN.fullmatch(value)):
            raise ValueError(f"{self.name} takes tokens of zalion.vault.index.token(), nothing else.")
        return super().get_prep_value(value)
