"""What a file is by its content, and what in it deserves a warning."""

import re
import struct

from connectors.mime import limits
from connectors.mime.names import extension

HEAD = 64 << 10
OFFICE = "application/vnd.openxmlformats-officedocument."
MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x78\x9f\x3e\x22", "application/ms-tnef"),
    (b"{\\rtf", "application/rtf"),
    (b"MZ", "application/x-msdownload"),
    (b"\x7fELF", "application/x-executable"),
    (b"#!", "text/x-script"),
    (b"%!PS", "application/postscript"),
    (b"BEGIN:VCALENDAR", "text/calendar"),
    (b"BEGIN:VCARD", "text/vcard"),
    (b"UNA", "application/edifact"),
    (b"UNB+", "application/edifact"),
)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Names in its directory: a document may have a mail in it, a mail never says that it is a document.
OLE_DOCUMENTS = tuple(
    name.encode("utf-16-le") for name in ("WordDocument", "Workbook", "PowerPoint Document")
)
OLE_MAIL = "__substg1.0_".encode("utf-16-le")
OFFICE_PARTS = (
    (b"xl/", OFFICE + "spreadsheetml.sheet"),
    (b"word/", OFFICE + "wordprocessingml.document"),
    (b"ppt/", OFFICE + "presentationml.presentation"),
)
# Zip files that say themselves what they are. The word is the sender's: it only chooses among these.
SELF_NAMED = (
    *(
        f"application/vnd.oasis.opendocument.{kind}"
        for kind in ("text", "spreadsheet", "presentation", "graphics")
    ),
    "application/epub+zip",
)
EXPECTED: dict[str, tuple[str, ...]] = {
    "pdf": ("application/pdf",),
    "png": ("image/png",),
    "jpg": ("image/jpeg",),
    "jpeg": ("image/jpeg",),
    "gif": ("image/gif",),
    "tif": ("image/tiff",),
    "tiff": ("image/tiff",),
    "zip": ("application/zip",),
    "xlsx": (OFFICE + "spreadsheetml.sheet", "application/x-ole-storage"),
    "docx": (OFFICE + "wordprocessingml.document", "application/x-ole-storage"),
    "msg": ("application/vnd.ms-outlook",),
    "xml": ("application/xml",),
    "txt": ("text/plain",),
    "csv": ("text/plain",),
}
MACROS = (b"vbaProject.bin", b"_VBA_PROJECT", "_VBA_PROJECT".encode("utf-16-le"))
PROGRAMS = frozenset({"application/x-msdownload", "application/x-executable", "text/x-script"})
# The prolog of XML: declaration, comments, a document type with or without its own declarations.
PROLOG = rb"\s|<\?[^>]{0,500}\?>|<!--[^>]{0,2000}-->|<![^>\[]{0,500}(?:\[[^\]]{0,60000}\]\s*+)?>"
ROOT = re.compile(rb"(?:" + PROLOG + rb")*+<(?:[\w.-]{1,100}+:)?([\w.-]{1,100}+)")
MAIL = re.compile(
    rb"(?:Return-Path|Received|From|Message-ID|Delivered-To|MIME-Version|X-[\w-]{1,100}): ", re.IGNORECASE
)
SCRIPT = re.compile(rb"<script|\son[a-z]{3,30}\s*=|javascript:|<!ENTITY", re.IGNORECASE)
HTML_ROOTS = frozenset({b"html", b"head", b"body", b"table", b"div", b"p", b"span"})
TEXT_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def sniff(head: bytes, tail: bytes = b"") -> str:
    """The type by the first and last 64 KiB; "application/octet-stream" when it tells nothing."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_family(head, tail)
    if head.startswith(OLE):
        return _ole_family(head, tail)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, kind in MAGIC:
        if head.startswith(magic) or start.startswith(magic):
            return kind
    if b"%PDF-" in head[:1024]:
        return "application/pdf"
    return _text(start[:HEAD]) if head else "application/octet-stream"


def warnings(data: bytes, kind: str, name: str, declared: str) -> set[str]:
    """Flags for an attachment's content; `kind` is its type by content."""
    flags = set()
    expected = EXPECTED.get(extension(name)) or next(
        (kinds for kinds in EXPECTED.values() if declared in kinds and declared != "text/plain"), None
    )
    if data and expected and kind not in expected:
        flags.add("type_mismatch")
    if kind in PROGRAMS:
        flags.add("dangerous_type")
    if kind.startswith(OFFICE) or kind == "application/x-ole-storage":
        if any(marker in data for marker in MACROS):
            flags.add("active_content")
        if "EncryptedPackage".encode("utf-16-le") in data:
            flags.add("encrypted")
    elif kind in ("image/svg+xml", "text/html", "application/xml"):
        if SCRIPT.search(data[: limits.TEXT]):
            flags.add("active_content")
    elif kind == "application/rtf" and b"\\objdata" in data:
        flags.add("active_content")
    elif kind in ("image/png", "image/gif") and _pixels(data, kind) > limits.PIXELS:
        flags.add("pixel_limit")
    return flags


def _zip_family(head: bytes, tail: bytes) -> str:
    names = head + tail
    if head[30:38] == b"mimetype" and b"application/" in head[38:120]:
        return next((kind for kind in SELF_NAMED if head[38:].startswith(kind.encode())), "application/zip")
    if b"[Content_Types].xml" in names:
        return next((kind for part, kind in OFFICE_PARTS if part in names), OFFICE + "package")
    if b"META-INF/MANIFEST.MF" in names:
        return "application/java-archive"
    return "application/zip"


def _ole_family(head: bytes, tail: bytes) -> str:
    names = head + tail
    is_mail = OLE_MAIL in names and not any(document in names for document in OLE_DOCUMENTS)
    return "application/vnd.ms-outlook" if is_mail else "application/x-ole-storage"


def _text(start: bytes) -> str:
    if TEXT_CONTROLS.search(start):
        return _wide_text(start)
    if start.startswith(b"<"):
        root = ROOT.match(start)
        element = root[1].lower() if root else b""
        if element == b"svg":
            return "image/svg+xml"
        if element in HTML_ROOTS or b"<!doctype html" in start[:500].lower():
            return "text/html"
        return "application/xml" if element else "text/plain"
    return "message/rfc822" if MAIL.match(start) else "text/plain"


def _wide_text(start: bytes) -> str:
    if start.startswith((b"\xff\xfe<", b"\xfe\xff\x00<")):
        return "application/xml"
    return "text/plain" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "application/octet-stream"


def _pixels(data: bytes, kind: str) -> int:
    layout, place = (">II", 16) if kind == "image/png" else ("<HH", 6)
    try:
        width, height = struct.unpack_from(layout, data, place)
    except struct.error:
        return 0
    return int(width) * int(height)
