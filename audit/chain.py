"""The chain: each event's hash covers the one before, and a keyed head covers the last."""

import hashlib
import hmac
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from django.db.models import Field

from audit.models import AuditEvent, ChainHead
from zalion.vault.errors import KeyUnavailable
from zalion.vault.fields import Ciphertext, SealedField
from zalion.vault.keys import system_key

SYSTEM_CHAIN = "system"
# Every stored column in the order it is hashed, the hash itself left out. docs/trail-format.md describes the
# encoding for others; audit/verifier.py is written from that, not from this module.
COLUMNS = (
    "id", "tenant", "sequence", "timestamp", "actor_kind", "actor_id", "actor_name", "signed_in_by",
    "source_address", "action", "object_kind", "object_id", "scope", "outcome", "reason", "cid", "facts",
    "previous_hash",
)  # fmt: skip
_DOMAIN = b"zalion.audit.event.1"
_ABSENT = b"\xff" * 8


class ChainBrokenError(RuntimeError):
    """A chain's head is not what we wrote: nothing may be appended, so nothing may happen any more."""


def chain_of(tenant_id: uuid.UUID | None) -> str:
    """The name of a tenant's chain, or of the system's."""
    return str(tenant_id) if tenant_id else SYSTEM_CHAIN


def tenant_of(chain: str) -> uuid.UUID | None:
    return None if chain == SYSTEM_CHAIN else uuid.UUID(chain)


def digest(event: AuditEvent, *, sequence: int | None = None) -> str:
    """The hash of ``event`` as it stands, or as it would be at another place.

    SHA-256 over a domain mark and, for each of COLUMNS, its length (8 bytes, big-endian; all ones where the
    column is NULL) and its bytes: text as UTF-8, keys as hyphenated text, numbers in decimal, times in UTC
    with six decimals, sealed columns as they are stored.
    """
    running = hashlib.sha256(_DOMAIN)
    for name in COLUMNS:
        value = str(sequence).encode() if name == "sequence" and sequence is not None else column(event, name)
        running.update(_ABSENT if value is None else len(value).to_bytes(8, "big") + value)
    return running.hexdigest()


def column(event: AuditEvent, name: str) -> bytes | None:
    """The bytes of one column as they are hashed."""
    field: Field[Any, Any] = AuditEvent._meta.get_field(name)
    value = event.__dict__[field.attname]
    if value is None:
        return None
    if isinstance(value, Ciphertext):
        return bytes(value)
    if isinstance(field, SealedField):
        raise TypeError(f"{name} was opened already: hash the event before its facts are read.")
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()
    return str(value).encode()


def head_mac(head: ChainHead, version: int | None = None) -> str:
    """The head's seal under a key that the database does not hold, behind that key's version."""
    key = system_key("audit-head", version)
    message = "\n".join((head.chain, str(head.sequence), str(head.count), head.hash))
    return f"{key.version}:{hmac.new(key.secret, message.encode(), hashlib.sha256).hexdigest()}"


def head_is_ours(head: ChainHead) -> bool:
    version = head.mac.partition(":")[0]
    if not version.isdecimal():
        return False
    try:
        return hmac.compare_digest(head.mac, head_mac(head, int(version)))
    except KeyUnavailable:
        return False


def append(events: Sequence[AuditEvent]) -> None:
    """Write ``events`` to their chains, in order; call it last in the unit, for it holds the chains' heads.

    Raises ChainBrokenError where a head is not ours.
    """
    ordered = sorted(events, key=lambda event: chain_of(event.tenant_id))  # one order of locks for all
    for chain, batch in groupby(ordered, key=lambda event: chain_of(event.tenant_id)):
        _append(chain, list(batch))


def _append(chain: str, events: list[AuditEvent]) -> None:
    locked = ChainHead.objects.select_for_update()
    head = locked.filter(chain=chain).first()
    if head is None:
        ChainHead.objects.bulk_create([_empty_head(chain)], ignore_conflicts=True)
        head = locked.get(chain=chain)
    if not head_is_ours(head):
        raise ChainBrokenError(f"The head of the chain {chain} was changed by somebody else.")
    for event in events:
        event.sequence, event.previous_hash = head.sequence + 1, head.hash
        event.hash = digest(event)
        head.sequence, head.count, head.hash = event.sequence, head.count + 1, event.hash
    AuditEvent.across_tenants.bulk_create(events)
    head.mac = head_mac(head)
    head.save(update_fields=["sequence", "count", "hash", "mac"])


def _empty_head(chain: str) -> ChainHead:
    head = ChainHead(chain=chain)
    head.mac = head_mac(head)
    return head
