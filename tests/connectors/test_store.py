"""The store under strain: a disk that is nearly full, really full, or breaks; and what interrupted work leaves."""

import os
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import storages
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from connectors import errors, ingest, reconcile, sweep, sync
from connectors.models import FolderMapping, Mailbox, MailboxState, Message, SyncState
from connectors.tasks import sweep_nightly
from tests.background import run_waiting
from tests.cast import Company
from tests.connectors.test_sync import mail
from tests.contracts.memory import MemoryMailbox
from tests.zalion.tenancy.test_signin import sign_in
from zalion import health
from zalion.tenancy import context
from zalion.vault import blobs

MAILS = 30


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox) -> FolderMapping:
    with acme.work():
        return FolderMapping.objects.get(mailbox=mailbox)


class Disk:
    """A file system of one mebibyte that holds the data folder, and a file that fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.filler = folder / "filler"

    def fill(self, *, left: int) -> None:
        told = os.statvfs(self.folder)
        self.filler.write_bytes(b"\0" * (told.f_bavail * told.f_frsize - left))

    def free(self) -> None:
        self.filler.unlink()

    def files(self) -> list[Path]:
        return [path for path in (self.folder / "blobs").rglob("*") if path.is_file()]


@pytest.fixture
def disk(tmp_path: Path, settings: Any) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system of its own")
    whole = settings.STORAGES["blobs"]
    settings.DATA_DIR = folder
    settings.STORAGES = settings.STORAGES | {
        "blobs": whole | {"OPTIONS": whole["OPTIONS"] | {"location": folder / "blobs"}}
    }
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def state() -> tuple[str, str]:
    row = SyncState.objects.get()
    assert row.lease_until is None
    return row.error_code, row.cursor


def test_below_the_reserve_nothing_is_fetched_and_work_goes_on_by_itself(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, disk: Disk
) -> None:
    """Threat row 88: refused before the fetch, said aloud, nothing lost."""
    for number in range(MAILS):
        server.deliver(mail(number))
    disk.fill(left=48 * 1024)
    assert health.disk().state == "failed"
    opened = server.opened
    with acme.work():
        sync.sync_folder(mapping.pk)
        assert state() == ("disk_full", "")
        assert (server.opened, Message.objects.count()) == (opened, 0)
        box = Mailbox.objects.get()
        assert (box.state, box.failures) == (MailboxState.ACTIVE, 0), "the mail server is not to blame"
        assert SyncState.objects.get().next_attempt_at <= timezone.now() + timedelta(minutes=1)
        page = sign_in(acme.ada).get(reverse("portal:mailbox", args=[box.pk])).content.decode()
        assert "The disk is nearly full" in page
        disk.free()
        SyncState.objects.update(next_attempt_at=timezone.now())
        run_waiting()
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == MAILS
        page = sign_in(acme.ada).get(reverse("portal:mailbox", args=[box.pk])).content.decode()
        assert 'id="unstored"' not in page
    assert health.disk().state == "ok"


def test_a_disk_that_fills_up_in_the_middle_of_a_page_stores_none_of_it(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, disk: Disk, settings: Any
) -> None:
    """Threat row 89: ENOSPC from the file system itself, since no reserve was kept."""
    settings.DISK_RESERVE = 0.0
    for number in range(MAILS):
        server.deliver(mail(number) + b"x" * 8000)
    disk.fill(left=100 * 1024)
    with acme.work():
        sync.sync_folder(mapping.pk)
        assert state() == ("not_stored", "")
        assert not Message.objects.exists()
        assert not disk.files(), "what was sealed of the page, and half of a mail, are gone again"
        disk.free()
        for _ in range(2):
            sync.sync_folder(mapping.pk)
        assert Message.objects.count() == MAILS == len(disk.files())
        assert state()[0] == ""


def test_a_comparison_waits_for_room_as_well(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, disk: Disk
) -> None:
    server.deliver(mail(1))
    disk.fill(left=0)
    with acme.work():
        reconcile.reconcile_now(mapping.mailbox)
        reconcile.reconcile_folder(mapping.pk)
        assert state()[0] == "disk_full"


def test_a_line_that_breaks_in_the_middle_of_a_page_brings_the_page_on_piece_by_piece(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, disk: Disk
) -> None:
    class Breaks(list[errors.ConnectorError]):
        """Fails at the third fetch."""

        asked = 0

        def __bool__(self) -> bool:
            self.asked += 1
            return self.asked == 3

    for number in range(5):
        server.deliver(mail(number))
    server.failures["fetch"] = Breaks([errors.ProviderUnavailable("The server hung up.")])
    with acme.work():
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == 2 == len(disk.files())
        assert (SyncState.objects.get().cursor, Mailbox.objects.get().failures) == ("", 1)
        server.failures["fetch"] = Breaks([errors.ProviderUnavailable("The server hung up.")])
        sync.sync_now(Mailbox.objects.get())
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == 4 == len(disk.files())
        sync.sync_now(Mailbox.objects.get())
        sync.sync_folder(mapping.pk)
        assert Message.objects.count() == 5 == len(disk.files())
        assert SyncState.objects.get().cursor


# --- what is left over ------------------------------------------------------------------------------


def left_over(*, hours: float) -> Path:
    """A blob without a row, as a kill between sealing and commit leaves it, written so long ago."""
    key = blobs.store(b"sealed", kind=ingest.RAW_KIND, object_id=uuid4()).key
    storage: Any = storages["blobs"]
    path = Path(storage.path(blobs._storage_name(key[:32])))
    age(path, hours)
    return path


def age(path: Path, hours: float) -> None:
    stamp = time.time() - hours * 3600
    os.utime(path, (stamp, stamp))


@pytest.fixture
def blob_folder(tmp_path: Path, settings: Any) -> Path:
    whole = settings.STORAGES["blobs"]
    folder = tmp_path / "blobs"
    settings.STORAGES = settings.STORAGES | {
        "blobs": whole | {"OPTIONS": whole["OPTIONS"] | {"location": folder}}
    }
    return folder


def test_blobs_that_no_row_tells_of_go_after_a_day_and_no_others(
    acme: Company, borealis: Company, server: MemoryMailbox, mapping: FolderMapping, blob_folder: Path
) -> None:
    with borealis.work():
        theirs = left_over(hours=25)
    with acme.work():
        for number in range(20):
            server.deliver(mail(number))
        sync.sync_folder(mapping.pk)
        kept = [path for path in blob_folder.rglob("*") if path.is_file() and path != theirs]
        for path in kept:
            age(path, 100)
        old, young = [left_over(hours=25) for _ in range(3)], left_over(hours=23)
        half = kept[0].with_name(f".{uuid4().hex}.part")
        half.write_bytes(b"half")
        age(half, 25)
        sweep.sweep_blobs()
        assert not any(path.exists() for path in [*old, half])
        assert young.exists()
        assert theirs.exists()
        assert all(path.exists() for path in kept)
        assert [event.facts for event in AuditEvent.objects.filter(action="blobs.swept")] == [{"count": 4}]
        sweep.sweep_blobs()
        assert AuditEvent.objects.filter(action="blobs.swept").count() == 1, "nothing is no event"
        assert all(ingest.read_raw(message) for message in Message.objects.all())


def test_a_row_that_is_committed_while_the_sweep_looks_keeps_its_blob(
    acme: Company, mapping: FolderMapping, blob_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow its writer was: the rows are asked after the storage was listed."""
    with acme.work():
        body = blob_folder.parent / "mail"
        body.write_bytes(mail(1))
        with body.open("rb") as file:
            held = ingest.store("1:1", file, size=len(mail(1)), received_at=timezone.now())
        [path] = [path for path in blob_folder.rglob("*") if path.is_file()]
        age(path, 100)
        in_use = sweep._in_use

        def after_the_commit(digit: str) -> Iterator[str]:
            ingest.take_in(mapping, [held])
            return in_use(digit)

        monkeypatch.setattr(sweep, "_in_use", after_the_commit)
        sweep.sweep_blobs()
        assert path.exists()
        assert ingest.read_raw(Message.objects.get())


def test_every_tenant_is_swept_at_night(acme: Company, borealis: Company, blob_folder: Path) -> None:
    left = []
    for company in (acme, borealis):
        with company.work():
            left.append(left_over(hours=25))
    with context.system("tests"):
        sweep_nightly()
    run_waiting()
    assert not any(path.exists() for path in left)
