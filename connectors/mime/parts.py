"""A mail as a tree of parts: positions in the raw bytes, found in linear time, decoded when asked for."""

import binascii
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.mime import headers, limits
from connectors.mime.headers import Headers, Value

MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})
UUENCODED = frozenset({b"x-uuencode", b"uuencode", b"x-uue", b"uue"})
PLAIN = frozenset({b"", b"7bit", b"8bit", b"binary"})
NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)
GUESSED_BOUNDARY = re.compile(rb"(?:\A|\n)--([!-~][ -~]{0,200}?)[ \t]*+\r*+\n")
UU_LINE = re.compile(rb"[^\r\n]++")
NOT_UUENCODED = bytes(set(range(256)) - set(range(0x20, 0x61)))
CHUNK = 1 << 20


@dataclass(eq=False)
class Part:
    """One part. `data[start:end]` is its body as it was sent; `path` is its number as in IMAP ("1.2.1")."""

    headers: Headers
    data: bytes
    start: int
    end: int
    type: str
    content_type: Value
    disposition: Value
    path: str = ""
    children: list["Part"] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)

    @property
    def is_multipart(self) -> bool:
        return self.type.startswith("multipart/") and bool(self.children)

    @property
    def is_message(self) -> bool:
        return self.type in MESSAGES and bool(self.children)

    def name(self) -> str:
        """The file name the sender gave, undisguised and unsafe; empty when none."""
        return self.disposition.text("filename") or self.content_type.text("name")

    def names_differ(self) -> bool:
        names = {self.disposition.text("filename"), self.content_type.text("name")} - {""}
        return len(names) > 1

    def decoded(self) -> Iterator[bytes]:
        """The content in pieces, without its transfer encoding; what cannot be decoded is flagged."""
        encoding = self.headers.get("content-transfer-encoding").split(b";")[0].strip().strip(b"\"'").lower()
        if self.children and self.is_multipart:
            encoding = b""
        if encoding == b"base64":
            yield from self._base64()
        elif encoding == b"quoted-printable":
            yield from self._quoted_printable()
        elif encoding in UUENCODED:
            yield from _uudecoded(self.data, self.start, self.end)
        else:
            if encoding not in PLAIN:
                self.flags.add("encoding_unknown")
            for position in range(self.start, self.end, CHUNK):
                yield self.data[position : min(position + CHUNK, self.end)]

    def content(self, most: int | None = None) -> bytes:
        """All of it, or its beginning: `most` bytes and perhaps a few more."""
        out = io.BytesIO()
        for chunk in self.decoded():
            out.write(chunk)
            if most is not None and out.tell() > most:
                break
        return out.getvalue()

    def _quoted_printable(self) -> Iterator[bytes]:
        start = self.start
        while start < self.end:
            stop = min(start + CHUNK, self.end)
            if stop < self.end:
                # Cut behind a line, or where there is none at least not within "=C3".
                escape = self.data.rfind(b"=", stop - 2, stop)
                stop = self.data.rfind(b"\n", start, stop) + 1 or (escape if escape > start else stop)
            yield binascii.a2b_qp(self.data[start:stop])
            start = stop

    def _base64(self) -> Iterator[bytes]:
        rest = b""
        for position in range(self.start, self.end, CHUNK):
            letters = rest + self.data[position : min(position + CHUNK, self.end)].translate(None, NOT_BASE64)
            while b"=" in letters:
                pad = letters.index(b"=")
                if pad % 4 >= 2:
                    yield binascii.a2b_base64(letters[:pad] + b"==")
                    if letters[pad:].strip(b"=") or position + CHUNK < self.end:
                        # Padding ends base64; what follows is most often a list's footer.
                        self.flags.add("content_after_end")
                    return
                letters = letters[:pad] + letters[pad + 1 :]
            whole = len(letters) - len(letters) % 4
            yield binascii.a2b_base64(letters[:whole])
            rest = letters[whole:]
        if rest:
            self.flags.add("truncated")
            if len(rest) > 1:
                yield binascii.a2b_base64(rest + b"==")


class Index:
    """All parts of a mail within the limits. `flags` says what lies past them."""

    def __init__(self, raw: bytes) -> None:
        self.flags: set[str] = set()
        self._count = 0
        self._decoded = 0
        self.root = self._message(raw, 0, len(raw), depth=0)
        _number(self.root, "")

    def walk(self, part: Part | None = None) -> Iterator[Part]:
        """Every part, each before its children."""
        part = part or self.root
        yield part
        for child in part.children:
            yield from self.walk(child)

    def _message(self, data: bytes, start: int, end: int, *, depth: int) -> Part:
        block = headers.read(data, start, end)
        return self._part(block, data, end, default="text/plain", depth=depth)

    def _part(self, block: Headers, data: bytes, end: int, *, default: str, depth: int) -> Part:
        self._count += 1
        content_type = headers.value(block.get("content-type"))
        disposition = headers.value(block.get("content-disposition"))
        part = Part(
            headers=block,
            data=data,
            start=block.body,
            end=end,
            type=headers.media_type(content_type, default),
            content_type=content_type,
            disposition=disposition,
        )
        part.flags |= block.flags | content_type.flags | disposition.flags
        if part.type == "application/octet-stream" and part.name().lower().endswith(".eml"):
            part.type = "message/rfc822"
        if part.type.startswith("multipart/") or part.type in MESSAGES:
            if depth >= limits.DEPTH:
                part.flags.add("nesting_limit")
            elif part.type in MESSAGES:
                self._open_message(part, depth)
            else:
                self._open_multipart(part, depth)
        self.flags |= part.flags
        return part

    def _open_message(self, part: Part, depth: int) -> None:
        encoding = part.headers.get("content-transfer-encoding").strip().lower()
        if encoding in (b"base64", b"quoted-printable"):
            # RFC 2046 forbids it, mail programs do it.
            data = self._decode(part)
            if data is not None:
                part.children.append(self._message(data, 0, len(data), depth=depth + 1))
        else:
            part.children.append(self._message(part.data, part.start, part.end, depth=depth + 1))

    def _open_multipart(self, part: Part, depth: int) -> None:
        boundary = part.content_type.parameters.get("boundary", b"").rstrip()
        if not boundary:
            boundary = part.content_type.text("boundary").encode("latin-1", "replace").rstrip()
        if not boundary:
            part.flags.add("boundary_missing")
            boundary = self._guess(part)
        encoding = part.headers.get("content-transfer-encoding").strip().lower()
        if encoding == b"base64" and part.data.find(b"--" + boundary, part.start, part.end) < 0:
            data = self._decode(part)
            if data is not None:
                part.data, part.start, part.end = data, 0, len(data)
        default = "message/rfc822" if part.type == "multipart/digest" else "text/plain"
        for start, end in self._pieces(part, boundary):
            if self._count >= limits.PARTS:
                part.flags.add("part_limit")
                break
            block = headers.read(part.data, start, end)
            part.children.append(self._part(block, part.data, end, default=default, depth=depth + 1))
        if not part.children:
            part.flags.add("no_parts")

    def _decode(self, part: Part) -> bytes | None:
        """What has to be decoded as a whole before it can be looked into; None past what a mail may have of it."""
        left = limits.DECODED - self._decoded
        data = part.content(left)
        if len(data) > left:
            part.flags.add("not_inspected")
            return None
        self._decoded += len(data)
        return data

    def _guess(self, part: Part) -> bytes:
        """The first line that looks like a boundary, for mails that do not name theirs."""
        line = GUESSED_BOUNDARY.search(part.data, part.start, min(part.end, part.start + limits.HEADER_BLOCK))
        return line[1] if line else b""

    def _pieces(self, part: Part, boundary: bytes) -> Iterator[tuple[int, int]]:
        """Start and end of each part between the delimiter lines (RFC 2046 section 5.1.1)."""
        if not boundary or len(boundary) > limits.BOUNDARY:
            part.flags.add("boundary_invalid")
            return
        line = re.compile(rb"\n--" + re.escape(boundary) + rb"(--)?[ \t]*+(?=\r*+\n|\r*+\Z)")
        first = re.compile(rb"--" + re.escape(boundary) + rb"(--)?[ \t]*+(?=\r*+\n|\r*+\Z)")
        delimiter = first.match(part.data, part.start, part.end)
        delimiter = delimiter or line.search(part.data, part.start, part.end)
        closed = False
        while delimiter:
            stop = part.data.find(b"\n", delimiter.end(), part.end)
            start = part.end if stop < 0 else stop + 1
            closed = delimiter[1] is not None
            following = line.search(part.data, max(start - 1, delimiter.end()), part.end)
            if closed and following is None:
                return
            if not closed:
                end = following.start() if following else part.end
                if following and part.data[end - 1 : end] == b"\r":
                    end -= 1
                if start < part.end or following:
                    yield start, max(start, end)
            delimiter = following
        if not closed:
            part.flags.add("boundary_unclosed")


def uudecode(data: bytes) -> bytes:
    """The lines of a uuencoded body, with or without its begin and end."""
    return b"".join(_uudecoded(data, 0, len(data)))


def _uudecoded(data: bytes, start: int, end: int) -> Iterator[bytes]:
    out = bytearray()
    begun = False
    for found in UU_LINE.finditer(data, start, end):
        line = found[0]
        if line.startswith((b"begin ", b"end")) and not begun:
            continue
        if line.strip() in (b"end", b"`", b""):
            continue
        # Some encoders pad the line with more than its length says; the length is in the first character.
        length = (((line[0] - 32) & 63) * 4 + 5) // 3
        for attempt in (line, line[:length], line.translate(None, NOT_UUENCODED)[: length + 1]):
            try:
                out += binascii.a2b_uu(attempt)
                begun = True
                break
            except binascii.Error:
                continue
        if len(out) >= CHUNK:
            yield bytes(out)
            out.clear()
    yield bytes(out)


def _number(part: Part, path: str) -> None:
    """Numbers as in IMAP (RFC 3501 section 6.4.5): a message's only part is its "1"."""
    if part.is_multipart:
        part.path = path
        for number, child in enumerate(part.children, 1):
            _number(child, f"{path}.{number}" if path else str(number))
        return
    part.path = path or "1"
    if part.is_message:
        child = part.children[0]
        _number(child, part.path if child.is_multipart else f"{part.path}.1")
