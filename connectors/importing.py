"""Mail that comes by hand: single files, mbox and Maildir, into the mailbox's upload mapping."""

import io
import mailbox as mailboxes
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.utils import timezone

from audit import actions, trail
from connectors import ingest
from connectors.models import Mailbox
from zalion.vault import index

PAGE = 100  # messages committed together,
PAGE_BYTES = 16 << 20  # or fewer, once they are of this size: a page is held in memory
# Lines that would look like the next message were given a ">" when the mbox was written (mboxrd).
QUOTED_FROM = re.compile(rb"(?m)^>(>*From )")


@dataclass(frozen=True, slots=True)
class FoundMail:
    """A mail found on disk or handed up; ``received_at`` is the best that its container knows.

    ``identity`` is what it is known by; the HMAC of its bytes where none is given.
    """

    content: bytes
    received_at: datetime
    identity: str = ""


@dataclass(frozen=True, slots=True)
class ImportReport:
    taken_in: int
    known: int


def import_mail(mailbox: Mailbox, *, mails: Iterable[FoundMail]) -> ImportReport:
    """Take in ``mails`` in pages; what the mapping has already, by its identity, is left alone."""
    mapping = ingest.upload_mapping(mailbox)
    taken = known = 0
    trail.record(actions.MESSAGES_IMPORTED, object=mailbox)
    for page in _pages(mails):
        named: dict[str, FoundMail] = {}
        for mail in page:
            named.setdefault(mail.identity or index.content_hmac(mail.content), mail)
        new = ingest.unknown(mapping, list(named))
        arrivals = [
            ingest.store(
                identity,
                io.BytesIO(named[identity].content),
                size=len(named[identity].content),
                received_at=named[identity].received_at,
            )
            for identity in sorted(new, key=lambda name: named[name].received_at)
        ]
        taken += len(ingest.take_in(mapping, arrivals))
        known += len(page) - len(new)
    return ImportReport(taken, known)


def upload(mailbox: Mailbox, *, content: bytes, identity: str = "") -> ImportReport:
    """One mail handed up in the portal."""
    return import_mail(mailbox, mails=[FoundMail(content, timezone.now(), identity)])


def find(path: Path) -> Iterator[FoundMail]:
    """The mails at ``path``: a Maildir, a folder of .eml files (searched through), an mbox, or one .eml file.

    Raises FileNotFoundError.
    """
    if path.is_dir() and (path / "cur").is_dir():
        for folder in ("new", "cur"):
            for file in sorted((path / folder).iterdir()):
                yield _file(file)
    elif path.is_dir():
        for file in sorted(path.rglob("*.eml")):
            yield _file(file)
    elif path.read_bytes()[:5] == b"From ":
        yield from _mbox(path)
    else:
        yield _file(path)


def _file(path: Path) -> FoundMail:
    return FoundMail(path.read_bytes(), datetime.fromtimestamp(path.stat().st_mtime, UTC))


def _mbox(path: Path) -> Iterator[FoundMail]:
    box = mailboxes.mbox(path, create=False)
    try:
        for key in box.iterkeys():
            message = box.get_message(key)
            content = QUOTED_FROM.sub(rb"\1", box.get_bytes(key))
            yield FoundMail(content, _from_line(message.get_from()))
    finally:
        box.close()


def _from_line(line: str) -> datetime:
    """The time in an mbox's From_ line (RFC 4155: asctime, UTC); now where it cannot be read."""
    try:
        return datetime.strptime(" ".join(line.split()[1:6]), "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(line.partition(" ")[2]).astimezone(UTC)
    except ValueError:
        return timezone.now()


def _pages(mails: Iterable[FoundMail]) -> Iterator[list[FoundMail]]:
    page: list[FoundMail] = []
    size = 0
    for mail in mails:
        page.append(mail)
        size += len(mail.content)
        if len(page) == PAGE or size >= PAGE_BYTES:
            yield page
            page, size = [], 0
    if page:
        yield page
