"""Searches everything the portal wrote to disk for words of its mails and for its secrets: none may be there."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.policy import default
from email.utils import getaddresses
from pathlib import Path

from zalion.demo.mails import DemoMail
from zalion.demo.suppliers import COMPANIES

SHORTEST = 8  # characters; less would be found by chance
# A number as short as this turns up in identifiers and times by chance.
SHORTEST_NUMBER = 9
PHRASE = 40  # characters of a body line


@dataclass(frozen=True, slots=True)
class Canary:
    """A text that must not be found, and what it is."""

    kind: str
    text: str

    def shapes(self) -> set[bytes]:
        """As bytes with small letters A to Z: UTF-8, Latin-1, UTF-16, and escaped as JSON does it."""
        written = {
            self.text.encode("utf-8"),
            self.text.encode("latin-1", "replace"),
            self.text.encode("utf-16-le"),
            json.dumps(self.text)[1:-1].encode("ascii"),
        }
        return {shape.lower() for shape in written}

    def armoured(self) -> set[bytes]:
        """What stands in base64 (RFC 4648 section 4), wherever in a group of three bytes the text begins."""
        raw = self.text.encode("utf-8")
        return {
            base64.b64encode(b"\0" * lead + raw)[skipped : (lead + len(raw)) * 8 // 6]
            for lead, skipped in ((0, 0), (1, 2), (2, 3))
        }


@dataclass(frozen=True, slots=True)
class Leak:
    """Where a canary was found; its text is not repeated."""

    path: Path
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} in {self.path}"


def of_mails(mails: Iterable[DemoMail]) -> list[Canary]:
    """Subjects, people, numbers, Message-IDs, file names and sentences of the mails, and their senders' IBANs."""
    found = {canary for mail in mails for canary in _of_mail(mail)}
    for company in COMPANIES.values():
        if not company.order_mailbox:
            found |= {Canary("IBAN", company.iban), Canary("IBAN", company.iban.replace(" ", ""))}
            found |= {Canary("company", company.name), Canary("VAT number", company.vat_id)}
    return sorted((c for c in found if _is_telling(c.text)), key=lambda c: (c.kind, c.text))


def _of_mail(mail: DemoMail) -> Iterator[Canary]:
    parsed = message_from_bytes(mail.raw, policy=default)
    yield Canary("subject", str(parsed["Subject"]))
    yield Canary("Message-ID", str(parsed["Message-ID"]).strip("<> "))
    for name, address in getaddresses([str(parsed["From"])]):
        yield from (Canary("person", name), Canary("address", address))
    for truth in mail.documents:
        yield from (Canary("number", truth.number), Canary("order", truth.order_reference or ""))
    for part in parsed.walk():
        yield Canary("file name", part.get_filename() or "")
        if part.get_content_type() == "text/plain" and not part.is_multipart():
            yield from _sentences(part)


def _sentences(part: Message) -> Iterator[Canary]:
    raw = part.get_payload(decode=True)
    assert isinstance(raw, bytes)  # noqa: S101  (a part that is no multipart)
    text = raw.decode(part.get_content_charset("utf-8"), "replace")
    yield from (Canary("sentence", line.strip()) for line in text.splitlines() if len(line.strip()) >= PHRASE)


def _is_telling(text: str) -> bool:
    plain = re.fullmatch(r"[0-9a-fA-F]+", text) is not None
    return len(text) >= (SHORTEST_NUMBER if plain else SHORTEST)


def search(root: Path, canaries: Iterable[Canary], *, besides: Iterable[Path] = ()) -> list[Leak]:
    """Every canary in every file below ``root``, hidden ones and the databases' own included.

    ``besides`` are folders that are not searched. File names count as content.
    """
    sought = [(canary.kind, canary.shapes(), canary.armoured()) for canary in canaries]
    left_out = tuple(besides)
    leaks: list[Leak] = []
    for path in sorted(root.rglob("*")):
        if any(path.is_relative_to(folder) for folder in left_out):
            continue
        content = str(path.relative_to(root)).encode() + b"\n"
        if path.is_file() and not path.is_symlink():
            content += path.read_bytes()
        small = content.lower()
        leaks += [
            Leak(path.relative_to(root), kind)
            for kind, shapes, armoured in sought
            if any(shape in small for shape in shapes) or any(shape in content for shape in armoured)
        ]
    return leaks
