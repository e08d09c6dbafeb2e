"""`manage.py extract` prints a line of JSON for every file, whatever is in it, without a database."""

import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.connectors.mime import msgs
from tests.extraction.paper import Paper
from tests.extraction.test_outcomes import packed
from tests.extraction.test_profiles import mail


def extract(*paths: Path, **options: Any) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("extract", *map(str, paths), stdout=out, stderr=StringIO(), **options)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_folder_gives_a_line_for_every_file_in_order(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.pdf").write_bytes(Paper().pdf())
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / ".hidden").write_bytes(b"x")
    lines = extract(tmp_path, jobs=2)
    assert [Path(line["path"]).name for line in lines] == ["broken.pdf", "a.pdf", "picture.png"]
    assert all(list(line) == ["path", "extractor", "documents", "findings"] for line in lines)
    assert [[finding["code"] for finding in line["findings"]] for line in lines] == [
        ["pdf_broken"],
        [],
        ["no_extractor"],
    ]
    assert lines[1]["extractor"] == "pdf"
    assert lines[1]["documents"][0]["number"] == "F-2041"


def test_mails_and_archives_are_opened_and_what_they_hold_is_given_once(tmp_path: Path) -> None:
    other = Paper(facts=(("AB-Nr.:", "F-2042"), ("Datum:", "04.02.2026"))).pdf()
    locked = Paper(password="x").pdf()
    (tmp_path / "a.eml").write_bytes(mail(Paper().pdf()))
    (tmp_path / "b.msg").write_bytes(msgs.msg("Order", msgs.attached(0, "f.pdf", Paper().pdf())))
    (tmp_path / "c.zip").write_bytes(
        packed(("1.pdf", Paper().pdf()), ("2.pdf", other), ("copy.pdf", Paper().pdf()), ("no.pdf", locked))
    )
    (tmp_path / "d.zip").write_bytes(packed(("1.pdf", Paper().pdf()), locked=True))
    (tmp_path / "e.zip").write_bytes(packed(("1.bin", b"\0\1")))
    lines = extract(tmp_path)
    assert all(list(line) == ["path", "extractor", "documents", "findings"] for line in lines)
    assert [[document["number"] for document in line["documents"]] for line in lines] == [
        ["F-2041"], ["F-2041"], ["F-2041", "F-2042"], [], [],
    ]  # fmt: skip
    assert [line["extractor"] for line in lines] == ["pdf", "pdf", "pdf", None, None]
    assert [[finding["code"] for finding in line["findings"]] for line in lines] == [
        [], [], ["pdf_encrypted"], ["encrypted"], ["nothing_inside"],
    ]  # fmt: skip
    assert lines[2]["findings"][0]["message"].startswith("no.pdf: ")


def test_a_path_that_is_not_there_is_said_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such file"):
        extract(tmp_path / "absent")


def test_names_that_are_no_text_and_files_that_cannot_be_read_stop_no_other(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.pdf")).write_bytes(Paper().pdf())
    (tmp_path / "b.pdf").symlink_to(tmp_path / "b.pdf")
    (tmp_path / "c.xml").write_bytes(b"<a" * 1000)
    lines = extract(tmp_path)
    assert [line["path"].rpartition("/")[2] for line in lines] == ["a\ufffd.pdf", "c.xml"]
    assert lines[0]["documents"]
    assert lines[1]["findings"]
    [line] = extract(tmp_path / "c.xml")
    assert list(line) == ["path", "extractor", "documents", "findings"]
