"""What became of the demo's mails, beside what they really say."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.models import Message, MessageState
from extraction.models import Document
from zalion.demo import cast
from zalion.demo.documents import DocumentTruth
from zalion.demo.mails import DemoMail
from zalion.demo.suppliers import Company
from zalion.tenancy import context
from zalion.vault import index

SKIPPED = ("auto_reply", "newsletter", "calendar")
TEXTS = ("doc_type", "number", "order_reference", "seller_name", "seller_vat_id", "currency")
AMOUNTS = ("net_total", "tax_total", "gross_total")


@dataclass
class Outcome:
    """Counts of a comparison, and a sentence for each mail that did not become what it should."""

    mails: int = 0
    documents: int = 0
    fields: int = 0
    fields_right: int = 0
    wrong_fields: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)


def compare(mails: Iterable[DemoMail]) -> Outcome:
    outcome = Outcome()
    delivered = list(mails)
    for company in cast.COMPANIES:
        with context.work(cast.tenant(company).pk, cast.ACTOR):
            for mail in delivered:
                if mail.mailbox == company.order_mailbox:
                    _compare_one(mail, company, outcome)
    return outcome


def _compare_one(mail: DemoMail, company: Company, outcome: Outcome) -> None:
    rows = list(Message.objects.filter(content_hmac=index.content_hmac(mail.raw)))
    outcome.mails += 1
    if len(rows) != 1:
        outcome.misses.append(f"{mail.name}: {len(rows)} ledger rows, not one")
        return
    documents = list(Document.objects.filter(message=rows[0]))
    outcome.documents += len(documents)
    skipped = rows[0].state == MessageState.SKIPPED
    if mail.expected in SKIPPED:
        if not skipped or rows[0].reason != mail.expected or documents:
            outcome.misses.append(
                f"{mail.name}: {rows[0].state} ({rows[0].reason}), not skipped as {mail.expected}"
            )
        return
    if rows[0].state == MessageState.QUARANTINED:
        outcome.misses.append(f"{mail.name}: quarantined ({rows[0].reason})")
        return
    if mail.expected == "duplicate":
        if documents:
            outcome.misses.append(f"{mail.name}: says nothing new, and made {len(documents)} documents")
        return
    found = {(document.doc_type, document.number) for document in documents}
    wanted = {(truth.doc_type, truth.number) for truth in mail.documents}
    if found != wanted or len(documents) != len(wanted):
        outcome.misses.append(f"{mail.name}: {_told(found)} instead of {_told(wanted)}")
        return
    findings = sum(document.finding_count for document in documents)
    if mail.expected == "finding" and not findings:
        outcome.misses.append(f"{mail.name}: the wrong total was not noticed")
    for document in documents:
        truth = next(t for t in mail.documents if t.number == document.number)
        _compare_fields(mail, document, truth, outcome)


def _told(documents: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{kind} {number}" for kind, number in sorted(documents)) or "no document"


def _compare_fields(mail: DemoMail, document: Document, truth: DocumentTruth, outcome: Outcome) -> None:
    read = document.current
    pairs: list[tuple[str, Any, Any]] = [(name, read[name], getattr(truth, name)) for name in TEXTS]
    pairs += [(name, _amount(read[name]), getattr(truth, name)) for name in AMOUNTS]
    pairs.append(("issue_date", document.issue_date, truth.issue_date))
    pairs.append(("lines", len(read["lines"]), truth.lines))
    for name, found, wanted in pairs:
        outcome.fields += 1
        if _plain(found) == _plain(wanted):
            outcome.fields_right += 1
        else:
            outcome.wrong_fields.append(f"{mail.name}: {name} {found!r} instead of {wanted!r}")


def _plain(value: Any) -> Any:
    """Some letterheads print a name in capitals."""
    return value.casefold() if isinstance(value, str) else value


def _amount(text: str | None) -> Decimal | None:
    return Decimal(text) if text is not None else None


def on_server(root: Path) -> dict[str, tuple[str, int]]:
    """Each mail in the Maildirs below ``root`` by its name, flags and folder, with its digest and its time."""
    return {
        str(path.relative_to(root)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for part in ("new", "cur")
        for path in root.glob(f"*/{part}/*")
    }
