"""From a mailbox's reference to the secret it signs in with, bound to the host and user it is for."""

from collections.abc import Callable

from connectors.errors import AuthenticationError
from connectors.models import Credential, Mailbox
from zalion.vault import secrets


def purpose(mailbox: Mailbox) -> secrets.SecretPurpose:
    """What a secret of ``mailbox`` is provisioned for; another host or user voids it."""
    options = mailbox.options
    return secrets.SecretPurpose(
        tenant=mailbox.tenant.slug,
        protocol=mailbox.provider,
        host=str(options.get("host", "")),
        port=int(options.get("port", 0)),
        user=str(options.get("user", "")),
    )


def secret_for(mailbox: Mailbox) -> Callable[[], str]:
    """A function the adapter calls once TLS is verified; it raises AuthenticationError with what to do."""
    credential = Credential.objects.filter(mailbox=mailbox).first()
    wanted = purpose(mailbox)

    def reveal() -> str:
        if credential is None:
            raise AuthenticationError(
                "No secret is named.", code="no_credential", what_to_do="Name a secret."
            )
        try:
            return secrets.resolve(credential.reference, purpose=wanted).reveal()
        except secrets.SecretError as error:
            raise AuthenticationError(str(error), code=error.code, what_to_do=error.what_to_do) from error

    return reveal
