"""After the row is safe: raw mail parsed in the child pool, in pages, never in the way of the next mail."""

import mimetypes
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from audit import actions, trail
from connectors import ingest, rules, scanner, senders
from connectors.clamd import ScanFailed, ScannerDown, TooLargeToScan
from connectors.models import Attachment, FolderMapping, Message, MessageState, SenderPolicy
from connectors.signals import message_stored
from zalion import sandbox
from zalion.sandbox import SandboxError
from zalion.tasks import enqueue
from zalion.tenancy.unit import unit
from zalion.vault import index
from zalion.vault.errors import BlobMissing, SealBroken
from zalion.vault.index import token

PAGE = 20  # taken on at a time
VISIT = timedelta(minutes=2)
LEASE = timedelta(minutes=10)
MAX_ATTEMPTS = 3
# A worker that was killed says little about what it held; a mail that kills ten is not tried an eleventh time.
MAX_DEATHS = 10
RETRY_AFTER = timedelta(minutes=1)
# No documents are looked for in these; the row says so.
SKIPPED_KINDS = frozenset({"auto_reply", "calendar", "receipt", "bounce", "newsletter"})
# A type is kept, in clear, where it is one that everybody knows; anything else is what a sender made up.
KNOWN_TYPES = frozenset(mimetypes.MimeTypes().types_map[True].values())
TOGETHER = 5  # rows written in one unit: on SQLite everybody else waits for it
PATIENCE = 0.5  # seconds that a mail which is read waits for others to be written with
INDEX_KIND = "connectors.message"
# What a parse says of a message. The rest of the row, its identity after a resync above all, is others' to write.
WRITTEN = (
    "state", "reason", "flags", "kind", "subject", "sender_name", "sender_address", "recipients", "headers",
    "snippet", "message_id", "message_id_token", "sender_domain_token", "authentication", "parsed_at",
)  # fmt: skip


def parse_messages(mapping_id: UUID) -> None:
    """Parse what is due in one folder, in pages, for at most two minutes; the rest is queued again.

    While the virus scanner does not answer nothing is: the tick rings until it does.
    """
    mapping = FolderMapping.objects.select_related("mailbox").filter(pk=mapping_id).first()
    ends = timezone.now() + VISIT
    while mapping is not None and not scanner.rests() and (page := _claim_page(mapping)):
        for outcomes in _read(page, ends=ends):
            _write(outcomes)
        if timezone.now() >= ends:
            with unit():
                enqueue(ingest.PARSE_TASK, mapping_id)
            return


def _claim_page(mapping: FolderMapping) -> list[Message]:
    """The next due messages, each leased by moving its due time: a killed worker's come back by themselves.

    One that came back is taken alone, so that a mail which kills its worker is not counted against others.
    """
    now = timezone.now()
    due = list(
        Message.objects.filter(mapping=mapping, parse_due_at__lte=now).order_by(
            "parse_attempts", "received_at", "taken_in_at"
        )[:PAGE]
    )
    fresh = [message for message in due if not message.parse_attempts]
    claimed = []
    with unit():
        for message in fresh or due[:1]:
            lease = now + LEASE
            same = Message.objects.filter(pk=message.pk, parse_due_at=message.parse_due_at)
            message.mapping = mapping
            if same.update(parse_due_at=lease, parse_attempts=message.parse_attempts + 1):
                message.parse_due_at, message.parse_attempts = lease, message.parse_attempts + 1
                claimed.append(message)
    return claimed


def _read(page: Iterable[Message], *, ends: datetime) -> Iterator[list[tuple[Message, dict[str, Any]]]]:
    """The outcomes of a page, a few at a time: none waits long because the one after it takes its time.

    What is not begun when the visit ``ends`` is given back.
    """
    read: list[tuple[Message, dict[str, Any]]] = []
    since = time.monotonic()
    for message in page:
        read.append((message, _parse(message) if timezone.now() < ends else {"held": "visit_over"}))
        if len(read) >= TOGETHER or time.monotonic() - since > PATIENCE:
            yield read
            read, since = [], time.monotonic()
    if read:
        yield read


def _parse(message: Message) -> dict[str, Any]:
    """Plain data from the child with "sender" of connectors.senders.

    Or {"quarantine": reason}, with the "signature" that the virus scanner found; {"again": reason}; {"held": reason}
    where nothing was tried, since the scanner does not answer.
    """
    open_raw = partial(ingest.open_raw, message)
    try:
        if found := scanner.scan(open_raw):
            return {"quarantine": scanner.MALWARE, "signature": found}
        if message.parse_attempts > MAX_DEATHS:
            return {"quarantine": "parser_died"}
        with open_raw() as raw:
            parsed: dict[str, Any] = sandbox.run("connectors.mime:parse", raw=raw)
        if not parsed["quarantine"]:
            if found := scanner.scan_parts(parsed, open_raw):
                return {"quarantine": scanner.MALWARE, "signature": found}
            parsed["sender"] = senders.assess(
                parsed,
                open_raw=open_raw,
                trusted=message.mapping.mailbox.trusted_authserv_ids,
                keys=senders.configured_keys(),
            )
    except ScannerDown as error:
        return {"held": error.code}
    except (SandboxError, ScanFailed) as error:
        return {"quarantine" if message.parse_attempts >= MAX_ATTEMPTS else "again": error.code}
    except (BlobMissing, SealBroken, TooLargeToScan) as error:
        return {"quarantine": error.code}
    return parsed


def _write(outcomes: list[tuple[Message, dict[str, Any]]]) -> None:
    """Commit a page; a message whose lease ran out meanwhile is another worker's and stays untouched."""
    readable = {
        m.pk: parsed
        for m, parsed in outcomes
        if not {"again", "held"} & parsed.keys() and not parsed["quarantine"]
    }
    tokens = index.prepare(INDEX_KIND, {key: _words(parsed) for key, parsed in readable.items()})
    stored: list[Message] = []
    attachments: list[Attachment] = []
    written: set[UUID] = set()
    with unit():
        for message, parsed in outcomes:
            again = timezone.now() + RETRY_AFTER if "again" in parsed else None
            leased = Message.objects.filter(pk=message.pk, parse_due_at=message.parse_due_at)
            if "held" in parsed:
                leased.update(parse_due_at=timezone.now(), parse_attempts=F("parse_attempts") - 1)
                continue
            if not leased.update(parse_due_at=again) or again:
                continue
            message.parse_due_at, message.parsed_at = None, timezone.now()
            if parsed.get("quarantine"):
                message.state, message.reason = MessageState.QUARANTINED, parsed["quarantine"]
            else:
                _fill(message, parsed)
                attachments += _attachments(message, parsed)
                written.add(message.pk)
            if message.state == MessageState.QUARANTINED:
                facts = {name: parsed[name] for name in ("signature",) if name in parsed}
                trail.record(actions.MESSAGE_QUARANTINED, object=message, reason=message.reason, facts=facts)
            elif message.state == MessageState.STORED:
                stored.append(message)
            message.save(update_fields=WRITTEN)
        Attachment.objects.filter(message__in=written).delete()
        Attachment.objects.bulk_create(attachments)
        index.replace(INDEX_KIND, written, [row for row in tokens if row.object_id in written])
        if stored:
            message_stored.send(sender=Message, messages=stored)


def _fill(message: Message, parsed: dict[str, Any]) -> None:
    sender = parsed["from"][0] if parsed["from"] else {"name": "", "address": ""}
    message.subject = parsed["subject"]
    message.sender_name, message.sender_address = sender["name"], sender["address"]
    message.recipients = {"to": parsed["to"], "cc": parsed["cc"]}
    message.headers = {name: parsed[name] for name in ("date", "reply_to", "in_reply_to", "references")}
    message.snippet = parsed["snippet"]
    message.message_id = parsed["message_id"]
    message.message_id_token = token("message-id", parsed["message_id"]) if parsed["message_id"] else ""
    domain = sender["address"].rpartition("@")[2].lower()
    message.sender_domain_token = token("domain", domain) if domain else ""
    message.kind = parsed["kind"]
    message.authentication = parsed["sender"]
    policy = message.mapping.mailbox.failed_senders
    told = [] if policy == SenderPolicy.ACCEPT else senders.flags(parsed["sender"])
    if (
        message.mapping.mailbox.trusted_authserv_ids
        and parsed["authentication"]
        and not parsed["sender"]["server"]
    ):
        # None of our own servers vouched, somebody else did: forged, or it came round the gateway.
        told.append("verdict_foreign")
    message.flags = sorted({*parsed["flags"], *told, *_reused_id(message)})
    held = policy == SenderPolicy.QUARANTINE and senders.failed(parsed["sender"], sender=domain)
    refused = rules.refusal(rules.of(message.mapping), message, [node["sniffed"] for node in parsed["nodes"]])
    if held and not message.released:
        message.state, message.reason = MessageState.QUARANTINED, ingest.SENDER_FAILED
    elif message.kind in SKIPPED_KINDS:
        message.state, message.reason = MessageState.SKIPPED, message.kind
    elif message.copy_of_id is not None:
        message.state, message.reason = MessageState.SKIPPED, "copy"
    elif message.historical:
        message.state, message.reason = MessageState.SKIPPED, ingest.HISTORICAL
    elif refused:
        message.state, message.reason = MessageState.SKIPPED, rules.FILTERED
        message.flags = [*message.flags, f"filter_{refused}"]


def _reused_id(message: Message) -> list[str]:
    """Whether other mail of the folder has this one's Message-ID; both are kept."""
    same = Message.objects.filter(mapping=message.mapping, message_id_token=message.message_id_token)
    others = same.exclude(pk=message.pk).exclude(content_hmac=message.content_hmac)
    return ["message_id_reused"] if message.message_id_token and others.exists() else []


def _attachments(message: Message, parsed: dict[str, Any]) -> list[Attachment]:
    return [
        Attachment(
            message=message,
            path=node["path"],
            parent_path=node["parent"] or "",
            name=node["name"],
            declared_type=node["type"] if node["type"] in KNOWN_TYPES else "",
            media_type=node["sniffed"],
            size=node["size"],
            inline=node["is_inline_image"] or node["is_logo"],
            flags=node["flags"],
        )
        for node in parsed["nodes"]
    ]


def _words(parsed: dict[str, Any]) -> list[str]:
    people = [part for side in ("from", "to", "cc") for person in parsed[side] for part in person.values()]
    names = [node["name"] for node in parsed["nodes"]]
    return [text for text in (parsed["subject"], parsed["message_id"], *people, *names) if text]
