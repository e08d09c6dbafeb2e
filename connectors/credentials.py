"""A mailbox's secret: put into the store, taken out of it, and handed to the adapter, bound to host and user."""

from django.db import DatabaseError

from audit import actions, trail
from connectors.adapters import Binding
from connectors.errors import AuthenticationError
from connectors.models import Credential, Mailbox
from zalion.tenancy import context
from zalion.tenancy.models import Tenant
from zalion.tenancy.unit import unit
from zalion.vault import secrets
from zalion.vault.errors import KeyRingError, KeyUnavailable


def purpose(mailbox: Mailbox, binding: Binding) -> secrets.SecretPurpose:
    """What a secret of ``mailbox`` is provisioned for; another host or user voids it."""
    return secrets.SecretPurpose(
        tenant=mailbox.tenant.slug,
        protocol=binding.protocol,
        host=binding.host,
        port=binding.port,
        user=binding.user,
    )


def reveal(mailbox: Mailbox, binding: Binding) -> str:
    """The secret itself, for the adapter alone. Raises AuthenticationError with what to do."""
    credential = Credential.objects.filter(mailbox=mailbox).first()
    if credential is None:
        raise AuthenticationError("No secret is named.", code="no_credential")
    try:
        return secrets.resolve(credential.reference, purpose=purpose(mailbox, binding)).reveal()
    except secrets.SecretError as error:
        raise AuthenticationError(str(error), code=error.code, what_to_do=error.what_to_do) from error


def put(name: str, *, value: str, purpose: secrets.SecretPurpose, actor: context.Actor) -> bool:
    """Write a secret, in place of one of that name; True where that is on record. Raises SecretError.

    A secret may be needed before there is a database: then it is written, and False says that no trail knows. Who
    loses a secret, as it is another company's from now on, is told as well.
    """
    reference = f"file:{name}"
    before = secrets.purpose_of(reference)
    secrets.put(name, value, purpose)
    told = [(purpose.tenant, actions.SECRET_STORED)]
    if before is not None and before.tenant != purpose.tenant:
        told.append((before.tenant, actions.SECRET_REMOVED))
    return _record(reference, told, actor)


def remove(name: str, *, actor: context.Actor) -> bool:
    """Take a secret away; True where that is on record. Raises SecretError."""
    reference = f"file:{name}"
    before = secrets.purpose_of(reference)
    secrets.remove(name)
    return _record(reference, [(before.tenant if before else "", actions.SECRET_REMOVED)], actor)


def _record(reference: str, told: list[tuple[str, str]], actor: context.Actor) -> bool:
    """Each (tenant's slug, action) on that tenant's chain, about the mailboxes that sign in with ``reference``.

    On the system's, where there is no such tenant: a secret may be put before its tenant is made.
    """
    try:
        for slug, action in told:
            tenant = Tenant.objects.filter(slug=slug).first()
            with context.work(tenant.pk, actor) if tenant else context.system("secret store", actor), unit():
                named = Credential.objects.filter(reference=reference).select_related("mailbox")
                about: list[Mailbox | tuple[str, str]] = [row.mailbox for row in named] if tenant else []
                for subject in about or [("secret", reference)]:
                    trail.record(action, object=subject, facts={"reference": reference})
    except (DatabaseError, KeyRingError, KeyUnavailable):
        return False
    return True
