"""What the probe tells anybody, and what the overview tells an operator."""

import shutil
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.test import RequestFactory, override_settings
from django.utils import timezone

from zalion import health, sandbox
from zalion.models import Heartbeat

pytestmark = pytest.mark.django_db


def test_the_probe_tells_that_it_lives_and_nothing_else():
    answer = health.healthz(RequestFactory().get("/healthz"))
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert health.healthz(RequestFactory().post("/healthz")).status_code == 405


def test_every_part_is_looked_at():
    assert [finding.name for finding in health.health()] == [
        "Database",
        "Master key",
        "Disk",
        "Queue",
        "Workers",
        "Listener",
        "Sandbox",
        "Virus scanner",
        "Text recognition",
    ]
    told = {finding.name: finding for finding in health.health()}
    assert told["Database"].state == told["Master key"].state == told["Queue"].state == "ok"
    assert told["Sandbox"].state in ("ok", "warning")


@pytest.mark.parametrize(
    ("age", "state"), [(0, "ok"), (170, "ok"), (200, "warning"), (599, "warning"), (601, "failed")]
)
def test_the_age_of_the_last_round_says_whether_anybody_works(age, state):
    now = timezone.now()
    Heartbeat.objects.create(name="tick", at=now - timedelta(seconds=age))
    assert health.last_tick(now).state == state


@pytest.mark.parametrize(("age", "state"), [(0, "ok"), (299, "ok"), (301, "warning")])
def test_without_a_listener_mail_is_polled_alone(age, state):
    now = timezone.now()
    assert health.listener(now).state == "warning"
    Heartbeat.objects.create(name="listener", at=now - timedelta(seconds=age))
    assert health.listener(now).state == state
    with override_settings(LISTENERS=0):
        assert health.listener(now).detail == "Switched off: mail is polled alone."


def test_no_round_at_all_says_what_to_start():
    finding = health.last_tick(timezone.now())
    assert finding.state == "failed"
    assert "manage.py work" in finding.detail


def test_a_master_key_that_cannot_be_read_is_told_with_what_to_do():
    with override_settings(MASTER_KEYS="env:ZALION_NO_SUCH_RING"):
        finding = health.master_key()
    assert finding.state == "failed"
    assert "ZALION_NO_SUCH_RING" in finding.detail


@pytest.mark.parametrize(
    ("free", "state"), [(50, "ok"), (10, "ok"), (8, "warning"), (5, "warning"), (4, "failed")]
)
def test_a_reserve_of_disk_is_kept(monkeypatch, free, state):
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: SimpleNamespace(total=100 << 30, free=free << 30, used=0)
    )
    assert health.disk().state == state


def test_a_sandbox_that_does_not_start_is_told(monkeypatch):
    def broken():
        raise sandbox.Crashed(1)

    monkeypatch.setattr(sandbox, "capability", broken)
    assert health.children().state == "failed"
