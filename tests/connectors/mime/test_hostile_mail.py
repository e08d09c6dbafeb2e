"""The 183 hostile mails, each through a child of the pool, with the flags its manifest asks of a parser."""

import json
import time

import pytest

from zalion.sandbox import Pool

SECONDS = 5
# What another station answers for: the scanner knows EICAR, ingest sees a Message-ID twice and looks at a foreign
# Authentication-Results.
ELSEWHERE = {"eicar", "authres-forged", "dup-mid-b"}
NAMED = {
    "flag nesting_limit": "nesting_limit",
    "flag part_limit": "part_limit",
    "flag header_limit": "header_limit",
    "recipients capped in the index": "recipient_limit",
    "flag truncated": "truncated",
    "flag multiple From": "multiple_from",
    "flag dangerous type": "dangerous_type",
    "flag decompression_limit": "decompression_limit",
    "flag archive_depth": "archive_depth",
    "flag archive_entries": "archive_entries",
    "flag active content": "active_content",
    "flag mismatch": "type_mismatch",
    "flag display name contains another address": "display_name_address",
    "address shown, flag display name contains another address": "display_name_address",
    "flag mixed script / punycode shown": "mixed_script",
    "no thumbnail decode above the pixel cap": "pixel_limit",
}
# Seven archives in each other are stopped by their depth before they expand to anything.
NOT_REACHED = {("zip-nested-7", "decompression_limit")}


@pytest.fixture(scope="module")
def results(hostile_pack):
    cases = json.loads((hostile_pack / "manifest.json").read_text())["cases"]
    found = []
    with Pool(1) as pool:
        for case in cases:
            raw = (hostile_pack / case["path"]).read_bytes()
            started = time.monotonic()
            parsed = pool.call("connectors.mime:parse", {"raw": raw})
            shown = pool.call("connectors.mime:sanitise", {"html": parsed.get("html", "")})
            found.append((case, parsed, shown, time.monotonic() - started))
        assert len(pool.pids()) == 1
    return found


def test_every_hostile_mail_ends_in_budget_without_killing_its_child(results):
    assert len(results) == 183
    assert [(case["id"], spent) for case, _, _, spent in results if spent > SECONDS] == []


def test_only_the_empty_mail_is_quarantined_by_the_parser(results):
    assert [case["id"] for case, parsed, _, _ in results if parsed["quarantine"]] == ["empty"]


def test_what_must_be_flagged_is_flagged(results):
    due = [(case["id"], parsed) for case, parsed, _, _ in results if case["outcome"] == "stored+flag"]
    assert [name for name, parsed in due if not parsed["flags"] and name not in ELSEWHERE] == []


def test_the_flags_named_in_the_manifest_are_there(results):
    missing = [
        (case["id"], NAMED[must])
        for case, parsed, _, _ in results
        for must in case["must"]
        if must in NAMED and NAMED[must] not in parsed["flags"]
        if case["id"] not in ELSEWHERE and (case["id"], NAMED[must]) not in NOT_REACHED
    ]
    assert missing == []


def test_hostile_names_are_safe(results):
    for case, parsed, _, _ in results:
        for node in parsed.get("nodes", []):
            name = node["name"]
            assert not set(name) & set('/\\<>:"|?*\x00\r\n\u202e'), case["id"]
            assert name.strip(". "), case["id"]
            assert len(name.encode()) <= 255


def test_hostile_markup_shows_nothing_that_acts(results):
    for case, _, shown, _ in results:
        tags = [piece.partition(">")[0].lower() for piece in shown.split("<")[1:]]
        for word in (
            "script",
            "style",
            "form",
            "iframe",
            "base",
            "meta",
            "svg",
            "img",
            "object",
            "input",
            "link",
        ):
            assert not [tag for tag in tags if tag.strip("/").split(" ")[0] == word], case["id"]
        assert "evil.test" not in " ".join(tag for tag in tags if "title=" not in tag), case["id"]
        assert "tracker.test" not in shown, case["id"]


def test_entries_and_attachments_come_out_where_they_must(results):
    found = {case["id"]: parsed for case, parsed, _, _ in results}
    inner = {node["name"]: node for node in found["rfc822-with-attachment"]["nodes"]}
    assert inner["inner.pdf"]["parent"] == inner["fwd.eml"]["path"]
    assert len([node for node in found["name-duplicate"]["nodes"] if node["name"] == "a.pdf"]) == 2
    assert found["charset-utf_7"]["text"].startswith("+ADw-script+AD4-")
    assert found["no-close-boundary"]["nodes"][0]["name"] == "a.txt"
    assert found["name-2231-charset"]["nodes"][0]["name"] == "Rechnung für.pdf"
    assert found["zip-bomb-1g"]["nodes"][0]["name"] == "a.zip"
    assert [link["flags"] for link in found["zip-symlink"]["nodes"] if link["parent"]] == [["link"]]
