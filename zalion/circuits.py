"""Services outside that fail are left alone, longer each time; every process knows."""

from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from zalion.models import Circuit
from zalion.tenancy.unit import unit

FRESH = timedelta(minutes=1)  # an answer is not written down again before that


def is_open(name: str) -> bool:
    """Whether the service is to be left alone now."""
    return Circuit.objects.filter(name=name, open_until__gt=timezone.now()).exists()


def answered(name: str, *, now: datetime) -> None:
    known = Circuit.objects.filter(name=name, failures=0, asked_at__gt=now - FRESH)
    if known.exists():
        return
    with unit():
        Circuit.objects.update_or_create(
            name=name, defaults={"failures": 0, "outcome": "ok", "asked_at": now, "open_until": None}
        )


def failed(
    name: str, outcome: str, *, first: timedelta, longest: timedelta, asked: timedelta | None = None
) -> None:
    """Leave it alone for ``first``, twice as long each time, or for as long as it ``asked``; ``longest`` at most."""
    now = timezone.now()
    with unit():
        circuit, _ = Circuit.objects.get_or_create(name=name, defaults={"asked_at": now})
        rest = min(max(first * 2 ** min(circuit.failures, 10), asked or first), longest)
        Circuit.objects.filter(pk=name).update(
            failures=F("failures") + 1, outcome=outcome, asked_at=now, open_until=now + rest
        )
