"""What became of reading a mail, file by file, in words for people."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.text import Truncator

from connectors.models import Attachment, Message, MessageState
from extraction import pipeline
from extraction.models import Document, ExtractionRun, RunState
from extraction.schemas import SEVERITIES
from extraction.sources import BODY
from zalion.portal import states

# How reading a file can end without a finding about it.
_ENDED: Final = {
    "timed_out": "Reading it took too long and was ended.",
    "memory_exceeded": "Reading it took too much memory and was ended.",
    "crashed": "Reading it broke off. Look at the original, or ask the sender for the file in another form.",
    pipeline.OUT_OF_TIME: "There was no time left for it after the other files of the mail. Read the mail again.",
    pipeline.UNBOUNDED: "It unpacks to more than a mail may hold, so it was not opened.",
}
_NO_ANSWER: Final = {
    "model_left_alone": "it failed before and is left alone for a while",
    "model_misconfigured": "it is not set up right, and “manage.py check” says how",
    "no_text": "there was no text to show it",
    "out_of_time": "no time was left",
    "deadline_exceeded": "it took too long",
    "connect_failed": "it could not be reached",
    "model_refused": "it refused",
    "model_cut_short": "its answer was cut short",
    "model_not_understood": "what it said is no answer",
}
# Characters of a file's name.
_LONGEST: Final = 80
_QUIET: Final = frozenset({"documents", pipeline.KNOWN})


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be said of reading one file of a mail, or its text; ``severity`` is that of a finding."""

    name: str
    severity: str
    words: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far reading a mail has come. ``open`` while more is to be expected; ``told`` the worst first, of a mail
    without documents everything, else what could not be read. ``recognises`` when it has text on pictures."""

    message: Message
    open: bool
    recognises: bool
    failed: str
    documents: tuple[UUID, ...]
    known: bool
    told: tuple[Told, ...]


def unreadable() -> "QuerySet[ExtractionRun]":
    """The newest run of each mail that has files which could not be read."""
    newer = ExtractionRun.objects.filter(message=OuterRef("message"), created_at__gt=OuterRef("created_at"))
    return ExtractionRun.objects.filter(~Exists(newer), unreadable__gt=0)


def parts_of(messages: Sequence[Message]) -> Mapping[UUID, Sequence[Attachment]]:
    """The files of each of these mails; empty for a mail without any."""
    parts = defaultdict(list)
    for part in Attachment.objects.filter(message__in=[message.pk for message in messages]):
        parts[part.message_id].append(part)
    return parts


def progress(messages: Sequence[Message]) -> list[Progress]:
    """How far reading each of these mails has come."""
    keys = [message.pk for message in messages]
    runs: dict[UUID, ExtractionRun] = {}
    for run in ExtractionRun.objects.filter(message__in=keys).order_by("created_at").defer("readings"):
        runs[run.message_id] = run
    documents = defaultdict(list)
    for message_id, pk in Document.objects.filter(message__in=keys).values_list("message_id", "pk"):
        documents[message_id].append(pk)
    parts = parts_of(messages)
    return [
        _progress(message, runs.get(message.pk), documents[message.pk], parts[message.pk])
        for message in messages
    ]


def _progress(
    message: Message, run: ExtractionRun | None, documents: Sequence[UUID], parts: Sequence[Attachment]
) -> Progress:
    stored = message.state == MessageState.STORED
    waits = run is None or run.state in (RunState.QUEUED, RunState.RUNNING)
    failed = run.outcome if run is not None and run.state == RunState.FAILED else ""
    return Progress(
        message=message,
        open=stored and waits,
        recognises=run is not None and run.recognises,
        failed=message.reason or message.state if not stored else failed,
        documents=tuple(documents),
        known=run is not None and run.outcome == pipeline.KNOWN,
        told=tuple(told(run, parts, found=bool(documents))) if run is not None and not waits else (),
    )


def told(run: ExtractionRun, parts: Sequence[Attachment], *, found: bool) -> list[Told]:
    """What there is to say of each file, the worst first; ``found`` is whether the mail gave a document: then only what
    could not be read."""
    names = {part.path: _called(part) for part in parts} | {BODY: "The mail’s own text"}
    seen = {source["path"] for source in run.sources}
    said = [item for source in run.sources for item in _of_source(source, names)]
    said += _of_others(
        [part for part in parts if part.path not in seen], {part.parent_path for part in parts}
    )
    wanted = [item for item in said if not found or item.severity != "info"]
    return sorted(wanted, key=lambda item: -SEVERITIES.index(item.severity))


def _called(part: Attachment) -> str:
    """The file's name, shortened: a sender may make it as long as a page."""
    return Truncator(part.name).chars(_LONGEST) or f"attachment {part.path}"


def _of_source(source: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Told]:
    name, outcome = names.get(source["path"], f"attachment {source['path']}"), source["outcome"]
    findings = source.get("findings") or []
    yield from (Told(name, finding["severity"], finding["message"]) for finding in findings)
    if not findings and outcome in _ENDED:
        yield Told(name, "error", _ENDED[outcome])
    elif not findings and outcome not in _QUIET:
        yield Told(name, "info", f"{states.words(outcome)}.")


def _of_others(parts: Sequence[Attachment], opened: Collection[str]) -> Iterator[Told]:
    """Files that were not looked into, but for containers whose files were."""
    for part in parts:
        name = _called(part)
        if part.inline or part.media_type in pipeline.READABLE:
            continue
        if pipeline.LOCKED in part.flags:
            yield Told(name, "error", "It needs a password; ask the sender for one without.")
        elif pipeline.is_closed(part, opened):
            yield Told(name, "error", "Nothing in it could be opened; ask the sender for the file again.")
        elif part.path not in opened:
            yield Told(name, "info", "Files of this kind are not read.")


def of_model(run: ExtractionRun, *, path: str = "") -> list[Told]:
    """What a language model had to do with the run, of one source or of all; empty where none was asked."""
    asked = [source for source in run.sources if "model" in source and path in ("", source["path"])]
    return [_of_model(source["model"]) for source in asked]


def _of_model(model: Mapping[str, Any]) -> Told:
    name, outcome, taken = model["name"], model["outcome"], model["taken"]
    if taken:
        values = "1 value was" if taken == 1 else f"{taken} values were"
        return Told(name, "info", f"{values} taken that it pointed to and the page bears out.")
    if outcome == "model_gave_nothing":
        return Told(name, "info", "Nothing that it pointed to could be taken.")
    why = _NO_ANSWER.get(outcome) or states.words(outcome).lower()
    return Told(name, "warning", f"It gave no answer: {why}. The reading stands without it.")
