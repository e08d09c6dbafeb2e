"""Pictures wait for their recognition in a line of their own, so that scans keep no other document waiting."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from connectors import parse, sync
from connectors.models import FolderMapping, Mailbox
from extraction import outcomes, pipeline, tasks
from extraction.models import Document, ExtractionRun
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox
from tests.extraction.extractors.test_ocr import receipt, scan, sheet
from tests.extraction.paper import Paper
from tests.extraction.test_profiles import mail
from zalion.tenancy import context

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def waiting(acme: Company, server: MemoryMailbox, mailbox: Mailbox) -> None:
    """Two scans, and a confirmation with text that came after them."""
    scans = scan(receipt()), scan(sheet(100).crop((0, 0, 20, 20)))
    for minute, pdf in enumerate((*scans, Paper().pdf())):
        server.deliver(mail(pdf), received_at=NOW + timedelta(minutes=minute))
    with acme.work():
        mapping = FolderMapping.objects.get(mailbox=mailbox)
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)


@pytest.mark.database
@pytest.mark.usefixtures("waiting")
def test_text_is_read_before_scans_and_one_worker_at_a_time_recognises(acme: Company) -> None:
    with acme.work():
        pipeline.run_due()
        assert [row.extractor for row in Document.objects.all()] == ["pdf"]
        scans = ExtractionRun.objects.filter(recognises=True, state="queued").order_by("due_at")
        assert scans.count() == 2
        told = outcomes.progress([scans[0].message])[0]
        page = render_to_string("extraction/parts/became.html", {"row": told})
        assert "Its text is being recognised" in page
    with context.system("the tick"):
        rung = [(bell.tenant_id, bell.task) for bell in tasks.runs_due(timezone.now())]
        assert rung == [(acme.tenant.pk, pipeline.RECOGNISE_TASK)]
    with acme.work():
        held = scans[0]
        ExtractionRun.objects.filter(pk=held.pk).update(lease_until=timezone.now() + pipeline.LEASE)
        pipeline.recognise_due()
        assert scans.count() == 2
        ExtractionRun.objects.filter(pk=held.pk).update(lease_until=None)
        pipeline.recognise_due()
        assert scans.count() == 1
        pipeline.recognise_due()
        assert {run.state for run in ExtractionRun.objects.all()} == {"done"}
        if shutil.which("tesseract"):
            assert [row.extractor for row in Document.objects.order_by("created_at")] == ["pdf", "ocr"]
