"""Sealed content on a Django storage: raw mail, attachments, page images; each can be destroyed alone."""

import io
import os
import re
import secrets
import shutil
import tempfile
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from zalion.tenancy import context
from zalion.vault.errors import BlobMissing, BlobNotStored, SealBroken, StoreFull
from zalion.vault.index import content_mac
from zalion.vault.models import Purpose
from zalion.vault.sealing import (
    OBJECT_KEY_BYTES,
    Binding,
    ByteSink,
    SealingWriter,
    UnsealingReader,
    seal,
    unseal,
)

CHUNK_BYTES = 1 << 20
SPOOL_BYTES = 8 << 20
_KEY = re.compile(r"([0-9a-f]{32}):([A-Za-z0-9_-]{162})")


class StoredBlob(NamedTuple):
    """What to keep in the row: ``key`` opens the blob (195 characters), and is the only thing that does."""

    key: str
    content_hmac: str
    size: int


def room() -> tuple[int, float]:
    """Bytes free for mail and documents, and which share of the data folder's file system that is."""
    usage = shutil.disk_usage(settings.DATA_DIR)
    return usage.free, usage.free / usage.total


def require_room() -> None:
    """Raise StoreFull where what is left is for the database and the work at hand: new work is not begun."""
    if room()[1] < settings.DISK_RESERVE:
        raise StoreFull("The disk is nearly full: nothing new is taken in.")


def store(content: bytes | BinaryIO, *, kind: str, object_id: uuid.UUID | str) -> StoredBlob:
    """Seal ``content`` under a random key of its own and store it; returned means it is on the disk.

    The random key, wrapped for the tenant, is part of the returned ``key``: when the row that holds it is
    gone the content is gone too, wherever copies of the blob are. Call it outside a transaction. Raises
    BlobNotStored when the storage fails, StoreFull before it does; nothing is left to be taken for a blob then.
    """
    require_room()
    storage = storages["blobs"]
    object_key = os.urandom(OBJECT_KEY_BYTES)
    wrapped = seal(object_key, binding=_key_binding(kind, object_id), purpose=Purpose.CONTENT)
    random_name = secrets.token_hex(16)
    name = _storage_name(random_name)
    source = io.BytesIO(content) if isinstance(content, bytes) else content
    sealing = _Sealing(source, binding=_binding(kind, object_id), object_key=object_key)
    try:
        if isinstance(storage, FileSystemStorage):
            _write_durably(Path(storage.path(name)), sealing)
        else:
            _hand_over(storage, name, sealing)
    except OSError as error:
        raise BlobNotStored(f"The blob store failed: {os.strerror(error.errno or 0)}.") from error
    key = f"{random_name}:{urlsafe_b64encode(wrapped).decode().rstrip('=')}"
    return StoredBlob(key, sealing.content_hmac, sealing.size)


def open_blob(key: str, *, kind: str, object_id: uuid.UUID | str) -> UnsealingReader:
    """A reader of what was stored for exactly this tenant, kind and object.

    Raises BlobMissing, and SealBroken when the key or the blob does not open; reading can raise it as well.
    """
    random_name, wrapped = _parsed(key)
    object_key = unseal(wrapped, binding=_key_binding(kind, object_id))
    try:
        source = storages["blobs"].open(_storage_name(random_name), "rb")
    except FileNotFoundError:
        raise BlobMissing("The blob store has no such blob.") from None
    try:
        return UnsealingReader(source, binding=_binding(kind, object_id), object_key=object_key)
    except BaseException:
        source.close()
        raise


def delete(key: str) -> None:
    """Take a blob off the storage; one that is not there any more is no error. Forget ``key`` as well."""
    storages["blobs"].delete(_storage_name(_parsed(key)[0]))


def orphans(in_use: Callable[[str], Iterable[str]], *, before: datetime) -> list[str]:
    """What the storage holds of the tenant at work, written ``before`` then, that no row tells of.

    A kill between sealing and commit leaves such blobs, and halves of them. ``in_use`` gives the keys of all
    rows whose key begins with a hexadecimal digit. It is asked after the storage was listed, so a row that is
    committed in between counts; a writer holds a blob without a row for minutes, so ``before`` lies a day back.
    """
    storage, found = storages["blobs"], []
    top = context.tenant_id().hex
    folders = sorted(storage.listdir(top)[0]) if storage.exists(top) else []
    for digit in sorted({folder[0] for folder in folders}):
        names = [
            f"{top}/{folder}/{name}"
            for folder in folders
            if folder.startswith(digit)
            for name in storage.listdir(f"{top}/{folder}")[1]
        ]
        known = {_storage_name(key[:32]) for key in in_use(digit)}
        found += [name for name in names if name not in known and storage.get_modified_time(name) < before]
    return found


def discard(names: Iterable[str]) -> None:
    """Take what ``orphans`` found off the storage."""
    for name in names:
        storages["blobs"].delete(name)


def _parsed(key: str) -> tuple[str, bytes]:
    match = _KEY.fullmatch(key)
    if match is None:
        raise SealBroken
    return match[1], urlsafe_b64decode(match[2] + "==")


def _storage_name(random_name: str) -> str:
    """The tenant at work is part of the path, so that no key leads into another tenant's folder."""
    return f"{context.tenant_id().hex}/{random_name[:2]}/{random_name}"


def _binding(kind: str, object_id: uuid.UUID | str) -> Binding:
    return Binding(context.tenant_id(), kind, str(object_id), "blob")


def _key_binding(kind: str, object_id: uuid.UUID | str) -> Binding:
    return Binding(context.tenant_id(), kind, str(object_id), "blob key")


class _Sealing:
    """One pass over the content: sealed into a sink, counted and hashed on the way."""

    def __init__(self, source: BinaryIO, *, binding: Binding, object_key: bytes) -> None:
        self._source = source
        self._binding = binding
        self._object_key = object_key
        self.size = 0
        self.content_hmac = ""

    def into(self, sink: ByteSink) -> None:
        mac = content_mac()
        with SealingWriter(sink, binding=self._binding, object_key=self._object_key) as writer:
            while chunk := self._source.read(CHUNK_BYTES):
                mac.update(chunk)
                self.size += writer.write(chunk)
        self.content_hmac = mac.finalize().hex()


def _write_durably(path: Path, sealing: _Sealing) -> None:
    """Under a temporary name until every byte is on the disk; then renamed, and the folder synced too."""
    _make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            sealing.into(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    try:
        _sync_folder(path.parent)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hand_over(storage: Storage, name: str, sealing: _Sealing) -> None:
    """To a storage that takes whole objects, such as S3; what waits on the local disk is sealed already."""
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
        sealing.into(spool)
        spool.seek(0)
        saved = storage.save(name, File(spool))
    if saved != name:
        storage.delete(saved)
        raise FileExistsError(f"The blob store already has {name}.")
