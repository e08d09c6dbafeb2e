"""603 real mails of public test suites, against what independent parsers agree on."""

import hashlib
import json

import pytest

from connectors import mime

# Where we differ, and are right or as right: docs/mime.md says why, one by one.
LEGACY = "stalwart-legacy/resources__eml__legacy__{}.eml"
MALFORMED = "stalwart-malformed/resources__eml__malformed__{}.eml"
RFC = "stalwart-rfc/resources__eml__rfc__{}.eml"
JWZ = "mailcore2-jwz/unittest__data__parser__input__mbox__jwz__{}.eml"
MIMETOOLS = "mime4j-mimetools/core__src__test__resources__mimetools-testmsgs__{}.eml"


@pytest.fixture(scope="module")
def corpus(shared):
    folder = shared / "data" / "mime"
    entries = json.loads((folder / "manifest.json").read_text())["messages"]
    return [
        (entry, raw, mime.parse(raw)) for entry in entries if (raw := (folder / entry["path"]).read_bytes())
    ]


def different(pairs):
    """The mails whose pairs are not equal; the share of those that are is printed with them."""
    pairs = list(pairs)
    found = [(name, ours, theirs) for name, ours, theirs in pairs if ours != theirs]
    print(f"{len(pairs) - len(found)} of {len(pairs)}, {1 - len(found) / len(pairs):.2%}", *found, sep="\n")
    return {name for name, _, _ in found}


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
    assert different(pairs) == set()


def test_subjects_are_what_the_suites_expect(corpus):
    expected = [(e, found) for e, _, found in corpus if "subject" in (e.get("expected") or {})]
    pairs = [(e["path"], words(found["subject"]), words(e["expected"]["subject"])) for e, found in expected]
    assert different(pairs) == {LEGACY.format(number) for number in ("010", "020", "022", "027", "052")}


def test_senders_are_what_the_suites_expect(corpus):
    pairs = []
    for entry, _, found in corpus:
        sender = (entry.get("expected") or {}).get("from")
        if sender:
            ours = found["from"][0] if found["from"] else {"name": "", "address": ""}
            pairs.append((entry["path"], ours["address"], sender.get("address") or ""))
    assert different(pairs) == {RFC.format("001"), RFC.format("004")}


def digests(raw, found):
    """Of the nodes and the bodies, as they are and, of text, as it would be with the other line ends."""
    paths = [node["path"] for node in found["nodes"]] + [found["text_path"], found["html_path"]]
    contents = [mime.content(raw, path) for path in paths if path]
    contents += [content.replace(b"\r\n", b"\n") for content in contents]
    return {hashlib.sha256(content).hexdigest() for content in contents}


def test_attachments_that_parsers_agree_on_are_found_byte_for_byte(corpus):
    pairs = []
    for entry, raw, found in corpus:
        agreed = [a for a in entry["consensus"].get("attachments") or [] if a["votes"] >= 2]
        ours = digests(raw, found) if agreed else set()
        pairs += [(entry["path"], attachment["sha256"] in ours, True) for attachment in agreed]
    assert different(pairs) == {JWZ.format(20), JWZ.format(35)}


def test_attachments_that_the_suites_expect_are_found_byte_for_byte(corpus):
    pairs = []
    for entry, raw, found in corpus:
        expected = [a for a in (entry.get("expected") or {}).get("attachments") or [] if a.get("sha256")]
        ours = digests(raw, found) if expected else set()
        pairs += [(entry["path"], attachment["sha256"] in ours, True) for attachment in expected]
    assert different(pairs) == {
        LEGACY.format("017"), LEGACY.format("048"), MIMETOOLS.format("frag"), MIMETOOLS.format("multi-frag"),
    }  # fmt: skip


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
    assert different(pairs) == {JWZ.format(20), MALFORMED.format("017")}


def test_attachment_names_are_what_parsers_agree_on(corpus):
    pairs = []
    for entry, _, found in corpus:
        for attachment in entry["consensus"].get("attachments") or []:
            names = [n["original_name"] for n in found["nodes"] if n["sha256"] == attachment["sha256"]]
            # A backslash of a Windows path is kept here: RFC 2045 would drop it and glue the folders together.
            names += [name.replace("\\", "") for name in names if name]
            if attachment.get("name_agreed") and attachment["names"] and names:
                pairs.append((entry["path"], attachment["names"][0] in names, True))
    assert different(pairs) == set()
