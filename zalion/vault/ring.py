"""The master keys, which wrap every other key: the local ring, and the interface another store would have."""

import base64
import binascii
import os
import re
from abc import ABC, abstractmethod
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from zalion.vault.errors import KeyRingError
from zalion.vault.files import UnsafeFile, read_private

KEY_BYTES = 32
NONCE_BYTES = 12
_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_FORMAT = "Each line is `key-id:base64(32 random bytes)`, the newest first."


class Wrapped(NamedTuple):
    """A wrapped key and the id of the master key it needs."""

    master: str
    data: bytes


class KeyWrapper(ABC):
    """Wraps and unwraps 256-bit keys under a master key that callers never see.

    ``context`` is authenticated, not stored: a wrapped key opens only under the words it was wrapped with.
    """

    @property
    @abstractmethod
    def newest(self) -> str:
        """The id of the master key that wraps from now on."""

    @abstractmethod
    def wrap(self, key: bytes, *, context: bytes) -> Wrapped: ...

    @abstractmethod
    def unwrap(self, wrapped: Wrapped, *, context: bytes) -> bytes:
        """Raises KeyRingError when the master key is not there or the wrapped key does not open."""


class LocalRing(KeyWrapper):
    """Master keys held in this process: AES-256-GCM with a random nonce before each wrapped key."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        """``keys`` by id, the newest first."""
        self._keys = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._newest = next(iter(keys))

    @property
    def newest(self) -> str:
        return self._newest

    def wrap(self, key: bytes, *, context: bytes) -> Wrapped:
        nonce = os.urandom(NONCE_BYTES)
        return Wrapped(self._newest, nonce + self._keys[self._newest].encrypt(nonce, key, context))

    def unwrap(self, wrapped: Wrapped, *, context: bytes) -> bytes:
        master = self._keys.get(wrapped.master)
        if master is None:
            raise KeyRingError(
                f"Master key {wrapped.master!r} is not in the ring.",
                what_to_do="Put its line back into ZALION_MASTER_KEYS, or restore it from your key backup.",
            )
        data = bytes(wrapped.data)
        try:
            return master.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise KeyRingError(
                f"A key wrapped by master key {wrapped.master!r} does not open.",
                what_to_do="Check that the ring holds the key this database was made with.",
            ) from None


def parse_ring(text: str) -> dict[str, bytes]:
    """Keys by id, in the order of the lines; blank lines and lines that start with # do not count."""
    keys: dict[str, bytes] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        key_id, _, encoded = line.partition(":")
        try:
            key = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        # One repeated byte is what a copied example looks like, not 32 random bytes.
        if not _KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES or len(set(key)) == 1:
            raise KeyRingError(f"Line {number} of the master keys is not a key.", what_to_do=_FORMAT)
        if key_id in keys:
            raise KeyRingError(f"Line {number} of the master keys repeats an id.", what_to_do=_FORMAT)
        keys[key_id] = key
    if not keys:
        raise KeyRingError("The master key ring is empty.", what_to_do=_FORMAT)
    return keys


def _ring_text(reference: str) -> str:
    store, _, place = reference.partition(":")
    if store == "file" and place:
        try:
            return read_private(place).decode("ascii")
        except FileNotFoundError:
            problem = "is not there"
        except UnsafeFile as error:
            problem = f"is not used: {error}"
        except UnicodeDecodeError:
            problem = "is not text"
        raise KeyRingError(
            f"The master key file {problem}.",
            what_to_do="ZALION_MASTER_KEYS must name a file of mode 0600 that belongs to this user.",
        )
    if store == "env" and place:
        if text := os.environ.get(place, ""):
            return text
        raise KeyRingError(f"The variable {place} is not set.", what_to_do=_FORMAT)
    raise KeyRingError(
        "ZALION_MASTER_KEYS does not name a master key ring.",
        what_to_do="Set it to file:/path/of/the/ring or env:NAME. " + _FORMAT,
    )


def master_ring() -> KeyWrapper:
    """The ring that settings.MASTER_KEYS names, read anew each time: a key taken away is noticed at once.

    Raises KeyRingError with what to do; there is no fallback and no key is ever made here.
    """
    return LocalRing(parse_ring(_ring_text(settings.MASTER_KEYS)))
