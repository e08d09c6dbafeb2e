"""The master key's command: a line for the ring, and everything readable under the next key alone."""

import base64

import pytest
from django.core.management import call_command

from audit.models import AuditEvent, RetentionPolicy
from tests.cast import Company
from zalion.tenancy import context
from zalion.tenancy.models import Tenant
from zalion.vault import keys


def line(capsys: pytest.CaptureFixture[str], name: str) -> str:
    call_command("keys", "new", name)
    return capsys.readouterr().out.strip()


def test_a_new_line_is_a_name_and_256_random_bits(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = line(capsys, "a"), line(capsys, "a")
    assert first != second
    assert len(base64.b64decode(first.partition(":")[2])) == 32


@pytest.mark.django_db
def test_after_rewrapping_the_old_master_key_may_go(
    acme: Company, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: object
) -> None:
    import os

    fresh = line(capsys, "next")
    with acme.work():
        sealed_before = AuditEvent.objects.first()
        assert sealed_before is not None
    monkeypatch.setenv("ZALION_TEST_RING", f"{fresh}\n{os.environ['ZALION_TEST_RING']}")
    call_command("keys", "rewrap")
    assert "0 keys" not in capsys.readouterr().out
    monkeypatch.setenv("ZALION_TEST_RING", fresh)
    keys.forget_opened_keys()
    with acme.work():
        found = AuditEvent.objects.get(pk=sealed_before.pk)
        assert found.actor_name == sealed_before.actor_name
        assert RetentionPolicy.objects.count() == 0
    with context.system("tests"):
        assert AuditEvent.objects.filter(action="key.rotated").count() == 1
    assert Tenant.objects.count() == 1
    keys.forget_opened_keys()
