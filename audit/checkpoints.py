"""Signed checkpoints: where each chain stood and when, kept outside the database."""

import base64
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from audit.chain import ChainBrokenError, head_is_ours
from audit.models import ChainHead
from zalion.vault.errors import KeyUnavailable
from zalion.vault.keys import system_key

# A chain that does not move is still confirmed this often, so that silence is not mistaken for calm.
QUIET = timedelta(hours=1)
# How much of the file's end is read to find each chain's latest line; a chain not found there gets a new one.
_TAIL = 256 * 1024
_PURPOSE = "audit-checkpoint"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A chain stood at ``sequence`` with ``hash`` at ``time`` (ISO 8601, UTC)."""

    chain: str
    sequence: int
    hash: str
    time: str


def _signing_key(version: int | None = None) -> tuple[int, Ed25519PrivateKey]:
    key = system_key(_PURPOSE, version)
    return key.version, Ed25519PrivateKey.from_private_bytes(key.secret)


def public_key() -> str:
    """The public half of the checkpoint key (base64), to be noted outside this machine."""
    return base64.b64encode(_signing_key()[1].public_key().public_bytes_raw()).decode()


def sign(statement: Mapping[str, Any]) -> dict[str, Any]:
    """``statement`` with the signing key's version and an Ed25519 signature over its canonical JSON."""
    version, key = _signing_key()
    signed = {**statement, "key": version}
    return {**signed, "signature": base64.b64encode(key.sign(canonical(signed))).decode()}


def canonical(statement: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and no spaces: what is signed."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _is_ours(line: dict[str, Any]) -> bool:
    signed = {name: value for name, value in line.items() if name != "signature"}
    try:
        signature = base64.b64decode(line["signature"], validate=True)
        _, key = _signing_key(int(line["key"]))
        key.public_key().verify(signature, canonical(signed))
    except (InvalidSignature, KeyUnavailable, KeyError, TypeError, ValueError):
        return False
    return True


def checkpoint(now: datetime) -> int:
    """Append a signed line for each chain that moved, or was last confirmed an hour ago; returns how many.

    Call it every minute. Raises ChainBrokenError, after writing the others' lines, when a head is not ours or
    stands before its last checkpoint: that is not signed.
    """
    path: Path = settings.CHECKPOINT_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    broken, lines = [], []
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = {line.chain: line for line in _recent(file.fileno())}
        for head in ChainHead.objects.order_by("chain"):
            last = before.get(head.chain)
            if not head_is_ours(head) or (last is not None and head.sequence < last.sequence):
                broken.append(head.chain)
            elif last is None or head.sequence > last.sequence or _is_quiet(last, now):
                time = now.astimezone(UTC).isoformat(timespec="seconds")
                lines.append(sign(asdict(Checkpoint(head.chain, head.sequence, head.hash, time))))
        if lines:
            file.write(b"".join(canonical(line) + b"\n" for line in lines))
            os.fsync(file.fileno())
    if broken:
        raise ChainBrokenError(f"Not signed, since the head is not where we left it: {', '.join(broken)}")
    return len(lines)


def _is_quiet(last: Checkpoint, now: datetime) -> bool:
    return now - datetime.fromisoformat(last.time) >= QUIET


def _recent(descriptor: int) -> Iterator[Checkpoint]:
    size = os.fstat(descriptor).st_size
    start = max(0, size - _TAIL)
    for number, raw in enumerate(os.pread(descriptor, size - start, start).split(b"\n")):
        if number == 0 and start:
            continue  # the first line was probably cut
        if (found := parse(raw)) is not None:
            yield found


def parse(raw: bytes) -> Checkpoint | None:
    """The checkpoint a line holds; None when it is none or its signature is not ours."""
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    if not isinstance(line, dict) or not _is_ours(line):
        return None
    try:
        return Checkpoint(str(line["chain"]), int(line["sequence"]), str(line["hash"]), str(line["time"]))
    except (KeyError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """What the file holds: checkpoints by chain and sequence, and the numbers of lines that are not ours."""

    by_chain: dict[str, dict[int, Checkpoint]]
    strange: tuple[int, ...]


def read() -> Checkpoints:
    """Every checkpoint ever written to the file; an absent file holds none."""
    found: dict[str, dict[int, Checkpoint]] = {}
    strange: list[int] = []
    if settings.CHECKPOINT_FILE.exists():
        with settings.CHECKPOINT_FILE.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if (line := parse(raw)) is None:
                    strange.append(number)
                else:
                    found.setdefault(line.chain, {})[line.sequence] = line
    return Checkpoints(found, tuple(strange))


def latest(chain: str) -> Checkpoint | None:
    """The newest checkpoint of one chain near the end of the file."""
    if not settings.CHECKPOINT_FILE.exists():
        return None
    with settings.CHECKPOINT_FILE.open("rb") as file:
        return {line.chain: line for line in _recent(file.fileno())}.get(chain)
