"""What the field notes say goes wrong with audit trails, and what happens here instead."""

import random

import pytest
from django.apps import apps
from django.core.management import call_command
from django.urls import reverse

from audit import actions, trail
from audit.chain import ChainBrokenError
from audit.models import AppendOnlyError, AuditEvent, ChainHead, RetentionPolicy
from audit.verify import verify
from zalion.tenancy import context, roles
from zalion.tenancy.models import Membership, Role
from zalion.tenancy.unit import unit

from .conftest import ADA
from .test_pages import person, sign_in

pytestmark = pytest.mark.django_db


def test_finding_9_what_auditlog_cannot_see_is_on_record(at_acme):
    def recorded(act) -> int:
        before = AuditEvent.objects.count()
        act()
        return AuditEvent.objects.count() - before

    first = RetentionPolicy(name="first")
    rows = [RetentionPolicy(name=f"policy {number}") for number in range(3)]
    assert recorded(first.save) == 1
    assert recorded(lambda: RetentionPolicy.objects.bulk_create(rows)) == 1
    assert recorded(lambda: RetentionPolicy.objects.update(document_days=9)) == 1
    rows[0].document_days = 10
    with unit():  # Django wraps the next two in transactions of its own
        RetentionPolicy.objects.bulk_update(rows, ["document_days"])
    assert AuditEvent.objects.latest().facts["count"] == 3
    with unit():
        RetentionPolicy.objects.filter(name__startswith="policy").delete()
    assert AuditEvent.objects.filter(action=actions.CONFIGURATION_DELETED).count() == 3


def test_finding_9_auditlogs_flush_command_cannot_empty_the_trail(at_acme):
    trail.record(actions.MESSAGE_VIEWED)
    with pytest.raises(AppendOnlyError):
        call_command("auditlogflush", "--yes")
    assert AuditEvent.objects.count() == 1


def test_finding_10_where_checkpoints_go_is_nowhere_in_the_database():
    names = {
        f"{model._meta.label}.{field.name}" for model in apps.get_models() for field in model._meta.fields
    }
    assert not [name for name in names if "checkpoint" in name.lower() or "sink" in name.lower()]


def test_row_61_what_cannot_be_recorded_does_not_happen(at_acme):
    trail.record(actions.MESSAGE_VIEWED)
    ChainHead.objects.filter(chain=str(at_acme.pk)).update(hash="0" * 64)

    def flow() -> None:
        with unit():
            RetentionPolicy(name="unseen").save()

    with pytest.raises(ChainBrokenError):
        flow()
    assert not RetentionPolicy.objects.exists()


def test_row_57_events_and_operations_are_as_many(at_acme, borealis):
    """A mix of reads, refusals, writes and undone writes in two tenants: one event each, or none."""
    dice, expected = random.Random(57), {at_acme.pk: 0, borealis.pk: 0}

    def undone() -> None:
        with unit():
            trail.record(actions.DOCUMENT_APPROVED)
            raise ZeroDivisionError

    for number in range(300):
        tenant = dice.choice((at_acme, borealis))
        with context.work(tenant.pk, ADA):
            kind = dice.randrange(4)
            if kind == 0:
                trail.record(actions.MESSAGE_VIEWED, object=("message", number))
            elif kind == 1:
                roles.access_refused.send(sender=None, permission=roles.VIEW_MAIL, reason="role")
            elif kind == 2:
                with unit():
                    RetentionPolicy(name=str(number)).save()
            else:
                with pytest.raises(ZeroDivisionError):
                    undone()
                continue
        expected[tenant.pk] += 1
    for key, count in expected.items():
        report = verify(key)
        assert (report.ok, report.events) == (True, count)


def test_switching_to_another_company_is_on_record(client, acme, borealis):
    otto = person(acme, "otto", Role.OPERATOR)
    with context.work(borealis.pk, ADA):
        Membership(user=otto, role=Role.AUDITOR).save()
    sign_in(client, otto)
    client.post(reverse("switch"), {"tenant": str(borealis.pk)})
    with context.work(acme.pk, ADA):
        event = AuditEvent.objects.latest()
    assert (event.action, event.object_id) == (actions.TENANT_SWITCHED, str(borealis.pk))
