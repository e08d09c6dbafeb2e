"""What a file is, by its first bytes: the sender's label and the file's name are not believed."""

import re
from typing import Final

PDF: Final = "application/pdf"
XML: Final = "application/xml"
HTML: Final = "text/html"
TEXT: Final = "text/plain"
EDIFACT: Final = "application/edifact"
UNKNOWN: Final = "application/octet-stream"

_MAGIC: Final = (
    (b"PK\x03\x04", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"GIF8", "image/gif"),
    (b"MZ", "application/x-msdownload"),
    (b"\x1f\x8b", "application/gzip"),
)
# ISO 9735: UNA and its six service characters, then the interchange, a group or a bare message.
_EDIFACT: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:UNA.{6}\s*UN[BGH]|UNB\+UNO[A-Z]|UNH\+)", re.DOTALL)
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_HTML: Final = re.compile(r"<\s*(!doctype\s+html|html|body|table|div|head|p|meta)\b", re.IGNORECASE)
_MARKUP: Final = re.compile(r"<\s*(table|div|p|br|span|td)\b[^>]*>", re.IGNORECASE)
_XML: Final = re.compile(
    r"\s*<(\?xml|!--|!doctype\s+(?!html)|[A-Za-z_][\w.-]*(:[\w.-]+)?[\s>/])", re.IGNORECASE
)
_HEAD: Final = 4096


def sniff(content: bytes) -> str:
    """The media type the bytes themselves show; UNKNOWN where they show none."""
    head = content[:_HEAD]
    # ISO 32000-1, annex H: readers accept a header within the first 1024 bytes.
    if b"%PDF-" in head[:1024]:
        return PDF
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if _EDIFACT.match(head):
        return EDIFACT
    if not head.strip():
        return UNKNOWN
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not wide and b"\x00" in head:
        return UNKNOWN
    text = decode(head).lstrip("\ufeff")
    if _HTML.match(text.lstrip()) and not text.lstrip().startswith("<?xml"):
        return HTML
    if _XML.match(text):
        return HTML if re.search(r"<html\b", text, re.IGNORECASE) else XML
    return HTML if len(_MARKUP.findall(text)) > 2 else TEXT


def decode(content: bytes) -> str:
    """Text of unknown encoding: byte order mark, then strict UTF-8, then Windows-1252. Statistical guessing calls
    short Western texts Mac or Central European, so it is not used."""
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return content.decode(encoding, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")
