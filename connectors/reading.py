"""Reading what is stored: search, body, attachments, raw mail; every look is on record before it is given."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from audit import actions, trail
from audit.models import AuditEvent, Outcome
from connectors.ingest import open_raw, read_raw
from connectors.models import Attachment, Message
from connectors.parse import INDEX_KIND
from connectors.scanner import withheld
from zalion import sandbox
from zalion.vault import index


class Withheld(Exception):
    """Nobody is handed this mail: the virus scanner has not passed it. The text says why."""


ARRIVAL = (actions.MESSAGES_LISTED, actions.MESSAGE_FETCHED, actions.MESSAGES_STORED)


def search(query: str) -> "QuerySet[Message]":
    """Messages whose subject, people, Message-ID or attachment names hold every word of ``query``; all when empty."""
    found = Message.objects.select_related("mailbox", "mapping")
    if query.strip():
        found = found.filter(pk__in=index.search(INDEX_KIND, query))
    return found


def listed(messages: Sequence[Message]) -> None:
    """Record that these rows, subjects and senders included, are about to be shown."""
    trail.record(actions.MESSAGES_SEARCHED, facts={"ids": [str(message.pk) for message in messages]})


def story(message: Message, *, limit: int) -> list[AuditEvent]:
    """What the trail tells of one message, newest first: how it arrived, and what became of it since.

    An event of its arrival names a whole page of mail, so those are found by the correlation id of the visit.
    """
    own = AuditEvent.objects.filter(object_kind="message", object_id=str(message.pk))
    visit = AuditEvent.objects.filter(cid=message.correlation_id, action__in=ARRIVAL)
    names = {message.identity, str(message.pk)}
    came = [event for event in visit if names.intersection((event.facts or {}).get("ids", ()))]
    found = [*own.order_by("-sequence")[:limit], *came]
    return sorted(found, key=lambda event: -event.sequence)[:limit]


def raw(message: Message) -> bytes:
    """The RFC 5322 bytes as they were taken in. Raises Withheld, BlobMissing where the message was never fetched."""
    _passed(message)
    trail.record(actions.MESSAGE_DOWNLOADED, object=message)
    return read_raw(message)


def body(message: Message) -> dict[str, Any]:
    """``text`` and sanitised ``html`` of the body, either may be empty. Raises Withheld, SandboxError, BlobMissing."""
    _passed(message)
    trail.record(actions.MESSAGE_VIEWED, object=message)
    found = parsed(message)
    html = sandbox.run("connectors.mime:sanitise", html=found["html"]) if found["html"] else ""
    return {"text": found["text"], "html": html}


def attachment(message: Message, *, path: str) -> tuple[str, str, bytes]:
    """Name, media type and bytes of one node of the tree. Raises Withheld, Attachment.DoesNotExist, SandboxError."""
    _passed(message)
    row = Attachment.objects.get(message=message, path=path)
    trail.record(actions.ATTACHMENT_DOWNLOADED, object=message, facts={"path": path})
    return row.name or f"attachment-{path}", row.media_type, content(message, path=path)


def _passed(message: Message) -> None:
    """Raises Withheld, on record."""
    if words := withheld(message):
        trail.record(actions.ACCESS_REFUSED, object=message, outcome=Outcome.REFUSED, reason="not_passed")
        raise Withheld(words)


def content(message: Message, *, path: str) -> bytes:
    """The decoded bytes of a node, for callers whose own act is on record."""
    with open_raw(message) as raw:
        found: bytes = sandbox.run("connectors.mime:content", raw=raw, path=path)
    return found


def parsed(message: Message) -> dict[str, Any]:
    """The whole parse, text and markup included, for callers whose own act is on record."""
    with open_raw(message) as raw:
        found: dict[str, Any] = sandbox.run("connectors.mime:parse", raw=raw)
    return found
