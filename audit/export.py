"""A chain as JSON Lines, signed, for reading and checking anywhere; audit/verifier.py checks it offline."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from audit import actions, checkpoints, trail
from audit.chain import COLUMNS, chain_of, column
from audit.models import AuditEvent
from zalion.tenancy.context import WorkContext, current
from zalion.vault.errors import VaultError
from zalion.vault.fields import Ciphertext

FORMAT = "zalion-audit-export-1"
_PAGE = 500
_SEALED = ("actor_name", "source_address", "facts")


def export(now: datetime) -> Iterator[bytes]:
    """The lines of the chain at work: a header, each event from the first on, and a signed end.

    The export is an event itself, committed before the first line is handed out and the last event in it. An
    event's line holds the stored columns, sealed ones as base64 under ``sealed``, and what they open to under
    ``opened`` (null once the keys are destroyed). The end line's signature covers the digest of all lines.
    """
    context = current()
    chain = chain_of(context.tenant_id if isinstance(context, WorkContext) else None)
    trail.record(actions.TRAIL_EXPORTED)
    end = AuditEvent.objects.latest().sequence
    head = {
        "format": FORMAT,
        "chain": chain,
        "exported_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "public_key": checkpoints.public_key(),
    }
    running, last = hashlib.sha256(), ""
    for line in _lines(head, end):
        raw = checkpoints.canonical(line) + b"\n"
        running.update(raw)
        last = line.get("hash", "")
        yield raw
    closing = {"chain": chain, "events": end, "hash": last, "digest": running.hexdigest()}
    yield checkpoints.canonical({"end": checkpoints.sign(closing)}) + b"\n"


def _lines(head: dict[str, Any], end: int) -> Iterator[dict[str, Any]]:
    yield head
    place = 0
    while page := list(
        AuditEvent.objects.filter(sequence__gt=place, sequence__lte=end).order_by("sequence")[:_PAGE]
    ):
        for event in page:
            yield _event(event)
        place = page[-1].sequence


def _event(event: AuditEvent) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name in COLUMNS:
        value = column(event, name)
        if value is None:
            columns[name] = None
        elif isinstance(event.__dict__.get(name), Ciphertext):
            columns[name] = {"sealed": base64.b64encode(value).decode()}
        else:
            columns[name] = value.decode()
    return {"event": columns, "hash": event.hash, "sentence": event.sentence, "opened": _opened(event)}


def _opened(event: AuditEvent) -> dict[str, Any] | None:
    try:
        return {name: getattr(event, name) for name in _SEALED}
    except VaultError:
        return None
