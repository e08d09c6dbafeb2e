"""Lists cost the same however long they are: one row and three under the same number of queries."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import retention
from connectors import importing, onboarding, parse
from connectors.models import FolderMapping, Mailbox
from extraction import pipeline
from tests.cast import SET_UP, Company, make_mailbox
from tests.contracts.memory import MemoryMailbox
from tests.populated import confirmations
from zalion.tenancy import context, people, signin
from zalion.tenancy.models import Role, User


class Filled:
    """Acme with ever more of everything."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.mailbox: Mailbox = make_mailbox(company, MemoryMailbox())
        self.rows = 0

    def more(self) -> None:
        self.rows += 1
        ada = self.company.people[Role.ADMINISTRATOR]
        with self.company.work(ada):
            mail = confirmations()[self.rows]
            importing.import_mail(self.mailbox, mails=[importing.FoundMail(mail.raw, mail.arrived)])
            for mapping in FolderMapping.objects.filter(mailbox=self.mailbox):
                parse.parse_messages(mapping.pk)
            pipeline.run_due()
            name = f"more-{self.rows}"
            expires = datetime.now(UTC) + timedelta(days=9)
            signin.issue_token(name, scopes=["mailboxes:read"], created_by=ada, expires_at=expires)
            policy = retention.create_policy(name, raw_mail_days=9, attachment_days=9, document_days=9)
            onboarding.create_mailbox(
                name,
                address=f"{name}@acme.example",
                provider="memory",
                options={"mailbox": name, "user": name},
                reference=f"file:{name}",
                retention=policy,
            )
        with context.system("tests", SET_UP):
            user = people.add_person(name, name=name)
        with self.company.work():
            people.grant_role(user, role=Role.AUDITOR)


def signed_in(user: User) -> Client:
    client = Client()
    with context.system("tests", SET_UP):
        link = signin.issue_link(user)
    assert client.post(f"/signin/{link}/").status_code == 302
    return client


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(path).status_code == 200
    return sum(not query["sql"].startswith(("SAVEPOINT", "RELEASE")) for query in seen.captured_queries)


# Session, person, tenants, rights, counts of the menu and the record of the look are among them.
PAGES = {
    ("operator", "/"): 20,
    ("operator", "/review/"): 10,
    ("operator", "/review/?q=4500018307"): 10,
    ("operator", "/mail/"): 11,
    ("operator", "/mail/?q=nordstahl"): 11,
    ("administrator", "/"): 28,
    ("administrator", "/mailboxes/"): 6,
    ("administrator", "/settings/people/"): 6,
    ("administrator", "/settings/tokens/"): 6,
    ("administrator", "/settings/retention/"): 6,
    ("administrator", "/audit/"): 13,
}


def test_lists_cost_the_same_with_one_row_and_with_three(acme: Company, memory_provider: Any) -> None:
    filled = Filled(acme)
    clients = {role: signed_in(acme.people[Role(role)]) for role in ("operator", "administrator")}
    filled.more()
    for role, path in PAGES:
        queries(clients[role], path)  # what a process looks up once is looked up now
    assert {(role, path): queries(clients[role], path) for role, path in PAGES} == PAGES
    filled.more()
    filled.more()
    assert {(role, path): queries(clients[role], path) for role, path in PAGES} == PAGES
