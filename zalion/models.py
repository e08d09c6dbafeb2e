"""What the health page tells: when periodic work last went through, and how services outside fare."""

from django.db import models


class Heartbeat(models.Model):
    """The last time the task called ``name`` came to its end, for all tenants together."""

    name = models.CharField(primary_key=True, max_length=50)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Circuit(models.Model):
    """How a service outside fared when it was last asked, and until when it is left alone after failing: every process
    reads it before it asks, so that a dead service costs its time-out once."""

    name = models.CharField(primary_key=True, max_length=50)
    failures = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=60, blank=True, help_text="ok, or why it failed.")
    asked_at = models.DateTimeField()
    open_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name
