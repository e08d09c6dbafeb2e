"""When periodic work last went through: what the health page says of the workers."""

from django.db import models


class Heartbeat(models.Model):
    """The last time the task called ``name`` came to its end, for all tenants together."""

    name = models.CharField(primary_key=True, max_length=50)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
