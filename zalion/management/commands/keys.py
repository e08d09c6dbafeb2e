"""Makes a line for the master key ring, and wraps every key again under the newest one."""

import base64
import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit import actions, trail
from zalion.tenancy import context
from zalion.tenancy.command import command_actor
from zalion.vault import keys


class Command(BaseCommand):
    help = "Make a master key (`new ID`), or put the newest one to use for every key (`rewrap`)."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        new = acts.add_parser("new", help="print a line to put on top of the ring")
        new.add_argument("id", help="what the key is called, for example 2026-11")
        acts.add_parser("rewrap", help="wrap every key under the newest master key")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] == "new":
            self.stdout.write(f"{options['id']}:{base64.b64encode(secrets.token_bytes(32)).decode()}")
            return
        with context.system("key rotation", command_actor("keys")):
            done = keys.rewrap()
            trail.record(actions.KEY_ROTATED, facts={"keys": done})
        self.stdout.write(f"{done} keys wrapped again.")
