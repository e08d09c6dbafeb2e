"""A mailbox on Dovecot that an installation follows, beside what Dovecot itself says it holds."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests import invariants
from tests.journeys.installation import Installation
from tests.servers.dovecot import DovecotServer


@dataclass
class Account:
    """`port` is where the installation finds Dovecot, by default its own.

    `truth` is what was delivered. `altered` is for mails that did not come to us as they are there.
    """

    installation: Installation
    dovecot: DovecotServer
    port: int = 0
    truth: dict[str, str] = field(default_factory=dict)
    altered: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.user, self._password = self.dovecot.add_user()

    def set_up(self) -> None:
        self.installation.ask(
            "set_up",
            host="localhost",
            port=self.port or self.dovecot.port,
            user=self.user,
            password=self._password,
            ca_pem=self.dovecot.authority.pem,
        )

    def deliver(self, mails: Iterable[bytes]) -> set[str]:
        """Put mails into the mailbox; what Dovecot calls them."""
        before = len(self.truth)
        count = 0
        for raw in mails:
            self.dovecot.deliver(self.user, "INBOX", raw)
            count += 1
        self.truth |= invariants.on_server(
            self.dovecot.port,
            self.user,
            self._password,
            ca_pem=self.dovecot.authority.pem,
            since=before + 1,
        )
        assert len(self.truth) == before + count
        return set(list(self.truth)[before:])

    def violations(self, *, rest: bool = False) -> list[str]:
        found: list[str] = self.installation.ask(
            "violations", truth=self.truth, altered=sorted(self.altered), rest=rest
        )
        return found

    def at_rest(self) -> bool:
        now = self.installation.ask("progress")
        return now["stored"] >= len(self.truth) and not now["waiting"] and not self.installation.ask("queued")
