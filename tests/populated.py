"""Two companies with a row of everything, made by the product's own functions, for tests of the wall between them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from audit.models import LegalHold
from connectors import listening, parse, reconcile, sync
from connectors.models import FolderMapping, Mailbox
from extraction import pipeline, profiles, review
from extraction.layout.taught.profile import Profile
from extraction.models import Document
from tests.cast import Company, make_mailbox
from tests.contracts.memory import MemoryMailbox
from tests.kept import kept
from zalion.demo import mails
from zalion.tenancy import signin
from zalion.tenancy.models import ApiToken, Role, Scope
from zalion.tenancy.unit import unit

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@cache
def demo_mails() -> tuple[mails.DemoMail, ...]:
    """What the demo's suppliers had written to Acme by ``NOW``."""
    return tuple(mails.make(NOW))


def confirmations() -> list[mails.DemoMail]:
    """Those of them that become a document as they stand."""
    return [mail for mail in demo_mails() if mail.expected == "document"]


@dataclass
class Populated:
    acme: Company
    borealis: Company
    tokens: dict[str, str]
    token_rows: dict[str, ApiToken]

    def both(self) -> tuple[Company, Company]:
        return self.acme, self.borealis


def fill(company: Company, server: MemoryMailbox, chosen: list[Any]) -> tuple[ApiToken, str]:
    mailbox: Mailbox = make_mailbox(company, server)
    for mail in chosen:
        server.deliver(mail.raw, received_at=mail.arrived)
    with company.work():
        mapping = FolderMapping.objects.get(mailbox=mailbox)
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        pipeline.run_due()
        reconcile.reconcile_now(mailbox)
        reconcile.reconcile_folder(mapping.pk)
        listening.take(mailbox, mapping, now=NOW)
    operator = company.people[Role.OPERATOR]
    with company.work(operator):
        first: Document | None = review.waiting().first()
        assert first is not None
        review.open_document(first)
        review.correct(first, changes={"payment_terms": "30 days"}, version=first.version)
        taught = profiles.keep(first, taught=Profile(absent=frozenset({"incoterm"})).to_json(), base=None)
        assert taught is not None
        hold = LegalHold(kind="mailbox", object_id=str(mailbox.pk), reason="Case 7", who=operator)
        with unit():
            hold.save()
        return signin.issue_token(
            "ERP",
            scopes=[scope.value for scope in Scope],
            created_by=company.people[Role.COMPLIANCE],
            expires_at=datetime.now(UTC) + timedelta(days=30),
        )


@pytest.fixture
def populated(acme: Company, borealis: Company, memory_provider: None) -> Populated:
    def fill_both() -> dict[str, tuple[ApiToken, str]]:
        newsletter = next(mail for mail in demo_mails() if mail.expected == "newsletter")
        return {
            "acme": fill(acme, MemoryMailbox(), [*confirmations()[:2], newsletter]),
            "borealis": fill(borealis, MemoryMailbox(), mails.make_borealis(NOW)),
        }

    made = kept("populated", fill_both)
    tokens = {slug: shown for slug, (_, shown) in made.items()}
    return Populated(acme, borealis, tokens, {slug: row for slug, (row, _) in made.items()})
