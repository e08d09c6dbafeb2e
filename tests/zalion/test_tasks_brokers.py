"""The gate of both brokers: strangers are deleted and recorded, never unpacked; nothing is taken twice."""

import os
import pickle
import socket
import threading
import time
import uuid
import zlib
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.signing import b64_encode
from django.db import OperationalError, connection
from django.test import override_settings
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.core_signing import TimestampSigner
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from tests.background import run_waiting
from tests.cast import make_company
from zalion.models import Heartbeat
from zalion.tasks import OrmBroker, RedisBroker, brokers, enqueue, packages, registry, stranger_refused, task
from zalion.tenancy import context
from zalion.tenancy.unit import unit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture(autouse=True)
def _registry_of_this_test(monkeypatch):
    for name in ("_tasks", "_names", "_finders"):
        monkeypatch.setattr(registry, name, getattr(registry, name).copy())


@pytest.fixture(params=["orm", "redis"])
def broker(request, monkeypatch):
    """The broker that `enqueue` and the cluster would use, empty."""
    if request.param == "redis":
        monkeypatch.setattr(Conf, "REDIS", request.getfixturevalue("redis_server").url)
        monkeypatch.setattr(Conf, "BROKER_CLASS", "zalion.tasks.RedisBroker")
    else:
        monkeypatch.setattr(Conf, "POLL", 0.01)
    made = get_broker()
    made.purge_queue()
    yield made
    made.purge_queue()
    if request.param == "redis":
        made.connection.close()
        brokers._redis.cache_clear()


@pytest.fixture
def refused():
    heard = []

    def hear(**facts):
        assert isinstance(context.current(), context.SystemContext)
        heard.append(facts["reason"])

    stranger_refused.connect(hear)
    yield heard
    stranger_refused.disconnect(hear)


@pytest.fixture
def ran():
    calls = []
    task("probe.look")(lambda *ids: calls.append(ids))
    return calls


def package(**changes):
    """What `enqueue` makes, with changes; a value of None takes the key away."""
    made = {
        "id": uuid.uuid4().hex,
        "name": "four-plain-words-here",
        "func": packages.RUN,
        "args": ("probe.look", uuid.uuid4(), uuid.uuid4().hex, (1, "two", uuid.uuid4())),
        "kwargs": {},
        "started": timezone.now(),
        "ack_failure": True,
        **changes,
    }
    return {key: value for key, value in made.items() if value is not None}


def sign(data, *, compress=False):
    body = b64_encode(zlib.compress(data)).decode() if compress else b64_encode(data).decode()
    return TimestampSigner(key=Conf.SECRET_KEY, salt=Conf.PREFIX).sign("." + body if compress else body)


def test_the_cluster_has_its_own_key():
    assert packages.cluster_key() == Conf.SECRET_KEY
    assert settings.SECRET_KEY not in Conf.SECRET_KEY
    with override_settings(SECRET_KEY="another"):
        assert packages.cluster_key() != Conf.SECRET_KEY


def test_the_configured_broker_is_ours():
    assert isinstance(get_broker(), OrmBroker | RedisBroker)


def test_what_enqueue_makes_passes(broker, refused, ran):
    tenant = make_company("acme", "Acme", {}).tenant
    row = uuid.uuid4()
    with context.work(tenant.pk, context.SYSTEM):
        with unit():
            enqueue("probe.look", row, 2, "three")
            waiting_inside = broker.queue_size()
        assert broker.queue_size() == 1
    assert waiting_inside == (1 if broker.in_unit else 0)
    assert broker.waiting() == {("probe.look", tenant.pk, (row, 2, "three"))}
    assert run_waiting() == 1
    assert ran == [(row, 2, "three")]
    assert broker.queue_size() == 0
    assert refused == []


def test_a_unit_that_fails_rings_no_bell(broker, ran):
    def fail():
        with unit():
            enqueue("probe.look", 1)
            raise ZeroDivisionError

    with context.work(uuid.uuid4(), context.SYSTEM), pytest.raises(ZeroDivisionError):
        fail()
    assert broker.queue_size() == 0


STRANGE = {
    "another function": ({"func": "os.system", "args": ("true",)}, "unknown_function"),
    "a function beside ours": ({"func": "zalion.tasks.runner.run"}, "unknown_function"),
    "a hook": ({"hook": "os.system"}, "bad_options"),
    "a chain": ({"chain": [("os.system", ("true",), {})]}, "bad_options"),
    "to be run on the spot": ({"sync": True}, "bad_options"),
    "a result to be kept": ({"save": True}, "bad_options"),
    "no time limit": ({"timeout": -1}, "bad_options"),
    "keyword arguments": ({"kwargs": {"a": 1}}, "bad_options"),
    "a failure to be kept": ({"ack_failure": False}, "bad_options"),
    "another cluster": ({"cluster": "other"}, "bad_options"),
    "no start": ({"started": None}, "bad_options"),
    "too few arguments": ({"args": ("probe.look",)}, "bad_arguments"),
    "an unknown task": ({"args": ("probe.none", uuid.uuid4(), "", ())}, "unknown_task"),
    "a task name that is no text": ({"args": (["probe.look"], uuid.uuid4(), "", ())}, "unknown_task"),
    "a tenant's task without a tenant": ({"args": ("probe.look", None, "", ())}, "bad_arguments"),
    "a tick for a tenant": ({"args": ("tick", uuid.uuid4(), "", ())}, "bad_arguments"),
    "a tenant that is no id": ({"args": ("probe.look", "acme", "", ())}, "bad_arguments"),
    "an argument with content": ({"args": ("probe.look", uuid.uuid4(), "", ("a b",))}, "bad_arguments"),
    "an argument of another type": ({"args": ("probe.look", uuid.uuid4(), "", (1.5,))}, "bad_arguments"),
    "a strange correlation id": ({"args": ("probe.look", uuid.uuid4(), "x\ny", ())}, "bad_arguments"),
    "a scheduled tenant's task": ({"group": "probe.look"}, "bad_arguments"),
}


@pytest.mark.parametrize("strange", STRANGE)
def test_a_stranger_signed_with_our_key_is_deleted_and_recorded(broker, refused, ran, strange):
    changes, reason = STRANGE[strange]
    broker.enqueue(SignedPackage.dumps(package(**changes)))
    assert not broker.dequeue()
    assert refused == [reason]
    assert broker.queue_size() == 0
    assert broker.lock_size() in (0, None)
    assert ran == []


def test_a_payload_signed_with_the_secret_key_is_refused(broker, refused, ran, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Conf, "SECRET_KEY", settings.SECRET_KEY)
        broker.enqueue(SignedPackage.dumps(package()))
    assert not broker.dequeue()
    assert refused == ["bad_signature"]
    assert broker.queue_size() == 0


@pytest.mark.parametrize("damage", ["cut", "flipped", "bare", "empty", "binary", "long"])
def test_a_damaged_payload_is_refused(broker, refused, ran, damage):
    whole = SignedPackage.dumps(package())
    payload = {
        "cut": whole[:-3],
        "flipped": ("B" if whole[20] != "B" else "C").join((whole[:20], whole[21:])),
        "bare": whole.partition(":")[0],
        "empty": "",
        "binary": "\u00e9\u4e16",
        "long": whole * 40,
    }[damage]
    broker.enqueue(payload)
    assert not broker.dequeue()
    assert refused == ["too_large" if damage == "long" else "bad_signature"]
    assert broker.queue_size() == 0


class Bomb:
    """Unpickling one makes a file, unless the names it needs are not given out."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("place", ["whole", "argument", "option"])
def test_nothing_runs_while_a_payload_is_unpacked(broker, refused, tmp_path, place):
    bomb = Bomb(str(tmp_path / "went-off"))
    made = {
        "whole": bomb,
        "argument": package(args=("probe.look", uuid.uuid4(), "", (bomb,))),
        "option": package(group=bomb),
    }[place]
    broker.enqueue(sign(pickle.dumps(made)))
    assert not broker.dequeue()
    assert refused == ["not_plain"]
    assert not (tmp_path / "went-off").exists()


@pytest.mark.parametrize(
    "data", [b"", b"not a pickle", pickle.dumps(package)[:-2], b"\x80\x04.", b"\x80\x05]\x94."]
)
def test_what_is_signed_but_no_package_is_refused(broker, refused, data):
    broker.enqueue(sign(data))
    assert not broker.dequeue()
    assert refused in (["not_plain"], ["bad_options"])


def test_a_compressed_payload_is_refused(broker, refused):
    broker.enqueue(sign(pickle.dumps(package()), compress=True))
    assert not broker.dequeue()
    assert refused == ["not_plain"]


def test_an_old_payload_is_not_replayed(broker, refused, ran, monkeypatch):
    """Finding 2: whoever can write to the queue can play an old payload again, so its time is limited."""
    old = time.time() - packages.LIFETIME.total_seconds() - 60
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: old)
        payload = SignedPackage.dumps(package())
    broker.enqueue(payload)
    assert not broker.dequeue()
    assert broker.queue_size() == 0
    assert refused == []


def test_strangers_do_not_hold_up_what_is_ours(broker, refused, ran):
    tenant = make_company("acme", "Acme", {}).tenant
    broker.enqueue("stranger")
    with context.work(tenant.pk, context.SYSTEM):
        enqueue("probe.look", 1)
    assert run_waiting() == 1
    assert ran == [(1,)]


def test_the_queue_being_away_does_not_undo_what_was_committed(monkeypatch, caplog, ran):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setattr(Conf, "REDIS", f"redis://127.0.0.1:{nobody.getsockname()[1]}/0")
        monkeypatch.setattr(Conf, "BROKER_CLASS", "zalion.tasks.RedisBroker")
        with context.work(uuid.uuid4(), context.SYSTEM), unit():
            Heartbeat.objects.create(name="committed", at=timezone.now())
            enqueue("probe.look", 1)
    assert Heartbeat.objects.filter(name="committed").exists()
    assert "was not rung" in caplog.text
    brokers._redis.cache_clear()


@pytest.fixture
def orm(monkeypatch):
    monkeypatch.setattr(Conf, "POLL", 0.01)
    return OrmBroker()


def test_a_message_of_a_killed_worker_comes_again_and_is_given_up_in_the_end(orm, ran, caplog):
    orm.enqueue(SignedPackage.dumps(package()))
    assert len(orm.dequeue()) == 1
    assert orm.dequeue() is None, "it is locked while a worker has it"
    OrmQ.objects.update(lock=timezone.now())
    started = timezone.now() - timedelta(seconds=Conf.RETRY + 60)
    OrmQ.objects.update(payload=SignedPackage.dumps(package(started=started)))
    assert len(orm.dequeue()) == 1
    started = timezone.now() - timedelta(seconds=Conf.RETRY * Conf.MAX_ATTEMPTS + 60)
    OrmQ.objects.update(
        payload=SignedPackage.dumps(package(started=started)), lock=timezone.now() - timedelta(seconds=1)
    )
    assert not orm.dequeue()
    assert not OrmQ.objects.exists()
    assert "Gave up on task probe.look" in caplog.text


def test_a_message_that_only_waited_long_is_still_delivered(orm, ran):
    started = timezone.now() - timedelta(hours=5)
    orm.enqueue(SignedPackage.dumps(package(started=started)))
    OrmQ.objects.update(lock=started)
    assert len(orm.dequeue()) == 1


def test_the_oldest_comes_first(orm, ran):
    for number in range(3):
        orm.enqueue(SignedPackage.dumps(package(args=("probe.look", uuid.uuid4(), "", (number,)))))
    OrmQ.objects.filter(pk=OrmQ.objects.latest("pk").pk).update(lock=timezone.now() - timedelta(minutes=1))
    taken = [packages.open_package(orm.dequeue()[0][1])["args"][3][0] for _ in range(3)]
    assert taken == [2, 0, 1]


def test_a_locked_database_is_waited_for(orm, ran, monkeypatch):
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite locks the whole database")
    orm.enqueue(SignedPackage.dumps(package()))
    locked = [2]
    original = OrmBroker.get_connection

    def sometimes_locked(list_key=None):
        if locked[0]:
            locked[0] -= 1
            raise OperationalError("database is locked")
        return original(list_key)

    monkeypatch.setattr(OrmBroker, "get_connection", staticmethod(sometimes_locked))
    assert orm.dequeue() is None
    assert orm.dequeue() is None
    assert len(orm.dequeue()) == 1


def test_another_database_error_is_not_swallowed(orm, monkeypatch):
    def gone(list_key=None):
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(OrmBroker, "get_connection", staticmethod(gone))
    with pytest.raises(OperationalError):
        orm.dequeue()


def test_of_two_clusters_that_see_the_same_row_one_gets_it(orm, ran):
    """Field notes row 36: the claim is a compare-and-swap."""
    orm.enqueue(SignedPackage.dumps(package()))
    taken_by_the_other = []

    def let_the_other_go_first(execute, sql, params, many, details):
        if sql.startswith("UPDATE") and not taken_by_the_other:
            taken_by_the_other.append("about to be")
            taken_by_the_other[:] = OrmBroker().dequeue()
        return execute(sql, params, many, details)

    with connection.execute_wrapper(let_the_other_go_first):
        assert orm.dequeue() is None
    assert len(taken_by_the_other) == 1


def test_two_clusters_never_take_the_same_message(orm, ran):
    if connection.vendor == "sqlite":
        pytest.skip("several processes on one SQLite file: see test_tasks_cluster")
    for number in range(40):
        orm.enqueue(SignedPackage.dumps(package(args=("probe.look", uuid.uuid4(), "", (number,)))))
    taken, guard = [], threading.Lock()

    def work():
        mine = OrmBroker()
        while True:
            messages = mine.dequeue()
            if not messages and not mine.queue_size():
                break
            with guard:
                taken.extend(pk for pk, _ in messages or ())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(taken) == 40
    assert len(set(taken)) == 40
