"""RFC 5322 mails put together byte by byte, with the habits of the programs that send them."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from email.charset import BASE64, QP, Charset
from email.header import Header
from urllib.parse import quote

CRLF = b"\r\n"
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Part:
    """A MIME entity: its headers as they stand on the wire, and its encoded body with CRLF line ends."""

    headers: tuple[tuple[str, str], ...]
    body: bytes

    def render(self) -> bytes:
        return render_headers(self.headers) + CRLF + self.body


def render_headers(headers: Headers) -> bytes:
    """Header lines in order; values are ASCII and already folded."""
    return b"".join(f"{name}: {value}".encode("ascii") + CRLF for name, value in headers)


def encoded(text: str, *, charset: str = "utf-8", name: str = "Subject", base64_words: bool = False) -> str:
    """Text as an RFC 2047 header value, folded; plain ASCII stays as it is."""
    if text.isascii():
        return Header(text, "us-ascii", header_name=name, maxlinelen=76).encode(linesep="\r\n")
    words = Charset(charset)
    words.header_encoding = BASE64 if base64_words else QP
    return Header(text, words, header_name=name, maxlinelen=75).encode(linesep="\r\n")


def address(name: str, email: str, *, charset: str = "utf-8", base64_words: bool = False) -> str:
    """`name <email>` with the name quoted or encoded as it needs."""
    if not name.isascii():
        return f"{encoded(name, charset=charset, name='From', base64_words=base64_words)} <{email}>"
    return f'"{name}" <{email}>'


def text(
    content: str, subtype: str = "plain", *, charset: str = "utf-8", encoding: str = "quoted-printable"
) -> Part:
    """A text part; characters the charset lacks become their nearest ASCII or a question mark."""
    data = content.replace("–", "-").encode(charset, "replace") if charset != "utf-8" else content.encode()
    if encoding == "quoted-printable":
        body = binascii.b2a_qp(data, istext=True).replace(b"\n", CRLF)
    elif encoding == "base64":
        body = _base64(data.replace(b"\n", CRLF))
    else:
        body = data.replace(b"\n", CRLF)
    label = charset if encoding != "7bit" else "us-ascii"
    headers = (
        ("Content-Type", f'text/{subtype}; charset="{label}"'),
        ("Content-Transfer-Encoding", encoding),
    )
    return Part(headers, body if body.endswith(CRLF) else body + CRLF)


def attachment(
    name: str, data: bytes, mime: str, *, charset: str = "utf-8", content_id: str = "", rfc2047: bool = False
) -> Part:
    """A base64 part. Non-ASCII names follow RFC 2231, or RFC 2047 inside quotes, as Outlook does it."""
    disposition = "inline" if content_id else "attachment"
    if name.isascii():
        parameter, label = f'filename="{name}"', f'; name="{name}"'
    elif rfc2047:
        word = encoded(name, charset=charset, base64_words=True).replace("\r\n ", "\r\n\t")
        parameter, label = f'filename="{word}"', f';\r\n\tname="{word}"'
    else:
        parameter, label = f"filename*=UTF-8''{quote(name)}", ""
    headers = [
        ("Content-Type", f"{mime}{label}"),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Disposition", f"{disposition};\r\n\t{parameter}"),
    ]
    if content_id:
        headers.append(("Content-ID", f"<{content_id}>"))
    return Part(tuple(headers), _base64(data))


def multipart(subtype: str, parts: Sequence[Part], boundary: str, *, closed: bool = True) -> Part:
    """Parts between boundaries; `closed=False` leaves the closing one out, as a cut-off transfer does."""
    body = b"".join(b"--" + boundary.encode() + CRLF + part.render() + CRLF for part in parts)
    if closed:
        body += b"--" + boundary.encode() + b"--" + CRLF
    label = f'multipart/{subtype};\r\n\tboundary="{boundary}"'
    return Part((("Content-Type", label),), body)


def message(headers: Headers, root: Part) -> bytes:
    """The whole mail."""
    return render_headers([*headers, ("MIME-Version", "1.0"), *root.headers]) + CRLF + root.body


def _base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", CRLF)
