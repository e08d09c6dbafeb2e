"""What holds of a mailbox's ledger at every moment, whatever was killed, and what holds once all is at rest."""

import hashlib
import imaplib
import json
import ssl
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import F
from django_q.brokers import get_broker
from django_q.models import OrmQ, Schedule

from audit.models import AuditEvent
from audit.verify import verify_all
from connectors import ingest
from connectors.errors import MessageGone
from connectors.models import (
    Attachment,
    FolderMapping,
    Mailbox,
    Message,
    MessageState,
    Reconciliation,
    SyncState,
)
from extraction.models import Document, ExtractionRun, RunState
from zalion.tenancy import context

Truth = Mapping[str, str]  # a server's messages: "UIDVALIDITY:UID" -> SHA-256 of the bytes it hands out


def on_server(
    port: int, user: str, password: str, *, ca_pem: str, folder: str = "INBOX", since: int = 1
) -> dict[str, str]:
    """What an IMAP server itself says it holds from a UID on, asked by the standard library instead of us."""
    trusted = ssl.create_default_context(cadata=ca_pem)
    with imaplib.IMAP4_SSL("localhost", port, ssl_context=trusted, timeout=60) as client:
        client.login(user, password)
        client.select(folder, readonly=True)
        validity = client.response("UIDVALIDITY")[1][0].decode()
        found = client.uid("FETCH", f"{since}:*", "(BODY.PEEK[])")[1]
    told = [part for part in found if isinstance(part, tuple)]
    uids = [head.decode().partition("UID ")[2].split()[0] for head, _ in told]
    return {
        f"{validity}:{uid}": hashlib.sha256(raw).hexdigest() for uid, (_, raw) in zip(uids, told, strict=True)
    }


def always(mapping: FolderMapping, truth: Truth, *, altered: Collection[str] = ()) -> Iterator[str]:
    """What is wrong at any moment, also right after a kill; called in the tenant's WorkContext.

    ``altered`` are SHA-256 of mails as a lying line handed them out; whichever server has them now.
    """
    rows = list(Message.objects.filter(mapping=mapping))
    identities = Counter(row.identity for row in rows)
    yield from (f"{identity} is in the ledger {n} times" for identity, n in identities.items() if n > 1)
    for row in rows:
        digest = _digest(row) if row.raw_blob else ""
        if digest in altered or row.reason == MessageGone.default_code:
            continue
        if row.identity not in truth:
            yield f"{row.identity} is not on the server"
        elif digest and digest != truth[row.identity]:
            yield f"{row.identity} does not open to the server's bytes"
    cursor = SyncState.objects.get(mapping=mapping).cursor
    if cursor:
        position = json.loads(cursor)
        for identity in truth.keys() - identities.keys():
            validity, uid = map(int, identity.split(":"))
            if validity == position["uidvalidity"] and uid <= position["last_uid"]:
                yield f"the cursor is past {identity}, which is not stored"
    told = [key for event in events("messages.stored") for key in event["ids"]]
    if Counter(told) != Counter(str(row.pk) for row in Message.objects.all()):
        yield "the trail and the ledger do not tell of the same messages"
    told = [key for event in events("documents.extracted") for key in event["ids"]]
    if Counter(told) != Counter(str(row.pk) for row in Document.objects.all()):
        yield "the trail and the tables do not tell of the same documents"
    sources = Counter(Document.objects.values_list("message_id", "source_path", "number_token"))
    yield from (f"{key} was read into {n} documents" for key, n in sources.items() if n > 1)
    yield from trail_misfits()


def caught_up(mapping: FolderMapping, truth: Truth) -> Iterator[str]:
    """What is wrong although the folder was just read to its end: mail that is missing, and leases."""
    rows = Message.objects.filter(mapping=mapping).values_list("identity", "state", "reason")
    held = {identity: f"{state} {reason}" for identity, state, reason in rows}
    yield from (f"{identity} is not in the ledger" for identity in truth.keys() - held.keys())
    gone = f"{MessageState.SKIPPED} {MessageGone.default_code}"
    yield from (f"{key} is there, the ledger says it is gone" for key in truth if held.get(key) == gone)
    for state in SyncState.objects.exclude(lease_until=None):
        yield f"folder {state.mapping_id} is leased until {state.lease_until}"


def compared(mapping: FolderMapping, truth: Truth) -> Iterator[str]:
    """What is wrong with the completeness line that was drawn just now."""
    line = Reconciliation.objects.get(mapping=mapping)
    left = Message.objects.filter(mapping=mapping).exclude(identity__in=truth).count()
    if (line.on_server, line.accounted, line.left_server) != (len(truth), len(truth), left):
        yield f"{line.on_server} on the server, {line.accounted} accounted for, {line.left_server} left"


def at_rest(mapping: FolderMapping, truth: Truth, *, altered: Collection[str] = ()) -> Iterator[str]:
    """What is wrong although nothing is left to do: what ``always`` and ``caught_up`` say, and what must have ended."""
    yield from always(mapping, truth, altered=altered)
    yield from caught_up(mapping, truth)
    for message in Message.objects.exclude(parse_due_at=None):
        yield f"{message.identity} waits for its parse"
    for run in ExtractionRun.objects.all():
        if run.state != RunState.DONE or run.due_at or run.lease_until:
            yield f"run {run.pk} is {run.state} ({run.outcome}), due {run.due_at}"
    runs = Counter(ExtractionRun.objects.values_list("message_id", flat=True))
    for message in Message.objects.all():
        wanted = 1 if message.state == MessageState.STORED else 0
        if runs[message.pk] != wanted:
            yield f"{message.identity} ({message.state} {message.reason}) has {runs[message.pk]} runs"
        if message.reason in {"parser_died", "crashed", "timed_out"}:
            yield f"{message.identity} was given up: {message.reason}"
    paths = Counter(Attachment.objects.values_list("message_id", "path"))
    yield from (f"attachment {key} is there {n} times" for key, n in paths.items() if n > 1)
    if queued():
        yield f"{queued()} tasks are in the queue"


def digests(mapping: FolderMapping, identities: Iterable[str]) -> dict[str, str]:
    """SHA-256 of what the rows of these identities open to."""
    rows = Message.objects.filter(mapping=mapping, identity__in=identities).exclude(raw_blob="")
    return {row.identity: _digest(row) for row in rows}


def _digest(row: Message) -> str:
    return hashlib.sha256(ingest.read_raw(row)).hexdigest()


def queued() -> int:
    """Tasks that wait or that a worker holds; Redis does not know of the latter."""
    broker = get_broker()
    return int(broker.queue_size() + (broker.lock_size() or 0))


def events(action: str) -> list[dict[str, list[str]]]:
    return [event.facts for event in AuditEvent.objects.filter(action=action)]


def trail_misfits() -> Iterator[str]:
    with context.system("invariants"):
        for report in verify_all():
            if not report.ok:
                yield f"chain {report.chain}: {report.misfit} {report.triggers}"


def outcomes() -> dict[str, int]:
    """How many messages ended how: "stored", "skipped newsletter" and so on."""
    rows = Message.objects.order_by().values_list("state", "reason")
    return dict(sorted(Counter(" ".join(row).strip() for row in rows).items()))


def let_time_pass(by: timedelta) -> None:
    """Move every time that the line waits for ``by`` closer, as if nobody had worked for so long.

    For tests that kill workers: leases last minutes so that a slow worker keeps its folder. It is called
    while none runs, so that rows look exactly as they would had the machine been off for that time.
    """
    moments = {
        SyncState.across_tenants: ("lease_until", "next_attempt_at"),
        Message.across_tenants: ("parse_due_at",),
        ExtractionRun.across_tenants: ("lease_until", "due_at"),
        Mailbox.across_tenants: ("back_off_until",),
        OrmQ.objects: ("lock",),
        Schedule.objects: ("next_run",),
    }
    for manager, names in moments.items():
        for name in names:
            manager.exclude(**{name: None}).update(**{name: F(name) - by})


@contextmanager
def nothing_wrong() -> Iterator[list[str]]:
    """Collects violations and fails with all of them at the end of the block."""
    found: list[str] = []
    yield found
    assert not found, "\n".join(found)
