"""What a file is, by its first bytes: the sender's label and the file's name are not believed."""

import re
import struct
from typing import Final

PDF: Final = "application/pdf"
XML: Final = "application/xml"
HTML: Final = "text/html"
TEXT: Final = "text/plain"
EDIFACT: Final = "application/edifact"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS: Final = "application/vnd.ms-excel"
ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"
SHEETS: Final = frozenset({XLSX, XLS, ODS})
IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/tiff"})
ZIP: Final = "application/zip"
OLE: Final = "application/x-ole-storage"
UNKNOWN: Final = "application/octet-stream"

_MAGIC: Final = (
    (b"PK\x03\x04", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
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
# Texts that XML quotes whole; a remark can be written in HTML.
_QUOTED: Final = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|$)", re.DOTALL)
_HEAD: Final = 4096
# Names of streams in a compound file, in the encoding of its directory: Excel 97 and 95, and an encrypted xlsx.
_EXCEL_STREAMS: Final = tuple(
    name.encode("utf-16-le") for name in ("Workbook\0", "Book\0", "EncryptedPackage\0")
)


def sniff(content: bytes) -> str:
    """The media type the bytes themselves show; UNKNOWN where they show none."""
    head = content[:_HEAD]
    # ISO 32000-1, annex H: readers accept a header within the first 1024 bytes, where that of a PDF stands, too, that
    # was put into an archive as it is.
    if b"%PDF-" in head[:1024] and not head.startswith(b"PK\x03\x04"):
        return PDF
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return _container(content, media_type)
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
        return HTML if re.search(r"<html\b", _QUOTED.sub("", text), re.IGNORECASE) else XML
    return HTML if len(_MARKUP.findall(text)) > 2 else TEXT


def _container(content: bytes, media_type: str) -> str:
    """What is packed in a container of Office files, by the names that stand in it in clear."""
    if media_type == ZIP:
        if content[30:98].startswith(b"mimetype" + ODS.encode()):
            return ODS
        return XLSX if b"xl/workbook." in _directory(content) else ZIP
    if media_type == OLE and any(name in content for name in _EXCEL_STREAMS):
        return XLS
    return media_type


def _directory(content: bytes) -> bytes:
    """The directory of a zip, where its end record says it is: names in archives within are no names of this one."""
    end = content.rfind(b"PK\x05\x06")
    if end < 0 or len(content) < end + 20:
        return b""
    size, start = struct.unpack_from("<II", content, end + 12)
    return content[start : start + size]


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
