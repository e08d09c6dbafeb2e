"""Whatever arrives, the parser answers with plain data."""

import json
import random
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors import mime
from connectors.mime import (
    addresses,
    charsets,
    containers,
    headers,
    html,
    kinds,
    names,
    nodes,
    parts,
    sniff,
    text,
)
from tests.connectors.mime.mails import attachment, mail, multipart
from tests.connectors.mime.mails import text as plain

FRAGMENTS = st.sampled_from(
    [
        b'\r\n', b'\n', b'\r', b'--b', b'--b--', b'\r\n--b\r\n', b'\r\n--b--\r\n', b'Content-Type: ',
        b'multipart/mixed; boundary=b', b'message/rfc822', b'text/html; charset=', b'utf-8', b'utf-16',
        b'iso-2022-kr', b'hz', b'=?utf-8?q?', b'?=', b'=?x?b?', b'"', b'\\', b'(', b')', b'<', b'>',
        b',', b';', b':', b'@', b'=', b'*0*=', b'name', b'%', b"''", b'From: ', b'To: ', b'Subject: ',
        b'Date: ', b'Mon, 02 Nov 2026 10:00:00 +0100', b'Content-Transfer-Encoding: ', b'base64',
        b'quoted-printable', b'x-uuencode', b'begin 644 a\r\n', b'end\r\n', b'PK\x03\x04', b'PK\x05\x06',
        b'PK\x01\x02', b'\x1f\x8b', b'x\x9f>"', b'%PDF-', b'\x00', b'\xff', b'\x1b$B',
        b'Content-Disposition: attachment; filename', b'Message-ID: ', b' ', b'\t',
    ]
)  # fmt: skip
MAILS = st.lists(FRAGMENTS | st.binary(max_size=12), max_size=60).map(b"".join)


def check(raw):
    found = mime.parse(raw)
    json.dumps(found, allow_nan=False).encode("ascii")
    if found["quarantine"]:
        return
    # As databases and files want their text.
    json.dumps(found, ensure_ascii=False).encode("utf-8")
    assert "\\u0000" not in json.dumps(found)
    for node in found["nodes"]:
        assert len(node["name"].encode()) <= 255
        assert "/" not in node["name"]
        try:
            assert len(mime.content(raw, node["path"])) == node["size"]
        except mime.PartMissing:
            assert set(node["flags"]) & {"encrypted", "unreadable", "decompression_limit"}
    mime.sanitise(found["html"])


@given(st.binary(max_size=2000))
@settings(max_examples=150, deadline=None)
def test_random_bytes_are_read(raw):
    check(raw)


@given(MAILS)
@settings(max_examples=300, deadline=None)
def test_random_mail_syntax_is_read(raw):
    check(raw)


@given(st.randoms(use_true_random=False), st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_damaged_mail_is_read(chance, strokes):
    raw = bytearray(
        multipart(plain(), attachment(b"data", kind=b"message/rfc822"), multipart(attachment(b"PK\x03\x04")))
    )
    for _ in range(strokes):
        place = chance.randrange(len(raw))
        if chance.random() < 0.5:
            raw[place] = chance.randrange(256)
        else:
            del raw[place : place + chance.randrange(8)]
    check(bytes(raw))


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_header_value_is_decoded_to_one_clean_line(data):
    line = charsets.decode_header(data)
    assert not re.search("[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]", line)


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_file_name_is_made_safe(original):
    name, _ = names.safe(original, "attachment-1")
    assert name
    assert len(name.encode()) <= 255
    assert not re.search(r'[/\\<>:"|?*\x00-\x1f]', name)
    assert name not in (".", "..")
    assert not names.INVISIBLE.search(name)


@given(
    st.sampled_from([b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b"\x78\x9f\x3e\x22"]),
    st.binary(max_size=400),
)
@settings(max_examples=200, deadline=None)
@example(b"\x78\x9f\x3e\x22", b"\0\0\2" + bytes(12))
def test_broken_containers_are_kept_whole(magic, rest):
    raw = multipart(attachment(magic + rest))
    assert mime.content(raw, "1") == magic + rest
    check(raw)


PATTERNS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in (addresses, charsets, containers, headers, html, kinds, names, nodes, parts, sniff, text)
    for name, value in vars(module).items()
    if isinstance(value, re.Pattern)
}
# Used at one place of the text only; searching with them would be another thing.
ANCHORED = {
    "headers.FORGOTTEN_SEMICOLON",
    "html.LINK",
    "kinds.OUT_OF_OFFICE",
    "nodes.LOGO_NAME",
    "sniff.ROOT",
}
BAITS = [
    "a", " ", "=", "=?x?q?", "=?x?q?a", "?", ";", "; a", ';a="', '"',
    "\\", "begin 644 a\n", "begin 644 a\n#86)C\n", "-", "--a\n", "\n", "\r", "\n\r", "<", "<a",
    "<!--", "<![", "<?", "<Relationship ", "a@", "@a", "a.", ".", "!", " on",
    " onabc ", "re: ", "image", "image.", "From: ", "X-a", "<a@b", "'", "%", "PK",
    "/JS", "\x00", "a b",
]  # fmt: skip


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_no_pattern_is_slow_on_hostile_text(name):
    pattern = PATTERNS[name]
    for bait in BAITS:
        hostile = (bait * (100_000 // len(bait)))[:100_000] + "\x01"
        data = hostile.encode() if isinstance(pattern.pattern, bytes) else hostile
        started = time.process_time()
        if name in ANCHORED:
            pattern.match(data)
        else:
            for _ in zip(pattern.finditer(data), range(200_000), strict=False):
                pass
        assert time.process_time() - started < 0.5, bait


def test_a_large_mail_of_everything_is_read_in_budget():
    chance = random.Random(4711)
    pieces = [attachment(chance.randbytes(2000), b"; filename=a%d.bin" % number) for number in range(900)]
    started = time.process_time()
    assert len(mime.parse(multipart(*pieces))["nodes"]) == 900
    assert time.process_time() - started < 3
    assert mime.parse(mail())["flags"] == []
