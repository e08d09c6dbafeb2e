"""imaplib on our own channel: capped literals, checked arguments, and nothing kept of what is said."""

import imaplib
import time
from typing import Any

from connectors.adapters import Heard
from connectors.errors import ConfigurationError, ProtocolError, UnsupportedOperation
from connectors.hosts import ChannelSocket, checked
from connectors.sasl import Exchange
from zalion.net import Channel

# The longest literal taken: bodies are fetched in parts of this many bytes.
PART = 1024 * 1024


class Answered(Exception):
    """The server said NO or BAD to `command`; `text` is its word for it, fit for no one's eyes."""

    def __init__(self, command: str, kind: str, text: bytes) -> None:
        super().__init__(command, kind)
        self.command, self.kind, self.text = command, kind, text


class HungUp(Exception):
    """The server said BYE; `text` is its word for it, fit for no one's eyes."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self.text = text


class ImapWire(imaplib.IMAP4):
    """One connection over a channel, which for implicit TLS is already protected.

    imaplib brings tags and the shape of answers; connecting, deadlines, limits and logging are our own. Besides
    the two above, what raises is zalion.net's and imaplib's, and whatever Python meets garbage with.
    """

    def __init__(self, channel: Channel, seconds: float) -> None:
        self.channel, self.seconds = channel, seconds
        self._idling: bytes | None = None  # the tag of the IDLE that runs
        self._idle_until = 0.0
        channel.begin(seconds)
        super().__init__()
        # A server that greets so asks for no password and would keep a STARTTLS session in clear.
        if self.state == "AUTH":
            raise ProtocolError("The server claims that nobody has to sign in.", code="preauth")

    def ask(self, name: str, *args: str) -> list[Any]:
        """Run a command; return what came untagged under its name, or under that of the UID command."""
        # imaplib piles up what the server said unasked since the last command.
        self.untagged_responses.clear()
        self._simple_command(name, *args)
        return self.said(args[0] if name == "UID" else name)

    def said(self, name: str) -> list[Any]:
        """What the answer to the last command held under this name."""
        answer: list[Any] = self.untagged_responses.get(name, [])
        return answer

    def number(self, name: str) -> int:
        """The last number said under this name, 0 where none was."""
        return int((self.said(name) or [b"0"])[-1])

    def offers(self, capability: str) -> bool:
        return capability in self.capabilities

    def refresh(self) -> None:
        """Forget what was said and ask for capabilities anew, as TLS and a sign-in change them (RFC 3501 6.2.1)."""
        self.untagged_responses.clear()
        self._get_capabilities()

    def quoted(self, text: str) -> str:
        marked: str = self._quote(text)
        return marked

    def ask_for_tls(self) -> None:
        """Send STARTTLS. Raises ConfigurationError where the server does not offer it."""
        if not self.offers("STARTTLS"):
            raise ConfigurationError(
                "The server does not offer STARTTLS.",
                code="starttls_missing",
                what_to_do="Choose TLS with the port for it (usually 993), or have STARTTLS switched on.",
            )
        self._simple_command("STARTTLS")

    def sign_in(self, exchange: Exchange, user: str, secret: str) -> None:
        """By SASL, or by LOGIN where a password finds nothing better; TLS protects either."""
        if self.offers("AUTH=" + exchange.mechanism):
            at_once = [exchange.sent_at_once()] if self.offers("SASL-IR") else []
            literal: Any = imaplib._Authenticator(exchange.answer).process
            self.literal = literal
            self._simple_command("AUTHENTICATE", exchange.mechanism, *at_once)
        else:
            exchange.require_login_command(refused=self.offers("LOGINDISABLED"))
            # imaplib's own login sends the user name unquoted.
            self._simple_command("LOGIN", self.quoted(user), self.quoted(secret))
        self.state = "AUTH"
        self.refresh()

    def idle(self, seconds: float, *, renewed_after: float) -> Heard:
        """Wait at most `seconds` for word of the open folder, in IDLE (RFC 2177).

        It runs on between two calls, is given anew after `renewed_after` seconds, and the next command ends
        it. Raises UnsupportedOperation where the server does not offer it, or refuses.
        """
        self.untagged_responses.clear()
        renewing = self._idling is None or time.monotonic() >= self._idle_until
        if renewing:
            self._end_idle()
            self._begin_idle()
            self._idle_until = time.monotonic() + renewed_after
        if not self.said("EXISTS") and self.channel.quiet(seconds):
            return Heard.ALIVE if renewing else Heard.NOTHING
        self.channel.begin(self.seconds)
        while self._idling is not None and self.channel.waiting:
            self._hear(self._idling)
        return Heard.NEWS if self.said("EXISTS") else Heard.ALIVE

    def _begin_idle(self) -> None:
        if not self.offers("IDLE"):
            raise UnsupportedOperation("The server does not tell of new mail.", code="idle_missing")
        self.channel.begin(self.seconds)
        tag: bytes = self._new_tag()
        self.send(tag + b" IDLE\r\n")
        self._idling = tag
        while not self._hear(tag):
            if self._idling is None:
                raise UnsupportedOperation("The server refuses to tell of new mail.", code="idle_refused")

    def _hear(self, tag: bytes) -> bool:
        """Take one line in; whether it is the go-ahead for IDLE. One that ends the IDLE `tag` is noted."""
        line = self._get_response()
        if bye := self.said("BYE"):
            raise HungUp(bye[-1] if isinstance(bye[-1], bytes) else b"")
        if self.tagged_commands[tag]:
            del self.tagged_commands[tag]
            self._idling = None
        return line is None

    def _end_idle(self) -> None:
        if self._idling is not None:
            self.channel.begin(self.seconds)
            self.send(b"DONE\r\n")
        while self._idling is not None:
            self._hear(self._idling)

    def leave(self) -> None:
        """Say goodbye within a few seconds."""
        self.channel.begin(5, last=True)
        self.logout()

    # --- what imaplib calls ------------------------------------------------------------------------

    def _create_socket(self, timeout: float | None = None) -> Any:
        return ChannelSocket(self.channel, longest_block=PART)

    def readline(self) -> bytes:
        return self.channel.readline()

    def _command(self, name: str, *args: str | bytes | None) -> bytes:
        for argument in args:
            checked(argument or b"")
        self._end_idle()
        self.channel.begin(self.seconds)
        tag: bytes = super()._command(name, *args)  # type: ignore[misc]  # not in typeshed
        return tag

    def _command_complete(self, name: str, tag: bytes) -> tuple[str, list[bytes]]:
        try:
            kind, data = super()._command_complete(name, tag)  # type: ignore[misc]  # not in typeshed
        except imaplib.IMAP4.abort:
            if not (bye := self.said("BYE")):
                raise
            raise HungUp(bye[-1] if isinstance(bye[-1], bytes) else b"") from None
        except imaplib.IMAP4.error as error:
            raise Answered(name, "BAD", str(error).encode("utf-8", "replace")) from None
        if kind == "NO":
            raise Answered(name, kind, data[0] or b"")
        return kind, data

    def _log(self, line: str) -> None:
        """imaplib keeps its last ten lines in memory, sign-in included."""

    def _mesg(self, s: str, secs: float | None = None) -> None:
        """imaplib prints what it is told to debug."""
