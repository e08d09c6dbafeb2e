"""Sealed blobs: on the disk before it is said, for one object only, destroyable one by one."""

import errno
import io
import os
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zalion.tenancy.context import work
from zalion.tenancy.models import Tenant
from zalion.vault import blobs, index, keys
from zalion.vault.errors import BlobMissing, BlobNotStored, SealBroken
from zalion.vault.models import Purpose

from .conftest import ADA, OTTO


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def content_of(key: str, kind: str, object_id) -> bytes:
    with blobs.open_blob(key, kind=kind, object_id=object_id) as reader:
        return reader.read()


@given(content=st.binary(max_size=200_000))
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_content_comes_back(at_acme: Tenant, blob_folder: Path, content: bytes) -> None:
    mail = uuid4()
    stored = blobs.store(io.BytesIO(content), kind="raw", object_id=mail)
    assert (stored.size, stored.content_hmac) == (len(content), index.content_hmac(content))
    assert len(stored.key) == 195
    assert content_of(stored.key, "raw", mail) == content


def test_the_file_shows_nothing_and_belongs_to_us_alone(at_acme: Tenant, blob_folder: Path) -> None:
    blobs.store(b"Order confirmation 4711 " * 10_000, kind="raw", object_id=uuid4())
    (path,) = files(blob_folder)
    assert b"4711" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_blob_opens_for_its_own_object_alone(at_acme: Tenant, blob_folder: Path) -> None:
    mail = uuid4()
    stored = blobs.store(b"text", kind="raw", object_id=mail)
    for kind, object_id in (("page", mail), ("raw", uuid4())):
        with pytest.raises(SealBroken):
            blobs.open_blob(stored.key, kind=kind, object_id=object_id)


def test_another_tenant_neither_opens_nor_deletes_it(
    acme: Tenant, borealis: Tenant, blob_folder: Path
) -> None:
    mail = uuid4()
    with work(acme.pk, ADA):
        stored = blobs.store(b"text", kind="raw", object_id=mail)
    with work(borealis.pk, OTTO):
        with pytest.raises(SealBroken):
            blobs.open_blob(stored.key, kind="raw", object_id=mail)
        blobs.delete(stored.key)
    with work(acme.pk, ADA):
        assert content_of(stored.key, "raw", mail) == b"text"


@pytest.mark.parametrize("key", ["", "x", "../../etc/passwd:" + "A" * 162, "0" * 32 + ":" + "A" * 162])
def test_what_is_no_key_does_not_open(at_acme: Tenant, blob_folder: Path, key: str) -> None:
    with pytest.raises(SealBroken):
        blobs.open_blob(key, kind="raw", object_id="1")


def test_files_exchanged_on_the_disk_do_not_open(at_acme: Tenant, blob_folder: Path) -> None:
    mail = uuid4()
    one = blobs.store(b"one", kind="raw", object_id=mail)
    two = blobs.store(b"two", kind="raw", object_id=mail)
    first, second = (next(blob_folder.rglob(blob.key[:32])) for blob in (one, two))
    spare = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(spare)
    for blob in (one, two):
        with pytest.raises(SealBroken):
            blobs.open_blob(blob.key, kind="raw", object_id=mail)


def test_row_93_a_flipped_byte_on_the_disk_is_an_error_not_other_content(
    at_acme: Tenant, blob_folder: Path
) -> None:
    mail = uuid4()
    stored = blobs.store(b"text" * 50_000, kind="raw", object_id=mail)
    (path,) = files(blob_folder)
    sealed = bytearray(path.read_bytes())
    sealed[-20] ^= 1
    path.write_bytes(sealed)
    with pytest.raises(SealBroken):
        content_of(stored.key, "raw", mail)


def test_deleting_is_final_and_can_be_repeated(at_acme: Tenant, blob_folder: Path) -> None:
    mail = uuid4()
    stored = blobs.store(b"text", kind="raw", object_id=mail)
    blobs.delete(stored.key)
    blobs.delete(stored.key)
    assert files(blob_folder) == []
    with pytest.raises(BlobMissing):
        blobs.open_blob(stored.key, kind="raw", object_id=mail)


def test_a_blob_whose_key_was_forgotten_stays_shut_though_the_tenant_lives(
    at_acme: Tenant, blob_folder: Path
) -> None:
    mail = uuid4()
    blobs.store(b"text", kind="raw", object_id=mail)
    other = blobs.store(b"text", kind="raw", object_id=mail)
    left = next(path for path in files(blob_folder) if path.name != other.key[:32])
    with pytest.raises(SealBroken):
        content_of(f"{left.name}:{other.key[33:]}", "raw", mail)


def test_a_blob_opens_after_the_tenants_key_was_rotated(at_acme: Tenant, blob_folder: Path) -> None:
    mail = uuid4()
    stored = blobs.store(b"text", kind="raw", object_id=mail)
    keys.rotate(Purpose.CONTENT)
    assert content_of(stored.key, "raw", mail) == b"text"


@pytest.mark.parametrize("call", ["fsync", "write", "rename", "sync the folder"])
def test_row_89_an_error_of_the_disk_means_not_stored(
    at_acme: Tenant, blob_folder: Path, monkeypatch, call: str
) -> None:
    blobs.store(b"the folders are there", kind="raw", object_id=uuid4())
    calls = []

    def fails(*args, **kwargs):
        calls.append(args)
        raise OSError(errno.EIO, "I/O error")

    real_fsync = os.fsync
    if call == "fsync":
        monkeypatch.setattr(os, "fsync", fails)
    elif call == "rename":
        monkeypatch.setattr(Path, "rename", fails)
    elif call == "sync the folder":
        monkeypatch.setattr(blobs, "_sync_folder", fails)
    else:
        monkeypatch.setattr(blobs.SealingWriter, "write", fails)
    with pytest.raises(BlobNotStored):
        blobs.store(b"text", kind="raw", object_id=uuid4())
    monkeypatch.setattr(os, "fsync", real_fsync)
    assert calls
    assert len(files(blob_folder)) == 1


def test_a_source_that_fails_leaves_nothing(at_acme: Tenant, blob_folder: Path) -> None:
    class Fails(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise RuntimeError("the connection broke")
            return super().read(100)

    with pytest.raises(RuntimeError):
        blobs.store(Fails(b"text" * 1000), kind="raw", object_id=uuid4())
    assert files(blob_folder) == []


def test_another_storage_is_a_setting(at_acme: Tenant, settings) -> None:
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "blobs": memory}
    mail = uuid4()
    stored = blobs.store(b"text" * 100_000, kind="raw", object_id=mail)
    assert content_of(stored.key, "raw", mail) == b"text" * 100_000
    blobs.delete(stored.key)
    with pytest.raises(BlobMissing):
        blobs.open_blob(stored.key, kind="raw", object_id=mail)
