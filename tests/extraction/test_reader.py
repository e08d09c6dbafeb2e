"""One function reads any file; what cannot be read gives a finding."""

import json
from pathlib import Path

import pytest

from extraction.extractor import Source
from extraction.media import HTML, PDF, TEXT, UNKNOWN, XML, ZIP, decode, sniff
from extraction.reader import read, read_plain
from extraction.registry import best, load
from tests.extraction.paper import Paper

LETTER = "Auftragsbestätigung\nAB-Nr.: 12\nDatum: 03.02.2026\nIhre Bestellung: 99\n"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"%PDF-1.4", PDF),
        (b"junk\n%PDF-1.4", PDF),
        (b"<?xml version='1.0'?><a/>", XML),
        ("\ufeff<Order xmlns='x'/>".encode(), XML),
        (b"<!DOCTYPE html><p>x", HTML),
        (b"<HTML><body>", HTML),
        (b"Hello <b>x</b>", TEXT),
        ("Müller".encode("cp1252"), TEXT),
        (b"\x00\x01\x02", UNKNOWN),
        (b"", UNKNOWN),
        (b"MZ\x90", "application/x-msdownload"),
        (b"junk %PDF-1.7", PDF),
        (b"PK\x03\x04 a.pdf %PDF-1.7 stored as it is", ZIP),
    ],
)
def test_the_content_says_what_a_file_is(content: bytes, media_type: str) -> None:
    assert sniff(content) == media_type


def test_an_exe_named_pdf_is_not_taken_for_one() -> None:
    assert best(Source.of("invoice.pdf", b"MZ" + b"\x00" * 100)) is None


def test_a_text_in_windows_1252_keeps_its_umlauts() -> None:
    assert decode("Größe".encode("cp1252")) == decode("Größe".encode()) == "Größe"


def test_plain_data_goes_in_and_comes_out() -> None:
    hints = {"sender_domain": "federn.example", "subject": "AB", "own_names": ["Acme"], "own_vat_ids": []}
    result = read_plain({"name": "a.pdf", "content": Paper().pdf(), "hints": hints})
    assert json.loads(json.dumps(result)) == result
    assert (result["extractor"], result["version"]) == ("pdf", load("pdf").version)
    assert result["documents"][0]["number"] == "F-2041"
    assert result["documents"][0]["evidence"]["number"]["page"] == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"%PDF-1.4 broken", "pdf_broken"),
        (b"\x89PNG\r\n\x1a\n", "no_extractor"),
        (b"<a/>", "no_extractor"),
        (b"Guten Tag", "no_document"),
        (b"", "no_extractor"),
    ],
)
def test_a_file_that_gives_nothing_says_why(content: bytes, code: str) -> None:
    result = read("x", content)
    assert [finding.code for finding in result.findings] == [code]
    assert result.documents == ()


def test_every_value_of_the_shared_documents_stands_where_it_is_said_to(shared: Path) -> None:
    folder = shared / "data" / "documents"
    kinds = {"xml-ubl", "pdf-text", "txt-body", "html-body"}
    entries = [item for item in json.loads((folder / "manifest.json").read_text()) if item["kind"] in kinds]
    read_at_all = 0
    for entry in entries:
        result = read(entry["path"], (folder / entry["path"]).read_bytes())
        read_at_all += bool(result.documents)
        for extraction in result.documents:
            codes = [finding.code for finding in extraction.document.findings]
            assert "value_not_grounded" not in codes, entry["path"]
    assert read_at_all > 0.95 * len(entries)


def test_letters_without_a_table_give_their_header() -> None:
    document = read("body", LETTER.encode()).documents[0].document
    assert (document.number, document.order_reference) == ("12", "99")
    assert "lines_missing" in [finding.code for finding in document.findings]
