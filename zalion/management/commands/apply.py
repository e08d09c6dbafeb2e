"""Makes a tenant's mailboxes what a TOML file says; prints the plan first, and never approves."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connectors import declaration, onboarding
from zalion.tenancy import context, people
from zalion.tenancy.models import Tenant

ACTOR = context.Actor("command", name="apply")


class Command(BaseCommand):
    help = "Set up a tenant, its people, retention and mailboxes from FILE; safe to run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--plan", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            content = declaration.load(options["file"])
            self._apply(content, only_plan=options["plan"])
        except (declaration.DeclarationError, onboarding.OnboardingError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _apply(self, content: dict[str, Any], *, only_plan: bool) -> None:
        head = content.get("tenant", {})
        if not {"slug", "name"} <= head.keys():
            raise declaration.DeclarationError("[tenant] needs slug and name.")
        tenant = Tenant.objects.filter(slug=head["slug"]).first()
        if tenant is None:
            self.stdout.write(f"make tenant {head['slug']}")
            if only_plan:
                return
            with context.system("apply", ACTOR):
                tenant = people.create_tenant(head["name"], slug=head["slug"], actor=ACTOR)
        if tenant.suspended_at is not None:
            raise declaration.DeclarationError(f"The tenant {tenant.slug} is suspended.")
        done = 0
        with context.work(tenant.pk, ACTOR):
            for step in declaration.plan(content):
                self.stdout.write(step.words)
                if not only_plan:
                    step.carry_out()
                done += 1
        if not done:
            self.stdout.write("Nothing to do.")
