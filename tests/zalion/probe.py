"""A worker for test_tasks_cluster, `python -m tests.zalion.probe STEP...`, and tasks that leave a trace."""

import os
import sys
import time
import uuid
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

TRACE = "trace"


def leave(line):
    """One line in the trace file; appending a short line is atomic."""
    with (Path(settings.DATA_DIR) / TRACE).open("a") as trace:
        trace.write(f"{line}\n")


def register():
    from zalion.tasks import due, task
    from zalion.tenancy import context
    from zalion.tenancy.models import Tenant

    @task("probe.rename")
    def rename(row):
        Tenant.objects.filter(pk=row, pk__in=[context.tenant_id()]).update(name="renamed by a task")

    @task("probe.count")
    def count(number):
        leave(f"count {number}")

    @task("probe.fail", on_failure=lambda reason, row: leave(f"failed {reason} {row}"))
    def fail(row):
        raise RuntimeError("secret words")

    @task("probe.hang", on_failure=lambda reason, row: leave(f"failed {reason} {row}"))
    def hang(row):
        leave(f"hanging {os.getpid()}")
        try:
            time.sleep(120)
        except BaseException as error:
            raise error from RuntimeError("secret words")

    @task("probe.slow_once")
    def slow_once(row):
        """What a killed worker was at: the first time it hangs, the second time it gets through."""
        first = not any(line.startswith("slow") for line in read())
        leave(f"slow {os.getpid()}")
        if first:
            time.sleep(120)
        Tenant.objects.filter(pk=row).update(name="done at last")

    @due
    def due_slow(now):
        return [
            (pk, "probe.slow_once", (pk,))
            for pk in Tenant.objects.filter(name="slow").values_list("pk", flat=True)
        ]


def read():
    trace = Path(settings.DATA_DIR) / TRACE
    return trace.read_text().splitlines() if trace.exists() else []


def forge():
    """What somebody with write access to the queue would put there."""
    from django.utils import timezone
    from django_q.brokers import get_broker
    from django_q.conf import Conf
    from django_q.signing import SignedPackage

    def put(name, key):
        mine, Conf.SECRET_KEY = Conf.SECRET_KEY, key or Conf.SECRET_KEY
        made = {
            "id": uuid.uuid4().hex,
            "name": name,
            "func": "os.system",
            "args": (f"touch {Path(settings.DATA_DIR) / name}",),
            "kwargs": {},
            "started": timezone.now(),
            "ack_failure": True,
        }
        get_broker().enqueue(SignedPackage.dumps(made))
        Conf.SECRET_KEY = mine

    put("forged-with-cluster-key", None)
    put("forged-with-secret-key", settings.SECRET_KEY)


def main(*steps):
    """Each step is a name and words, in one argument."""
    django.setup()
    register()
    for step in steps:
        carry_out(*step.split())


def carry_out(step, *args):
    from zalion.tasks import enqueue
    from zalion.tenancy import context, people
    from zalion.tenancy.models import Tenant

    if step == "work":
        from django_q.conf import Conf

        Conf.TIMEOUT = int(args[0]) if args else Conf.TIMEOUT
        call_command("work", skip_checks=True)
    elif step == "prepare":
        with context.system("set-up of a test"):
            people.create_tenant(args[0], slug="acme", actor=context.SYSTEM)
    elif step == "forge":
        forge()
    elif step == "enqueue":
        acme = Tenant.objects.get(slug="acme")
        with context.work(acme.pk, context.SYSTEM):
            for name in args:
                name, _, number = name.partition("=")
                for item in range(int(number)) if number else [acme.pk]:
                    enqueue(name, item)


if __name__ == "__main__":
    main(*sys.argv[1:])
