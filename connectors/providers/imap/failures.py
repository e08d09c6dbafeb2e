"""What goes wrong in IMAP, translated into the contract's failures; the only place that does."""

import imaplib
import re
from collections.abc import Iterator
from contextlib import contextmanager

from connectors import errors
from connectors.imapwire import Answered, HungUp
from zalion.net import NetworkError

# Only the response code (RFC 5530) of an answer, and two phrases, are looked for. The text may hold anything a
# server likes to say, the password included, so it goes into no error.
_RESPONSE_CODE = re.compile(rb"\[([A-Z][A-Z0-9-]{1,40})")
_BUSY = {"LIMIT", "THROTTLED", "OVERQUOTA"}
_LATER = {"UNAVAILABLE", "SERVERBUG", "INUSE", "CONTACTADMIN", "EXPUNGEISSUED"}
_FORBIDDEN = {"NOPERM", "AUTHORIZATIONFAILED"}


def _code(text: bytes) -> str:
    found = _RESPONSE_CODE.match(text)
    return found.group(1).decode("ascii") if found else ""


def _answered(answer: Answered) -> errors.ConnectorError:
    code = _code(answer.text)
    if code in _BUSY:
        return errors.RateLimited("The server asks to wait.")
    if code in _LATER:
        return errors.TransientError("The server cannot do this at the moment.")
    if code == "PRIVACYREQUIRED":
        return errors.ConfigurationError(
            "The server wants a better protected connection.", code="privacy_required"
        )
    if code in _FORBIDDEN:
        return errors.AccessDenied("The server does not allow this account to do that.")
    # Exchange signs in whoever has a valid token, and only then finds that the mailbox is another's.
    if b"authenticated but not connected" in answer.text:
        return errors.AccessDenied(
            "The server took the sign-in, but does not give this account the mailbox.",
            code="not_connected",
        )
    if answer.command in {"AUTHENTICATE", "LOGIN"} and answer.kind == "NO":
        if code == "EXPIRED":
            return errors.AuthenticationError("The password has expired.", code="password_expired")
        return errors.AuthenticationError("The server refused the user name or the password.")
    # hoodiecrow and others say BAD to a name they do not know.
    if answer.command in {"EXAMINE", "STATUS"}:
        return errors.FolderMissing("There is no such folder any more, or it cannot be opened.")
    if answer.kind == "BAD":
        return errors.ProtocolError("The server does not understand the command.", code="rejected")
    return errors.TransientError("The server declined the request.", code="declined")


def _hung_up(text: bytes) -> errors.ConnectorError:
    if _code(text) in _BUSY:
        return errors.RateLimited("The server hung up: too many connections.")
    if b"AccessTokenExpired" in text:  # Exchange, an hour into a session
        return errors.ProviderUnavailable(
            "The access token ran out during the session.", code="token_expired"
        )
    return errors.ProviderUnavailable("The server hung up.", code="hung_up")


@contextmanager
def translated() -> Iterator[None]:
    """Let only ConnectorErrors out of what speaks IMAP, without a trace of what the server said."""
    try:
        yield
    except NetworkError as error:
        raise errors.from_network(error) from None
    except Answered as answer:
        raise _answered(answer) from None
    except HungUp as bye:
        raise _hung_up(bye.text) from None
    except imaplib.IMAP4.error as error:
        said = error.args[0] if error.args else b""
        if isinstance(said, bytes) and said.upper().startswith(b"* BYE"):
            raise _hung_up(said[5:].strip()) from None
        raise errors.ProtocolError("The server's answer is not IMAP.") from None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, RuntimeError):
        # The response parser meets garbage with whatever Python raises.
        raise errors.ProtocolError("The server's answer cannot be read.", code="unreadable_answer") from None
