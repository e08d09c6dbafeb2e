"""How far a folder has been read, and by what one sees that it, or its numbering, is no longer the same."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Self

from connectors.adapters import MessageRef
from connectors.errors import CursorExpired, IdentitiesReused
from connectors.providers.imap.client import Examined, Fetched


@dataclass(frozen=True, slots=True)
class Position:
    """Behind `last_uid`, received at `last_at`; the rest is what EXAMINE said when all of it had been read."""

    uidvalidity: int = 0
    last_uid: int = 0
    last_at: str = ""
    uid_next: int = 0
    modseq: int = 0
    mailbox_id: str = ""
    name: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> Self:
        """Raises CursorExpired where the stored position cannot be one."""
        try:
            stored = cls(**json.loads("{}" if cursor is None else cursor))
            numbers = (stored.uidvalidity, stored.last_uid, stored.uid_next, stored.modseq)
            if not all(isinstance(number, int) for number in numbers) or (cursor and stored.uidvalidity < 1):
                raise TypeError
            return stored
        except (ValueError, TypeError):
            raise CursorExpired("The stored position cannot be read.", code="cursor_unreadable") from None

    def write(self) -> str:
        return json.dumps(asdict(self))

    def require_valid(self, examined: Examined) -> None:
        """Raises CursorExpired where the position means nothing to this folder now."""
        if not self.uidvalidity:
            return
        if self.uidvalidity != examined.uid_validity:
            raise CursorExpired("The server has numbered the folder anew.", code="uidvalidity_changed")
        # RFC 3501 section 2.3.1.1 has UIDNEXT only grow; where it shrank, UIDs are being given out twice.
        if examined.uid_next < max(self.uid_next, self.last_uid + 1):
            raise IdentitiesReused("The server's numbering went back.", code="uidnext_went_back")

    def recognise(self, last: Fetched | None) -> None:
        """Raises IdentitiesReused where the last message read has become another."""
        if last is None or last.received_at is None or not self.last_at:
            return
        if not self.ends_with(last):
            raise IdentitiesReused("The server has given a number to two messages.", code="uid_reused")

    def fits(self, examined: Examined) -> bool:
        """Whether this is the folder the position is of: by its lasting id, else by its numbering."""
        if self.mailbox_id:
            return self.mailbox_id == examined.mailbox_id
        return self.uidvalidity in {0, examined.uid_validity}

    def ends_with(self, last: Fetched | None) -> bool:
        """Whether what has the number of the last message read is that message."""
        at = last.received_at if last is not None else None
        return at is not None and at.isoformat() == self.last_at

    def is_of(self, examined: Examined) -> bool:
        """Whether nothing came since all was read, by the word of CONDSTORE (RFC 7162): no need to search."""
        return 0 < self.modseq == examined.modseq and self.uid_next == examined.uid_next

    def past(
        self, refs: tuple[MessageRef, ...], uids: list[int], examined: Examined, *, name: str, done: bool
    ) -> Self:
        """Behind this page; only behind the last one is everything read that EXAMINE spoke of."""
        told = replace(
            self,
            uidvalidity=examined.uid_validity,
            uid_next=examined.uid_next,
            modseq=examined.modseq if done else 0,
            mailbox_id=examined.mailbox_id,
            name=name,
        )
        if not refs:
            return told
        at = refs[-1].received_at
        return replace(told, last_uid=uids[-1], last_at=at.isoformat() if at else "")
