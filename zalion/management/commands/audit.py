"""Checks the trail, and exports it for checking elsewhere."""

import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from audit import checkpoints
from audit.export import export
from audit.verify import VerifyReport, verify, verify_all
from zalion.tenancy import context
from zalion.tenancy.models import Tenant

ACTOR = context.Actor("command", name="audit")


class Command(BaseCommand):
    help = "Check the trail (verify), write it as signed JSON Lines (export), or print its public key (key)."

    def add_arguments(self, parser: CommandParser) -> None:
        doors = parser.add_subparsers(dest="door", required=True)
        check = doors.add_parser(
            "verify", help="name the first event that does not fit; exits 1 if there is one"
        )
        check.add_argument("--tenant", metavar="SLUG", help="only this tenant's chain")
        write = doors.add_parser("export", help="one chain, for audit/verifier.py")
        chosen = write.add_mutually_exclusive_group(required=True)
        chosen.add_argument("--tenant", metavar="SLUG")
        chosen.add_argument("--system", action="store_true", help="the system's own chain")
        write.add_argument(
            "--output", type=Path, metavar="FILE", help="a new file; standard output otherwise"
        )
        doors.add_parser(
            "key", help="the public key of exports and checkpoints: note it outside this machine"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        door = options["door"]
        if door == "verify":
            self._verify(options["tenant"])
        elif door == "export":
            self._export(options["tenant"], options["output"])
        else:
            self.stdout.write(checkpoints.public_key())

    def _verify(self, slug: str | None) -> None:
        with context.system("audit verify", ACTOR):
            reports = [verify(_tenant(slug).pk)] if slug else list(verify_all())
            names = {str(tenant.pk): tenant.slug for tenant in Tenant.objects.all()}
        for report in reports:
            self.stdout.write(_words(report, names.get(report.chain, report.chain)))
        if not all(report.ok for report in reports):
            raise CommandError("The trail was tampered with.")

    def _export(self, slug: str | None, output: Path | None) -> None:
        work = context.work(_tenant(slug).pk, ACTOR) if slug else context.system("audit export", ACTOR)
        with work:
            if output is None:
                _write(sys.stdout.buffer)
                return
            try:
                descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError as error:
                raise CommandError(f"{output} is there already.") from error
            with os.fdopen(descriptor, "wb") as file:
                _write(file)


def _tenant(slug: str) -> Tenant:
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"There is no tenant {slug}.")
    return tenant


def _write(file: BinaryIO) -> None:
    file.writelines(export(timezone.now()))


def _words(report: VerifyReport, name: str) -> str:
    signed = report.checkpoint
    compared = f", compared up to the checkpoint of {signed.time}" if signed else ", no checkpoint"
    lines = [f"{name}: {report.events} events fit{compared}."]
    if report.misfit:
        lines.append(f"{name}: {report.misfit.how}. {report.misfit.sentence}")
    lines += [f"{name}: {words}." for words in report.triggers]
    return "\n".join(lines)
