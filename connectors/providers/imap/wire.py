"""imaplib on our own channel: capped literals, checked arguments, and a STARTTLS that cannot be tricked."""

import imaplib
from typing import Any

from connectors.errors import ConfigurationError, ProtocolError
from connectors.hosts import checked
from connectors.providers.imap.failures import goodbye, refusal
from zalion.net import Channel

# The longest literal taken: bodies are fetched in parts of this many bytes.
PART = 1024 * 1024


class Wire(imaplib.IMAP4):
    """One IMAP connection over a channel, which for implicit TLS is already protected.

    imaplib brings tags and the shape of answers; connecting, deadlines, limits and logging are our own.
    """

    def __init__(self, channel: Channel, seconds: float) -> None:
        self.channel = channel
        self._seconds = seconds
        channel.begin(seconds)
        super().__init__()

    def ask_for_tls(self) -> None:
        """Send STARTTLS. Raises ConfigurationError where the server does not offer it."""
        if "STARTTLS" not in self.capabilities:
            raise ConfigurationError(
                "The server does not offer STARTTLS.",
                code="starttls_missing",
                what_to_do="Choose TLS with the port for it (usually 993), or have STARTTLS switched on.",
            )
        self._simple_command("STARTTLS")

    def start_over(self) -> None:
        """Forget what was said in clear and ask for capabilities anew (RFC 3501 section 6.2.1)."""
        self.sock = self.channel.socket
        self.untagged_responses.clear()
        self._get_capabilities()

    def ask(self, name: str, *args: str) -> list[Any]:
        """Run a command; return what came untagged under its name, or under that of the UID command."""
        # imaplib piles up what the server said unasked since the last command.
        self.untagged_responses.clear()
        self._simple_command(name, *args)
        answer: list[Any] = self.untagged_responses.get(args[0] if name == "UID" else name, [])
        return answer

    # --- what imaplib calls ------------------------------------------------------------------------

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        self.host, self.port, self.sock = host, port, self.channel.socket

    def shutdown(self) -> None:
        self.channel.close()

    def send(self, data: Any) -> None:
        self.channel.send(bytes(data))

    def read(self, size: int) -> bytes:
        return self.channel.read(size, at_most=PART)

    def readline(self) -> bytes:
        return self.channel.readline()

    def _command(self, name: str, *args: str | bytes | None) -> bytes:
        for argument in args:
            checked(argument or b"")
        self.channel.begin(self._seconds)
        tag: bytes = super()._command(name, *args)  # type: ignore[misc]  # not in typeshed
        return tag

    def _command_complete(self, name: str, tag: bytes) -> tuple[str, list[bytes]]:
        try:
            kind, data = super()._command_complete(name, tag)  # type: ignore[misc]  # not in typeshed
        except imaplib.IMAP4.abort:
            if (bye := self.untagged_responses.get("BYE")) is None:
                raise
            raise goodbye(bye[-1] if isinstance(bye[-1], bytes) else None) from None
        except imaplib.IMAP4.error:
            raise ProtocolError("The server does not understand the command.", code="rejected") from None
        if kind == "NO":
            raise refusal(name, data[0])
        return kind, data

    def _get_capabilities(self) -> None:
        # A server that greets with PREAUTH asks for no password and would keep a STARTTLS session in clear.
        if self.state == "AUTH":
            raise ProtocolError("The server claims that nobody has to sign in.", code="preauth")
        super()._get_capabilities()  # type: ignore[misc]  # not in typeshed

    def _log(self, line: str) -> None:
        """imaplib keeps its last ten lines in memory, sign-in included."""

    def _mesg(self, s: str, secs: float | None = None) -> None:
        """imaplib prints what it is told to debug."""
