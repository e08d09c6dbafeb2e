"""What goes wrong in IMAP, translated into the contract's failures; the only place that does."""

import imaplib
import re
from collections.abc import Iterator
from contextlib import contextmanager

from connectors.errors import (
    AccessDenied,
    AuthenticationError,
    ConfigurationError,
    ConnectorError,
    FolderMissing,
    ProtocolError,
    ProviderUnavailable,
    RateLimited,
    TransientError,
    from_network,
)
from zalion.net import NetworkError

# Only the response code (RFC 5530) of an answer is used. Its free text may hold anything a server likes to
# say, the password included, so it goes into no error.
_RESPONSE_CODE = re.compile(rb"\[([A-Z][A-Z0-9-]{1,40})")
_BUSY = {"LIMIT", "THROTTLED", "OVERQUOTA"}
_LATER = {"UNAVAILABLE", "SERVERBUG", "INUSE", "CONTACTADMIN", "EXPUNGEISSUED"}
_FORBIDDEN = {"NOPERM", "AUTHORIZATIONFAILED"}


def _response_code(text: bytes | None) -> str:
    found = _RESPONSE_CODE.match(text or b"")
    return found.group(1).decode("ascii") if found else ""


def refusal(command: str, text: bytes | None) -> ConnectorError:
    """What the answer NO to `command` means."""
    code = _response_code(text)
    if code in _BUSY:
        return RateLimited("The server asks to wait.")
    if code in _LATER:
        return TransientError("The server cannot do this at the moment.")
    if code == "PRIVACYREQUIRED":
        return ConfigurationError("The server wants a better protected connection.", code="privacy_required")
    if code in _FORBIDDEN:
        return AccessDenied("The server does not allow this account to do that.")
    if command in {"AUTHENTICATE", "LOGIN"}:
        if code == "EXPIRED":
            return AuthenticationError("The password has expired.", code="password_expired")
        return AuthenticationError("The server refused the user name or the password.")
    if command in {"EXAMINE", "STATUS"}:
        return FolderMissing("The folder does not exist, or cannot be opened.")
    return TransientError("The server declined the request.", code="declined")


def goodbye(text: bytes | None) -> ConnectorError:
    """What it means that the server said BYE."""
    if _response_code(text) in _BUSY:
        return RateLimited("The server hung up: too many connections.")
    return ProviderUnavailable("The server hung up.", code="hung_up")


@contextmanager
def translated() -> Iterator[None]:
    """Let only ConnectorErrors out of what speaks IMAP, without a trace of what the server said."""
    try:
        yield
    except NetworkError as error:
        raise from_network(error) from None
    except imaplib.IMAP4.error as error:
        said = error.args[0] if error.args else b""
        if isinstance(said, bytes) and said.upper().startswith(b"* BYE"):
            raise goodbye(said[5:].strip()) from None
        raise ProtocolError("The server's answer is not IMAP.") from None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, RuntimeError):
        # The response parser meets garbage with whatever Python raises.
        raise ProtocolError("The server's answer cannot be read.", code="unreadable_answer") from None
