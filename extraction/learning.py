"""Learns from approved documents that people had to correct, in the background and one after the other."""

import time
from datetime import timedelta
from typing import Final

from django.utils import timezone

from extraction import pages, profiles
from extraction.models import Document, DocumentState, SupplierProfile
from zalion import sandbox
from zalion.sandbox import SandboxError
from zalion.tasks import enqueue
from zalion.tenancy.unit import unit
from zalion.vault.errors import VaultError

LEASE: Final = timedelta(minutes=10)
VISIT: Final = 120.0  # seconds of one task; what is left is queued again
AGAIN: Final = timedelta(minutes=1)
DECIDED: Final = frozenset({DocumentState.APPROVED, DocumentState.HANDED_OVER})


def learn_due() -> None:
    """Learn from what is due in this tenant, for about two minutes. A document whose lesson was begun and never ended
    comes again when its lease ran out."""
    ends = time.monotonic() + VISIT
    while (document := _claim()) is not None:
        learn(document)
        if time.monotonic() >= ends:
            with unit():
                enqueue(profiles.LEARN_TASK)
            return


def learn(document: Document) -> SupplierProfile | None:
    """What ``document`` teaches about its layout, kept as a new version; None where that is nothing. A document that
    is not approved any more, whose sender is unknown or not proven, or whose source cannot be opened, teaches nothing.
    """
    learned, again = _lesson(document)
    with unit():
        due = timezone.now() + AGAIN if again else None
        Document.objects.filter(pk=document.pk, lesson_due_at=document.lesson_due_at).update(
            lesson_due_at=due
        )
    return learned


def _lesson(document: Document) -> tuple[SupplierProfile | None, bool]:
    """What was learned, and whether another document taught the layout meanwhile, so that it is to be tried again."""
    message = document.message
    if document.state not in DECIDED or not message.sender_address or not profiles.is_proven(message):
        return None, False
    known = profiles.of_sender(message)
    payload = {
        "name": document.source_path,
        "extractor": document.extractor,
        "approved": document.current,
        "machine": document.machine,
        "hints": {
            "sender_domain": profiles.company_domain(message),
            "own_names": [message.tenant.name],
            "profiles": profiles.hints(known),
        },
    }
    try:
        content = pages.source_content(document)
        told = sandbox.run("extraction.teaching:teach_plain", payload={**payload, "content": content})
    except (SandboxError, VaultError):
        # It is approved as it is; another document of the layout will teach what this one cannot.
        return None, False
    if told["taught"] is None:
        return None, False
    base = next((row for row in known if str(row.pk) == told["base"]), None)
    row = profiles.keep(document, taught=told["taught"], base=base)
    return row, row is None


def _claim() -> Document | None:
    now = timezone.now()
    due = Document.objects.filter(lesson_due_at__lte=now).select_related("message")
    for document in due.order_by("lesson_due_at")[:8]:
        with unit():
            taken = Document.objects.filter(pk=document.pk, lesson_due_at=document.lesson_due_at).update(
                lesson_due_at=now + LEASE
            )
        if taken:
            document.lesson_due_at = now + LEASE
            return document
    return None
