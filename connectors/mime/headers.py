"""Header blocks within limits: fields, parameters (RFC 2045, RFC 2231), dates and message ids."""

import re
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import islice
from urllib.parse import unquote_to_bytes

from connectors.mime import limits
from connectors.mime.charsets import decode, decode_header

FIELD = re.compile(rb"([!-9;-~]{1,200}+)[ \t]*+:")
KNOWN = re.compile(
    rb"(from|to|cc|subject|date|received|return-path|message-id|mime-version|delivered-to|sender|reply-to"
    rb"|content-[a-z-]{1,40}|x-[a-z0-9-]{1,100})[ \t]*+:",
    re.IGNORECASE,
)
ENVELOPE = re.compile(rb">?From ")
LEADING = re.compile(rb"(?:\xef\xbb\xbf)?[\s\x00]*+")
BLANK_LINE = re.compile(rb"\n\r*+\n")
PARAMETER = re.compile(
    rb""";\s*+([^\s=;"]{1,100}+)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)(?:"|\Z)|([^;]*+))""",
    re.DOTALL,
)
FORGOTTEN_SEMICOLON = re.compile(rb"\A(\s*+[^\s;]++)\s++(?=[A-Za-z-]{1,20}+=)")
MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+*-]{1,150}")
MESSAGE_ID = re.compile(rb"<([^<>\s]++)>")
DATE_LENGTH = 128
# The standard library takes the year 0001 for 2001.
ANCIENT = re.compile(r"[A-Za-z]{3} 0\d{3} ")


@dataclass
class Headers:
    """The fields of one block in their order, values unfolded but not decoded; what was wrong with them."""

    fields: list[tuple[str, bytes]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    body: int = 0

    def get(self, name: str) -> bytes:
        """The first field of this name (lower case), empty when there is none."""
        return next((value for key, value in self.fields if key == name), b"")

    def all(self, name: str) -> list[bytes]:
        return [value for key, value in self.fields if key == name]

    def text(self, name: str, hint: str | None = None) -> str:
        return decode_header(self.get(name), hint)


@dataclass(frozen=True)
class Value:
    """A structured value: of "text/plain; charset=utf-8" the `main` part and the parameters, undecoded."""

    main: str
    parameters: dict[str, bytes]
    flags: frozenset[str] = frozenset()

    def token(self, name: str) -> str:
        """A parameter that is a word, such as charset."""
        return self.text(name).strip().strip("\"'").partition(" ")[0].lower()

    def text(self, name: str) -> str:
        """A parameter as people wrote it: RFC 2231 in one or more pieces, RFC 2047, raw 8-bit."""
        extended = self.parameters.get(f"{name}*")
        if extended is not None:
            charset, data = _extended(extended)
            return decode(data, charset)[0]
        pieces = self._pieces(name)
        if pieces:
            return pieces
        return decode_header(self.parameters.get(name, b""))

    def _pieces(self, name: str) -> str:
        charset: str | None = None
        data = b""
        for number in range(limits.PARAMETERS):
            piece = self.parameters.get(f"{name}*{number}*")
            if piece is None:
                piece = self.parameters.get(f"{name}*{number}")
                if piece is None:
                    break
                data += piece
            elif number == 0:
                charset, data = _extended(piece)
            else:
                data += unquote_to_bytes(piece)
        return decode(data, charset)[0] if charset or not data.startswith(b"=?") else decode_header(data)


def read(data: bytes, start: int, end: int) -> Headers:
    """The header block of a message or part at `start`; `body` of the result is where its body begins."""
    headers = Headers(body=end)
    position = _first_line(data, start, end, headers)
    limit = min(end, position + limits.HEADER_BLOCK)
    lines: list[bytes] = []
    while position < limit and len(headers.fields) <= limits.HEADERS:
        stop = data.find(b"\n", position, end)
        following = end if stop < 0 else stop + 1
        line = data[position : min(following, limit)].rstrip(b"\r\n")
        if not line:
            headers.body = following
            break
        name = FIELD.match(line)
        if line[0] in b" \t" and headers.fields:
            lines.append(line)
        elif name:
            _finish(headers, lines)
            headers.fields.append((name[1].decode("ascii").lower(), b""))
            lines = [line[name.end() :]]
        elif not ENVELOPE.match(line):
            if not _resumes(data, following, limit, known=not headers.fields):
                headers.flags.add("no_headers" if not headers.fields else "header_junk")
                headers.body = position
                break
            headers.flags.add("header_junk")
        position = following
    else:
        if position < end:
            headers.flags.add("header_limit")
            blank = BLANK_LINE.search(data, position - 1, end)
            headers.body = blank.end() if blank else end
    _finish(headers, lines)
    del headers.fields[limits.HEADERS :]
    return headers


def value(data: bytes) -> Value:
    """Bounded: 100,000 semicolons cost a millisecond."""
    data = FORGOTTEN_SEMICOLON.sub(rb"\1; ", data.replace(b"\x00", b""), count=1)
    main = data.partition(b";")[0].decode("ascii", "replace").partition("(")[0].strip().strip("\"'").lower()
    parameters: dict[str, bytes] = {}
    found = PARAMETER.finditer(data)
    for parameter in islice(found, limits.PARAMETERS):
        quoted, plain = parameter[2], parameter[3]
        text = plain.strip() if quoted is None else quoted.replace(b'\\"', b'"').replace(b"\\\\", b"\\")
        parameters.setdefault(parameter[1].decode("ascii", "replace").lower(), text)
    return Value(main, parameters, frozenset({"parameter_limit"}) if next(found, None) else frozenset())


def media_type(content_type: Value, default: str) -> str:
    """type/subtype in lower case; `default` where the header gives none."""
    if MEDIA_TYPE.fullmatch(content_type.main):
        return content_type.main
    if content_type.main.startswith(("text", "plain")):
        return "text/plain"
    return "application/octet-stream" if content_type.main else default


def date(data: bytes) -> str | None:
    """The date of a header as ISO 8601 in UTC; None where it cannot be, or cannot be true."""
    try:
        text = decode_header(data[:DATE_LENGTH])
        if ANCIENT.search(text):
            return None
        moment = parsedate_to_datetime(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None
    return moment.isoformat() if 1970 <= moment.year <= 2200 else None


def message_ids(data: bytes) -> list[str]:
    """The ids of a Message-ID, In-Reply-To or References field, without their angles."""
    found = [match[1] for match in islice(MESSAGE_ID.finditer(data), 10_000)]
    if not found and b"<" not in data:
        found = data.split(None, 1)[:1]
    return [decode_header(item[: limits.MESSAGE_ID]) for item in found]


def _first_line(data: bytes, start: int, end: int, headers: Headers) -> int:
    blank = LEADING.match(data, start, end)
    position = blank.end() if blank else start
    if position > start and (KNOWN.match(data, position, end) or ENVELOPE.match(data, position, end)):
        headers.flags.add("leading_blank")
        return position
    return start


def _resumes(data: bytes, position: int, limit: int, *, known: bool) -> bool:
    """Whether the header goes on after a stray line: perhaps its continuation lines, then a field."""
    for _ in range(10):
        if data[position : position + 1] not in (b" ", b"\t"):
            break
        stop = data.find(b"\n", position, limit)
        if stop < 0:
            return False
        position = stop + 1
    return (KNOWN if known else FIELD).match(data, position, limit) is not None


def _finish(headers: Headers, lines: list[bytes]) -> None:
    """Joins the lines of the last field."""
    if lines:
        joined = b"".join(lines)
        if len(joined) > limits.HEADER:
            headers.flags.add("header_limit")
        headers.fields[-1] = (headers.fields[-1][0], joined[: limits.HEADER].strip())


def _extended(data: bytes) -> tuple[str | None, bytes]:
    charset, quote, rest = data.partition(b"'")
    _, second, text = rest.partition(b"'")
    if not quote or not second:
        return None, unquote_to_bytes(data)
    return charset.decode("ascii", "replace") or None, unquote_to_bytes(text)
