"""From a stored message to its documents: sources, one reading each in the child pool, then rows in one unit."""

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date

from audit import actions, trail
from connectors import reading
from connectors.mime.containers import OPENABLE
from connectors.models import Attachment, Message, MessageState
from extraction import guest, media, profiles
from extraction.comparing import Key, pairs
from extraction.joining import join, normal
from extraction.models import Document, ExtractionRun, RunState
from extraction.registry import LAYOUTS
from extraction.sources import BODY, Reading, Source
from zalion import sandbox
from zalion.sandbox import SandboxError
from zalion.tasks import enqueue
from zalion.tenancy.unit import unit
from zalion.vault import index
from zalion.vault.errors import BlobMissing, SealBroken
from zalion.vault.index import token

RUN_TASK = "extraction.run_due"
RECOGNISE_TASK = "extraction.recognise_due"
INDEX_KIND = "extraction.document"
LEASE = timedelta(minutes=10)
RETRY_AFTER = timedelta(minutes=1)
MAX_ATTEMPTS = 3
KNOWN = "known_document"  # the outcome of what was read before
UNBOUNDED = "decompression_limit"  # the parser's flag for what unpacks to more than a mail may
LOCKED = "encrypted"  # the same for what needs a password
OUT_OF_TIME = "out_of_time"
# Seconds for all sources of one message, well inside the lease and the time-out of a task.
BUDGET = 180.0
# A worker that was killed says little about what it held; a mail that kills ten is not tried an eleventh time.
MAX_DEATHS = 10
VISIT = 120.0  # seconds of one task; what is left is queued again
READABLE = frozenset(
    {"application/pdf", "application/xml", "text/xml", "text/html", "text/plain", "text/csv"}
    | {media.EDIFACT, media.XLSX, media.XLS, media.ODS, media.OLE}
    | media.IMAGES
)


class RunLost(Exception):
    """Another worker took the run over; this one writes nothing."""


def queue(messages: Sequence[Message]) -> None:
    """A run for each message; called inside the unit that made them known."""
    ExtractionRun.objects.bulk_create([ExtractionRun(message=message) for message in messages])
    enqueue(RUN_TASK)


def rerun(message: Message) -> None:
    """Read a message again with the extractors as they are now."""
    if message.state != MessageState.STORED or message.parse_due_at is not None:
        # What waits for its parse has not passed the virus scanner either, where there is one.
        raise ValueError("Only stored mail that was parsed is read.")
    with unit():
        queue([message])
        trail.record(actions.MESSAGE_READ_AGAIN, object=message)


def run_due() -> None:
    """Work off what is due in this tenant for about two minutes; several workers may do so at once."""
    ends = time.monotonic() + VISIT
    while (run := _claim(recognises=False)) is not None:
        try:
            _work(run)
        except RunLost:
            continue
        if time.monotonic() >= ends:
            with unit():
                enqueue(RUN_TASK)
            return


def recognise_due() -> None:
    """Work off one run whose text is to be recognised, unless another worker is at one: scans take long, and a heap of
    them must keep neither other documents nor other work of the queue waiting."""
    leased = ExtractionRun.objects.filter(recognises=True, lease_until__gt=timezone.now())
    if leased.exists() or (run := _claim(recognises=True)) is None:
        return
    with suppress(RunLost):
        _work(run)
    with unit():
        enqueue(RECOGNISE_TASK)


def _claim(*, recognises: bool) -> ExtractionRun | None:
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    waiting = ExtractionRun.objects.filter(free, recognises=recognises, due_at__lte=now)
    for run in waiting.select_related("message").order_by("due_at")[:8]:
        with unit():
            taken = ExtractionRun.objects.filter(free, pk=run.pk, fence=run.fence).update(
                fence=run.fence + 1,
                lease_until=now + LEASE,
                due_at=now + LEASE,
                attempts=run.attempts + 1,
                state=RunState.RUNNING,
            )
        if taken:
            run.fence, run.attempts = run.fence + 1, run.attempts + 1
            return run
    return None


def _work(run: ExtractionRun) -> None:
    started = time.monotonic()
    if run.attempts > MAX_DEATHS:
        _finish(run, RunState.FAILED, outcome="extractor_died", seconds=None)
        return
    try:
        readings = read_all(run.message, recognise=run.recognises)
    except (BlobMissing, SealBroken) as error:
        _finish(run, RunState.FAILED, outcome=error.code, seconds=time.monotonic() - started)
        return
    if any(reading.awaits_recognition for reading in readings):
        _await_recognition(run)
        return
    if (
        run.attempts < MAX_ATTEMPTS
        and any(r.broke for r in readings)
        and not any(r.documents for r in readings)
    ):
        _again(run)
        return
    readings = guest.completed(run, readings, ends=started + BUDGET)
    _write(run, join(readings), readings, seconds=time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class Context:
    """What extractors are told of the mail they read, and whether what was learned about its sender is not."""

    hints: dict[str, Any]
    withheld: bool = False


def context_of(message: Message, *, recognise: bool = True) -> Context:
    known = profiles.of_sender(message)
    proven = profiles.is_proven(message)
    hints = {
        "sender_domain": profiles.company_domain(message),
        "subject": message.subject,
        "own_names": [message.tenant.name],
        "profiles": profiles.hints(known) if proven else [],
        "recognise": recognise,
    }
    return Context(hints, withheld=bool(known) and not proven)


def read_all(message: Message, *, recognise: bool = True) -> list[Reading]:
    """Attachments that can be read, then the body; one that breaks, or that time ran out for, stops no other.

    What the parser found to unpack without bound is not opened. Signature logos, calendars and the like are no
    sources. Raises BlobMissing, SealBroken.
    """
    ends = time.monotonic() + BUDGET
    context = context_of(message, recognise=recognise)
    readings = []
    for row in Attachment.objects.filter(message=message, inline=False, media_type__in=READABLE):
        source = Source(row.path, row.name or row.path, row.media_type)
        if UNBOUNDED in row.flags:
            readings.append(Reading(source, outcome=UNBOUNDED))
            continue
        if time.monotonic() >= ends:
            readings.append(Reading(source, outcome=OUT_OF_TIME))
            continue
        try:
            content = reading.content(message, path=row.path)
        except SandboxError as error:
            readings.append(Reading(source, outcome=error.code, broke=True))
            continue
        readings.append(read(replace(source, content=content, hmac=index.content_hmac(content)), context))
    body = _body(message, context)
    return readings if body is None else [*readings, body]


def _body(message: Message, context: Context) -> Reading | None:
    try:
        parsed = reading.parsed(message)
    except SandboxError as error:
        return Reading(Source(BODY, BODY, "text/plain"), outcome=error.code, broke=True)
    written = parsed["html"] or parsed["text"] or ""
    if not written.strip():
        return None
    content = written.encode()
    kind = "text/html" if parsed["html"] else "text/plain"
    return read(Source(BODY, BODY, kind, content, index.content_hmac(content)), context)


def read(source: Source, context: Context) -> Reading:
    """One source through the registry, in a child. A child that dies over it is this source's outcome."""
    payload = {"name": source.name, "content": source.content, "hints": context.hints}
    try:
        result = sandbox.run("extraction.reader:read_plain", payload=payload)
    except SandboxError as error:
        return Reading(source, outcome=error.code, broke=True)
    documents = tuple(result["documents"])
    if context.withheld and result["extractor"] in LAYOUTS:
        for document in documents:
            document["findings"].append(profiles.WITHHELD)
    findings = tuple(result["findings"])
    outcome = "documents" if documents else (findings[0]["code"] if findings else "nothing_found")
    extractor, version = result["extractor"] or "", result["version"] or ""
    return Reading(source, outcome, extractor, version, documents, findings=findings)


def _write(
    run: ExtractionRun,
    chosen: Sequence[tuple[Reading, dict[str, Any]]],
    readings: Sequence[Reading],
    *,
    seconds: float,
) -> None:
    run.readings = [_kept(found, data) for found, data in chosen]
    run.unreadable = sum(map(_is_unreadable, readings)) + _closed(run.message)
    with unit():
        # Two runs of one mail come to its documents one after the other.
        Message.objects.select_for_update(no_key=True).get(pk=run.message_id)
        own = list(Document.objects.filter(message=run.message).order_by("created_at"))
        # Read again, a mail gives the documents it gave before; what this run made of them is kept with it.
        again = pairs([document_key(row) for row in own], [reading_key(item) for item in run.readings])
        rows = [_row(run, found, data) for at, (found, data) in enumerate(chosen) if at not in again]
        hashes = {row.source_hmac for row in rows}
        known = set(
            Document.objects.filter(source_hmac__in=hashes)
            .exclude(run__message=run.message)
            .values_list("source_hmac", flat=True)
        )
        # The same paper sent twice is one document; the run says that it was known.
        rows = [row for row in rows if row.source_hmac not in known]
        outcome = "documents" if rows else (KNOWN if known or again else "nothing_found")
        told = [{**r.told(), "outcome": KNOWN if r.source.hmac in known else r.outcome} for r in readings]
        _finish(run, RunState.DONE, outcome=outcome, seconds=seconds, sources=told)
        run.save(update_fields=["readings", "unreadable"])
        Document.objects.bulk_create(rows)
        index.index_many(INDEX_KIND, {row.pk: _words(row) for row in rows})
        if rows:
            trail.record(
                actions.DOCUMENTS_EXTRACTED,
                object=run.message,
                facts={"ids": [str(row.pk) for row in rows], "run": str(run.pk)},
            )


def _is_unreadable(found: Reading) -> bool:
    """Whether the source may hold a document and could not be read."""
    failed = found.broke or found.outcome in (UNBOUNDED, OUT_OF_TIME)
    return not found.documents and (failed or any(told["severity"] == "error" for told in found.findings))


def _closed(message: Message) -> int:
    """How many files of the mail nothing could be taken out of."""
    parts = list(Attachment.objects.filter(message=message, inline=False))
    opened = {part.parent_path for part in parts}
    return sum(is_closed(part, opened) for part in parts)


def is_closed(part: Attachment, opened: Collection[str]) -> bool:
    """Whether nothing could be taken out of the file: it is locked, or a container and none of those ``opened``."""
    closed = part.media_type in OPENABLE and part.path not in opened
    return part.media_type not in READABLE and (closed or LOCKED in part.flags)


def _kept(found: Reading, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "source_hmac": found.source.hmac,
        "extractor": found.extractor,
        "extractor_version": found.version,
        "document": data,
    }


def reading_key(reading: dict[str, Any]) -> Key:
    """By what one of a run's ``readings`` is known again."""
    data = reading["document"]
    return Key(reading["source_hmac"], data["doc_type"], normal(data["number"]))


def document_key(row: Document) -> Key:
    return Key(row.source_hmac, row.machine["doc_type"], normal(row.machine["number"]))


def reading_of(run: ExtractionRun, document: Document) -> dict[str, Any] | None:
    """What ``run`` made of ``document``, as it is kept on the run; None where it found no such document."""
    readings: list[dict[str, Any]] = run.readings or []
    own = list(Document.objects.filter(message=document.message_id).order_by("created_at"))
    found = pairs([document_key(row) for row in own], [reading_key(item) for item in readings])
    wanted = (item for at, item in enumerate(readings) if at in found and own[found[at]].pk == document.pk)
    return next(wanted, None)


def _row(run: ExtractionRun, found: Reading, data: dict[str, Any]) -> Document:
    row = Document(
        message=run.message,
        run=run,
        doc_type=data["doc_type"],
        confidence=data["confidence"],
        source_path=found.source.path,
        media_type=found.source.media_type,
        source_hmac=found.source.hmac,
        extractor=found.extractor,
        extractor_version=found.version,
        machine=data,
    )
    show(row, data)
    return row


def show(row: Document, data: dict[str, Any]) -> None:
    """Set ``data`` as what the document says now, and the columns that lists and matching read."""
    row.current = data
    row.profile_id = UUID(data["profile"]["id"]) if data.get("profile") else None
    row.doc_type = data["doc_type"]
    row.issue_date = parse_date(data["issue_date"] or "")
    row.finding_count = len(data["findings"])
    row.number, row.order_reference, row.seller_name = (
        data["number"],
        data["order_reference"],
        data["seller_name"],
    )
    row.number_token = token("number", normal(row.number)) if row.number else ""
    row.order_reference_token = token("number", normal(row.order_reference)) if row.order_reference else ""


def _words(row: Document) -> list[str]:
    return [text for text in (row.number, row.order_reference, row.seller_name) if text]


def reindex(row: Document) -> None:
    index.index_many(INDEX_KIND, {row.pk: _words(row)})


def _finish(
    run: ExtractionRun, state: RunState, *, outcome: str, seconds: float | None, sources: Any = ()
) -> None:
    with unit():
        held = ExtractionRun.objects.filter(pk=run.pk, fence=run.fence).update(
            state=state,
            outcome=outcome,
            seconds=seconds,
            sources=list(sources),
            due_at=None,
            lease_until=None,
            finished_at=timezone.now(),
        )
        if not held:
            raise RunLost


def _await_recognition(run: ExtractionRun) -> None:
    """Put the run into the line of those whose pictures are to be recognised; it begins anew there."""
    with unit():
        ExtractionRun.objects.filter(pk=run.pk, fence=run.fence).update(
            state=RunState.QUEUED, recognises=True, attempts=0, due_at=timezone.now(), lease_until=None
        )
        enqueue(RECOGNISE_TASK)


def _again(run: ExtractionRun) -> None:
    with unit():
        ExtractionRun.objects.filter(pk=run.pk, fence=run.fence).update(
            state=RunState.QUEUED, due_at=timezone.now() + RETRY_AFTER, lease_until=None
        )
