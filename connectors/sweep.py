"""Sealed mail that no row tells of, as a kill between sealing and commit leaves it: taken away by night."""

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from audit import actions, trail
from connectors.models import Message
from zalion.vault import blobs

KEPT = timedelta(days=1)


def sweep_blobs() -> None:
    """Delete the tenant's blobs older than a day that no row tells of; how many they are is on record first."""
    found = blobs.orphans(_in_use, before=timezone.now() - KEPT)
    if found:
        trail.record(actions.BLOBS_SWEPT, facts={"count": len(found)})
        blobs.discard(found)


def _in_use(digit: str) -> Iterator[str]:
    return Message.objects.filter(raw_blob__startswith=digit).values_list("raw_blob", flat=True).iterator()
