"""Outlook's .msg files for the parser's tests, put together from properties."""

import struct

from oxmsg.domain import constants as c
from oxmsg.storage import Storage, Stream

from connectors.mime import compound

UNICODE, BINARY, LONG, TIME = 0x001F, 0x0102, 0x0003, 0x0040
TOP, EMBEDDED, OTHER = 32, 24, 8


def folder(name, properties, *folders, head=OTHER):
    """A folder with its properties: {id: value}; what is longer than eight bytes has a stream of its own."""
    table = bytes(head)
    streams = []
    for pid, value in sorted(properties.items()):
        if isinstance(value, int):
            table += struct.pack("<HHIQ", TIME if pid == c.PID_CLIENT_SUBMIT_TIME else LONG, pid, 6, value)
            continue
        kind = UNICODE if isinstance(value, str) else BINARY
        data = value.encode("utf-16-le") if isinstance(value, str) else value
        table += struct.pack("<HHIQ", kind, pid, 6, len(data))
        streams.append(Stream(f"__substg1.0_{pid:04X}{kind:04X}", data))
    return Storage(name, (*streams, Stream("__properties_version1.0", table)), tuple(folders))


def attached(number, name, data, **more):
    properties = {c.PID_ATTACH_LONG_FILENAME: name, c.PID_ATTACH_METHOD: 1, c.PID_ATTACH_DATA_BINARY: data}
    return folder(f"__attach_version1.0_#{number:08X}", properties | more)


def enclosed(number, subject, *folders, body="inner words"):
    """A message attached to a message."""
    inner = message(subject, *folders, body=body, name="__substg1.0_3701000D", head=EMBEDDED)
    properties = {c.PID_DISPLAY_NAME: subject, c.PID_ATTACH_METHOD: 5}
    return folder(f"__attach_version1.0_#{number:08X}", properties, inner)


def message(subject, *folders, body="the words", html=b"", name="", head=TOP):
    properties = {
        c.PID_MESSAGE_CLASS: "IPM.Note",
        c.PID_SUBJECT: subject,
        c.PID_BODY: body,
        c.PID_SENDER_NAME: "Ada",
        c.PID_SENDER_EMAIL_ADDRESS: "ada@example.com",
        c.PID_CLIENT_SUBMIT_TIME: 134_389_476_000_000_000,
        c.PID_INTERNET_CODEPAGE: 65001,
    } | ({c.PID_HTML: html} if html else {})
    uwe = {c.PID_DISPLAY_NAME: "Müller, Uwe", c.PID_SMTP_ADDRESS: "uwe@example.com"}
    return folder(name, properties, folder("__recip_version1.0_#00000000", uwe), *folders, head=head)


def msg(subject="Bestellung für Müller", *folders, **options):
    return compound.write(message(subject, *folders, **options))
