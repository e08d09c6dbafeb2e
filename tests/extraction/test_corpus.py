"""Every document with truth is read, each value stands where it is said to, and what passes is right."""

import json
from pathlib import Path
from typing import Any

import pytest

from extraction.confidence import passes_without_person
from extraction.grounding import ungrounded
from extraction.reader import ReadResult, read
from tests.extraction.scoring import scorer

# Recognised text takes minutes: `make bench-extraction` reads scans and receipts when they are named.
RECOGNISED = {"pdf-scan", "image-scan", "image-receipt"}
PARTS = 4


def entries(folder: Path) -> list[dict[str, Any]]:
    manifest: list[dict[str, Any]] = json.loads((folder / "manifest.json").read_text())
    return [item for item in manifest if item["kind"] not in RECOGNISED and item["source"] != "sroie"]


def read_entry(folder: Path, entry: dict[str, Any]) -> ReadResult:
    return read(entry["path"], (folder / entry["path"]).read_bytes())


@pytest.mark.parametrize(
    "part", [0, *(pytest.param(part, marks=pytest.mark.soak) for part in range(1, PARTS))]
)
def test_every_value_has_evidence_whose_text_means_it(shared: Path, part: int) -> None:
    folder = shared / "data" / "documents"
    unread = set()
    for entry in entries(folder)[part::PARTS]:
        result = read_entry(folder, entry)
        if not result.documents:
            unread.add(entry["path"])
        for extraction in result.documents:
            assert not list(ungrounded(extraction)), entry["path"]
    assert not unread


@pytest.mark.parametrize(("group", "least"), [("synthetic", 0.6), ("real-layout", 0.4)])
def test_what_passes_without_a_person_is_right(shared: Path, group: str, least: float) -> None:
    folder = shared / "data" / "documents"
    score = scorer(shared)
    chosen = [item for item in entries(folder) if item["kind"] == "pdf-text" and score.GROUPS[group](item)]
    assert chosen
    passed = 0
    for entry in chosen:
        for extraction in read_entry(folder, entry).documents[:1]:
            if not passes_without_person(extraction.document):
                continue
            passed += 1
            truth = json.loads((folder / entry["truth"]).read_text())
            result = score.score_doc(truth, extraction.to_json())
            right, expected, given = result.pop("_lines", (0, 0, 0))
            result.pop("_cells", None)
            assert all(result.values()), (entry["path"], [name for name in result if not result[name]])
            assert right == expected == given, entry["path"]
    assert passed >= least * len(chosen)
