"""Signing in by SASL: a password by PLAIN, or an access token by XOAUTH2 or OAUTHBEARER, whatever the protocol."""

import base64
import json
import time
from typing import Any

from connectors.errors import AuthenticationError, ConfigurationError

# What a mailbox is set up with, the mechanism's name on the wire, and what people are told.
AUTHS = {
    "password": ("PLAIN", "Password"),
    "xoauth2": ("XOAUTH2", "Access token, XOAUTH2 (Microsoft, Google)"),
    "oauthbearer": ("OAUTHBEARER", "Access token, OAUTHBEARER (RFC 7628)"),
}
_RENEW = "Put a new access token where the secret is kept, then run the check again."
_OTHER_ACCOUNT = (
    "Have the token issued to this mailbox's account. For a shared mailbox, sign in with the shared mailbox's "
    "address as user name and a token of somebody who has full access to it."
)
_WHO = ("upn", "preferred_username", "unique_name", "email")


class Exchange:
    """One sign-in, client first: challenges go through `answer`, be the first already sent or not.

    Raises AuthenticationError, before anything is sent, for a token that has run out by its own word.
    """

    def __init__(self, auth: str, *, user: str, secret: str, host: str, port: int) -> None:
        self.mechanism = AUTHS[auth][0]
        self.by_token = auth != "password"
        self._unsent = True
        self._refused = False
        self._status = ""
        self._other_account = False
        if not self.by_token:
            self.initial = f"\0{user}\0{secret}".encode()
            return
        claims = _claims(secret)
        if isinstance(ends := claims.get("exp"), int | float) and ends <= time.time():
            raise AuthenticationError(
                "The access token has run out.", code="token_expired", what_to_do=_RENEW
            )
        named = [str(claims[claim]).casefold() for claim in _WHO if claims.get(claim)]
        self._other_account = bool(named) and user.casefold() not in named
        bearer = f"auth=Bearer {secret}\1\1"
        if auth == "xoauth2":
            self.initial = f"user={user}\1{bearer}".encode()
        else:
            # RFC 5801 section 4: "," and "=" end a part of the header.
            escaped = user.replace("=", "=3D").replace(",", "=2C")
            self.initial = f"n,a={escaped},\1host={host}\1port={port}\1{bearer}".encode()

    def sent_at_once(self) -> str:
        """The first message in base64, where the protocol takes it in the command's own line (RFC 4959)."""
        self._unsent = False
        return base64.b64encode(self.initial).decode("ascii")

    def answer(self, challenge: bytes) -> bytes | None:
        """What goes back; None, which cancels, for a server that goes on asking.

        A second challenge tells why a token was refused, and wants an answer before the refusal itself comes
        (RFC 7628 section 3.2.3).
        """
        if self._unsent:
            self._unsent = False
            return self.initial
        if not self.by_token or self._refused:
            return None
        self._refused = True
        try:
            self._status = str(json.loads(challenge)["status"])
        except (ValueError, TypeError, LookupError, RecursionError):
            pass  # The refusal itself still comes.
        return b"" if self.mechanism == "XOAUTH2" else b"\1"

    def require_login_command(self, *, refused: bool) -> None:
        """See to it that the protocol's own command for a password may stand in for a mechanism not offered.

        `refused` is whether the server said that it will not take the command. Raises ConfigurationError.
        """
        if self.by_token:
            raise ConfigurationError("The server takes no access tokens this way.", code="auth_not_offered")
        if refused:
            raise ConfigurationError("The server offers no sign-in by password.", code="login_disabled")
        if not self.initial.isascii():
            raise ConfigurationError("The server takes only ASCII passwords.", code="password_not_ascii")

    def refusal(self, error: AuthenticationError) -> AuthenticationError:
        """What it means that the server said no, as far as it gave a reason; for a password, `error`."""
        if not self.by_token:
            return error
        if self._other_account:
            return AuthenticationError(
                "The server refused the access token, which was issued to another account.",
                code="token_other_account",
                what_to_do=_OTHER_ACCOUNT,
            )
        if self._status in {"insufficient_scope", "403"}:
            return AuthenticationError(
                "The access token does not cover this protocol.",
                code="token_scope",
                what_to_do="Request the token with the scope for this protocol (IMAP.AccessAsUser.All or "
                "IMAP.AccessAsApp at Microsoft, https://mail.google.com/ at Google).",
            )
        return AuthenticationError(
            "The server refused the access token.", code="token_refused", what_to_do=_RENEW
        )


def _claims(token: str) -> dict[str, Any]:
    """What a JWT says of itself, unverified: for telling people what is wrong, never for trusting it."""
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (ValueError, LookupError, RecursionError):
        return {}  # Tokens need not be JWTs.
    return claims if isinstance(claims, dict) else {}
