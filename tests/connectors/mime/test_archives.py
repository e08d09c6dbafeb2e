"""Files in files: rows 32 and 43 to 50 of the field notes."""

import gzip

from connectors import mime
from connectors.mime import limits
from tests.connectors.mime.mails import attachment, multipart, nodes, only, text, zipped
from zalion.demo import tnef


def test_row_32_winmail_is_unpacked_and_kept():
    winmail = tnef.winmail("Order", "the text", [("order.pdf", b"%PDF-1.7\n%%EOF", "application/pdf")])
    raw = multipart(text(), attachment(winmail, b"; filename=winmail.dat", b"application/ms-tnef"))
    found = nodes(raw)
    assert mime.content(raw, "2") == winmail
    inside = {node["name"]: node for node in found.values() if node["parent"] == "2"}
    assert inside["order.pdf"]["sniffed"] == "application/pdf"
    assert mime.content(raw, inside["order.pdf"]["path"]) == b"%PDF-1.7\n%%EOF"
    broken = multipart(
        attachment(winmail[: len(winmail) // 2], b"; filename=winmail.dat", b"application/ms-tnef")
    )
    assert nodes(broken)["1"]["size"] == len(winmail) // 2


def test_row_43_an_archive_is_opened_within_its_limits():
    raw = multipart(
        attachment(zipped([("order.pdf", b"%PDF-1.7\n%%EOF"), ("sub/list.csv", b"a;b")]), b"; filename=a.zip")
    )
    assert [(node["path"], node["parent"], node["name"]) for node in nodes(raw).values()] == [
        ("1", None, "a.zip"),
        ("1.1", "1", "order.pdf"),
        ("1.2", "1", "list.csv"),
    ]
    assert mime.content(raw, "1.2") == b"a;b"


def test_row_43_nested_archives_stop_at_their_depth():
    data = b"%PDF-1.7\n%%EOF"
    for level in range(6):
        data = zipped([(f"{level}.zip", data)])
    found = mime.parse(multipart(attachment(data, b"; filename=a.zip")))
    assert "archive_depth" in found["flags"]
    assert max(node["path"].count(".") for node in found["nodes"]) == limits.ARCHIVE_DEPTH


def test_row_43_an_archive_of_too_many_entries_is_kept_whole():
    data = zipped([(str(number), b"") for number in range(limits.ENTRIES + 1)])
    found = mime.parse(multipart(attachment(data, b"; filename=a.zip")))
    assert "archive_entries" in found["flags"]
    assert len(found["nodes"]) == 1


def test_row_44_paths_of_an_archive_are_never_used():
    data = zipped([("../../../../zalion_pwned", b"x"), ("/abs", b"x"), ("C:\\x", b"x")])
    assert [n["name"] for n in nodes(multipart(attachment(data, b"; filename=a.zip"))).values()][1:] == [
        "zalion_pwned",
        "abs",
        "x",
    ]


def test_row_45_gzip_is_opened_and_a_bomb_stopped():
    raw = multipart(attachment(gzip.compress(b"<Order/>"), b"; filename=order.xml.gz"))
    assert nodes(raw)["1.1"]["name"] == "order.xml"
    assert mime.content(raw, "1.1") == b"<Order/>"
    bomb = gzip.compress(bytes(limits.MEMBER + 2_000_000), compresslevel=1)
    assert "decompression_limit" in mime.parse(multipart(attachment(bomb, b"; filename=a.gz")))["flags"]


def test_row_46_entities_in_office_files_are_flagged():
    parts = [("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b'<!DOCTYPE x [<!ENTITY e "x">]><a/>')]
    node = only(multipart(attachment(zipped(parts), b"; filename=a.xlsx")))
    assert node["sniffed"].endswith("spreadsheetml.sheet")
    assert node["flags"] == ["xml_entities"]


def test_row_50_a_program_named_pdf_and_a_polyglot_are_flagged():
    assert {"type_mismatch", "dangerous_type"} <= set(
        only(multipart(attachment(b"MZ\x90", b"; filename=a.pdf")))["flags"]
    )
    both = b"%PDF-1.7\n%%EOF\n" + zipped([("a.exe", b"MZ")])
    assert "polyglot" in only(multipart(attachment(both, b"; filename=a.pdf")))["flags"]
