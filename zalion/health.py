"""Whether the parts the portal stands on are there: one line for a probe, a list for the overview page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_q.brokers import get_broker

from zalion import sandbox
from zalion.models import Circuit, Heartbeat
from zalion.vault import blobs
from zalion.vault.errors import KeyRingError
from zalion.vault.ring import master_ring

State = Literal["ok", "warning", "failed"]
LATE_LISTENER = timedelta(minutes=5)
LATE_TICK = timedelta(minutes=3)
DEAD_TICK = timedelta(minutes=10)
LONG_QUEUE = 500
LANGUAGE_MODEL = "language_model"  # the name of its circuit
VIRUS_SCANNER = "virus_scanner"  # the same


@dataclass(frozen=True, slots=True)
class Finding:
    """How one part fares: ``detail`` says it in words for an operator, never with content or a secret."""

    name: str
    state: State
    detail: str


Probe = Callable[[], Finding]
_PARTS: list[Probe] = []


def part(probe: Probe) -> Probe:
    """Ask ``probe`` with the others: a part that a later stage brings."""
    _PARTS.append(probe)
    return probe


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Nothing else is told: anybody may ask."""
    return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


def health(now: datetime | None = None) -> list[Finding]:
    """Every part, in the order in which one failing explains the next."""
    moment = now or timezone.now()
    probes: tuple[Probe, ...] = (
        database,
        master_key,
        disk,
        queue,
        lambda: last_tick(moment),
        lambda: listener(moment),
        children,
        virus_scanner,
        *_PARTS,
        *((language_model,) if settings.MODEL_URL else ()),
    )
    return [probe() for probe in probes]


def database() -> Finding:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return Finding("Database", "failed", "It does not answer.")
    return Finding("Database", "ok", connection.display_name)


def master_key() -> Finding:
    try:
        newest = master_ring().newest
    except KeyRingError as error:
        return Finding("Master key", "failed", str(error))
    return Finding("Master key", "ok", f"The newest is {newest}.")


def disk() -> Finding:
    """It warns at twice the reserve, below which no new mail is fetched."""
    free, share = blobs.room()
    reserve = settings.DISK_RESERVE
    detail = f"{free / 2**30:.1f} GiB ({share:.0%}) free for mail and documents."
    if share < reserve:
        waits = f"Below {reserve:.0%} no new mail is fetched; it waits on its servers."
        return Finding("Disk", "failed", f"{detail} Make room. {waits}")
    return Finding("Disk", "warning" if share < 2 * reserve else "ok", detail)


def queue() -> Finding:
    try:
        depth = get_broker().queue_size()
    except (DatabaseError, redis.RedisError):
        return Finding("Queue", "failed", "It does not answer.")
    state: State = "warning" if depth > LONG_QUEUE else "ok"
    return Finding("Queue", state, f"{depth} waiting.")


def last_tick(now: datetime) -> Finding:
    """The tick is rung every minute and runs in a worker: its age says whether anybody works."""
    try:
        at = Heartbeat.objects.filter(name="tick").values_list("at", flat=True).first()
    except DatabaseError:
        return Finding("Workers", "failed", "The database does not answer.")
    if at is None:
        return Finding("Workers", "failed", "None has worked yet. Start one: manage.py work.")
    age = now - at
    detail = f"The last round was {max(0, int(age.total_seconds()))} seconds ago."
    if age > DEAD_TICK:
        return Finding("Workers", "failed", f"{detail} Is `manage.py work` running?")
    return Finding("Workers", "warning" if age > LATE_TICK else "ok", detail)


def listener(now: datetime) -> Finding:
    """Without it mail is polled alone, and nothing is lost: so it is never worse than a warning."""
    if not settings.LISTENERS:
        return Finding("Listener", "ok", "Switched off: mail is polled alone.")
    try:
        at = Heartbeat.objects.filter(name="listener").values_list("at", flat=True).first()
    except DatabaseError:
        return Finding("Listener", "warning", "The database does not answer.")
    if at is None:
        return Finding("Listener", "warning", "None has run yet: mail is polled alone.")
    detail = f"It was seen {max(0, int((now - at).total_seconds()))} seconds ago."
    if now - at > LATE_LISTENER:
        return Finding("Listener", "warning", f"{detail} Mail is polled alone.")
    return Finding("Listener", "ok", detail)


def children() -> Finding:
    try:
        found = sandbox.capability()
    except (sandbox.SandboxError, OSError):
        return Finding("Sandbox", "failed", "No child process could be started: nothing is parsed.")
    if found.missing:
        return Finding("Sandbox", "warning", f"Reduced: this system offers no {', '.join(found.missing)}.")
    return Finding("Sandbox", "ok", "Full.")


def virus_scanner() -> Finding:
    """Mail that waits for it is neither read nor shown."""
    if not settings.CLAMD:
        return Finding("Virus scanner", "ok", "No scanner is set: mail is taken in without being scanned.")
    meanwhile = "Mail waits for it, sealed, and is neither read nor shown before."
    return _answers("Virus scanner", VIRUS_SCANNER, state="failed", meanwhile=meanwhile)


def language_model() -> Finding:
    """Documents are read without it: it is never worse than a warning."""
    return _answers(
        "Language model", LANGUAGE_MODEL, state="warning", meanwhile="Documents are read without it."
    )


def _answers(title: str, name: str, *, state: State, meanwhile: str) -> Finding:
    """Whether a service outside answered when it was last asked; ``state`` and what holds ``meanwhile``, if not."""
    try:
        circuit = Circuit.objects.filter(name=name).first()
    except DatabaseError:
        return Finding(title, "warning", "The database does not answer.")
    if circuit is None:
        return Finding(title, "ok", "It was not asked yet.")
    at = f"{circuit.asked_at:%Y-%m-%d %H:%M} UTC"
    if not circuit.failures:
        return Finding(title, "ok", f"It answered last at {at}.")
    outcome = circuit.outcome.replace("_", " ")
    return Finding(title, state, f"It failed at {at} ({outcome}), {circuit.failures} in a row. {meanwhile}")
