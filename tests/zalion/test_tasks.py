"""Registering, enqueueing and running: what a task gets, and what never gets out of one."""

import logging
import uuid

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from django_q.models import OrmQ, Task

from tests.background import run_waiting
from tests.cast import make_company
from zalion.portal.site import portal
from zalion.tasks import enqueue, registry, run, task
from zalion.tenancy import context
from zalion.tenancy.models import Tenant
from zalion.tenancy.unit import unit

pytestmark = pytest.mark.django_db(transaction=True)
ADA = context.Actor("user", "ada")


@pytest.fixture(autouse=True)
def _registry_of_this_test(monkeypatch):
    for name in ("_tasks", "_names", "_finders"):
        monkeypatch.setattr(registry, name, getattr(registry, name).copy())


@pytest.fixture
def acme():
    return make_company("acme", "Acme", {}).tenant


@pytest.fixture
def seen():
    """What the task `probe.look` was called with, and the context it saw."""
    calls = []

    @task("probe.look")
    def look(*ids):
        calls.append((ids, context.current()))

    return calls


def test_a_task_runs_in_the_context_of_the_tenant_that_enqueued_it(acme, seen):
    row = uuid.uuid4()
    with context.work(acme.pk, ADA) as opened:
        enqueue("probe.look", row, 7, "stored")
    assert run_waiting() == 1
    [(ids, then)] = seen
    assert ids == (row, 7, "stored")
    assert (then.tenant_id, then.correlation_id) == (acme.pk, opened.correlation_id)
    assert (then.actor.kind, then.actor.name) == ("task", "probe.look")
    assert context.current() is None
    assert not OrmQ.objects.exists()


def test_a_task_is_enqueued_by_its_function_too(acme):
    ran = []

    @task("probe.count")
    def count(number):
        ran.append(number)

    with context.work(acme.pk, ADA):
        enqueue(count, 3)
    run_waiting()
    assert ran == [3]


def test_two_tasks_cannot_share_a_name(seen):
    with pytest.raises(ValueError, match=r"probe\.look"):
        task("probe.look")(lambda: None)


@pytest.mark.parametrize("name", ["os.system; x", "", "Probe", "a..b", "a.b."])
def test_a_task_name_is_plain(name):
    with pytest.raises(ValueError):
        task(name)


def test_what_is_not_registered_is_not_enqueued(acme):
    with context.work(acme.pk, ADA):
        with pytest.raises(registry.UnknownTask):
            enqueue("os.system", "id")
        with pytest.raises(registry.UnknownTask):
            enqueue(print, 1)
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize(
    "content",
    [
        "Re: your order",
        "ada@acme.example",
        "",
        "a/b.pdf",
        "x" * 101,
        "Größe",
        1.5,
        True,
        None,
        b"id",
        {"a": 1},
        ("a",),
    ],
)
def test_only_opaque_ids_are_taken_as_arguments(acme, seen, content):
    with context.work(acme.pk, ADA), pytest.raises(ValueError, match="arguments"):
        enqueue("probe.look", content)
    assert not OrmQ.objects.exists()


def test_a_bell_rung_in_a_unit_that_fails_was_never_rung(acme, seen):
    def fail():
        with unit():
            enqueue("probe.look", 1)
            assert OrmQ.objects.count() == 1
            raise ZeroDivisionError

    with context.work(acme.pk, ADA), pytest.raises(ZeroDivisionError):
        fail()
    assert not OrmQ.objects.exists()


def test_nothing_is_enqueued_outside_a_context(seen):
    with pytest.raises(context.NoTenantError):
        enqueue("probe.look", 1)


def test_work_for_one_tenant_cannot_queue_work_for_another(acme, seen):
    with context.work(acme.pk, ADA), pytest.raises(ValueError, match="that tenant only"):
        enqueue("probe.look", 1, tenant=uuid.uuid4())


def test_work_for_a_tenant_cannot_queue_work_above_the_tenants(acme):
    with context.work(acme.pk, ADA), pytest.raises(ValueError, match="that tenant only"):
        enqueue("tick")


def test_a_system_context_names_the_tenant_and_each_story_begins_anew(acme, seen):
    with context.system("test") as above:
        enqueue("probe.look", 1, tenant=acme.pk)
        enqueue("probe.look", 2, tenant=acme.pk)
        with pytest.raises(ValueError, match="name the tenant"):
            enqueue("probe.look", 3)
        with pytest.raises(ValueError, match="name the tenant"):
            enqueue("tick", tenant=acme.pk)
    run_waiting()
    stories = {then.correlation_id for _, then in seen}
    assert len(stories) == 2
    assert above.correlation_id not in stories


def test_a_system_task_runs_above_the_tenants():
    saw = []

    @task("probe.above", system=True)
    def above():
        saw.append(context.current())

    with context.system("test"):
        enqueue(above)
    run_waiting()
    [then] = saw
    assert isinstance(then, context.SystemContext)
    assert then.purpose == "probe.above"


def test_tasks_of_a_suspended_tenant_are_dropped(acme, seen):
    with context.work(acme.pk, ADA):
        enqueue("probe.look", 1)
    Tenant.objects.filter(pk=acme.pk).update(suspended_at=timezone.now())
    assert run_waiting() == 1
    assert seen == []
    assert not OrmQ.objects.exists()


def test_tasks_of_a_tenant_that_is_gone_are_dropped(seen):
    with context.work(uuid.uuid4(), ADA):
        enqueue("probe.look", 1)
    assert run_waiting() == 1
    assert seen == []


class Refused(Exception):
    code = "authentication"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Refused("secret words"), "authentication"),
        (RuntimeError("secret words"), "unexpected"),
        (ValidationError("secret words", code="Not a code!"), "unexpected"),
        (OSError(2, "secret words"), "unexpected"),
    ],
)
def test_a_failure_reaches_the_row_as_a_code_and_the_log_without_its_text(acme, caplog, error, reason):
    reasons = []

    @task("probe.fail", on_failure=lambda *known: reasons.append((known, context.tenant_id())))
    def fail(row):
        raise error

    with context.work(acme.pk, ADA):
        enqueue(fail, 5)
    with caplog.at_level(logging.DEBUG):
        run_waiting()
    assert reasons == [((reason, 5), acme.pk)]
    assert not Task.objects.exists()
    told = caplog.text
    assert f"Task probe.fail failed: {type(error).__name__} at " in told
    assert "secret words" not in told


def test_a_failing_on_failure_does_not_get_out_either(acme, caplog):
    def worse(reason, row):
        raise RuntimeError("secret words")

    @task("probe.fail", on_failure=worse)
    def fail(row):
        raise RuntimeError("secret words")

    with context.work(acme.pk, ADA):
        enqueue(fail, 5)
    run_waiting()
    assert "on_failure" in caplog.text
    assert "secret words" not in caplog.text


def test_the_runner_never_raises_whatever_it_is_given(caplog):
    run("probe.unknown", None, "", ())
    assert "UnknownTask" in caplog.text


def test_the_models_of_the_queue_are_not_in_the_portal():
    assert not [model for model in portal._registry if model._meta.app_label == "django_q"]
