"""Sealed columns: clear in Python for who may ask, sealed everywhere else."""

import decimal
from uuid import uuid4

import pytest
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection, models, transaction
from django.db.migrations.writer import MigrationWriter
from django.forms import model_to_dict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zalion.tenancy.context import work
from zalion.tenancy.models import Tenant
from zalion.tenancy.scoping import CrossTenantError
from zalion.vault import index, keys
from zalion.vault.errors import KeyUnavailable, SealBroken
from zalion.vault.fields import Ciphertext, SealedJsonField, SealedTextField
from zalion.vault.models import Purpose

from .conftest import ADA, OTTO
from .notes import Note, SystemNote, Wrong

pytestmark = pytest.mark.database

TEXT = "Order confirmation 4711"


@pytest.fixture(scope="module", autouse=True)
def tables(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            editor.create_model(Note)
            editor.create_model(SystemNote)
        yield
        with connection.schema_editor() as editor:
            editor.delete_model(Note)
            editor.delete_model(SystemNote)


@pytest.fixture
def note(at_acme: Tenant) -> Note:
    row = Note(text=TEXT, data={"net": decimal.Decimal("1.10"), "lines": [1, None]})
    row.save()
    return row


def raw(column: str, table: str = "test_vault_note") -> list[bytes | None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")
        return [None if value is None else bytes(value) for (value,) in cursor.fetchall()]


def test_the_column_is_sealed_and_the_attribute_is_not(note: Note) -> None:
    (sealed,) = raw("text")
    assert sealed is not None
    assert sealed.startswith(b"ZL1")
    assert b"4711" not in sealed
    found = Note.objects.get()
    assert isinstance(found.__dict__["text"], Ciphertext)
    assert found.text == TEXT
    assert found.data == {"net": "1.10", "lines": [1, None]}


@given(text=st.text(), data=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_was_written_is_read(at_acme: Tenant, text: str, data) -> None:
    row = Note(text=text, data=data)
    row.save()
    found = Note.objects.get(pk=row.pk)
    assert (found.text, found.data) == (text, data)


def test_none_stays_null_and_is_the_only_thing_that_can_be_asked_for(note: Note) -> None:
    Note(text=None).save()
    assert Note.objects.filter(text__isnull=True).count() == 1
    assert raw("secret") == [None, None]
    for lookup in (
        "text",
        "text__exact",
        "text__icontains",
        "text__in",
        "text__gt",
        "data__net",
        "text__lower",
    ):
        with pytest.raises(FieldError):
            Note.objects.filter(**{lookup: [TEXT] if lookup.endswith("in") else TEXT}).count()


def test_values_update_and_bulk_update_refuse(note: Note) -> None:
    for act in (
        lambda: Note.objects.values("text"),
        lambda: Note.objects.values(),
        lambda: Note.objects.values_list("data", flat=True),
        lambda: Note.objects.update(text="new"),
        lambda: Note.objects.bulk_update([note], ["text"]),
        lambda: models.QuerySet(Note).update(text="new"),
        lambda: models.QuerySet(Note).bulk_update([note], ["text"]),
    ):
        with pytest.raises(FieldError), transaction.atomic():
            act()
    shown = models.QuerySet(Note).values_list("text", flat=True)
    assert repr(list(shown)) == "[<sealed>]"


def test_bulk_create_seals_each_row_for_itself(at_acme: Tenant, django_assert_num_queries) -> None:
    keys.tenant_key(Purpose.FIELDS)
    with django_assert_num_queries(1):
        Note.objects.bulk_create([Note(text=f"{TEXT} {n}") for n in range(50)])
    assert len(set(raw("text"))) == 50
    assert {row.text for row in Note.objects.all()} == {f"{TEXT} {n}" for n in range(50)}


def test_a_column_is_opened_only_when_it_is_read(note: Note, monkeypatch) -> None:
    opened = []
    real = SealedTextField.decode
    monkeypatch.setattr(SealedTextField, "decode", lambda self, plain: opened.append(1) or real(self, plain))
    rows = list(Note.objects.all())
    assert not opened
    assert rows[0].text == rows[0].text == TEXT
    assert opened == [1]


def test_deferred_columns_and_refreshing_work(note: Note) -> None:
    found = Note.objects.defer("text").get()
    assert "text" not in found.__dict__
    assert found.text == TEXT
    note.text = "changed"
    note.save(update_fields=["text"])
    found.refresh_from_db()
    assert found.text == "changed"


def test_a_json_value_changed_in_place_is_saved(note: Note) -> None:
    found = Note.objects.get()
    found.data["lines"].append(2)
    found.save()
    assert Note.objects.get().data["lines"] == [1, None, 2]


def test_saving_a_row_that_was_not_read_keeps_its_columns(note: Note) -> None:
    before = raw("text")
    found = Note.objects.get()
    found.state = "seen"
    found.save()
    assert raw("text") == before
    assert Note.objects.get().text == TEXT


def test_a_copied_row_does_not_carry_sealed_columns_along(note: Note) -> None:
    found = Note.objects.get()
    found.pk = uuid4()
    with pytest.raises(SealBroken), transaction.atomic():
        found.save(force_insert=True)
    assert len(raw("text")) == 1


@pytest.mark.parametrize("where", ["row", "field"])
def test_row_93_a_column_swapped_in_the_database_does_not_open(note: Note, where: str) -> None:
    other = Note(text="other", secret="other")
    other.save()
    column = "text" if where == "row" else "secret"
    with connection.cursor() as cursor:
        value = next(value for value in raw(column) if value != raw("text")[0] and value)
        cursor.execute("UPDATE test_vault_note SET text = %s", [value])
    with pytest.raises(SealBroken):
        _ = Note.objects.get(pk=note.pk).text


def test_a_column_of_another_tenant_does_not_open(acme: Tenant, borealis: Tenant) -> None:
    with work(acme.pk, ADA):
        row = Note(text=TEXT)
        row.save()
        found = Note.objects.get()
    with work(borealis.pk, OTTO):
        with pytest.raises(CrossTenantError):
            _ = found.text
        with connection.cursor() as cursor:
            key = borealis.pk.hex if connection.vendor == "sqlite" else borealis.pk
            cursor.execute("UPDATE test_vault_note SET tenant_id = %s", [key])
        with pytest.raises(SealBroken):
            _ = Note.objects.get().text


def test_a_row_of_the_system_is_sealed_with_the_systems_key(db: None) -> None:
    SystemNote(id=uuid4(), text=TEXT).save()
    assert b"4711" not in raw("text", "test_vault_systemnote")[0]
    assert SystemNote.objects.get().text == TEXT


def test_a_row_without_its_tenant_or_key_is_not_sealed_for_anybody(at_acme: Tenant) -> None:
    with pytest.raises(FieldError, match="no tenant"), transaction.atomic():
        models.Model.save(Note(text=TEXT))
    with pytest.raises(FieldError, match="no primary key"), transaction.atomic():
        SystemNote(tenant=at_acme, text=TEXT).save()


def test_a_shredded_tenants_columns_stay_shut(note: Note, at_acme: Tenant) -> None:
    keys.shred(at_acme.pk)
    with pytest.raises(SealBroken):
        _ = Note.objects.get().text
    with pytest.raises(KeyUnavailable):
        Note(text="more").save()


def test_tokens_of_providers_have_a_key_of_their_own(at_acme: Tenant) -> None:
    Note(text="text", secret="refresh token").save()
    assert (raw("text")[0][4], raw("secret")[0][4]) == (2, 4)
    assert Note.objects.get().secret == "refresh token"


def test_neither_repr_nor_forms_nor_dumpdata_show_clear_text(note: Note) -> None:
    for row in (note, Note.objects.get()):
        assert str(row) == TEXT
        assert repr(row) == f"<Note: {row.pk}>"
        assert "4711" not in serializers.serialize("json", [row])
        assert "text" not in model_to_dict(row)
        assert repr(Note._meta.get_field("text").value_from_object(row)) == "<sealed>"
    Note(data=4711).save()
    assert "4711" not in serializers.serialize(
        "json", Note.objects.filter(text__isnull=True), fields=["data"]
    )


def test_only_text_goes_into_a_text_column(at_acme: Tenant) -> None:
    for value in (4711, b"bytes", ["list"]):
        with pytest.raises(TypeError):
            Note(text=value).save()


def test_equality_columns_take_tokens_alone(at_acme: Tenant) -> None:
    row = Note(number_token=index.token("number", "4711"))
    row.save()
    Note(number_token="").save()
    assert Note.objects.get(number_token=index.token("number", "4711")) == row
    for clear in ("4711", "A" * 32, 4711):
        with pytest.raises(ValueError, match="takes tokens"):
            Note(number_token=clear).save()
        with pytest.raises(ValueError, match="takes tokens"):
            Note.objects.filter(number_token=clear).count()


def test_a_model_that_orders_or_indexes_by_a_sealed_column_fails_the_checks() -> None:
    found = {error.id for error in Wrong._meta.get_field("text").check()}
    assert found == {"vault.E002", "vault.E003", "vault.E004"}
    assert Note._meta.get_field("text").check() == []


def test_migrations_carry_the_field_as_it_is() -> None:
    for model, name in ((Note, "text"), (Note, "secret"), (Note, "data"), (Note, "number_token")):
        field = model._meta.get_field(name)
        _, path, args, kwargs = field.deconstruct()
        again = type(field)(*args, **kwargs)
        assert again.deconstruct()[1:] == (path, args, kwargs)
        assert path.startswith("zalion.vault.fields.")
        MigrationWriter.serialize(field)
    assert SealedTextField(purpose="tokens").deconstruct()[3] == {"purpose": "tokens"}
    assert SealedJsonField(editable=True).deconstruct()[3] == {"editable": True}
