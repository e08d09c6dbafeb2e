"""Raw mail, sealed first; then its ledger rows and the cursor past them in one unit."""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.utils import timezone

from audit import actions, trail
from connectors import claims, errors, scanner
from connectors.adapters import MessageRef, RawMessage
from connectors.models import FolderMapping, Mailbox, Message, MessageState
from zalion.sandbox import Streamed
from zalion.tasks import enqueue
from zalion.tenancy.context import work_context
from zalion.tenancy.unit import unit
from zalion.vault import blobs
from zalion.vault.errors import BlobMissing

RAW_KIND = "connectors.message"
# Begins the identity of mail whose own its server has given to another message.
RETIRED = "retired:"
PARSE_TASK = "connectors.parse_messages"
SENDER_FAILED = "sender_failed"  # the reason of mail that is held back until somebody releases it
EMPTY = "empty"  # the reason of mail of no bytes at all
HISTORICAL = "historical"  # the reason of mail from before the mailbox's start
# Mail that was listed and had left before it could be fetched.
GONE = Q(state=MessageState.SKIPPED, reason=errors.MessageGone.default_code)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came off the transport: its blob is safe, or ``reason`` says why there is none.

    ``row`` is the key its ledger row will have: the blob is sealed for it and opens for no other.
    """

    row: UUID
    identity: str
    received_at: datetime
    size: int
    raw_blob: str = ""
    content_hmac: str = ""
    state: MessageState = MessageState.STORED
    reason: str = ""


def store(identity: str, body: BinaryIO, *, size: int, received_at: datetime) -> Arrival:
    """Seal the raw mail and make it durable, before any row knows of it. Raises BlobNotStored."""
    row = uuid4()
    if size == 0:
        return Arrival(row, identity, received_at, 0, state=MessageState.QUARANTINED, reason=EMPTY)
    blob = blobs.store(body, kind=RAW_KIND, object_id=row)
    return Arrival(row, identity, received_at, size, raw_blob=blob.key, content_hmac=blob.content_hmac)


@contextmanager
def open_raw(message: Message) -> Iterator[Streamed]:
    """The raw mail of a row, to be handed on as it is read: it may be large.

    Raises BlobMissing, also where it never was fetched, and SealBroken, which reading may raise as well.
    """
    if not message.raw_blob:
        raise BlobMissing("This message was never fetched.")
    with blobs.open_blob(message.raw_blob, kind=RAW_KIND, object_id=message.pk) as stream:
        yield Streamed(stream, message.size)


def read_raw(message: Message) -> bytes:
    """The whole of it in memory. Raises BlobMissing and SealBroken."""
    with open_raw(message) as raw:
        out = io.BytesIO()
        out.writelines(raw.pieces())
        return out.getvalue()


def arrival(ref: MessageRef, fetched: RawMessage | errors.ConnectorError, *, now: datetime) -> Arrival:
    """What became of one ref of a page: stored, or a row that says why not."""
    if isinstance(fetched, RawMessage):
        with fetched.body as body:
            when = fetched.received_at or ref.received_at or now
            return store(ref.id, body, size=fetched.size, received_at=when)
    gone = isinstance(fetched, errors.MessageGone)
    state = MessageState.SKIPPED if gone else MessageState.QUARANTINED
    return Arrival(uuid4(), ref.id, ref.received_at or now, ref.size or 0, state=state, reason=fetched.code)


def arrivals(
    fetched: Iterable[tuple[MessageRef, RawMessage | errors.ConnectorError]], *, until: datetime
) -> tuple[list[Arrival], errors.ConnectorError | None]:
    """What became of each ref of a page, and what the line broke with before all of them had come.

    After ``until`` no further one is fetched: the claim on the folder does not last for ever. What came is to be
    taken in, or a page that is too much for its line would be fetched for ever. Where our own store fails,
    nothing of the page stays.
    """
    found: list[Arrival] = []
    now = timezone.now()
    try:
        for ref, raw in fetched:
            found.append(arrival(ref, raw, now=now))
            if timezone.now() >= until:
                break
    except errors.ConnectorError as broken:
        return found, broken
    except BaseException:
        _discard(found)
        raise
    return found, None


def unknown(mapping: FolderMapping, identities: Sequence[str]) -> set[str]:
    """Those of ``identities`` that the ledger does not have yet, or knows only as gone."""
    known = Message.objects.filter(~GONE, mapping=mapping, identity__in=identities)
    return set(identities).difference(known.values_list("identity", flat=True))


def take_in(
    mapping: FolderMapping,
    arrivals: Iterable[Arrival],
    *,
    claim: claims.Claim | None = None,
    cursor: str | None = None,
    total: int | None = None,
) -> list[Message]:
    """Commit the rows of one page with the cursor past it; raises ClaimLost when another worker took over.

    A message known by identity is left as it is, so the same page may come twice. Content that the mailbox
    already holds becomes a row marked as a copy of the first.
    """
    arrived = list(arrivals)
    with unit():
        if claim is not None:
            _hold(claim, arrived)
        else:
            # Nobody claims a place for uploads: of two who bring the same at once, one waits and finds it known.
            FolderMapping.objects.select_for_update(no_key=True).get(pk=mapping.pk)
        fresh = unknown(mapping, [a.identity for a in arrived])
        page = list({a.identity: a for a in arrived if a.identity in fresh}.values())
        page = _returned(mapping, page, fence=claim.fence if claim is not None else 0)
        page = _remap(mapping, page, began=claim.resync) if claim is not None and claim.resync else page
        rows = _rows(mapping, page)
        Message.objects.bulk_create(rows)
        if rows:
            trail.record(
                actions.MESSAGES_STORED,
                object=mapping.mailbox,
                facts={"folder": mapping.folder, "ids": [str(row.pk) for row in rows]},
            )
        if gone := [str(row.pk) for row in rows if row.reason == errors.MessageGone.default_code]:
            facts = {"folder": mapping.folder, "ids": gone}
            trail.record(actions.MESSAGES_GONE, object=mapping.mailbox, facts=facts)
        for row in rows:
            if row.state == MessageState.QUARANTINED:
                trail.record(actions.MESSAGE_QUARANTINED, object=row, reason=row.reason)
        if claim is not None:
            claims.advance(claim, cursor=cursor, seen=len(page), total=total)
        if any(row.parse_due_at for row in rows):
            enqueue(PARSE_TASK, mapping.pk)
    kept = {a.row for a in page}
    _discard(a for a in arrived if a.row not in kept)
    return rows


def _hold(claim: claims.Claim, arrived: Sequence[Arrival]) -> None:
    try:
        claims.hold(claim)
    except claims.ClaimLost:
        _discard(arrived)
        raise


def _discard(arrivals: Iterable[Arrival]) -> None:
    """Take sealed mail off the store again that no row will tell of."""
    for left in arrivals:
        if left.raw_blob:
            blobs.delete(left.raw_blob)


def _rows(mapping: FolderMapping, page: Sequence[Arrival]) -> list[Message]:
    hashes = {a.content_hmac for a in page if a.content_hmac}
    first: dict[str, Message] = {}
    for known in Message.objects.filter(content_hmac__in=hashes, copy_of=None).order_by("taken_in_at"):
        first.setdefault(known.content_hmac, known)
    rows: list[Message] = []
    now = timezone.now()
    start = mapping.mailbox.taken_from
    for item in page:
        stored = item.state == MessageState.STORED
        historical = start is not None and item.received_at < start
        row = Message(
            pk=item.row,
            mailbox=mapping.mailbox,
            mapping=mapping,
            identity=item.identity,
            state=MessageState.SKIPPED if stored and historical else item.state,
            reason=HISTORICAL if stored and historical else item.reason,
            received_at=item.received_at,
            size=item.size,
            raw_blob=item.raw_blob,
            content_hmac=item.content_hmac,
            historical=historical,
            correlation_id=work_context().correlation_id,
            parse_due_at=now if stored else None,
        )
        row.claim_tenant()
        if item.content_hmac:
            row.copy_of = first.get(item.content_hmac)
            first.setdefault(item.content_hmac, row)
        rows.append(row)
    return rows


def _returned(mapping: FolderMapping, page: list[Arrival], *, fence: int) -> list[Arrival]:
    """Let mail that was gone when it was first listed have its identity, now that it is there; return what is new."""
    there = {item.identity for item in page if item.reason != errors.MessageGone.default_code}
    known = Message.objects.filter(GONE, mapping=mapping, identity__in=[item.identity for item in page])
    still = set(known.exclude(identity__in=there).values_list("identity", flat=True))
    known.filter(identity__in=there).update(identity=_retired(fence))
    return [item for item in page if item.identity not in still]


def _remap(mapping: FolderMapping, page: Sequence[Arrival], *, began: datetime) -> list[Arrival]:
    """After a UIDVALIDITY reset, give known mail its new identity; return what is really new (RFC 3501 2.3.1.1).

    One row for one arrival, copies included: a row named since the resync ``began`` keeps its name. Mail that
    never was fetched is known by its reason and size, and by the server's time where several share these.
    """
    by_content: dict[str, list[Arrival]] = {}
    for item in page:
        if item.content_hmac:
            by_content.setdefault(item.content_hmac, []).append(item)
    known = Message.objects.filter(mapping=mapping, content_hmac__in=by_content, identified_at__lt=began)
    renamed: set[str] = set()
    for row in known.order_by("taken_in_at"):
        if alike := by_content[row.content_hmac]:
            renamed.add(_rename(row, alike.pop(0)))
    for item in page:
        if item.state == MessageState.QUARANTINED and not item.content_hmac:
            rows = Message.objects.filter(mapping=mapping, identified_at__lt=began, content_hmac="")
            same = rows.filter(state=item.state, reason=item.reason, size=item.size).order_by("taken_in_at")
            if never_fetched := same.filter(received_at=item.received_at).first() or same.first():
                renamed.add(_rename(never_fetched, item))
    return [item for item in page if item.identity not in renamed]


def _rename(row: Message, item: Arrival) -> str:
    Message.objects.filter(pk=row.pk).update(
        identity=item.identity, identified_at=timezone.now(), left_server_at=None
    )
    return item.identity


def retire_identities(mapping: FolderMapping, *, claim: claims.Claim) -> None:
    """Let no identity of the folder count as known: each is another message's now.

    The resync that has to follow gives mail still there its identity again, by content. Raises ClaimLost.
    """
    rows = Message.objects.filter(mapping=mapping).exclude(identity__startswith=RETIRED)
    with unit():
        claims.hold(claim)
        rows.update(identity=_retired(claim.fence))


def _retired(fence: int) -> Concat:
    """An identity as it is kept of mail that does not have it any more."""
    return Concat(Value(f"{RETIRED}{fence}:"), F("identity"))


def retry(message: Message) -> None:
    """Parse a quarantined message again, from the start; its raw mail is where it was.

    Where it was held back because of its sender, this releases it: nobody asks of it again who sent it.

    Raises MessageGone where it never was fetched, UnsupportedOperation for mail that is not quarantined, or that no
    virus scanner is there to pass.
    """
    if not message.raw_blob:
        raise errors.MessageGone("There is nothing to parse: the message was never fetched.")
    if message.reason in scanner.unpassable():
        raise errors.UnsupportedOperation("It did not pass a virus scanner, and none is set now.")
    with unit():
        # Only what is quarantined: stored mail has its documents already, or is about to.
        quarantined = Message.objects.filter(pk=message.pk, state=MessageState.QUARANTINED)
        held = message.reason == SENDER_FAILED
        if not _again(quarantined, retries=F("retries") + 1, released=held):
            raise errors.UnsupportedOperation("Only quarantined mail is parsed again.")
        trail.record(actions.MESSAGE_RELEASED if held else actions.MESSAGE_RETRIED, object=message)


@dataclass(frozen=True, slots=True)
class Again:
    """What became of the quarantined mail when all of it was to be tried again."""

    tried: int
    held: int
    nothing_there: int


def retriable() -> "QuerySet[Message]":
    """Quarantined mail of the tenant that trying again may help: fetched, and not held back for its sender."""
    quarantined = Message.objects.filter(state=MessageState.QUARANTINED).exclude(raw_blob="")
    return quarantined.exclude(reason__in={SENDER_FAILED, *scanner.unpassable()})


def retry_all() -> Again:
    """Parse all retriable mail again.

    Mail that is held back because of its sender stays: it is released one by one. So does what came empty or was
    never fetched.
    """
    with unit():
        rows = retriable()
        ids = [str(key) for key in rows.values_list("pk", flat=True)[: trail.MOST_IDS]]
        count = _again(rows, retries=F("retries") + 1)
        if count:
            trail.record(actions.MESSAGES_RETRIED, facts={"ids": ids, "count": count})
    left = Message.objects.filter(state=MessageState.QUARANTINED)
    held = left.filter(reason=SENDER_FAILED).count()
    return Again(tried=count, held=held, nothing_there=left.filter(raw_blob="").count())


def read_history(mailbox: Mailbox) -> int:
    """Look for documents in the historical mail of ``mailbox`` as in any other; how many mails those are."""
    with unit():
        historical = Message.objects.filter(
            mailbox=mailbox, state=MessageState.SKIPPED, reason=HISTORICAL
        ).exclude(raw_blob="")
        count = _again(historical, historical=False)
        trail.record(actions.MAILBOX_HISTORY_ASKED, object=mailbox, facts={"count": count})
    return count


def _again(messages: "QuerySet[Message]", **values: Any) -> int:
    """Have ``messages`` parsed from the start, whatever became of them; inside the caller's unit."""
    mappings = set(messages.order_by().values_list("mapping_id", flat=True).distinct())
    count = messages.update(
        state=MessageState.STORED, reason="", parse_attempts=0, parse_due_at=timezone.now(), **values
    )
    for mapping in mappings:
        enqueue(PARSE_TASK, mapping)
    return count


def upload_mapping(mailbox: Mailbox) -> FolderMapping:
    """The mailbox's place for mail that comes by hand; made on first use, for it opens nothing of the mailbox."""
    places = FolderMapping.objects.filter(mailbox=mailbox, kind="upload")
    found = places.first()
    if found is None:
        with unit():
            # Two first uploads at once make one place.
            Mailbox.objects.select_for_update(no_key=True).get(pk=mailbox.pk)
            found = places.first()
            if found is None:
                found = FolderMapping(mailbox=mailbox, kind="upload", folder="upload", name="Upload")
                found.save()
    return found
