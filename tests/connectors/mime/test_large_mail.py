"""Mail above 25 MiB: by positions and streams, never several times in memory. Row 60 of the field notes."""

import base64
import io
import sys

import pytest

from bench.memory import measured
from connectors import mime
from connectors.mime import limits, parts
from tests.connectors.mime.mails import attachment, mail, multipart, nodes, text
from zalion.sandbox import Pool, Streamed

MIB = 1 << 20
SIZE = 60 * MIB


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    ("shape", "times"), [("attachment", 2.1), pytest.param("mail in base64", 2.7, marks=pytest.mark.soak)]
)
def test_row_60_a_large_mail_is_held_once_by_its_worker_and_not_often_by_the_child(shape, times):
    """A fresh process takes it in, parses it and hands its attachments out; the floors are 101 and 30 MiB."""
    state, (worker, child, worker_after, child_after), size = measured(shape, SIZE)
    assert state == "stored"
    assert size > 59 * MIB
    assert max(worker, worker_after) < 120 * MIB + size
    assert max(child, child_after) < 45 * MIB + size * times


def test_a_large_attachment_is_kept_and_said_not_to_be_looked_into():
    data = b"PK\x03\x04" + bytes(limits.INSPECTED)
    raw = multipart(text(), attachment(data))
    with Pool(1) as pool:
        found = pool.call("connectors.mime:parse", {"raw": Streamed(io.BytesIO(raw), len(raw))})
        assert found["flags"] == ["not_inspected"]
        assert pool.call("connectors.mime:content", {"raw": raw, "path": "2"}) == data


def test_the_text_of_a_large_body_is_its_beginning():
    raw = mail(body=b"words and words\r\n" * (limits.INSPECTED // 10))
    found = mime.parse(raw)
    assert "body_limit" in found["flags"]
    assert found["text"].startswith("words and words\nwords")


def test_mail_in_base64_is_opened_within_a_budget(monkeypatch):
    inner = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(
        multipart(attachment(b"x" * 1000))
    )
    raw = multipart(inner, inner, inner)
    monkeypatch.setattr(limits, "DECODED", 4000)
    found = nodes(raw)
    assert [found[path]["flags"] for path in ("1", "2", "3")] == [[], [], ["not_inspected"]]
    assert ["1.1" in found, "2.1" in found, "3.1" in found] == [True, True, False]
    assert mime.content(raw, "3") == mime.content(raw, "1")


@pytest.mark.parametrize("piece", [b"=C3=BC", b"=\r\n", b"x\r\n", b"=3D", b"abc def"])
def test_quoted_printable_is_the_same_in_pieces(piece, monkeypatch):
    raw = mail(b"Content-Transfer-Encoding: quoted-printable\r\n", piece * 500)
    whole = mime.content(raw, "1")
    for size in (63, 64, 65):
        monkeypatch.setattr(parts, "CHUNK", size)
        assert mime.content(raw, "1") == whole


def test_many_uuencoded_files_in_a_body_are_taken_out_in_one_go():
    body = b"begin 644 a.txt\r\n#86)C\r\n`\r\nend\r\nbetween\r\n" * 900 + b"x" * (4 * MIB)
    found = mime.parse(mail(body=body))
    assert len(found["nodes"]) == 900
    assert found["text"].count("between\n") == 900
