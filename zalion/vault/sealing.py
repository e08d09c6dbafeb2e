"""The sealed form ZL1: bytes that open only for the tenant, object and field they were sealed for."""

import io
import os
import struct
import uuid
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import constant_time, hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from zalion.tenancy import context
from zalion.tenancy.scoping import CrossTenantError
from zalion.vault.errors import KeyUnavailable, SealBroken
from zalion.vault.keys import Key, system_key, tenant_key
from zalion.vault.models import Purpose

# Header, both forms:  magic "ZL1" | suite (1) | key purpose (1) | key version (4) | salt (32) | commitment (32)
# Stream (suite 1):    header | nonce prefix (7) | segments of 64 KiB, each followed by its 16-byte tag
# Compact (suite 2):   header | the whole content and its tag
#
# HKDF-SHA256 (RFC 5869) over the tenant's key, with the salt, the header's first nine bytes and the binding,
# gives the AES-256-GCM key of this one object and the commitment, which is compared before anything is opened:
# one sealed form cannot be made to open under two keys. A segment's nonce is prefix | counter (4) | last (1),
# so that segments cannot be reordered, left out or cut off at the end.

MAGIC = b"ZL1"
STREAM, COMPACT = 1, 2
SEGMENT_BYTES = 65_536
TAG_BYTES = 16
OBJECT_KEY_BYTES = 32
_SALT_BYTES = 32
_COMMITMENT_BYTES = 32
_PREFIX_BYTES = 7
_HEAD = struct.Struct(">3sBBI")
_LENGTHS = struct.Struct(">4I")
_COMPACT_HEADER_BYTES = _HEAD.size + _SALT_BYTES + _COMMITMENT_BYTES
_STREAM_HEADER_BYTES = _COMPACT_HEADER_BYTES + _PREFIX_BYTES
_LAST_COUNTER = 2**32 - 1
_SHA256 = hashes.SHA256()
# The key of a compact object seals one message and is never used again, so its nonce may be constant.
_SINGLE_NONCE = bytes(12)
# 0 stands for a random object key that the caller holds.
_CODES = {Purpose.CONTENT: 1, Purpose.FIELDS: 2, Purpose.INDEX: 3, Purpose.TOKENS: 4}
_PURPOSES = {code: purpose for purpose, code in _CODES.items()}


class ByteSink(Protocol):
    """Where sealed bytes go: all of ``data`` is taken, or it raises."""

    def write(self, data: bytes, /) -> object: ...


class ByteSource(Protocol):
    """Where sealed bytes come from: at most ``size`` of them at a time, none at the end."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Binding:
    """What a sealed object belongs to; ``tenant`` is None for what belongs to the system alone."""

    tenant: uuid.UUID | None
    kind: str
    object_id: str
    field: str

    def encoded(self) -> bytes:
        """The parts behind their four lengths, so that no two bindings have the same bytes."""
        tenant = b"" if self.tenant is None else self.tenant.bytes
        kind, row, field = self.kind.encode(), self.object_id.encode(), self.field.encode()
        return _LENGTHS.pack(len(tenant), len(kind), len(row), len(field)) + tenant + kind + row + field


def _key_for(binding: Binding, purpose: Purpose, version: int | None) -> Key:
    if binding.tenant is None:
        return system_key(purpose.value, version)
    if binding.tenant != context.tenant_id():
        raise CrossTenantError("Sealed data of another tenant than the one at work.")
    return tenant_key(purpose, version)


def _object_cipher(secret: bytes, head: bytes, salt: bytes, binding: Binding) -> tuple[AESGCM, bytes]:
    """The cipher of one object and the commitment to its key."""
    info = head + binding.encoded()
    length = OBJECT_KEY_BYTES + _COMMITMENT_BYTES
    material = HKDF(algorithm=_SHA256, length=length, salt=salt, info=info).derive(secret)
    return AESGCM(material[:OBJECT_KEY_BYTES]), material[OBJECT_KEY_BYTES:]


def _opened_header(header: bytes, suite: int, binding: Binding, object_key: bytes | None) -> AESGCM:
    """The cipher that ``header`` asks for; raises SealBroken when it is none of ours or commits elsewhere."""
    magic, found, code, version = _HEAD.unpack_from(header)
    salt = header[_HEAD.size : _HEAD.size + _SALT_BYTES]
    commitment = header[_HEAD.size + _SALT_BYTES : _COMPACT_HEADER_BYTES]
    purpose = _PURPOSES.get(code)
    if magic != MAGIC or found != suite or (purpose is None) != (object_key is not None):
        raise SealBroken
    if purpose is None:
        if code or version:
            raise SealBroken
        secret = object_key or b""
    else:
        try:
            secret = _key_for(binding, purpose, version).secret
        except KeyUnavailable:
            raise SealBroken from None
    cipher, expected = _object_cipher(secret, header[: _HEAD.size], salt, binding)
    if not constant_time.bytes_eq(commitment, expected):
        raise SealBroken
    return cipher


# -- compact form: fields and other small things ----------------------------------------------------------


def seal(plain: bytes, *, binding: Binding, purpose: Purpose = Purpose.FIELDS) -> bytes:
    """``plain`` in the compact form: 89 bytes longer.

    Raises NoTenantError, CrossTenantError or KeyUnavailable where the binding's key cannot be used.
    """
    key = _key_for(binding, purpose, None)
    head = _HEAD.pack(MAGIC, COMPACT, _CODES[purpose], key.version)
    salt = os.urandom(_SALT_BYTES)
    cipher, commitment = _object_cipher(key.secret, head, salt, binding)
    return b"".join((head, salt, commitment, cipher.encrypt(_SINGLE_NONCE, plain, None)))


def unseal(sealed: bytes, *, binding: Binding) -> bytes:
    """What was sealed for exactly this ``binding``; raises SealBroken for everything that does not open."""
    if len(sealed) < _COMPACT_HEADER_BYTES + TAG_BYTES:
        raise SealBroken
    cipher = _opened_header(sealed[:_COMPACT_HEADER_BYTES], COMPACT, binding, None)
    try:
        return cipher.decrypt(_SINGLE_NONCE, sealed[_COMPACT_HEADER_BYTES:], None)
    except InvalidTag:
        raise SealBroken from None


# -- stream form: mails, attachments, spools --------------------------------------------------------------


def _nonce(prefix: bytes, counter: int, *, last: bool) -> bytes:
    return prefix + counter.to_bytes(4, "big") + (b"\x01" if last else b"\x00")


class SealingWriter:
    """Seals what is written to it into ``sink`` as it comes; holds one segment at most.

    Used as a context manager: leaving the block by an exception leaves a stream without an end, which does
    not open. With ``object_key`` the stream opens for who holds that key, otherwise under the tenant's key
    for ``purpose``.
    """

    def __init__(
        self,
        sink: ByteSink,
        *,
        binding: Binding,
        purpose: Purpose = Purpose.CONTENT,
        object_key: bytes | None = None,
    ) -> None:
        key = _key_for(binding, purpose, None) if object_key is None else None
        code, version = (0, 0) if key is None else (_CODES[purpose], key.version)
        head = _HEAD.pack(MAGIC, STREAM, code, version)
        salt = os.urandom(_SALT_BYTES)
        secret = key.secret if key is not None else object_key or b""
        self._cipher, commitment = _object_cipher(secret, head, salt, binding)
        self._prefix = os.urandom(_PREFIX_BYTES)
        self._sink = sink
        self._counter = 0
        self._waiting = bytearray()
        self._finished = False
        sink.write(b"".join((head, salt, commitment, self._prefix)))

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        if self._finished:
            raise ValueError("This sealed stream has ended.")
        # The last segment is marked, so a full one waits until there is more.
        self._waiting += data
        whole = (len(self._waiting) - 1) // SEGMENT_BYTES if self._waiting else 0
        for start in range(0, whole * SEGMENT_BYTES, SEGMENT_BYTES):
            self._seal_segment(bytes(self._waiting[start : start + SEGMENT_BYTES]), last=False)
        if whole:
            del self._waiting[: whole * SEGMENT_BYTES]
        return len(data)

    def finish(self) -> None:
        """Write the last segment; without it the stream does not open."""
        if not self._finished:
            self._finished = True
            self._seal_segment(bytes(self._waiting), last=True)
            self._waiting.clear()

    def _seal_segment(self, plain: bytes, *, last: bool) -> None:
        if self._counter > _LAST_COUNTER:
            raise ValueError("A sealed stream holds 2^32 segments at most.")
        self._sink.write(self._cipher.encrypt(_nonce(self._prefix, self._counter, last=last), plain, None))
        self._counter += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        self._finished = True


class UnsealingReader(io.BufferedIOBase):
    """Reads a sealed stream; no byte of a segment is handed out before its tag is checked.

    Every read may raise SealBroken. A stream that was cut at a segment's end is only known as such there, so
    what was read is not to be relied on before the end was reached. Closing it closes ``source``.
    """

    def __init__(self, source: ByteSource, *, binding: Binding, object_key: bytes | None = None) -> None:
        super().__init__()
        self._source = source
        header = self._take(_STREAM_HEADER_BYTES)
        if len(header) < _STREAM_HEADER_BYTES:
            raise SealBroken
        self._cipher = _opened_header(header[:_COMPACT_HEADER_BYTES], STREAM, binding, object_key)
        self._prefix = header[_COMPACT_HEADER_BYTES:]
        self._counter = 0
        self._ahead = self._take(SEGMENT_BYTES + TAG_BYTES)
        self._ready = memoryview(b"")
        self._ended = False
        self._broken = False

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if self.closed:
            raise ValueError("read of a closed stream")
        if size is None or size < 0:
            parts = [bytes(self._ready)]
            self._ready = memoryview(b"")
            while not self._ended:
                parts.append(self._open_segment())
            return b"".join(parts)
        wanted, parts = size, []
        while wanted and (part := self.read1(wanted)):
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def read1(self, size: int = -1, /) -> bytes:
        if self.closed:
            raise ValueError("read of a closed stream")
        while not self._ready and not self._ended:
            self._ready = memoryview(self._open_segment())
        size = len(self._ready) if size < 0 else size
        part, self._ready = self._ready[:size], self._ready[size:]
        return bytes(part)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()

    def _take(self, size: int) -> bytes:
        """``size`` bytes of the source, fewer at its end alone: one read may give less than was asked."""
        parts = []
        while size and (part := self._source.read(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _open_segment(self) -> bytes:
        if self._broken:
            raise SealBroken
        # Set until the segment is known to be good, so that no later read goes on behind a bad one.
        self._broken = True
        segment, self._ahead = self._ahead, self._take(SEGMENT_BYTES + TAG_BYTES)
        last = not self._ahead
        if self._counter > _LAST_COUNTER or len(segment) < TAG_BYTES:
            raise SealBroken
        try:
            plain = self._cipher.decrypt(_nonce(self._prefix, self._counter, last=last), segment, None)
        except InvalidTag:
            raise SealBroken from None
        self._counter += 1
        self._ended, self._broken = last, False
        return plain
