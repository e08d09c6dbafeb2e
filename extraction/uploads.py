"""Documents and mail that people hand up: told apart by content, made mail of where they are none, taken in once."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import IO, Final

from django.utils import timezone

from connectors import importing, ingest
from connectors.mime import sniff
from connectors.mime.containers import OUTLOOK
from connectors.mime.limits import INSPECTED, RAW_MAIL
from connectors.models import Mailbox, Message
from extraction import media
from extraction.models import Document
from zalion.tenancy.models import User
from zalion.vault import index
from zalion.vault.errors import BlobNotStored

# What is larger than INSPECTED would be kept, but not looked into.
DOCUMENT_BYTES: Final = min(25_000_000, INSPECTED)
READ: Final = frozenset(
    {media.PDF, media.XML, media.HTML, media.TEXT, media.EDIFACT, media.XLSX, media.XLS, media.ODS}
    | media.IMAGES
    | {media.ZIP, OUTLOOK}  # opened, and what is in them read
)
# RFC 2606: a domain that nobody has. The mail comes from a person here, and from no supplier's server.
_DOMAIN: Final = "upload.invalid"
_WHAT_IS_READ: Final = (
    "PDF, pictures, XML, EDIFACT, spreadsheets, HTML and text are read, and archives and mails with these."
)
_WHY_NOT: Final = {
    media.OLE: "This is an old or encrypted Office file. Save it as PDF or .xlsx and upload that.",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (
        "This is a Word file. Save it as PDF and upload that."
    ),
    "application/x-msdownload": "This is a program. Programs are never taken in.",
    "application/x-executable": "This is a program. Programs are never taken in.",
    "text/x-script": "This is a program. Programs are never taken in.",
}
_UNSHOWN: Final = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff/\\]+")
# A mail begins with header fields (RFC 5322 section 2.2), or the line that mbox puts before it; a text may, too, so one
# of the fields that every mail has must be among them.
_HEADER: Final = re.compile(rb"From |[!-9;-~]+[ \t]*:")
_OF_MAIL: Final = re.compile(
    rb"(?im)^(?:from|received|return-path|message-id|mime-version|delivered-to)[ \t]*:"
)
_BOM: Final = b"\xef\xbb\xbf"
_HEAD: Final = 64 << 10


class Refused(ValueError):
    """The file is not taken in; the words say why, and what to do."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it comes up: what it is called there, how large it is, and where to read it from."""

    name: str
    size: int
    content: IO[bytes]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: ``state`` is taken_in, known or refused; ``words`` say why it was refused."""

    name: str
    state: str
    words: str = ""
    document: Document | None = None
    message: Message | None = None


def take_in(mailbox: Mailbox, *, uploads: Iterable[Upload], uploader: User) -> Iterator[Outcome]:
    """Each file on its own, so that one stops no other, into the mailbox's place for uploads.

    A mail is taken in as it is, a document as the attachment of a mail from ``uploader``. What was taken in before is
    named and not taken in again: a document by its own content, wherever it came from.
    """
    for upload in uploads:
        name = _UNSHOWN.sub(" ", upload.name).strip()[-150:] or "file"
        try:
            yield _one(mailbox, upload, name, uploader)
        except Refused as refused:
            yield Outcome(name, "refused", str(refused))


def _one(mailbox: Mailbox, upload: Upload, name: str, uploader: User) -> Outcome:
    if upload.size > RAW_MAIL:
        raise Refused("It is larger than any mail that is taken in.")
    content = upload.content.read()
    if is_mail(content):
        return _stored(mailbox, name, content, identity=index.content_hmac(content))
    kind = kind_of(content)
    if len(content) > DOCUMENT_BYTES:
        raise Refused(f"A document may have {DOCUMENT_BYTES // 1_000_000} MB.")
    identity = index.content_hmac(content)
    known = Document.objects.filter(source_hmac=identity).first()
    if known is not None:
        return Outcome(name, "known", document=known)
    mail = _mail(name, content, kind=kind, uploader=uploader, identity=identity)
    mail["To"] = mailbox.address
    return _stored(mailbox, name, mail.as_bytes(), identity=identity)


def _stored(mailbox: Mailbox, name: str, mail: bytes, *, identity: str) -> Outcome:
    try:
        report = importing.upload(mailbox, content=mail, identity=identity)
    except BlobNotStored as error:
        raise Refused("There is no room for it at the moment: nothing of it was kept.") from error
    message = Message.objects.get(mapping=ingest.upload_mapping(mailbox), identity=identity)
    return Outcome(name, "taken_in" if report.taken_in else "known", message=message)


def is_mail(content: bytes) -> bool:
    """Whether the file is a mail as mail programs save it."""
    head = content[:_HEAD].removeprefix(_BOM).lstrip(b"\r\n")
    fields = re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0]
    return _HEADER.match(head) is not None and (
        head.startswith(b"From ") or _OF_MAIL.search(fields) is not None
    )


def kind_of(content: bytes) -> str:
    """The media type of a document that can be read, by its content. Raises Refused."""
    if not content:
        raise Refused("It is empty.")
    kind = media.sniff(content)
    if kind in (media.ZIP, media.OLE, media.TEXT, media.UNKNOWN):
        # The mail's own typing knows more kinds: Word files are archives, scripts are text, .msg is an Office file.
        closer = sniff.sniff(content[:_HEAD], content[-_HEAD:])
        kind = closer if closer in {*_WHY_NOT, OUTLOOK} or kind == media.UNKNOWN else kind
    if kind not in READ:
        raise Refused(_WHY_NOT.get(kind) or f"This kind of file is not read. {_WHAT_IS_READ}")
    return kind


def _mail(name: str, content: bytes, *, kind: str, uploader: User, identity: str) -> EmailMessage:
    """The document as the attachment of a mail (RFC 5322), so that it goes the way of every other."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(_UNSHOWN.sub(" ", uploader.name), uploader.username, _DOMAIN)
    mail["Subject"] = name
    mail["Date"] = format_datetime(timezone.now())
    mail["Message-ID"] = f"<{identity[:40]}@{_DOMAIN}>"
    mail.set_content("Uploaded by hand.")
    maintype, _, subtype = kind.partition("/")
    mail.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
    return mail
