"""Files in files: ZIP, gzip, winmail.dat, .msg and uuencoded text, opened within one budget for the whole mail."""

import io
import logging
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import tnefparse

from connectors.mime import limits, outlook
from connectors.mime.compound import CompoundError
from connectors.mime.parts import uudecode

CHUNK = 1 << 20
OFFICE_HEAD = 16 << 10
EXTERNAL = re.compile(rb"<Relationship [^>]{0,2000}TargetMode=[\"']External[^>]{0,2000}>")
CENTRAL = b"PK\x01\x02"
END = b"PK\x05\x06"
OUTLOOK = "application/vnd.ms-outlook"
OPENABLE = frozenset({"application/zip", "application/gzip", "application/ms-tnef", OUTLOOK})
# It writes names of files and properties into the log.
logging.getLogger("tnefparse").setLevel(logging.CRITICAL + 1)
# Begin and end within a text body; the lines between are checked when they are decoded.
UUENCODED = re.compile(
    rb"^begin [0-7]{3,4} ([^\r\n]{1,255})\r*+\n((?:[ -`][^\r\n]{0,90}\r*+\n)*+)end[ \t]*+\r*+$", re.MULTILINE
)
# What the readers of archives raise on broken input; tnefparse and python-oxmsg do not check what they read.
BROKEN = (
    *outlook.UNREADABLE,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    UnboundLocalError,  # of tnefparse, for an object of no length
)


@dataclass
class Member:
    """A file in a container: its name there, its content (None where it was not opened), flags."""

    name: str
    data: bytes | None
    flags: set[str] = field(default_factory=set)
    is_body: bool = False


@dataclass
class Budget:
    """What the archives of one mail may still expand to."""

    size: int = limits.EXPANSION
    entries: int = limits.ENTRIES


def members(data: bytes, kind: str, name: str, budget: Budget, flags: set[str]) -> Iterator[Member]:
    """The files in a container of a type in OPENABLE, in its order; `flags` gets what stopped it."""
    try:
        if kind == "application/zip":
            yield from _zip(data, budget, flags)
        elif kind == "application/gzip":
            yield from _gzip(data, name, budget, flags)
        elif kind == "application/ms-tnef":
            yield from _tnef(data, budget, flags)
        elif kind == OUTLOOK:
            yield from _msg(data, budget, flags)
    except CompoundError as error:
        flags.add(error.flag)
    except BROKEN:
        flags.add("unreadable")


def office_warnings(data: bytes) -> set[str]:
    """Flags for a DOCX, XLSX or PPTX: its expanded size, entities in its XML, what it would fetch."""
    flags = set()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > limits.EXPANSION:
                flags.add("decompression_limit")
            for entry in entries[: limits.ENTRIES]:
                if entry.filename.endswith((".xml", ".rels")):
                    with archive.open(entry) as file:
                        start = file.read(OFFICE_HEAD)
                    if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
                        flags.add("xml_entities")
                    if any(b"/hyperlink" not in found for found in EXTERNAL.findall(start)):
                        flags.add("active_content")
    except BROKEN:
        flags.add("unreadable")
    return flags


def uuencoded(text: bytes) -> list[tuple[re.Match[bytes], Member]]:
    """The files that stand uuencoded in a text body, and where."""
    found = []
    for block in UUENCODED.finditer(text):
        data = uudecode(block[2])
        if data:
            found.append((block, Member(block[1].decode("utf-8", "replace"), data, {"uuencoded"})))
        if len(found) >= limits.ENTRIES:
            break
    return found


def _zip(data: bytes, budget: Budget, flags: set[str]) -> Iterator[Member]:
    end = data.rfind(END)
    if end >= 0 and data.count(CENTRAL, 0, end) > budget.entries:
        # Reading a directory of 65,000 entries costs a second by itself.
        flags.add("archive_entries")
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        if sum(entry.compress_size for entry in entries) > len(data):
            # More packed data than there is file: the entries overlap, a bomb.
            flags.add("decompression_limit")
            return
        for entry in entries:
            if entry.is_dir():
                continue
            if budget.entries <= 0:
                flags.add("archive_entries")
                return
            budget.entries -= 1
            yield _entry(archive, entry, budget, flags)


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: Budget, flags: set[str]) -> Member:
    member = Member(_entry_name(entry), None)
    if entry.external_attr >> 28 == 0o12:
        member.flags.add("link")
    if entry.flag_bits & 1:
        member.flags.add("encrypted")
    elif not _agrees(archive, entry):
        member.flags.add("unreadable")
    elif entry.file_size > min(budget.size, limits.MEMBER):
        member.flags.add("decompression_limit")
    else:
        out = bytearray()
        try:
            with archive.open(entry) as file:
                while chunk := file.read(CHUNK):
                    out += chunk
        except BROKEN:
            member.flags.add("unreadable")
        budget.size -= len(out)
        member.data = bytes(out)
    flags |= member.flags
    return member


def _agrees(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """Whether the entry's own header says the same as the directory: where not, two readers see two files."""
    if archive.fp is None or entry.flag_bits & 8:
        return True
    archive.fp.seek(entry.header_offset)
    header = archive.fp.read(30)
    packed, size = struct.unpack_from("<II", header, 18)
    return (packed, size) in ((entry.compress_size, entry.file_size), (0xFFFFFFFF, 0xFFFFFFFF))


def _entry_name(entry: zipfile.ZipInfo) -> str:
    if entry.flag_bits & 0x800 or entry.filename.isascii():
        return entry.filename
    raw = entry.filename.encode("cp437", "replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp850", "replace")


def _gzip(data: bytes, name: str, budget: Budget, flags: set[str]) -> Iterator[Member]:
    member = Member(re.sub(r"(?i)\.gz(ip)?$", "", name) or "content", None)
    unpacker = zlib.decompressobj(wbits=31)
    limit = min(budget.size, limits.MEMBER)
    out = bytearray()
    pending = data
    while pending and not unpacker.eof and len(out) <= limit:
        out += unpacker.decompress(pending, CHUNK)
        pending = unpacker.unconsumed_tail
    budget.size -= len(out)
    budget.entries -= 1
    if len(out) > limit:
        member.flags.add("decompression_limit")
    else:
        member.data = bytes(out)
        if not unpacker.eof:
            member.flags.add("truncated")
    flags |= member.flags
    yield member


def _tnef(data: bytes, budget: Budget, flags: set[str]) -> Iterator[Member]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        message = tnefparse.TNEF(data, do_checksum=False)
        for name, body in (("body.txt", message.body), ("body.html", message.htmlbody)):
            if body:
                content = body.encode("utf-8", "replace") if isinstance(body, str) else bytes(body)
                yield Member(name, content.replace(b"\x00", b""), is_body=True)
        for attachment in message.attachments:
            if budget.entries <= 0:
                flags.add("archive_entries")
                return
            budget.entries -= 1
            try:
                title = attachment.long_filename()
            except BROKEN:
                title = ""
            title = title.decode("cp1252", "replace") if isinstance(title, bytes) else str(title)
            yield Member(title.strip("\x00"), bytes(attachment.data))


def _msg(data: bytes, budget: Budget, flags: set[str]) -> Iterator[Member]:
    for found in outlook.read(data):
        if budget.entries <= 0:
            flags.add("archive_entries")
            return
        budget.entries -= 1
        budget.size -= len(found.content or b"")
        member = Member(found.name, found.content, {found.flag} - {""}, found.is_body)
        if budget.size < 0:
            member = Member(found.name, None, {"decompression_limit"})
        flags |= member.flags
        yield member
