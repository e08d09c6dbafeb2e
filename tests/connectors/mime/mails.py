"""Mails for the parser's tests, written out."""

import base64
import io
import zipfile

from connectors import mime

HEAD = (
    b"From: Ada <ada@example.com>\r\nTo: box@example.test\r\nSubject: %s\r\nMessage-ID: <m1@example.com>\r\n"
)
HEAD += b"Date: Mon, 02 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"


def mail(extra: bytes = b"", body: bytes = b"hello\r\n", subject: bytes = b"Order 4711") -> bytes:
    return HEAD % subject + extra + b"\r\n" + body


def multipart(*parts: bytes, kind: bytes = b"mixed", extra: bytes = b"") -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    return mail(extra + b"Content-Type: multipart/" + kind + b'; boundary="b"\r\n', body)


def text(body: bytes = b"see attachment") -> bytes:
    return b"Content-Type: text/plain; charset=us-ascii\r\n\r\n" + body


def attachment(
    data: bytes, name: bytes = b'; filename="a.bin"', kind: bytes = b"application/octet-stream"
) -> bytes:
    return (
        b"Content-Type: " + kind + b"\r\nContent-Disposition: attachment" + name + b"\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(data).replace(b"\n", b"\r\n")
    )


def nodes(raw):
    return {node["path"]: node for node in mime.parse(raw)["nodes"]}


def only(raw):
    (node,) = mime.parse(raw)["nodes"]
    return node


def zipped(files, **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()
