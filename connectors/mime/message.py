"""A mail as plain data: headers, bodies, kind, and the tree of what is attached to it."""

import re
from typing import Any

from connectors.mime import authentication, headers, kinds, limits, nodes
from connectors.mime.addresses import addresses, spoof_flags
from connectors.mime.headers import Headers
from connectors.mime.parts import Index
from connectors.mime.text import Bodies

SINGULAR = ("from", "subject", "date", "to", "content-type", "message-id", "reply-to")
CONTENT = re.compile(rb"[^ \t\r\n\x00]")
ONLY_CR = re.compile(rb"\r(?!\n)")


class PartMissing(LookupError):
    """The mail has no part of the path asked for, or it could not be opened."""

    code = "part_missing"


def parse(raw: bytes) -> dict[str, Any]:
    """Everything about a mail that crosses a pipe. Promises not to raise; an empty mail is {"quarantine": "empty"}.

    Otherwise `quarantine` is None, and:

    - subject, snippet (at most 200 characters), from, to, cc, reply_to: lists of {"name", "address"};
    - date: as the sender claims, ISO 8601 in UTC, or None; message_id, in_reply_to: without angles, or None;
      references: list, oldest first;
    - kind and markers: see connectors.mime.kinds;
    - text, html: str, empty where there is none; html is as it was sent, to be shown through `sanitise` only;
      text_path, html_path: of the parts they are from, for `content`, or None;
    - authentication, signatures: what the mail says about its sender, see connectors.mime.authentication;
    - nodes: list, see connectors.mime.nodes; size: of the raw mail;
    - flags: the codes of mail and nodes together, sorted.
    """
    if not CONTENT.search(raw):
        return {"quarantine": "empty"}
    flags: set[str] = set()
    index = _index(raw, flags)
    bodies = Bodies(index)
    collector = nodes.Collector(index, bodies)
    top = index.root.headers
    hint = index.root.content_type.token("charset") or None
    result: dict[str, Any] = {"quarantine": None, "subject": top.text("subject", hint), "size": len(raw)}
    if len(result["subject"]) > limits.SUBJECT:
        result["subject"] = result["subject"][: limits.SUBJECT]
        flags.add("subject_limit")
    for name in ("from", "to", "cc", "reply-to"):
        found, noticed = addresses(b", ".join(top.all(name)) if name in ("to", "cc") else top.get(name), hint)
        result[name.replace("-", "_")] = found
        flags |= noticed
    flags |= _sender_flags(top, result["from"]) | _identity(top, result)
    sender = result["from"][0]["address"] if result["from"] else ""
    found_markers = kinds.markers(index, result["subject"], sender)
    has_document = any(kinds.is_document(f"{node['type']} {node['sniffed']}") for node in collector.nodes)
    return result | {
        "kind": kinds.kind(found_markers, has_document=has_document),
        "markers": sorted(found_markers),
        "text": bodies.text,
        "html": bodies.html,
        "text_path": bodies.text_path,
        "html_path": bodies.html_path,
        "snippet": bodies.snippet(),
        "authentication": authentication.results(top),
        "signatures": authentication.signatures(top),
        "nodes": collector.nodes,
        "flags": sorted(flags | index.flags | bodies.flags | collector.flags),
    }


def content(raw: bytes, path: str) -> bytes:
    """The bytes of one node, or of a body by `text_path` or `html_path`. Raises PartMissing."""
    return contents(raw, [path])[0]


def contents(raw: bytes, paths: list[str]) -> list[bytes]:
    """The same for several, in their order; all of them are in memory at once. Raises PartMissing."""
    index = _index(raw, set())
    bodies = Bodies(index)
    found = []
    for path in paths:
        data = nodes.find(index, bodies, path)
        if data is None:
            raise PartMissing
        found.append(data)
    return found


def _index(raw: bytes, flags: set[str]) -> Index:
    if len(raw) > limits.RAW_MAIL:
        flags.add("raw_limit")
        raw = raw[: headers.read(raw, 0, len(raw)).body]
    if raw.find(b"\n", 0, limits.HEADER_BLOCK) < 0 and b"\r" in raw[: limits.HEADER_BLOCK]:
        # A mail from before line feeds; the bytes that are kept stay as they are.
        flags.add("bare_cr")
        raw = ONLY_CR.sub(b"\n", raw)
    return Index(raw)


def _sender_flags(top: Headers, sender: list[dict[str, str]]) -> set[str]:
    flags = set()
    if any(len(top.all(name)) > 1 for name in SINGULAR):
        flags.add("duplicate_header")
    if len(sender) > 1 or len(top.all("from")) > 1:
        flags.add("multiple_from")
    for entry in sender[:10]:
        flags |= spoof_flags(entry)
    return flags


def _identity(top: Headers, result: dict[str, Any]) -> set[str]:
    """Date, Message-ID and threading."""
    flags = set()
    result["date"] = headers.date(top.get("date"))
    if result["date"] is None:
        flags.add("date_invalid" if top.get("date") else "date_missing")
    own = top.get("message-id")
    ids = headers.message_ids(own)
    result["message_id"] = ids[0] if ids and ids[0] else None
    if result["message_id"] is None:
        flags.add("message_id_missing")
    if len(own) > limits.MESSAGE_ID + 2:
        flags.add("message_id_limit")
    replied = headers.message_ids(top.get("in-reply-to"))
    result["in_reply_to"] = replied[0] if replied else None
    result["references"] = headers.message_ids(top.get("references"))[-limits.REFERENCES :]
    return flags
