"""Periodic work of the trail: signed checkpoints, so that a chain cut or rolled back is seen."""

from django.utils import timezone

from audit import checkpoints
from zalion.tasks import task


@task("audit.checkpoint", system=True)
def checkpoint() -> None:
    checkpoints.checkpoint(timezone.now())
