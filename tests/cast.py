"""The named people and companies of the tests, made by the same functions that make real ones."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from audit.models import RetentionPolicy
from connectors import onboarding
from connectors.models import Mailbox
from connectors.registry import PROVIDERS
from tests.contracts.memory import MAILBOXES, MemoryMailbox
from tests.kept import kept
from zalion.tenancy import context, people
from zalion.tenancy.models import Role, Tenant, User
from zalion.tenancy.unit import unit
from zalion.vault import secrets

SET_UP = context.Actor("command", name="tests")


@dataclass
class Company:
    """A tenant and how to work in it: ``with acme.work(): ...`` or as one of its people."""

    tenant: Tenant
    people: dict[Role, User]

    def work(self, user: User | None = None) -> AbstractContextManager[Any]:
        actor = context.Actor("user", str(user.pk), user.username, "link") if user else SET_UP
        return context.work(self.tenant.pk, actor)

    def __getattr__(self, name: str) -> User:
        for user in self.__dict__.get("people", {}).values():  # a copy has none yet
            if user.username == name:
                return user
        raise AttributeError(name)


def make_company(slug: str, name: str, cast: dict[Role, tuple[str, str]]) -> Company:
    with context.system("tests", SET_UP):
        tenant = people.create_tenant(name, slug=slug, actor=SET_UP)
        made = {role: people.add_person(username, name=full) for role, (username, full) in cast.items()}
    company = Company(tenant, made)
    with company.work():
        for role, user in made.items():
            people.grant_role(user, role=role)
    return company


@pytest.fixture
def acme(db: None) -> Company:
    """Ada administers Acme, Cleo is its compliance officer, Rui reviews, Abe audits."""
    cast = {
        Role.ADMINISTRATOR: ("ada", "Ada Brandt"),
        Role.COMPLIANCE: ("cleo", "Cleo Marin"),
        Role.OPERATOR: ("rui", "Rui Costa"),
        Role.AUDITOR: ("abe", "Abe Lund"),
    }
    return kept("acme", lambda: make_company("acme", "Acme Maschinenbau GmbH", cast))


@pytest.fixture
def borealis(db: None) -> Company:
    """Otto reviews at Borealis and must never see Acme; Bea and Bo run it."""
    cast = {
        Role.ADMINISTRATOR: ("bea", "Bea Holm"),
        Role.COMPLIANCE: ("bo", "Bo Strand"),
        Role.OPERATOR: ("otto", "Otto Vik"),
    }
    return kept("borealis", lambda: make_company("borealis", "Borealis Yachts Ltd", cast))


@pytest.fixture
def platform_operator(db: None) -> User:
    with context.system("tests", SET_UP):
        return people.add_person("pat", name="Pat Reyes", platform_operator=True)


@pytest.fixture
def memory_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROVIDERS, "memory", "tests.contracts.memory.MemoryAdapter")


@pytest.fixture
def server(memory_provider: None) -> MemoryMailbox:
    """A mailbox in memory that a connector can be pointed at."""
    return MemoryMailbox()


def make_mailbox(
    company: Company, server: MemoryMailbox, *, folders: tuple[str, ...] = ("INBOX",), name: str = "Orders"
) -> Mailbox:
    """A live mailbox of ``company`` on ``server``, signed off by both sides."""
    with company.work(company.people[Role.ADMINISTRATOR]):
        policy = RetentionPolicy.objects.filter(name="Standard").first() or RetentionPolicy(name="Standard")
        with unit():
            policy.save()
        address = f"orders@{company.tenant.slug}.example"
        purpose = secrets.SecretPurpose(company.tenant.slug, "memory", server.key, 1, address)
        secrets.put(f"{company.tenant.slug}-{server.key}", server.password, purpose)
        mailbox = onboarding.create_mailbox(
            name,
            address=address,
            provider="memory",
            options={"mailbox": server.key, "user": address},
            reference=f"file:{company.tenant.slug}-{server.key}",
            retention=policy,
        )
        onboarding.check_mailbox(mailbox.pk)
        mailbox.refresh_from_db()
        onboarding.map_folders(mailbox, folders=list(folders))
        onboarding.grant_scopes(mailbox, grants=[(folder, "read") for folder in folders])
        onboarding.request_sign_off(mailbox)
        onboarding.approve(mailbox, user=company.people[Role.ADMINISTRATOR], kind="it")
    with company.work(company.people[Role.COMPLIANCE]):
        onboarding.approve(mailbox, user=company.people[Role.COMPLIANCE], kind="compliance")
        mailbox.refresh_from_db()
    return mailbox


@pytest.fixture
def mailbox(acme: Company, server: MemoryMailbox) -> Mailbox:
    made, key, opened = kept("mailbox", lambda: (make_mailbox(acme, server), server.key, server.opened))
    server.key, server.opened = key, opened
    MAILBOXES[key] = server
    return made
