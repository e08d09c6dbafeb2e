"""Two bare tenants with keys, and a checkpoint file of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit import actions, trail
from zalion.tenancy import context
from zalion.tenancy.models import Tenant
from zalion.tenancy.unit import unit
from zalion.vault import keys

ADA = context.Actor("user", "00000000-0000-0000-0000-00000000ada0", "ada", "link", "192.0.2.7")


@pytest.fixture(autouse=True)
def checkpoint_file(settings, tmp_path: Path) -> Path:
    settings.CHECKPOINT_FILE = tmp_path / "checkpoints.jsonl"
    return settings.CHECKPOINT_FILE


def make_tenant(slug: str) -> Tenant:
    with context.system("test"), unit():
        tenant = Tenant.objects.create(slug=slug, name=slug.title())
        with context.work(tenant.pk, ADA):
            keys.create_keys(tenant.pk)
    return tenant


@pytest.fixture
def acme(db) -> Tenant:
    return make_tenant("acme")


@pytest.fixture
def borealis(db) -> Tenant:
    return make_tenant("borealis")


@pytest.fixture
def at_acme(acme: Tenant) -> Iterator[Tenant]:
    with context.work(acme.pk, ADA, "story-1"):
        yield acme


@pytest.fixture
def ten_events(at_acme: Tenant) -> Tenant:
    record_views(10)
    return at_acme


def record_views(count: int) -> None:
    for number in range(count):
        trail.record(
            actions.MESSAGE_VIEWED, object=("message", f"m-{number}"), facts={"subject": f"Order {number}"}
        )
