"""The command door opens one tenant's context, or says why not."""

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.cast import make_company
from zalion.tenancy import context
from zalion.tenancy.command import TenantCommand
from zalion.tenancy.models import Tenant

pytestmark = pytest.mark.django_db


class Look(TenantCommand):
    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument("what")

    def work(self, tenant, *, what, **options):
        self.saw = (tenant, what, context.current())


@pytest.fixture
def acme():
    return make_company("acme", "Acme", {}).tenant


def test_it_works_in_the_context_of_the_tenant_it_names(acme):
    command = Look()
    call_command(command, "mail", tenant="acme")
    tenant, what, then = command.saw
    assert (tenant, what, then.tenant_id) == (acme, "mail", acme.pk)
    assert then.actor.kind == "command"
    assert then.actor.signed_in_by == "console"
    assert then.actor.id
    assert context.current() is None


def test_an_unknown_tenant_is_named():
    with pytest.raises(CommandError, match="nobody"):
        call_command(Look(), "mail", tenant="nobody")


def test_a_suspended_tenant_is_not_worked_for(acme):
    Tenant.objects.filter(pk=acme.pk).update(suspended_at=timezone.now())
    command = Look()
    with pytest.raises(CommandError, match="suspended"):
        call_command(command, "mail", tenant="acme")
    assert not hasattr(command, "saw")


def test_the_tenant_has_to_be_named(acme):
    with pytest.raises(CommandError, match="--tenant"):
        call_command(Look(), "mail")
