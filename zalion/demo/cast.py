"""The demo's companies and people, set up as a customer would: a declaration applied, then two signatures."""

import hashlib
import secrets
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from textwrap import dedent

from django.core.management import call_command

from connectors import onboarding, sync
from connectors.models import Approval, Mailbox, MailboxState
from zalion.demo.ground import HOST, Ground
from zalion.demo.suppliers import ACME, BOREALIS, Company
from zalion.tenancy import context, people
from zalion.tenancy.models import Role, Tenant, User
from zalion.vault.secrets import SecretPurpose, put

ACTOR = context.Actor("command", name="demo")
MAILBOX = "Orders"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in; a platform operator has no role in any tenant."""

    username: str
    name: str
    role: Role | None
    company: Company | None

    @property
    def told(self) -> str:
        if self.role is None or self.company is None:
            return "platform operator"
        return f"{self.role.label} at {self.company.name}"


CAST = (
    Person("ada", "Ada Brandt", Role.ADMINISTRATOR, ACME),
    Person("cleo", "Cleo Marin", Role.COMPLIANCE, ACME),
    Person("rui", "Rui Costa", Role.OPERATOR, ACME),
    Person("abe", "Abe Lund", Role.AUDITOR, ACME),
    Person("bea", "Bea Holm", Role.ADMINISTRATOR, BOREALIS),
    Person("bo", "Bo Strand", Role.COMPLIANCE, BOREALIS),
    Person("otto", "Otto Vik", Role.OPERATOR, BOREALIS),
    Person("pat", "Pat Reyes", None, None),
)
COMPANIES = (ACME, BOREALIS)
SIGNATURES = (("it", Role.ADMINISTRATOR), ("compliance", Role.COMPLIANCE))


def passwords() -> dict[str, str]:
    """A password for each mailbox, new at every start: the mail server is told it, the secret store keeps it."""
    return {company.order_mailbox: secrets.token_urlsafe(24) for company in COMPANIES}


def provision(company: Company, *, password: str, port: int) -> None:
    """The password of the company's mailbox, bound to the one connection it is for."""
    purpose = SecretPurpose(company.key, "imap", HOST, port, company.order_mailbox)
    put(_secret_name(company), password, purpose)


def set_up(company: Company, ground: Ground) -> None:
    """Make the tenant, its people and its mailbox what the declaration says, and have it signed off.

    What was applied once is left as people changed it since, unless the connection is another one now.
    """
    declaration = _declaration(company, ground)
    file = ground.root / f"{company.key}.toml"
    told = f"applied-{company.key}"
    digest = hashlib.sha256(declaration.encode()).hexdigest()
    if ground.recall(told) != digest:
        file.write_text(declaration, "utf-8")
        call_command("apply", str(file), stdout=StringIO())
        sign_off(company)
        ground.remember(told, digest)
    with context.work(tenant(company).pk, ACTOR):
        mailbox = Mailbox.objects.get(name=MAILBOX)
        if mailbox.state == MailboxState.ACTIVE:
            # What went wrong while no mail server ran is no reason to wait now.
            sync.sync_now(mailbox)


def sign_off(company: Company) -> None:
    """IT's and compliance's signatures by two people, where they are missing."""
    for kind, role in SIGNATURES:
        signer = next(person for person in CAST if person.company is company and person.role is role)
        user = User.objects.get(username=signer.username)
        with context.work(tenant(company).pk, context.Actor("user", str(user.pk), user.username, "console")):
            mailbox = Mailbox.objects.get(name=MAILBOX)
            signed = onboarding.configuration_hash(mailbox)
            standing = Approval.objects.filter(mailbox=mailbox, configuration=signed, withdrawn_at=None)
            if not standing.filter(kind=kind).exists():
                onboarding.approve(mailbox, user=user, kind=kind)


def add_platform_operator() -> None:
    for person in CAST:
        if person.role is None and not User.objects.filter(username=person.username).exists():
            with context.system("demo", ACTOR):
                people.add_person(person.username, name=person.name, platform_operator=True)


def tenant(company: Company) -> Tenant:
    return Tenant.objects.get(slug=company.key)


def mailbox_folder(ground: Ground, company: Company) -> Path:
    return ground.mail / company.order_mailbox


def _secret_name(company: Company) -> str:
    return f"{company.key}-orders"


def _declaration(company: Company, ground: Ground) -> str:
    """What `manage.py apply` makes of it; a customer's own file would look the same."""
    head = dedent(f"""\
        # Made by the demo. `manage.py apply {company.key}.toml` sets up what it says; signatures stay with people.

        [tenant]
        slug = "{company.key}"
        name = "{company.name}"
        """)
    persons = [
        dedent(f"""
        [[person]]
        username = "{person.username}"
        name = "{person.name}"
        roles = ["{person.role.value}"]
        """)
        for person in CAST
        if person.company is company and person.role is not None
    ]
    mailbox = dedent(f"""
        [[retention]]
        name = "Standard"
        raw_mail_days = 730
        attachment_days = 730
        document_days = 3650

        [[mailbox]]
        name = "{MAILBOX}"
        address = "{company.order_mailbox}"
        provider = "imap"
        credential = "file:{_secret_name(company)}"
        retention = "Standard"
        polling_minutes = 1
        folders = ["INBOX"]
        upload = true
        scopes = [{{ folder = "INBOX", operation = "read" }}]

        [mailbox.options]
        host = "{HOST}"
        port = {ground.mail_port}
        user = "{company.order_mailbox}"
        security = "tls"
        """)
    authority = f'ca_pem = """\n{ground.authority.read_text("ascii")}"""\n'
    return head + "".join(persons) + mailbox + authority
