"""Every model of a tenant is behind the wall: whatever way is tried, another tenant's rows are not there."""

import uuid
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.core.exceptions import FieldError
from django.db import IntegrityError, models

from connectors.models import Mailbox, Message
from tests.cast import Company
from tests.populated import Populated
from zalion.tenancy import context
from zalion.tenancy.models import Membership, Tenant, User
from zalion.tenancy.scoping import CrossTenantError, TenantManager, TenantModel
from zalion.tenancy.unit import unit
from zalion.vault.errors import SealBroken

TENANT_MODELS = sorted(
    (model for model in apps.get_models() if issubclass(model, TenantModel)), key=lambda m: m._meta.label
)
# Rows above the tenants, or of the framework; each holds no content.
ABOVE_TENANTS = {
    "tenancy.Tenant", "tenancy.User", "tenancy.SignInLink",
    "audit.AuditEvent", "audit.ChainHead",  # chains, of tenants and of the system; tests/audit holds their wall
    "vault.SystemKey", "portal.Heartbeat", "portal.Circuit",
    "admin.LogEntry", "auth.Permission", "auth.Group", "contenttypes.ContentType", "sessions.Session",
    "django_q.OrmQ", "django_q.Schedule", "django_q.Task",
}  # fmt: skip


def test_every_model_is_a_tenants_or_listed_as_above_them() -> None:
    others = {model._meta.label for model in apps.get_models() if not issubclass(model, TenantModel)}
    proxies = {model._meta.label for model in apps.get_models() if model._meta.proxy}
    assert others - proxies == ABOVE_TENANTS


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda m: m._meta.label)
def test_the_managers_django_uses_are_the_walled_ones(model: type[TenantModel]) -> None:
    assert isinstance(model._meta.base_manager, TenantManager)
    assert isinstance(model._meta.default_manager, TenantManager)
    assert isinstance(model._meta.pk, models.UUIDField)


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda m: m._meta.label)
def test_outside_a_tenants_work_no_row_is_given(model: type[TenantModel], db: None) -> None:
    everything = model.objects.all()
    with pytest.raises(context.NoTenantError):
        list(everything)
    with context.system("test"), pytest.raises(context.NoTenantError):
        model.objects.count()


def related(model: type[TenantModel]) -> Iterator[tuple[str, type[TenantModel]]]:
    for relation in model._meta.related_objects:
        if relation.get_accessor_name() and issubclass(relation.related_model, TenantModel):
            yield relation.get_accessor_name() or "", relation.related_model


def test_no_way_of_asking_shows_another_tenants_rows(populated: Populated) -> None:
    """All models at once, since filling both companies is what takes time."""
    for model in TENANT_MODELS:
        made_outside = model.objects.all()
        keys: dict[object, set[object]] = {}
        for company in populated.both():
            with company.work():
                keys[company.tenant.pk] = set(made_outside.all().values_list("pk", flat=True))
        assert all(keys.values()), f"tests/populated.py makes no {model.__name__} for each company"
        for here, there in (populated.both(), populated.both()[::-1]):
            theirs = next(iter(keys[there.tenant.pk]))
            with here.work():
                check_queries(model, theirs, here.tenant)
                check_relations(model, there.tenant)
                check_writes(model, theirs, there)


def check_queries(model: type[TenantModel], theirs: object, own: Tenant) -> None:
    assert not model.objects.filter(pk=theirs).exists()
    assert model.objects.filter(pk__in=[theirs]).count() == 0
    assert model.objects.in_bulk([theirs]) == {}
    assert set(model.objects.values_list("tenant_id", flat=True)) == {own.pk}
    either = models.Q(pk=theirs) | models.Q(tenant_id__isnull=False)
    assert theirs not in set(model.objects.filter(either).values_list("pk", flat=True))
    assert not (model.objects.none() | model.objects.filter(pk=theirs)).exists()
    with pytest.raises(model.DoesNotExist):
        model.objects.get(pk=theirs)


def check_relations(model: type[TenantModel], other: Tenant) -> None:
    for accessor, target in related(model):
        for row in model.objects.prefetch_related(accessor)[:5]:
            if not hasattr(row, accessor):
                continue  # a one-to-one that is not there
            found = getattr(row, accessor)
            rows = [found] if isinstance(found, models.Model) else list(found.all())
            assert all(r.tenant_id != other.pk for r in rows), (model, accessor, target)
    for field in model._meta.concrete_fields:
        if isinstance(field.related_model, type) and issubclass(field.related_model, TenantModel):
            for row in model.objects.select_related(field.name)[:5]:
                found = getattr(row, field.name)
                assert found is None or found.tenant_id != other.pk


def check_writes(model: type[TenantModel], theirs: object, there: Company) -> None:
    assert model.objects.filter(pk=theirs).delete()[0] == 0
    own = model.objects.first()
    assert own is not None
    with pytest.raises(CrossTenantError):
        model.objects.filter(pk=own.pk).update(tenant=there.tenant)
    own.tenant = there.tenant
    with pytest.raises(CrossTenantError), unit():
        own.save()
    with pytest.raises(CrossTenantError), unit():
        own.delete()


def test_a_foreign_key_to_another_tenants_row_is_refused(populated: Populated) -> None:
    for model in TENANT_MODELS:
        for field in model._meta.concrete_fields:
            target = field.related_model
            if not isinstance(target, type) or not issubclass(target, TenantModel):
                continue
            with populated.borealis.work():
                theirs = target.objects.first()
                assert theirs is not None
                theirs_key = theirs.pk
            with populated.acme.work():
                row = model.objects.first()
                assert row is not None
                setattr(row, field.attname, theirs_key)
                with pytest.raises(CrossTenantError), unit():
                    row.save()
                row.pk = uuid.uuid4()
                with pytest.raises(CrossTenantError), unit():
                    model.objects.bulk_create([row])
                with pytest.raises(CrossTenantError):
                    model.objects.all().update(**{field.name: theirs})
                with pytest.raises(CrossTenantError):
                    model.objects.all().update(**{field.attname: theirs_key})


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda m: m._meta.label)
def test_sealed_fields_leave_only_by_their_own_row(model: type[TenantModel], acme: Company) -> None:
    with acme.work():
        for name in (f.name for f in model._meta.concrete_fields if getattr(f, "sealed", False)):
            with pytest.raises(FieldError):
                model.objects.values(name)
            with pytest.raises(FieldError):
                model.objects.values()
            with pytest.raises(FieldError):
                model.objects.values_list(name)
            with pytest.raises(FieldError):
                model.objects.update(**{name: "x"})
            with pytest.raises((FieldError, NotImplementedError)):
                list(model.objects.filter(**{name: "x"}))


def test_no_table_has_a_password_column() -> None:
    columns = {f.column for model in apps.get_models() for f in model._meta.concrete_fields}
    assert not [column for column in columns if "password" in column]
    assert not hasattr(User(), "password") or User().password is None


def test_no_upsert_writes_over_another_tenants_row(populated: Populated) -> None:
    with populated.borealis.work():
        theirs = Membership.objects.first()
        assert theirs is not None
    with populated.acme.work():
        copied = Membership(pk=theirs.pk, user=populated.acme.ada, role="auditor")
        for arguments in (
            {"update_conflicts": True, "unique_fields": ["id"], "update_fields": ["role", "tenant"]},
            {"ignore_conflicts": True},
        ):
            try:
                with unit():
                    Membership.objects.bulk_create([copied], **arguments)
            except CrossTenantError:
                continue
        with pytest.raises(CrossTenantError), unit():
            Membership.objects.bulk_create([copied], None, False, True, ["role"], ["id"])
    with populated.borealis.work():
        assert Membership.objects.get(pk=theirs.pk).role == theirs.role


def test_a_literal_in_an_update_is_held_against_the_wall_too(populated: Populated) -> None:
    with populated.borealis.work():
        theirs = Mailbox.objects.get()
    with populated.acme.work(), pytest.raises(CrossTenantError), unit():
        Message.objects.update(mailbox=models.Value(theirs.pk))


def test_rows_leave_by_no_other_query_either(populated: Populated) -> None:
    """Unions, subqueries, aggregates, iterators, annotations and what else a queryset can be asked."""
    with populated.acme.work():
        everything = Message.objects.all()
        ours = set(everything.values_list("pk", flat=True))
        foreign = Message.objects.first()
        union = (
            Message.objects.order_by().values_list("pk").union(Message.objects.order_by().values_list("pk"))
        )
        inner = Mailbox.objects.filter(messages__in=Message.objects.order_by().values("pk"))
        counts = Message.objects.values("mailbox").annotate(n=models.Count("pk")).order_by()
        lazy = Message.objects.iterator()
    with populated.borealis.work():
        theirs = set(everything.values_list("pk", flat=True))
        assert not ours & {key for (key,) in union}
        assert not ours & set(Message.objects.filter(mailbox__in=inner).values_list("pk", flat=True))
        assert sum(row["n"] for row in counts.all()) == len(theirs)
        assert not ours & {row.pk for row in lazy}
        assert everything.aggregate(n=models.Count("pk"))["n"] == len(theirs)
        assert not everything.filter(pk__in=ours).exists()
        assert not Message.objects.dates("received_at", "day").filter(pk__in=ours)
        assert Message.objects.filter(pk__in=ours).explain()
        with pytest.raises(Message.DoesNotExist):
            Message(pk=next(iter(ours))).refresh_from_db()
        stolen = Message.objects.first()
        assert stolen is not None
        stolen.pk = next(iter(ours))
        with pytest.raises((IntegrityError, SealBroken)), unit():
            stolen.save()
        mailbox = Mailbox.objects.get()
        mailbox.messages.add(foreign)
    with populated.acme.work():
        assert set(Mailbox.objects.get().messages.values_list("pk", flat=True)) == ours
