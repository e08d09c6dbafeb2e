"""What people and integrators decide about a document: correct, approve, reject, reopen, hand over."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from audit import actions, trail
from extraction import comparing, pipeline, profiles
from extraction.models import Document, DocumentState, ExtractionRun, Review, ReviewAction, RunState
from extraction.schemas import (
    DATE_FIELDS,
    DOC_TYPES,
    NUMBER_FIELDS,
    CanonicalDocument,
    Line,
    date_of,
    decimal_of,
)
from extraction.validation import validate
from zalion.tasks import enqueue
from zalion.tenancy.context import work_context
from zalion.tenancy.unit import unit
from zalion.vault import index

OPEN = (DocumentState.EXTRACTED, DocumentState.IN_REVIEW)
# What pipeline.show sets.
SHOWN = (
    "current", "doc_type", "issue_date", "finding_count", "number", "number_token", "order_reference",
    "order_reference_token", "seller_name", "profile",
)  # fmt: skip
LINE_FIELDS = frozenset(comparing.CELLS)
HEADER_FIELDS = frozenset(comparing.HEADER)


class ReviewError(Exception):
    """The act cannot be done; the words are for the person who tried."""


class Conflict(ReviewError):
    """Somebody else changed the document since it was read; nothing was written."""


class NotAllowed(ReviewError):
    """The document's state does not allow it."""


class InvalidCorrection(ReviewError):
    """A value does not fit its field; ``errors`` has a sentence per field path."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{path}: {words}" for path, words in errors.items()))
        self.errors = dict(errors)


def waiting() -> "QuerySet[Document]":
    """Documents that wait for a person now, oldest first."""
    now = timezone.now()
    shown = Q(postponed_until=None) | Q(postponed_until__lte=now)
    return Document.objects.filter(shown, state__in=OPEN).order_by("created_at", "pk")


def search(query: str) -> "QuerySet[Document]":
    """Documents whose number, order reference or supplier hold every word of ``query``; all when empty."""
    found = Document.objects.all()
    return found.filter(pk__in=index.search(pipeline.INDEX_KIND, query)) if query.strip() else found


def listed(documents: Sequence[Document]) -> None:
    """Record that these rows are about to be shown."""
    trail.record(actions.DOCUMENTS_LISTED, facts={"ids": [str(document.pk) for document in documents]})


def next_document(after: Document) -> Document | None:
    """The document to open when ``after`` is decided: the next in the queue, else the first."""
    queue = waiting().exclude(pk=after.pk)
    later = queue.filter(Q(created_at__gt=after.created_at) | Q(created_at=after.created_at, pk__gt=after.pk))
    return later.first() or queue.first()


def record_view(document: Document) -> None:
    trail.record(actions.DOCUMENT_VIEWED, object=document)


def open_document(document: Document) -> None:
    """Record the look; an extracted document is in review from its first opening on."""
    record_view(document)
    if document.state == DocumentState.EXTRACTED:
        with unit():
            if Document.objects.filter(pk=document.pk, state=DocumentState.EXTRACTED).update(
                state=DocumentState.IN_REVIEW
            ):
                document.state = DocumentState.IN_REVIEW


def correct(document: Document, *, changes: Mapping[str, Any], version: int) -> Document:
    """Apply ``changes`` by path: `number`, `lines.0.quantity`; `lines.+` adds a line or a list of
    them, `lines.2` = None drops one.

    Values are texts as in the canonical JSON (numbers with a point, ISO dates) or None. Findings are worked out
    anew; the machine's reading stays. Raises InvalidCorrection, NotAllowed, Conflict.
    """
    if not changes:
        raise InvalidCorrection({"changes": "Nothing was changed."})
    data, told = _applied(document.current, changes)
    data["findings"] = [finding.to_json() for finding in validate(CanonicalDocument.from_json(data))]
    with unit():
        _move(document, OPEN, DocumentState.IN_REVIEW, version)
        _show(document, data)
        _note(document, ReviewAction.CORRECT, actions.DOCUMENT_CORRECTED, changes=told)
    return document


def take_over(document: Document, *, run: ExtractionRun, version: int) -> Document:
    """Let the document stand on what another run read; what people corrected stays corrected.

    The reading it stood on is kept with its own run: taking that over takes this back, to the letter where nobody
    changed the document since. Raises NotAllowed, also where the run found no such document, and Conflict.
    """
    reading = pipeline.reading_of(run, document)
    if reading is None:
        raise NotAllowed("This run did not find the document.")
    data = _before(document, run) or comparing.carried_over(
        document.machine, document.current, reading["document"]
    )
    told = comparing.changes(document.current, data)
    told[ReviewAction.TAKE_OVER] = {"run": str(document.run_id), "current": document.current}
    with unit():
        _move(document, OPEN, DocumentState.IN_REVIEW, version)
        document.machine, document.run = reading["document"], run
        document.extractor = reading["extractor"]
        document.extractor_version = reading["extractor_version"]
        document.confidence = reading["document"]["confidence"]
        _show(document, data, "machine", "run", "extractor", "extractor_version", "confidence")
        _note(document, ReviewAction.TAKE_OVER, actions.DOCUMENT_READING_TAKEN, changes=told)
    return document


def _before(document: Document, run: ExtractionRun) -> dict[str, Any] | None:
    """The document as it stood on ``run`` until its last change, if that was to take over another reading."""
    last = Review.objects.filter(document=document).order_by("-version").first()
    if last is None or last.action != ReviewAction.TAKE_OVER:
        return None
    replaced: dict[str, Any] = last.changes[ReviewAction.TAKE_OVER]
    return replaced["current"] if replaced["run"] == str(run.pk) else None


def has_newer_reading(document: Document) -> bool:
    """Whether the document's mail was read again since the run that it stands on."""
    done = ExtractionRun.objects.filter(message=document.message_id, state=RunState.DONE)
    return done.filter(created_at__gt=document.run.created_at).exists()


def truth(document: Document) -> comparing.Truth:
    """What people said of the document: all of it once it was approved, before that what they corrected."""
    made = comparing.corrections(document.machine, document.current)
    if document.state in (DocumentState.APPROVED, DocumentState.HANDED_OVER):
        lines = range(len(document.current["lines"]))
        made |= {*comparing.HEADER, *(f"lines.{n}.{name}" for n in lines for name in comparing.CELLS)}
    return comparing.Truth(document.current, made)


def record_comparison(document: Document, *, runs: Sequence[ExtractionRun]) -> None:
    """Record that what these runs read from the document is about to be shown."""
    facts = {"runs": [str(run.pk) for run in runs]}
    trail.record(actions.DOCUMENT_READINGS_COMPARED, object=document, facts=facts)


def _show(document: Document, data: dict[str, Any], *columns: str) -> None:
    """Save ``data`` as what the document says now, with ``columns`` that were set beside it."""
    pipeline.show(document, data)
    document.save(update_fields=[*SHOWN, *columns])
    pipeline.reindex(document)


def approve(document: Document, *, version: int) -> Document:
    with unit():
        _move(document, OPEN, DocumentState.APPROVED, version, decided_at=timezone.now())
        _note(document, ReviewAction.APPROVE, actions.DOCUMENT_APPROVED)
        if _teaches(document):
            document.lesson_due_at = timezone.now()
            document.save(update_fields=["lesson_due_at"])
            enqueue(profiles.LEARN_TASK)
    return document


def _teaches(document: Document) -> bool:
    """Whether people corrected the document, or approved what its profile was not sure of."""
    unsure = any(finding["code"] == "profile_unsure" for finding in document.machine.get("findings", []))
    return unsure or Review.objects.filter(document=document, action=ReviewAction.CORRECT).exists()


def reject(document: Document, *, reason: str, version: int) -> Document:
    """Raises InvalidCorrection without a reason: whoever looks later wants to know."""
    if not reason.strip():
        raise InvalidCorrection({"reason": "Say why it is rejected."})
    with unit():
        _move(document, OPEN, DocumentState.REJECTED, version, decided_at=timezone.now())
        _note(document, ReviewAction.REJECT, actions.DOCUMENT_REJECTED, reason=reason.strip())
    return document


def reopen(document: Document, *, version: int, reason: str = "") -> Document:
    decided = (DocumentState.APPROVED, DocumentState.REJECTED)
    with unit():
        _move(document, decided, DocumentState.IN_REVIEW, version, decided_at=None)
        _note(document, ReviewAction.REOPEN, actions.DOCUMENT_REOPENED, reason=reason.strip() or None)
    return document


def _move(
    document: Document, before: tuple[DocumentState, ...], after: DocumentState, version: int, **columns: Any
) -> None:
    """UPDATE ... WHERE state and version are as read; raises NotAllowed or Conflict, and then nothing is written."""
    rows = Document.objects.filter(pk=document.pk, state__in=before, version=version)
    if not rows.update(state=after, version=version + 1, **columns):
        now = Document.objects.get(pk=document.pk)
        if now.version != version:
            raise Conflict("Somebody else changed this document. Reload it to see what changed.")
        raise NotAllowed(f"This document is {now.get_state_display().lower()}.")
    document.state, document.version = after, version + 1
    for name, value in columns.items():
        setattr(document, name, value)


def _note(
    document: Document, act: ReviewAction, action: str, *, changes: Any = None, reason: str | None = None
) -> None:
    actor = work_context().actor
    Review(
        document=document,
        action=act,
        actor_kind=actor.kind,
        actor_id=actor.id,
        version=document.version,
        changes=changes,
        reason=reason,
    ).save()
    facts: dict[str, Any] = {"version": document.version}
    if changes:
        facts["fields"] = sorted(changes)
    trail.record(action, object=document, facts=facts)


def _applied(current: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The document with ``changes`` made, and each change as {from, to}."""
    data: Any = deepcopy(dict(current))
    told: dict[str, Any] = {}
    errors: dict[str, str] = {}
    dropped: list[int] = []
    for path, value in changes.items():
        parts = path.split(".")
        if parts[0] != "lines":
            _set(data, path, path, value, HEADER_FIELDS, told, errors)
        elif path == "lines.+":
            added = value if isinstance(value, list) else [value]
            data["lines"].extend(_new_line(line, errors) for line in added)
            told[path] = {"from": None, "to": value}
        elif len(parts) in (2, 3) and _is_line(parts[1], data["lines"]):
            line = data["lines"][int(parts[1])]
            if len(parts) == 3:
                _set(line, path, parts[2], value, LINE_FIELDS, told, errors)
            elif value is None:
                dropped.append(int(parts[1]))
                told[path] = {"from": line, "to": None}
            else:
                errors[path] = "A line is dropped with null, or changed field by field."
        else:
            errors[path] = "There is no such field."
    if errors:
        raise InvalidCorrection(errors)
    evidence = {path: place for path, place in data.get("evidence", {}).items() if path not in told}
    data["evidence"] = {
        now: place for path, place in evidence.items() if (now := _renumbered(path, dropped)) is not None
    }
    data["findings"] = [
        {**finding, "field": now or None}
        for finding in data.get("findings", [])
        if (now := _renumbered(finding.get("field") or "", dropped)) is not None
    ]
    data["lines"] = [line for i, line in enumerate(data["lines"]) if i not in dropped]
    return data, told


def _is_line(number: str, lines: Sequence[Any]) -> bool:
    return number.isascii() and number.isdigit() and len(number) < 7 and int(number) < len(lines)


def _is_text(value: Any) -> bool:
    """Whether ``value`` is a text, or a number to be written as one, that can be shown again."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return value is None or isinstance(value, str | int | float)


def _renumbered(path: str, dropped: Sequence[int]) -> str | None:
    """A path after lines went: those behind a dropped line move up; None for what was about such a line."""
    name, _, rest = path.partition(".")
    number, dot, field = rest.partition(".")
    if name != "lines" or not number.isdigit():
        return path
    if int(number) in dropped:
        return None
    return f"lines.{int(number) - sum(1 for gone in dropped if gone < int(number))}{dot}{field}"


def _new_line(value: Any, errors: dict[str, str]) -> dict[str, Any]:
    line: dict[str, Any] = Line().to_json()
    if not isinstance(value, Mapping):
        errors["lines.+"] = "A new line is an object of fields."
        return line
    for name, content in value.items():
        _set(line, f"lines.+.{name}", name, content, LINE_FIELDS, {}, errors)
    return line


def _set(
    target: dict[str, Any],
    path: str,
    name: str,
    value: Any,
    known: frozenset[str],
    told: dict[str, Any],
    errors: dict[str, str],
) -> None:
    text = None if value is None or str(value).strip() == "" else str(value).strip()
    if name not in known:
        errors[path] = "There is no such field."
    elif not _is_text(value):
        errors[path] = "This is not a text."
    elif name == "doc_type" and text not in DOC_TYPES:
        errors[path] = "This is not a known kind of document."
    elif text is not None and name in NUMBER_FIELDS and decimal_of(text) is None:
        errors[path] = "This is not a number; write it like 1234.50."
    elif text is not None and name in DATE_FIELDS and (len(text) != 10 or date_of(text) is None):
        errors[path] = "This is not a date; write it like 2026-11-30."
    elif text is not None and len(text) > 2000:
        errors[path] = "This is too long."
    elif text != target.get(name):
        told[path] = {"from": target.get(name), "to": text}
        target[name] = text
