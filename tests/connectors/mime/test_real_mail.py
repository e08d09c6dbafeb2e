"""603 real mails of public test suites, against what independent parsers agree on."""

import hashlib
import json

import pytest

from connectors import mime

ENOUGH = 0.99


@pytest.fixture(scope="module")
def corpus(shared):
    folder = shared / "data" / "mime"
    entries = json.loads((folder / "manifest.json").read_text())["messages"]
    return [
        (entry, raw, mime.parse(raw)) for entry in entries if (raw := (folder / entry["path"]).read_bytes())
    ]


def equal(pairs):
    """The share of pairs that are equal; what differs is printed."""
    pairs = list(pairs)
    different = [(name, ours, theirs) for name, ours, theirs in pairs if ours != theirs]
    rate = 1 - len(different) / len(pairs)
    print(f"{rate:.2%} of {len(pairs)}", *different, sep="\n")
    return rate


def words(text):
    return " ".join((text or "").split())


def is_text(media_type):
    # Parsers differ in what they call an attachment where it is text or a mail: here all named ones and all mails are.
    return media_type.startswith(("text", "message"))


def test_every_mail_is_read_as_plain_data(corpus):
    assert len(corpus) == 603
    for _, _, found in corpus:
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode("utf-8")


def test_every_node_can_be_fetched_again(corpus):
    for entry, raw, found in corpus:
        for node in found.get("nodes", [])[:50]:
            content = mime.content(raw, node["path"])
            assert hashlib.sha256(content).hexdigest() == node["sha256"], entry["path"]


def test_subjects_are_what_parsers_agree_on(corpus):
    agreed = [(e, found) for e, _, found in corpus if e["consensus"].get("subject_agreed")]
    pairs = [(e["path"], words(found["subject"]), words(e["consensus"]["subject"])) for e, found in agreed]
    assert equal(pairs) >= ENOUGH


def test_subjects_are_what_the_suites_expect(corpus):
    expected = [(e, found) for e, _, found in corpus if "subject" in (e.get("expected") or {})]
    # Five golden files hold the replacement character of a parser that does not guess charsets.
    expected = [(e, found) for e, found in expected if "\ufffd" not in (e["expected"]["subject"] or "")]
    pairs = [(e["path"], words(found["subject"]), words(e["expected"]["subject"])) for e, found in expected]
    assert equal(pairs) >= ENOUGH


def test_senders_are_what_the_suites_expect(corpus):
    pairs = []
    for entry, _, found in corpus:
        sender = (entry.get("expected") or {}).get("from")
        if sender:
            ours = found["from"][0] if found["from"] else {"name": "", "address": ""}
            pairs.append((entry["path"], ours["address"], sender.get("address") or ""))
    assert equal(pairs) >= ENOUGH


def test_attachments_that_parsers_agree_on_are_found_byte_for_byte(corpus):
    pairs = []
    for entry, raw, found in corpus:
        digests = {node["sha256"] for node in found["nodes"]}
        for path in (found["text_path"], found["html_path"]):
            digests |= {hashlib.sha256(mime.content(raw, path)).hexdigest()} if path else set()
        for attachment in entry["consensus"].get("attachments") or []:
            if attachment["votes"] >= 2:
                pairs.append((entry["path"], attachment["sha256"] in digests, True))
    assert equal(pairs) >= ENOUGH


def test_no_attachment_is_made_up(corpus):
    pairs = []
    for entry, _, found in corpus:
        consensus = entry["consensus"]
        if consensus["class"] not in ("all 3 agree", "no-attachment (2 agree)"):
            continue
        theirs = sorted(a["sha256"] for a in consensus["attachments"] if not is_text(a["type"]))
        outer = [n for n in found["nodes"] if n["parent"] is None and "uuencoded" not in n["flags"]]
        ours = sorted(n["sha256"] for n in outer if not is_text(n["type"]))
        pairs.append((entry["path"], ours, theirs))
    assert equal(pairs) >= ENOUGH


def test_attachment_names_are_what_parsers_agree_on(corpus):
    pairs = []
    for entry, _, found in corpus:
        for attachment in entry["consensus"].get("attachments") or []:
            names = [n["original_name"] for n in found["nodes"] if n["sha256"] == attachment["sha256"]]
            # A backslash of a Windows path is kept here: RFC 2045 would drop it and glue the folders together.
            names += [name.replace("\\", "") for name in names if name]
            if attachment.get("name_agreed") and attachment["names"] and names:
                pairs.append((entry["path"], attachment["names"][0] in names, True))
    assert equal(pairs) >= ENOUGH
