"""Delivers mails into the Maildirs that the demo's IMAP server serves, each of them once."""

import hashlib
import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import parsedate_to_datetime
from pathlib import Path

from zalion.demo.mails import DemoMail

# What has been delivered, one key per line: a mail the person has since deleted does not come back.
DELIVERED = "zalion-delivered"


def deliver(mails: Iterable[DemoMail], *, root: Path) -> int:
    """Puts each mail into `<root>/<its mailbox>/new` if it never was there; returns how many were new.

    A mail is known by its name, so that a later start, whose mails bear later dates, adds nothing.
    """
    new = 0
    for mail in mails:
        key = hashlib.sha256(f"demo:{mail.name}".encode()).hexdigest()[:32]
        new += _put(root / mail.mailbox, key, mail.raw, mail.arrived)
    return new


def deliver_own(path: Path, *, root: Path, mailbox: str, now: datetime) -> int:
    """Puts a person's own .eml file, or all those below a folder, into a mailbox; returns how many were new.

    A file is known by its bytes. Line ends become CRLF, as IMAP wants them. The mail counts as having arrived
    at its Date, or when the file was written where there is none to believe. Raises FileNotFoundError where
    there is no such file.
    """
    files = sorted(path.rglob("*.eml")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise FileNotFoundError(f"there is no .eml file at {path}")
    new = 0
    for file in files:
        raw = re.sub(rb"\r?\n", b"\r\n", file.read_bytes())
        key = hashlib.sha256(raw).hexdigest()[:32]
        written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        new += _put(root / mailbox, key, raw, _sent(raw, now) or written)
    return new


def _sent(raw: bytes, now: datetime) -> datetime | None:
    value = BytesHeaderParser(policy=compat32).parsebytes(raw[:65536]).get("Date")
    try:
        sent = parsedate_to_datetime(str(value))
        sent = sent.astimezone(UTC) if sent.tzinfo else sent.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return sent if 0 < sent.timestamp() <= now.timestamp() else None


def _put(maildir: Path, key: str, raw: bytes, arrived: datetime) -> bool:
    """Writes to tmp and renames into new, as the Maildir format asks; the file's mtime becomes INTERNALDATE.

    The name begins with the time of arrival, so that a server that numbers by name numbers by age.
    """
    for folder in ("tmp", "new", "cur"):
        (maildir / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    record = maildir / DELIVERED
    known = record.read_text().split() if record.exists() else []
    # A start that was killed between the rename and the record is recognised by the file itself.
    present = any(key in name for folder in ("new", "cur") for name in os.listdir(maildir / folder))
    if key in known or present:
        if key not in known:
            _remember(record, key)
        return False
    seconds = int(arrived.timestamp())
    name = f"{seconds}.{key}.demo"
    temporary = maildir / "tmp" / name
    temporary.write_bytes(raw)
    os.utime(temporary, (seconds, seconds))
    temporary.rename(maildir / "new" / name)
    _remember(record, key)
    return True


def _remember(record: Path, key: str) -> None:
    with record.open("a", encoding="ascii") as file:
        file.write(f"{key}\n")
