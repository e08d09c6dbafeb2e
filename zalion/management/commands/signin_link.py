"""Prints a one-time sign-in link on the server's console."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from zalion.tenancy import context, signin
from zalion.tenancy.command import command_actor
from zalion.tenancy.models import User


class Command(BaseCommand):
    help = "Print a link that signs USER in: good for ten minutes, once, on record."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="user name")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user called {options['user']}.")
        with context.system("sign-in link", command_actor("signin_link")):
            secret = signin.issue_link(user)
        self.stdout.write(settings.BASE_URL.rstrip("/") + reverse("signin-redeem", args=[secret]))
