"""Attached .msg files of Outlook: row 33 of the field notes."""

import io
import struct
import time

import olefile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oxmsg import Message
from oxmsg.domain import constants as c

from connectors import mime
from connectors.mime import compound, limits
from tests.connectors.mime.mails import attachment, multipart, nodes, text
from tests.connectors.mime.msgs import attached, enclosed, folder, msg

PDF = b"%PDF-1.7\n" + b"x" * 5000 + b"\n%%EOF"


def mail(data, name=b"; filename=order.msg"):
    return multipart(text(), attachment(data, name, b"application/vnd.ms-outlook"))


def test_row_33_its_words_and_files_are_children():
    raw = mail(msg("Bestellung für Müller", attached(0, "order.pdf", PDF), html=b"<p>the words"))
    found = nodes(raw)
    assert [(n["path"], n["parent"], n["name"], n["sniffed"], n["is_body"]) for n in found.values()] == [
        ("2", None, "order.msg", "application/vnd.ms-outlook", False),
        ("2.1", "2", "body.txt", "text/plain", True),
        ("2.2", "2", "body.html", "text/html", True),
        ("2.3", "2", "order.pdf", "application/pdf", False),
    ]
    assert mime.content(raw, "2.3") == PDF
    assert mime.content(raw, "2.1").decode() == (
        'Subject: Bestellung für Müller\nFrom: "Ada" <ada@example.com>\nTo: Müller, Uwe <uwe@example.com>\n'
        "Date: 2026-11-12T09:00:00+00:00\n\nthe words"
    )
    assert mime.parse(raw)["flags"] == ["dangerous_type"]  # body.html is a page that a browser would open


def test_mail_in_the_mail_is_a_file_of_its_own():
    inner = enclosed(1, "Inner", attached(0, "inner.pdf", PDF), enclosed(1, "Innermost", body="deep"))
    raw = mail(msg("Outer", attached(0, "outer.pdf", b"%PDF-1.4\n%%EOF"), inner))
    found = {node["name"]: node for node in nodes(raw).values() if not node["is_body"]}
    assert list(found) == ["order.msg", "outer.pdf", "Inner.msg", "inner.pdf", "Innermost.msg"]
    assert found["inner.pdf"]["parent"] == found["Inner.msg"]["path"] == "2.3"
    assert mime.content(raw, found["inner.pdf"]["path"]) == PDF
    standalone = Message.load(io.BytesIO(mime.content(raw, "2.3")))
    assert (standalone.subject, standalone.attachment_count) == ("Inner", 0)
    assert b"deep" in mime.content(raw, found["Innermost.msg"]["path"] + ".1")


def test_what_is_written_another_reader_reads():
    names = [f"{number}.bin" for number in range(200)]
    files = [attached(number, name, bytes([number]) * (40 * number)) for number, name in enumerate(names)]
    data = msg("Many", *files)
    with olefile.OleFileIO(data, raise_defects=olefile.DEFECT_POTENTIAL) as ole:
        assert len(ole.listdir(storages=True, streams=False)) == 201
    assert [one.file_name for one in Message.load(io.BytesIO(data)).attachments] == names
    assert [len(one.file_bytes) for one in Message.load(io.BytesIO(data)).attachments][::50] == [
        0, 2000, 4000, 6000,
    ]  # fmt: skip
    assert compound.write(compound.read(data, entries=limits.STREAMS)) == data


def test_mail_in_mail_stops_at_its_depth():
    inner = enclosed(0, "5")
    for level in range(4):
        inner = enclosed(0, str(level), inner)
    found = mime.parse(mail(msg("top", inner)))
    assert "archive_depth" in found["flags"]
    assert max(node["path"].count(".") for node in found["nodes"]) == limits.ARCHIVE_DEPTH


def test_files_are_counted():
    data = msg("Many", *[attached(number, "a.bin", b"x") for number in range(limits.ENTRIES + 10)])
    found = mime.parse(mail(data))
    assert "archive_entries" in found["flags"]
    assert len(found["nodes"]) == limits.ENTRIES + 1


def test_a_directory_past_its_limit_is_not_read():
    data = msg("Many", *[folder(f"a{number}", {}) for number in range(limits.STREAMS)])
    found = mime.parse(mail(data))
    assert [node["flags"] for node in found["nodes"]] == [["archive_entries"]]


def test_a_link_and_a_drawing_have_no_content():
    link = folder(
        "__attach_version1.0_#00000000", {c.PID_ATTACH_METHOD: 7, c.PID_ATTACH_LONG_FILENAME: "a.docx"}
    )
    drawing = folder("__attach_version1.0_#00000001", {c.PID_ATTACH_METHOD: 6, c.PID_DISPLAY_NAME: "b"})
    raw = mail(msg("x", link, drawing))
    assert [(n["name"], n["flags"]) for n in list(nodes(raw).values())[2:]] == [
        ("a.docx", ["external_body"]),
        ("b", ["unreadable"]),
    ]
    with pytest.raises(mime.PartMissing):
        mime.content(raw, "2.2")


def test_one_broken_attachment_leaves_the_others():
    broken = folder("__attach_version1.0_#00000000", {0x3707: "a.pdf", 0x3705: 1})
    lost = compound.Storage(broken.path, broken.streams[-1:], ())
    found = nodes(mail(msg("x", lost, attached(1, "b.pdf", PDF))))
    assert [(n["name"], n["flags"]) for n in list(found.values())[2:]] == [
        ("attachment-2.2", ["unreadable"]),
        ("b.pdf", []),
    ]


@pytest.mark.parametrize("keep", [8, 76, 511, 4096, 9000])
def test_a_cut_file_is_kept_and_flagged(keep):
    data = msg("x", attached(0, "a.pdf", PDF))[:keep]
    raw = mail(data + "__substg1.0_".encode("utf-16-le"))
    (node,) = nodes(raw).values()
    assert node["flags"] == ["unreadable"]
    assert mime.content(raw, "2").startswith(data)


def test_streams_over_each_other_are_a_bomb():
    files = [attached(number, "a.bin", b"y" * 60_000 if not number else b"y" * 5000) for number in range(50)]
    data = bytearray(msg("x", *files))
    sizes = {place: struct.unpack_from("<I", data, place + 120)[0] for place in range(0, len(data), 128)}
    (first,) = [struct.unpack_from("<I", data, p + 116)[0] for p, size in sizes.items() if size == 60_000]
    for place in [p for p, size in sizes.items() if size == 5000]:
        struct.pack_into("<IQ", data, place + 116, first, 60_000)
    found = mime.parse(mail(bytes(data)))
    assert [node["flags"] for node in found["nodes"]] == [["decompression_limit"]]


def test_chains_that_bite_their_tail_end():
    data = bytearray(msg("x", attached(0, "a.bin", b"y" * 60_000)))
    table = struct.unpack_from("<I", data, 76)[0]
    struct.pack_into("<1024I", data, (table + 1) * compound.SECTOR, *[0] * 1024)
    started = time.process_time()
    assert set(mime.parse(mail(bytes(data)))["flags"]) & {"unreadable", "archive_entries"}
    assert time.process_time() - started < 1


WHOLE = msg("x", attached(0, "a.pdf", PDF), enclosed(1, "y"), html=b"<p>")


@given(st.randoms(use_true_random=False), st.integers(1, 30))
@settings(max_examples=150, deadline=None)
def test_damaged_files_are_kept(chance, strokes):
    data = bytearray(WHOLE)
    for _ in range(strokes):
        place = chance.randrange(len(data) // 128) * 128 + chance.choice((0, 30, 44, 48, 64, 66, 68, 76, 116))
        data[place] = chance.randrange(256)
    raw = mail(bytes(data))
    for node in mime.parse(raw)["nodes"]:
        try:
            assert len(mime.content(raw, node["path"])) == node["size"]
        except mime.PartMissing:
            assert set(node["flags"]) & {"unreadable", "external_body", "decompression_limit"}
