"""The list of periodic tasks is what the scheduler has, and the tick rings for what is due."""

import uuid
from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from tests.background import run_waiting
from tests.cast import make_company
from zalion import schedule
from zalion.models import Heartbeat
from zalion.schedule import PERIODIC, Periodic, reconcile
from zalion.tasks import Bell, brokers, due, enqueue, packages, registry, stranger_refused, task, tick
from zalion.tenancy import context
from zalion.tenancy.models import Tenant

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _registry_of_this_test(monkeypatch):
    for name in ("_tasks", "_names", "_finders"):
        monkeypatch.setattr(registry, name, getattr(registry, name).copy())
    registry._finders.clear()
    Schedule.objects.all().delete()


@pytest.fixture
def refused():
    heard = []

    def hear(**facts):
        heard.append((facts["place"], facts["reason"], type(context.current())))

    stranger_refused.connect(hear)
    yield heard
    stranger_refused.disconnect(hear)


@pytest.fixture
def tenants():
    return [make_company(slug, slug, {}).tenant for slug in ("acme", "borealis")]


def test_every_periodic_task_is_registered_above_the_tenants():
    assert len({item.task for item in PERIODIC}) == len(PERIODIC)
    for item in PERIODIC:
        assert registry.find(item.task).system, item.task
        assert (item.minutes is None) != (item.daily is None)


def test_migrating_makes_the_schedule_equal_to_the_list():
    Schedule.objects.create(name="stranger", func="os.system", args="('true',)")
    Schedule.objects.create(name="tick", func="os.system", schedule_type=Schedule.MINUTES, minutes=5)
    Schedule.objects.create(name="tick", func=packages.RUN)
    call_command("migrate", "django_q", verbosity=0)
    rows = {row.name: row for row in Schedule.objects.all()}
    assert rows.keys() == {item.task for item in PERIODIC}
    assert Schedule.objects.count() == len(PERIODIC)
    for item in PERIODIC:
        assert {name: getattr(rows[item.task], name) for name in item.fields()} == item.fields()


def test_reconciling_again_keeps_what_is_planned():
    reconcile([Periodic("tick", minutes=1), Periodic("night", daily=time(2, 30))], now=NOW)
    before = list(Schedule.objects.order_by("name").values())
    reconcile(
        [Periodic("tick", minutes=1), Periodic("night", daily=time(2, 30))], now=NOW + timedelta(seconds=5)
    )
    assert list(Schedule.objects.order_by("name").values()) == before
    assert Schedule.objects.get(name="night").next_run == datetime(2026, 3, 2, 2, 30, tzinfo=UTC)


def test_a_changed_hour_or_a_plan_moved_far_away_is_put_right():
    reconcile([Periodic("tick", minutes=1), Periodic("night", daily=time(2, 30))], now=NOW)
    Schedule.objects.filter(name="tick").update(next_run=NOW + timedelta(days=999))
    reconcile([Periodic("tick", minutes=1), Periodic("night", daily=time(13, 0))], now=NOW)
    assert Schedule.objects.get(name="tick").next_run == NOW
    assert Schedule.objects.get(name="night").next_run == NOW + timedelta(hours=1)


def test_what_the_scheduler_enqueues_passes_the_gate_and_runs(refused):
    reconcile(PERIODIC, now=timezone.now() - timedelta(minutes=5))
    scheduler()
    assert OrmQ.objects.count() >= 1
    assert run_waiting() >= 1
    assert refused == []
    assert Heartbeat.objects.get(name="tick").at > timezone.now() - timedelta(seconds=30)
    assert Schedule.objects.get(name="tick").next_run > timezone.now()


def _row(**fields):
    values = {
        "name": "x",
        "schedule_type": Schedule.MINUTES,
        "minutes": 1,
        "next_run": timezone.now() - timedelta(minutes=1),
    }
    Schedule.objects.create(**{**values, **fields})


@pytest.mark.parametrize("extra", [{}, {"kwargs": "q_options={'sync': True}"}, {"hook": "os.system"}])
def test_a_foreign_schedule_runs_nothing_and_is_removed(refused, tmp_path, extra):
    """Finding 1: whoever may add a schedule could run any dotted path; `sync` runs it without any queue."""
    mark = tmp_path / "ran"
    _row(func="os.system", args=repr((f"touch {mark}",)), **extra)
    reached = Periodic("tick", minutes=1)
    Schedule.objects.create(**reached.fields(), next_run=timezone.now())
    scheduler()
    run_waiting()
    assert not mark.exists()
    assert refused == [("schedule", "bad_options" if extra else "unknown_function", context.SystemContext)]
    assert {row.name for row in Schedule.objects.all()} == {item.task for item in PERIODIC}
    assert Heartbeat.objects.filter(name="tick").exists(), "the stranger must not stop the others"


def test_a_schedule_row_cannot_run_a_tenants_task(refused, tenants):
    ran = []
    task("probe.look")(lambda *ids: ran.append(ids))
    # The scheduler reads literals only, so that a tenant could only be named by text.
    _row(func=packages.RUN, args=repr(("probe.look", str(tenants[0].pk), "", ("1",))))
    _row(func=packages.RUN, args=repr(("probe.look", None, "", ())))
    scheduler()
    run_waiting()
    assert ran == []
    assert len(refused) == 2


def test_a_schedule_row_cannot_give_ids_to_a_system_task(refused):
    ran = []
    task("probe.above", system=True)(lambda *ids: ran.append(ids))
    _row(name="probe.above", func=packages.RUN, args=repr(("probe.above", None, "", (1,))))
    scheduler()
    run_waiting()
    assert ran == []
    assert [reason for _, reason, _ in refused] == ["bad_arguments"]


def test_the_tick_rings_once_for_everything_that_is_due(tenants):
    acme, borealis = tenants
    row, ran = uuid.uuid4(), []
    task("probe.look")(lambda *ids: ran.append((context.tenant_id(), ids)))

    @due
    def due_looks(now):
        assert isinstance(context.current(), context.SystemContext)
        assert now.tzinfo is not None
        yield Bell(acme.pk, "probe.look", (row,))
        yield borealis.pk, "probe.look", (1,)

    with context.system("test"):
        enqueue(tick)
    assert run_waiting() == 3
    assert ran == [(acme.pk, (row,)), (borealis.pk, (1,))]


def test_the_tick_does_not_ring_for_what_waits_already(tenants):
    task("probe.look")(lambda *ids: None)
    due(lambda now: [Bell(tenants[0].pk, "probe.look", (1,))])
    with context.system("test"):
        tick()
        tick()
    assert OrmQ.objects.count() == 1


def test_the_tick_rings_anew_for_what_a_killed_worker_still_holds(tenants):
    task("probe.look")(lambda *ids: None)
    due(lambda now: [Bell(tenants[0].pk, "probe.look", (1,))])
    with context.system("test"):
        tick()
    OrmQ.objects.update(lock=timezone.now() + timedelta(seconds=900))
    with context.system("test"):
        tick()
    assert OrmQ.objects.count() == 2


def test_the_tick_leaves_suspended_tenants_alone(tenants):
    Tenant.objects.filter(slug="acme").update(suspended_at=timezone.now())
    task("probe.look")(lambda *ids: None)
    due(lambda now: [Bell(tenant.pk, "probe.look", (1,)) for tenant in tenants])
    with context.system("test"):
        tick()
    assert OrmQ.objects.count() == 1


def test_a_search_that_fails_does_not_silence_the_others(tenants, caplog):
    task("probe.look")(lambda *ids: None)

    @due
    def broken(now):
        raise RuntimeError("secret words")

    due(lambda now: [Bell(tenants[0].pk, "probe.look", (1,))])
    with context.system("test"):
        tick()
    assert OrmQ.objects.count() == 1
    assert "RuntimeError" in caplog.text
    assert "secret words" not in caplog.text
    assert Heartbeat.objects.filter(name="tick").exists()


def test_the_tick_rings_nothing_while_the_queue_is_long(tenants, monkeypatch):
    monkeypatch.setattr(brokers, "LONG_QUEUE", 3)
    task("probe.look")(lambda *ids: None)
    due(lambda now: [Bell(tenants[0].pk, "probe.look", (number,)) for number in range(9)])
    with context.system("test"):
        tick()
        assert OrmQ.objects.count() == 9
        OrmQ.objects.filter(pk__in=OrmQ.objects.values("pk")[:5]).delete()
        tick()
    assert OrmQ.objects.count() == 4
    assert schedule.PERIODIC
