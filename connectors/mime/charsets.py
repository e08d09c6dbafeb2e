"""Bytes to text by a fixed list of codecs and a ladder of fallbacks; never an exception."""

import binascii
import re

from connectors.mime import limits

# Only these: Python also knows codecs that decompress, undo escapes or transform (zlib, unicode_escape, rot13).
# UTF-7 is left out because it hides markup in plain ASCII. As in the WHATWG's list, Latin-1 is Windows-1252.
CODECS: dict[str, str] = {
    **dict.fromkeys(("utf8", "unicode11utf8", "cp65001"), "utf-8"),
    **dict.fromkeys(("usascii", "ascii", "ansix341968", "iso646us"), "ascii"),
    **dict.fromkeys(("iso88591", "latin1", "l1", "cp819", "windows1252", "cp1252"), "cp1252"),
    **{f"iso8859{number}": f"iso8859_{number}" for number in (*range(2, 12), 13, 14, 15, 16)},
    **{f"latin{n}": f"iso8859_{part}" for n, part in ((2, 2), (3, 3), (4, 4), (5, 9), (6, 10), (9, 15))},
    **{f"windows{page}": f"cp{page}" for page in (874, 1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258)},
    **{f"cp{page}": f"cp{page}" for page in (1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258)},
    **{f"cp{page}": f"cp{page}" for page in (437, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863)},
    **{f"cp{page}": f"cp{page}" for page in (864, 865, 866, 869, 874, 932, 949, 950)},
    **{f"ibm{page}": f"cp{page}" for page in (437, 850, 852, 855, 857, 858, 862, 866)},
    **dict.fromkeys(("iso88598i", "iso88598e"), "iso8859_8"),
    **dict.fromkeys(("iso88596i", "iso88596e"), "iso8859_6"),
    **dict.fromkeys(("tis620", "iso885911"), "cp874"),
    **dict.fromkeys(("koi8r", "koi8"), "koi8_r"),
    "koi8u": "koi8_u",
    **dict.fromkeys(("gb2312", "gbk", "cp936", "gb18030", "eucgb2312cn", "chinese", "csgb2312"), "gb18030"),
    **dict.fromkeys(("hz", "hzgb2312"), "hz"),
    **dict.fromkeys(("big5", "big5hkscs", "cnbig5"), "big5hkscs"),
    **dict.fromkeys(("shiftjis", "sjis", "windows31j", "mskanji", "xsjis"), "cp932"),
    **dict.fromkeys(("eucjp", "xeucjp"), "euc_jp"),
    **dict.fromkeys(("iso2022jp", "csiso2022jp", "iso2022jp1", "iso2022jp2"), "iso2022_jp_2"),
    **dict.fromkeys(("iso2022jp3", "iso2022jpms"), "iso2022_jp_ext"),
    **dict.fromkeys(("euckr", "ksc56011987", "ksc5601", "korean", "windows949", "uhc"), "cp949"),
    "iso2022kr": "iso2022_kr",
    "johab": "johab",
    **dict.fromkeys(("macintosh", "macroman", "mac"), "mac_roman"),
    "maccyrillic": "mac_cyrillic",
    **{f"utf{bits}{order}": f"utf-{bits}{order}" for bits in (16, 32) for order in ("", "le", "be")},
}
SHIFT = (b"\x1b$", b"\x1b(")
NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]")
SURROGATES = re.compile("[\ud800-\udfff]")
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# RFC 2047 forbids "?" and blanks inside a word; both are common. The repetition is bounded to stay linear.
WORD = re.compile(
    rb"=\?([^?\s]{1,64})\?([bBqQ])\?([^?\r\n]*+(?:\?(?!=)[^?\r\n]*+){0,8})\?=",
)


def codec(declared: str) -> str | None:
    """The Python codec for a charset name, None when it is not on the list."""
    name = NOT_ALPHANUMERIC.sub("", declared.lower().partition("*")[0])
    return CODECS.get(name) or CODECS.get(name.removeprefix("x"))


def decode(data: bytes, declared: str | None = None) -> tuple[str, str | None]:
    """Text without NUL and lone surrogates, and the flag `charset_unknown`, `charset_mismatch` or None."""
    named = codec(declared) if declared else None
    flag = "charset_unknown" if declared and named is None else None
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return clean(data.decode(encoding, "replace")), flag
    if named and named.startswith("utf-") and named != "utf-8" and b"\x00" not in data[:1024]:
        # Wide text without a single NUL is a wrong label on narrow text.
        named, flag = None, "charset_mismatch"
    if named in (None, "ascii") and any(shift in data for shift in SHIFT):
        named = "iso2022_jp_2"
    for candidate in (named, "utf-8"):
        text = _strict(data, candidate)
        if text is not None:
            mismatch = candidate != named and named not in (None, "ascii")
            return clean(text), "charset_mismatch" if mismatch else flag
    return clean(_lenient(data, named)), flag or "charset_mismatch"


def decode_header(data: bytes, hint: str | None = None) -> str:
    """One line of text of a header's value: RFC 2047 words, raw 8-bit text, no control characters.

    `hint` is the charset of the body, for senders that put 8-bit text into headers.
    """
    pieces: list[str] = []
    run: list[tuple[bytes, bytes]] = []
    charset = ""
    position = 0
    for word in WORD.finditer(data):
        gap = data[position : word.start()]
        position = word.end()
        named = word[1].decode("ascii", "replace").lower().partition("*")[0]
        if run and (gap.strip() or named != charset):
            pieces.append(_words(run, charset))
            run = []
        if gap.strip() or not pieces:
            pieces.append(_raw(gap, hint))
        charset = named
        run.append((word[2].lower(), word[3]))
    pieces += [_words(run, charset) if run else "", _raw(data[position:], hint)]
    return one_line("".join(pieces))


def one_line(text: str) -> str:
    """Without control characters, line separators and blanks at the ends."""
    return CONTROLS.sub(" ", SURROGATES.sub("\ufffd", text).replace("\x00", "")).strip()


def clean(text: str) -> str:
    """Text that every database and JSON writer takes."""
    return SURROGATES.sub("\ufffd", text).replace("\x00", "")


def base64_decode(data: bytes) -> bytes:
    """Lenient: ignores what is not of the alphabet and forgives missing padding."""
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    letters = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _words(run: list[tuple[bytes, bytes]], charset: str) -> str:
    """Neighbouring words of one charset: a character, or a group of base64, may be cut between two."""
    data = b""
    letters = b""
    for method, text in run:
        if method == b"b":
            letters += text
        if letters and (method != b"b" or text.endswith(b"=")):
            data, letters = data + base64_decode(letters), b""
        if method != b"b":
            data += binascii.a2b_qp(text, header=True)
    data += base64_decode(letters)
    if charset == "utf-7":
        # Refused in bodies, where it hides markup; a header is never markup.
        return data.decode("utf-7", "replace")
    return decode(data, charset)[0]


def _raw(data: bytes, hint: str | None) -> str:
    if data.isascii() and not any(shift in data for shift in SHIFT):
        return data.decode("ascii")
    text = _strict(data, "utf-8")
    return text if text is not None and not data.isascii() else decode(data, hint)[0]


def _strict(data: bytes, encoding: str | None) -> str | None:
    if encoding is None:
        return None
    # A body that was cut at its limit may end inside a character.
    for cut in range(4 if len(data) >= limits.TEXT else 1):
        try:
            return data[: len(data) - cut].decode(encoding)
        except ValueError:
            continue
    return None


def _lenient(data: bytes, named: str | None) -> str:
    if named in (None, "ascii"):
        return data.decode("cp1252", "replace")
    text = data.decode(named, "replace")
    if named == "utf-8":
        # A few broken characters in UTF-8, or another charset under its name?
        broken = text.count("\ufffd")
        if broken > sum(not character.isascii() for character in text) - broken:
            return data.decode("cp1252", "replace")
    return text
