"""Thin tasks of extraction, and which runs are due for the tick to ring again."""

from collections.abc import Iterator
from datetime import datetime

from extraction import learning, pipeline, profiles
from extraction.models import Document, ExtractionRun
from zalion.tasks import Bell, due, task


@task(pipeline.RUN_TASK)
def run_due() -> None:
    pipeline.run_due()


@task(pipeline.RECOGNISE_TASK)
def recognise_due() -> None:
    pipeline.recognise_due()


@task(profiles.LEARN_TASK)
def learn_due() -> None:
    learning.learn_due()


@due
def lessons_due(now: datetime) -> Iterator[Bell]:
    """Tenants with approved documents that people had to correct, and that nobody learned from yet."""
    lessons = Document.across_tenants.filter(lesson_due_at__lte=now)
    for tenant in lessons.order_by().values_list("tenant_id", flat=True).distinct():
        yield Bell(tenant, profiles.LEARN_TASK)


@due
def runs_due(now: datetime) -> Iterator[Bell]:
    """Tenants with runs that wait, be it that a worker died over one."""
    runs = ExtractionRun.across_tenants.filter(due_at__lte=now)
    for tenant, recognises in runs.order_by().values_list("tenant_id", "recognises").distinct():
        yield Bell(tenant, pipeline.RECOGNISE_TASK if recognises else pipeline.RUN_TASK)
