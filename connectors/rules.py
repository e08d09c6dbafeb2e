"""A folder's filter: which of its mail is looked into for documents, and what it would have done so far."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from connectors.models import FolderMapping, Message, MessageState

FILTERED = "filtered"  # the reason on the row; a flag says which rule it was
MOST_TRIED = 200
MOST_ENTRIES = 200
OFFICE = "application/vnd.openxmlformats-officedocument."
# What people call an attachment, and what its content is found to be.
ATTACHMENT_TYPES: Mapping[str, tuple[str, ...]] = {
    "pdf": ("application/pdf",),
    "xml": ("application/xml", "text/xml"),
    "edi": ("application/edifact",),
    "spreadsheet": (OFFICE + "spreadsheetml.sheet", "application/vnd.ms-excel", "application/x-ole-storage"),
    "document": (OFFICE + "wordprocessingml.document", "application/msword", "application/rtf"),
    "image": ("image/tiff", "image/png", "image/jpeg"),
    "archive": ("application/zip",),
    "mail": ("message/rfc822", "application/ms-tnef", "application/vnd.ms-outlook"),
}


class FilterError(ValueError):
    """The filter says something that cannot be; the words are for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Every rule that is filled in must be met; an empty filter lets all mail pass.

    Domains stand for themselves and what is below them. Of ``attachment_types`` and ``subject_words`` one is
    enough; words are found anywhere in the subject, whatever their case.
    """

    senders_allowed: tuple[str, ...] = ()
    senders_denied: tuple[str, ...] = ()
    attachment_types: tuple[str, ...] = ()
    subject_words: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(asdict(self).values())

    def refusal(self, *, domain: str, subject: str, media_types: Iterable[str]) -> str:
        """The code of the first rule that ``domain``, ``subject`` and ``media_types`` do not meet, or nothing."""
        if _below(domain, self.senders_denied):
            return "sender_denied"
        if self.senders_allowed and not _below(domain, self.senders_allowed):
            return "sender_not_allowed"
        wanted = {media for kind in self.attachment_types for media in ATTACHMENT_TYPES[kind]}
        if wanted and wanted.isdisjoint(media_types):
            return "attachment_missing"
        folded = subject.casefold()
        if self.subject_words and not any(word in folded for word in self.subject_words):
            return "subject_word_missing"
        return ""

    def fingerprint(self) -> str:
        """The same for filters that do the same."""
        return hashlib.sha256(json.dumps(self.kept(), sort_keys=True).encode()).hexdigest()

    def kept(self) -> dict[str, list[str]]:
        """As it is stored on the mapping: only what is filled in."""
        return {name: list(values) for name, values in asdict(self).items() if values}


def make(told: Mapping[str, Any]) -> Filter:
    """A filter of what a form or a row says, in one spelling. Raises FilterError."""
    if strangers := told.keys() - {field.name for field in fields(Filter)}:
        raise FilterError(f"{', '.join(sorted(strangers))} is no rule of a filter.")
    entries = {name: _entries(name, values) for name, values in told.items()}
    for name in ("senders_allowed", "senders_denied"):
        found = tuple(entry.rpartition("@")[2].strip(".") for entry in entries.get(name, ()))
        for domain in found:
            if not domain or not all(c.isalnum() or c in ".-_" for c in domain):
                raise FilterError(f"“{domain}” is no domain. Write domains such as nord.example.")
        entries[name] = tuple(dict.fromkeys(found))
    if unknown := set(entries.get("attachment_types", ())) - ATTACHMENT_TYPES.keys():
        raise FilterError(f"{', '.join(sorted(unknown))}: one of {', '.join(ATTACHMENT_TYPES)} is known.")
    return Filter(**entries)


def of(mapping: FolderMapping) -> Filter:
    return make(mapping.filter)


def _entries(name: str, values: Any) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise FilterError(f"{name} is a list of words.")
    found = tuple(dict.fromkeys(" ".join(value.casefold().split()) for value in values if value.strip()))
    if len(found) > MOST_ENTRIES or any(len(entry) > 253 for entry in found):
        raise FilterError(f"{name}: at most {MOST_ENTRIES} entries of 253 characters.")
    return found


def _below(domain: str, listed: Sequence[str]) -> bool:
    return any(domain == entry or domain.endswith("." + entry) for entry in listed)


@dataclass(frozen=True, slots=True)
class Trial:
    """What a filter would have made of a message that is in the ledger; ``refusal`` is empty where it passes."""

    message: Message
    refusal: str


def refusal(chosen: Filter, message: Message, media_types: Iterable[str]) -> str:
    """Why ``message``, parsed, does not pass; empty where it does."""
    domain, subject = message.sender_domain, message.subject or ""
    return chosen.refusal(domain=domain, subject=subject, media_types=media_types)


def dry_run(mapping: FolderMapping, chosen: Filter, *, last: int) -> list[Trial]:
    """What ``chosen`` makes of the folder's last messages, newest first. Changes nothing.

    Callers record the look at them (reading.listed) before they show it.
    """
    read = Message.objects.filter(mapping=mapping, parsed_at__isnull=False).exclude(
        state=MessageState.QUARANTINED
    )
    rows = read.prefetch_related("attachments").order_by("-received_at", "-pk")[: min(last, MOST_TRIED)]
    return [
        Trial(message, refusal(chosen, message, [part.media_type for part in message.attachments.all()]))
        for message in rows
    ]
