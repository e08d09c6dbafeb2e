"""The failures of the adapter contract, drawn as a tree and named by what the caller does next."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from zalion import net

_NEVER_OFF = "Verification cannot be switched off. Then run the check again, and resume the mailbox."
_PROVISION = "“Replace the secret” on the mailbox's page shows the command for it. Then resume the mailbox."
# What to do where a code says more than the kind of failure it belongs to.
ADVICE: Mapping[str, str] = {
    "idle_missing": "Nothing: the mailbox is polled. For mail at once, have IDLE switched on at the server.",
    "idle_refused": "Nothing: the mailbox is polled. For mail at once, have IDLE switched on at the server.",
    net.NameNotResolved.code: "Check the spelling of the host name, and the name servers of this machine.",
    net.AddressRefused.code: "If the server is meant to be internal, the operator adds its network to the "
    "allowed networks of this deployment.",
    net.CertificateRefused.code: "Correct the host name, renew the server's certificate, or enter the "
    f"certificate of the company's own CA. {_NEVER_OFF}",
    "certificate_expired": f"Have the server's certificate renewed. {_NEVER_OFF}",
    "certificate_not_yet_valid": "Check the clock of this machine, or have the server given a certificate "
    f"that is valid today. {_NEVER_OFF}",
    "certificate_other_name": "Enter the host name that the server's certificate was issued for (as subject "
    f"alternative name), or have it issued for this one. {_NEVER_OFF}",
    "certificate_self_signed": "If it is the company's own server, enter this very certificate under “CA "
    f"certificates”. {_NEVER_OFF}",
    "certificate_unknown_authority": "If it is the company's own CA, or a new one, enter its certificate under "
    "“CA certificates”; else ask whoever runs the mail server, for somebody may stand in between. "
    f"{_NEVER_OFF}",
    "certificate_weak": f"Have the server given a certificate with RSA 2048, P-256 or better. {_NEVER_OFF}",
    net.TlsFailed.code: "Check the port and the kind of security; the server needs TLS 1.2 or later.",
    "tls_too_old": "Have TLS 1.2 or 1.3 switched on at the server; older versions are not spoken.",
    "tls_missing": "Check the port and the kind of security: 993 is usual for TLS, 143 for STARTTLS.",
    net.AuthorityUnreadable.code: "Paste the CA certificates as PEM text.",
    "no_credential": "Name a secret.",
    "secret_missing": f"Provision the secret. {_PROVISION}",
    "secret_unbound": "The secret was provisioned for another server or user, so it was not sent. If it is "
    f"meant for this one, provision it again. {_PROVISION}",
    "secret_unsafe": "Only the worker's user may be able to read the secret. Provision it again. "
    f"{_PROVISION}",
    "password_expired": f"Have the account's password renewed, and provision it. {_PROVISION}",
    "folder_deleted": "If that was meant, nothing is to be done: what was taken in stays. Else have the folder "
    "restored; it is read again by itself.",
    "not_connected": "Give the account full access to the mailbox and switch IMAP on for it; for a shared "
    "mailbox, the user name is the shared mailbox's address.",
}


class ConnectorError(Exception):
    """Any failure of a provider, said in our own words.

    `code` is stable: it is stored on rows, written to the trail and counted. The text says what happened
    and `what_to_do` what an operator can do about it; neither ever holds a secret, an address or text from
    a server.
    """

    default_code: ClassVar[str] = "connector_error"
    default_advice: ClassVar[str] = "Look at the mailbox's page and try again."

    def __init__(self, message: str, *, code: str | None = None, what_to_do: str | None = None) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.what_to_do = what_to_do or ADVICE.get(self.code) or self.default_advice


class ConfigurationError(ConnectorError):
    """The connection is set up wrongly: pause, tell the operator, do not retry."""

    default_code = "configuration"
    default_advice = "Correct the connection's settings, then run the check again."


class FolderMissing(ConfigurationError):
    """The folder is gone or cannot be opened: this mapping stops, the others go on."""

    default_code = "folder_missing"
    default_advice = (
        "If it was renamed on the server, choose it again under its new name; if it was deleted, what was "
        "taken in stays. The other folders go on."
    )


class AuthenticationError(ConnectorError):
    """The provider refused the credential: pause and ask for a new one, never retry by itself."""

    default_code = "authentication"
    default_advice = f"Renew the secret this mailbox refers to. {_PROVISION}"


class AccessDenied(ConnectorError):
    """Signed in, but not allowed: somebody has to grant it at the provider."""

    default_code = "access_denied"
    default_advice = "Grant the account access to this mailbox or folder at the provider."


class ScopeViolation(AccessDenied):
    """Zalion itself may not do this: no AccessScope grants it. Raised by the gateway alone."""

    default_code = "scope_violation"
    default_advice = "Nothing was sent. Widen the access scope only if IT and compliance agree."


class UnsupportedOperation(ConnectorError):
    """The server cannot do this at all; nothing is emulated in silence."""

    default_code = "unsupported"
    default_advice = "Use another connector for this mailbox, or switch the feature on at the server."


class TransientError(ConnectorError):
    """It may work later: retry with growing intervals; the cursor stays where it is."""

    default_code = "transient"
    default_advice = "Nothing; it is tried again by itself."


class RateLimited(TransientError):
    """The provider asks for patience. `retry_after` is in seconds, None where it named no time."""

    default_code = "rate_limited"

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        code: str | None = None,
        what_to_do: str | None = None,
    ) -> None:
        super().__init__(message, code=code, what_to_do=what_to_do)
        self.retry_after = retry_after


class ProviderUnavailable(TransientError):
    """The server cannot be reached, hung up, or did not answer in time."""

    default_code = "unavailable"
    default_advice = "Nothing at first; if it stays, ask whoever runs the mail server and the firewall."


class CursorExpired(ConnectorError):
    """The position in a folder means nothing to the server any more.

    Read that folder again from the start, deduplicated against the ledger, as a recorded incident.
    """

    default_code = "cursor_expired"
    default_advice = "Nothing; the folder is read again and compared with what is stored."


class IdentitiesReused(CursorExpired):
    """Besides, the server gives ids to other messages than before, so that the ledger's do not hold either.

    Read the folder again from the start with none of its identities taken for known: by content alone.
    """

    default_code = "identities_reused"
    default_advice = (
        "Nothing for the mail, which is told apart by content; ask why the server numbers it anew."
    )


class NumberingUnstable(CursorExpired):
    """The server numbers a folder anew time and again: it is left alone until `retry_after` seconds are over."""

    default_code = "numbering_unstable"
    default_advice = (
        "Ask whoever runs the mail server why it numbers this folder anew time and again (UIDVALIDITY). It is "
        "tried again a day later, or at once by “Sync now”; the other folders go on."
    )

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class MessageGone(ConnectorError):
    """The message was deleted or moved between being listed and being fetched."""

    default_code = "message_gone"
    default_advice = "Nothing; the ledger says that the message had left the folder."


class MessageTooLarge(ConnectorError):
    """The message is above the size limit and was not fetched: its row is quarantined.

    `size` is what the server announced, or how much had arrived when the limit was passed; `limit` is in
    bytes.
    """

    default_code = "message_too_large"
    default_advice = "Raise the size limit and retry, or handle this message by hand."

    def __init__(self, message: str, *, size: int, limit: int) -> None:
        super().__init__(message)
        self.size = size
        self.limit = limit


class MessageUnfetchable(ConnectorError):
    """The message broke every visit that asked for it: its row is quarantined, and the next ones are fetched."""

    default_code = "message_unfetchable"
    default_advice = "Handle this message by hand; it is still on the server."


class ProtocolError(ConnectorError):
    """The server broke its protocol, or tried what an honest one would not; the connection is closed."""

    default_code = "protocol"
    default_advice = "If it repeats, ask whoever runs the mail server; keep time and code at hand."


def from_network(error: net.NetworkError) -> ConnectorError:
    """The contract's failure for one of zalion.net, with the same code."""
    if isinstance(error, net.AnswerTooLong | net.SpokeBeforeTls):
        return ProtocolError(str(error), code=error.code)
    # A handshake that was cut short says nothing of how the connection is set up; a refused certificate does.
    if isinstance(error, net.AddressRefused | net.CertificateRefused | net.AuthorityUnreadable):
        return ConfigurationError(str(error), code=error.code)
    return ProviderUnavailable(str(error), code=error.code)


def _kinds(root: type[ConnectorError]) -> Iterator[type[ConnectorError]]:
    yield root
    for child in root.__subclasses__():
        yield from _kinds(child)


_DEFAULTS = {kind.default_code: kind.default_advice for kind in _kinds(ConnectorError)}


def advice(code: str) -> str:
    """What to do about the failure that a stored `code` names."""
    return ADVICE.get(code) or _DEFAULTS.get(code, ConnectorError.default_advice)
