"""A process of its own at one tenant's trail: ``migrate``, ``prepare``, ``append THREADS UNITS`` or ``verify``."""

import json
import sys
import threading

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from audit import actions, trail  # noqa: E402
from audit.models import AuditEvent, RetentionPolicy  # noqa: E402
from audit.verify import verify  # noqa: E402
from tests.audit.conftest import ADA, make_tenant  # noqa: E402
from zalion.tenancy import context  # noqa: E402
from zalion.tenancy.models import Tenant  # noqa: E402
from zalion.tenancy.unit import unit  # noqa: E402


def append(units: int) -> None:
    tenant = Tenant.objects.get(slug="acme")
    with context.work(tenant.pk, ADA):
        for _ in range(units):
            trail.record(actions.MESSAGE_VIEWED)
            with unit():
                trail.record(actions.MESSAGES_STORED)
                RetentionPolicy(name=context.new_correlation_id()).save()
    connection.close()


def main() -> None:
    match sys.argv[1:]:
        case ["migrate"]:
            call_command("migrate", verbosity=0)
        case ["prepare"]:
            make_tenant("acme")
        case ["append", threads, units]:
            running = [threading.Thread(target=append, args=(int(units),)) for _ in range(int(threads))]
            for thread in running:
                thread.start()
            for thread in running:
                thread.join()
        case ["verify"]:
            tenant = Tenant.objects.get(slug="acme")
            report = verify(tenant.pk)
            with context.work(tenant.pk, ADA):
                stored = AuditEvent.objects.filter(action=actions.MESSAGES_STORED).count()
                rows = RetentionPolicy.objects.count()
            print(json.dumps({"ok": report.ok, "events": report.events, "stored": stored, "rows": rows}))


if __name__ == "__main__":
    main()
