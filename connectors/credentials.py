"""From a mailbox's reference to the secret it signs in with, bound to the host and user it is for."""

from connectors.adapters import Binding
from connectors.errors import AuthenticationError
from connectors.models import Credential, Mailbox
from zalion.vault import secrets


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
