"""The command door: a management command that works for one tenant, in that tenant's context."""

import os
import pwd
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from zalion.tenancy import context
from zalion.tenancy.models import Tenant


class TenantCommand(BaseCommand):
    """Asks for ``--tenant SLUG`` and calls ``work`` in that tenant's WorkContext."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG", help="the tenant to work for")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options.pop("tenant")
        tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"There is no tenant called {slug}.")
        if tenant.suspended_at is not None:
            raise CommandError(f"The tenant {slug} is suspended.")
        with context.work(tenant.pk, command_actor(type(self).__module__.rpartition(".")[2])):
            self.work(tenant, **options)

    def work(self, tenant: Tenant, **options: Any) -> None:
        """One call of one function; raises CommandError with what to do when it cannot."""
        raise NotImplementedError


def command_actor(command: str) -> context.Actor:
    """Who runs a command: the account of the operating system, since nobody signs in on the console."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # A container may run under a number that has no name.
        account = str(os.getuid())
    return context.Actor(kind="command", id=account, name=command, signed_in_by="console")
