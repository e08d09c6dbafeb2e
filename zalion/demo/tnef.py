"""winmail.dat: Outlook's envelope (MS-OXTNEF), with just enough in it to carry a text and files."""

import struct
from collections.abc import Sequence

SIGNATURE = 0x223E9F78
MESSAGE_LEVEL, ATTACHMENT_LEVEL = 1, 2

# Attribute ids carry their type in the upper half (MS-OXTNEF section 2.1.3.3).
TNEF_VERSION = 0x00089006
OEM_CODEPAGE = 0x00069007
MESSAGE_CLASS = 0x00078008
SUBJECT = 0x00018004
MESSAGE_PROPERTIES = 0x00069003
ATTACH_RENDER = 0x00069002
ATTACH_TITLE = 0x00018010
ATTACH_DATA = 0x0006800F
ATTACH_PROPERTIES = 0x00069005

PT_LONG, PT_UNICODE = 0x0003, 0x001F
PR_BODY, PR_INTERNET_CODEPAGE, PR_ATTACH_LONG_FILENAME, PR_ATTACH_MIME_TAG = 0x1000, 0x3FDE, 0x3707, 0x370E


def winmail(subject: str, body: str, files: Sequence[tuple[str, bytes, str]]) -> bytes:
    """The bytes of a winmail.dat; `files` holds (name, content, media type)."""
    stream = struct.pack("<IH", SIGNATURE, 1)
    stream += _attribute(MESSAGE_LEVEL, TNEF_VERSION, struct.pack("<I", 0x00010000))
    stream += _attribute(MESSAGE_LEVEL, OEM_CODEPAGE, struct.pack("<II", 1252, 0))
    stream += _attribute(MESSAGE_LEVEL, MESSAGE_CLASS, b"IPM.Microsoft Mail.Note\0")
    stream += _attribute(MESSAGE_LEVEL, SUBJECT, subject.encode("cp1252", "replace") + b"\0")
    properties = [_long(PR_INTERNET_CODEPAGE, 65001), _unicode(PR_BODY, body)]
    stream += _attribute(MESSAGE_LEVEL, MESSAGE_PROPERTIES, _properties(properties))
    for name, content, mime in files:
        # Type "file", no position in the text, default size of the icon (MS-OXTNEF section 2.1.3.3.15).
        stream += _attribute(ATTACHMENT_LEVEL, ATTACH_RENDER, struct.pack("<HIHHI", 1, 0xFFFFFFFF, 32, 32, 0))
        stream += _attribute(ATTACHMENT_LEVEL, ATTACH_TITLE, _short(name) + b"\0")
        stream += _attribute(ATTACHMENT_LEVEL, ATTACH_DATA, content)
        named = [_unicode(PR_ATTACH_LONG_FILENAME, name), _unicode(PR_ATTACH_MIME_TAG, mime)]
        stream += _attribute(ATTACHMENT_LEVEL, ATTACH_PROPERTIES, _properties(named))
    return stream


def _attribute(level: int, identifier: int, data: bytes) -> bytes:
    return struct.pack("<BII", level, identifier, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def _properties(properties: Sequence[bytes]) -> bytes:
    return struct.pack("<I", len(properties)) + b"".join(properties)


def _long(tag: int, value: int) -> bytes:
    return struct.pack("<HHi", PT_LONG, tag, value)


def _unicode(tag: int, value: str) -> bytes:
    data = value.encode("utf-16-le") + b"\0\0"
    return struct.pack("<HHII", PT_UNICODE, tag, 1, len(data)) + data + b"\0" * (-len(data) % 4)


def _short(name: str) -> bytes:
    """The 8.3 name that the title attribute carries beside the long one."""
    stem, _, suffix = name.rpartition(".")
    plain = "".join(letter for letter in stem.upper() if letter.isascii() and letter.isalnum())
    return f"{plain[:6]}~1.{suffix.upper()[:3]}".encode("ascii")
