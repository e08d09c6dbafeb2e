"""Mail that Outlook saved or attached as .msg (MS-OXMSG): its words, its files, the mail within it."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from oxmsg import Message
from oxmsg.attachment import Attachment
from oxmsg.domain import constants
from oxmsg.domain.model import UnrecognizedCodePageError, UnsupportedEncodingError
from oxmsg.storage import Storage, Stream

from connectors.mime import compound, limits

PROPERTIES = "__properties_version1.0"
NAMED = "__nameid_version1.0"
EMBEDDED = "__substg1.0_3701000D"  # the folder of an attached message or object (section 2.2.2.1)
NAMES = (constants.PID_ATTACH_LONG_FILENAME, constants.PID_ATTACH_FILENAME, constants.PID_DISPLAY_NAME)
EMBEDDED_MESSAGE, OBJECT = 5, 6  # PidTagAttachMethod
# What python-oxmsg raises on what it does not expect.
UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    struct.error,
    UnrecognizedCodePageError,
    UnsupportedEncodingError,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file in a .msg; `content` is None, and `flag` says why, where it has none to give."""

    name: str
    content: bytes | None
    is_body: bool = False
    flag: str = ""


def read(data: bytes) -> Iterator[Found]:
    """Its words under the lines a mail begins with, its markup, then its attachments.

    Mail attached to it comes as a .msg of its own. Raises any of UNREADABLE.
    """
    root = compound.read(data, entries=limits.STREAMS)
    message = _message(root)
    yield Found("body.txt", _letter(message), is_body=True)
    markup = message.properties.binary_prop_value(constants.PID_HTML)
    if markup:
        yield Found("body.html", markup, is_body=True)
    for storage in root.iter_attachment_storages():
        try:
            yield _attachment(storage, root)
        except UNREADABLE:
            yield Found("", None, flag="unreadable")


def _message(root: Storage) -> Message:
    if len(root.properties_stream_bytes) > limits.HEADER:
        raise compound.CompoundError
    return Message(root)


def _letter(message: Message) -> bytes:
    """Who wrote when to whom about what, and the words, as UTF-8."""
    # The subject stands first: what begins with From is a mail by its content.
    told = (
        ("Subject", _read(lambda: message.subject)),
        ("From", _read(lambda: str(message.sender or ""))),
        ("To", _read(lambda: ", ".join(f"{one.name} <{one.email_address}>" for one in message.recipients))),
        ("Date", _read(lambda: message.sent_date.isoformat() if message.sent_date else "")),
    )
    lines = [f"{name}: {' '.join(value.split())[: limits.SUBJECT]}" for name, value in told if value]
    text = "\n".join(lines) + "\n\n" + (message.body or "").replace("\r\n", "\n")
    return text.replace("\x00", "").encode("utf-8", "replace")


def _read(value: Callable[[], str]) -> str:
    """A value that the words can do without."""
    try:
        return value()
    except UNREADABLE:
        return ""


def _attachment(storage: Storage, root: Storage) -> Found:
    if len(storage.properties_stream_bytes) > limits.HEADER:
        raise compound.CompoundError
    attachment = Attachment(storage)
    properties = attachment.properties
    names = (properties.str_prop_value(pid) for pid in NAMES)
    name = next((found for found in names if found), "")
    method = properties.int_prop_value(constants.PID_ATTACH_METHOD)
    inner = next((folder for folder in storage.storages if folder.name == EMBEDDED), None)
    if method == EMBEDDED_MESSAGE and inner is not None:
        return Found(name if name.lower().endswith(".msg") else f"{name}.msg", _standalone(inner, root))
    content = attachment.file_bytes
    if content is None:
        # A link to a file elsewhere, or a drawing of another program.
        return Found(name, None, flag="unreadable" if method == OBJECT else "external_body")
    return Found(name, content)


def _standalone(inner: Storage, root: Storage) -> bytes:
    """An attached message as a file: eight bytes more in its head (section 2.4.1.2), the names of its file."""
    streams = tuple(
        Stream(PROPERTIES, stream.bytes_[:24] + bytes(8) + stream.bytes_[24:])
        if stream.name == PROPERTIES
        else Stream(stream.name, stream.bytes_)
        for stream in inner.streams
    )
    names = tuple(folder for folder in root.storages if folder.name == NAMED)
    return compound.write(Storage("", streams, (*inner.storages, *names)))
