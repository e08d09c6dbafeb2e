"""Puts secrets among the files that mailboxes refer to, each bound to one connection; removes and lists them."""

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connectors import credentials
from zalion.tenancy.command import command_actor
from zalion.vault import secrets


class Command(BaseCommand):
    help = (
        "put: ask for a secret without echo and bind it to a connection. remove: take one away. "
        "list: names bound to a tenant."
    )
    # Secrets may be put before the database and the keys are there.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        put = actions.add_parser("put", help="write a secret; it is asked for, or read from standard input")
        put.add_argument("name")
        put.add_argument("--tenant", required=True, help="slug of the tenant")
        put.add_argument("--protocol", required=True, help="the provider, for example imap")
        put.add_argument("--host", required=True)
        put.add_argument("--port", required=True, type=int)
        put.add_argument("--user", required=True)
        removal = actions.add_parser("remove", help="delete a secret and its binding")
        removal.add_argument("name")
        listing = actions.add_parser("list", help="print the references that exist for a tenant")
        listing.add_argument("--tenant", required=True, help="slug of the tenant")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "list":
            for reference in secrets.names(tenant=options["tenant"]):
                self.stdout.write(reference)
            return
        try:
            recorded = self._remove(**options) if options["action"] == "remove" else self._put(**options)
        except secrets.SecretError as error:
            raise CommandError(f"{error} {error.what_to_do}") from None
        self.stdout.write(
            f"file:{options['name']} is {'gone' if options['action'] == 'remove' else 'there'}."
        )
        if not recorded:
            self.stderr.write("That is not on record: the database or its keys cannot be used.")

    def _put(self, *, name: str, **options: Any) -> bool:
        bound = {part: options[part] for part in ("tenant", "protocol", "host", "port", "user")}
        purpose = secrets.SecretPurpose(**bound)
        return credentials.put(name, value=self._ask(), purpose=purpose, actor=command_actor("secret"))

    def _remove(self, *, name: str, **options: Any) -> bool:
        return credentials.remove(name, actor=command_actor("secret"))

    def _ask(self) -> str:
        if not sys.stdin.isatty():
            value = sys.stdin.read()
        else:
            value = getpass.getpass("Secret: ")
            if getpass.getpass("Again: ") != value:
                raise CommandError("The two are not the same; nothing was written.")
        if not value.strip():
            raise CommandError("An empty secret is none; nothing was written.")
        return value
