"""Takes in mail from files: .eml, mbox or Maildir, into a mailbox's upload mapping."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from connectors import importing
from connectors.models import Mailbox
from zalion.tenancy.command import TenantCommand
from zalion.tenancy.models import Tenant


class Command(TenantCommand):
    help = "Take in PATH (.eml, mbox, Maildir or a folder of .eml files) for a mailbox; known mail is left alone."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("path", type=Path)
        parser.add_argument("--mailbox", required=True, help="the mailbox's name or address")

    def work(self, tenant: Tenant, **options: Any) -> None:
        wanted = options["mailbox"]
        mailbox = (
            Mailbox.objects.filter(name=wanted).first() or Mailbox.objects.filter(address=wanted).first()
        )
        if mailbox is None:
            raise CommandError(f"This tenant has no mailbox {wanted}.")
        try:
            report = importing.import_mail(mailbox, mails=importing.find(options["path"]))
        except OSError as error:
            raise CommandError(f"{options['path']}: {error.strerror}") from error
        self.stdout.write(f"{report.taken_in} taken in, {report.known} known already.")
