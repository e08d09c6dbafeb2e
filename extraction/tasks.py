"""Thin tasks of extraction, and which runs are due for the tick to ring again."""

from collections.abc import Iterator
from datetime import datetime

from extraction import pipeline
from extraction.models import ExtractionRun
from zalion.tasks import Bell, due, task


@task(pipeline.RUN_TASK)
def run_due() -> None:
    pipeline.run_due()


@due
def runs_due(now: datetime) -> Iterator[Bell]:
    """Tenants with runs that wait, be it that a worker died over one."""
    runs = ExtractionRun.across_tenants.filter(due_at__lte=now)
    for tenant in runs.order_by().values_list("tenant_id", flat=True).distinct():
        yield Bell(tenant, pipeline.RUN_TASK)
