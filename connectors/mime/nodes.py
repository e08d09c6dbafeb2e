"""The attachment tree as a flat list: every file of a mail, of mails in it, of archives in them."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from connectors.mime import containers, limits, names, pdf, sniff
from connectors.mime.containers import Budget, Member
from connectors.mime.parts import Index, Part
from connectors.mime.text import Bodies

# path: as in IMAP, files of an archive and of an attached mail below it ("2.1"); parent: path of the node
# it lies in, or None; name: safe to show and save under; original_name: the sender's or None; title: subject of an
# attached mail; type: as declared; sniffed: by content; size and sha256 of the decoded content; disposition:
# "attachment", "inline", another word or None; content_id: without angles; is_body: text of an attached mail, a
# winmail.dat or a .msg; is_inline_image: shown within the HTML; is_logo: most likely decoration; flags: sorted codes.
Node = dict[str, Any]
LOGO_NAME = re.compile(
    r"(?:image|logo|oledata|outlook-|signature|banner|icon)[\w. -]*\.(?:png|gif|jpe?g|bmp|webp)",
    re.IGNORECASE,
)
LOGO_SIZE = 100 << 10
EXTENSIONS = {
    "application/pdf": ".pdf",
    "application/vnd.ms-outlook": ".msg",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/html": ".html",
    "text/plain": ".txt",
}


class Collector:
    """Walks the parts once; `nodes` and `flags` are the result."""

    def __init__(self, index: Index, bodies: Bodies) -> None:
        self.nodes: list[Node] = []
        self.flags: set[str] = set()
        self._bodies = bodies
        self._budget = Budget()
        self._pdfs = pdf.Work()
        self._part(index.root, parent=None, nested=False)

    def _part(self, part: Part, *, parent: str | None, nested: bool) -> None:
        if part.is_multipart:
            for child in part.children:
                self._part(child, parent=parent, nested=nested)
            return
        if part.is_message and part.path:
            self._leaf(part, parent=parent, nested=nested)
            self._part(part.children[0], parent=part.path, nested=True)
            return
        if nested or part not in self._bodies.parts:
            self._leaf(part, parent=parent, nested=nested)
        for number, (_, member) in enumerate(self._bodies.uuencoded(part) if not nested else (), 1):
            self._member(member, f"{part.path}.{number}", parent, depth=1)

    def _leaf(self, part: Part, *, parent: str | None, nested: bool) -> None:
        digest = hashlib.sha256()
        head = tail = b""
        size = 0
        kept: list[bytes] | None = []
        for chunk in part.decoded():
            digest.update(chunk)
            head = (head + chunk[: sniff.HEAD])[: sniff.HEAD]
            tail = (tail + chunk)[-sniff.HEAD :]
            size += len(chunk)
            if kept is not None:
                kept.append(chunk)
                kept = kept if size <= limits.INSPECTED else None
        subject = part.children[0].headers.text("subject") if part.is_message else ""
        is_text = part.type in ("text/plain", "text/html") and part.disposition.main != "attachment"
        node = _node(
            path=part.path,
            parent=parent,
            original=part.name() or (f"{subject}.eml" if part.is_message and subject else ""),
            declared=part.type,
            sniffed="message/rfc822" if part.is_message else sniff.sniff(head, tail),
            size=size,
            digest=digest.hexdigest(),
        )
        node["disposition"] = part.disposition.main or None
        node["content_id"] = part.headers.text("content-id").strip().strip("<>")[: limits.MESSAGE_ID] or None
        node["is_body"] = nested and is_text and not part.name()
        node["title"] = subject[: limits.SUBJECT] or None
        flags = set(node["flags"]) | part.flags | _declared_flags(part)
        if kept is None:
            flags.add("not_inspected")
        data = None if kept is None else b"".join(kept)
        self._finish(node, flags, data, depth=0)

    def _member(self, member: Member, path: str, parent: str | None, *, depth: int) -> None:
        data = member.data or b""
        node = _node(
            path=path,
            parent=parent,
            original=member.name,
            declared="application/octet-stream",
            sniffed=sniff.sniff(data[: sniff.HEAD], data[-sniff.HEAD :]),
            size=len(data),
            digest=hashlib.sha256(data).hexdigest(),
        )
        node["is_body"] = member.is_body
        self._finish(node, set(node["flags"]) | member.flags, member.data, depth=depth)

    def _finish(self, node: Node, flags: set[str], data: bytes | None, *, depth: int) -> None:
        """Looks into the content, adds the node and, where it is a container, the files in it."""
        if len(self.nodes) >= limits.PARTS + limits.ENTRIES:
            self.flags.add("part_limit")
            return
        self.nodes.append(node)
        kind = node["sniffed"]
        if data:
            flags |= sniff.warnings(data, kind, node["name"], node["type"])
            if kind == "application/pdf":
                flags |= pdf.warnings(data, self._pdfs)
            if kind.startswith(sniff.OFFICE):
                flags |= containers.office_warnings(data)
            if kind.startswith("image/"):
                self._image(node)
            if kind in containers.OPENABLE:
                self._open(node, flags, data, depth)
        node["flags"] = sorted(flags)
        self.flags |= flags

    def _open(self, node: Node, flags: set[str], data: bytes, depth: int) -> None:
        if depth >= limits.ARCHIVE_DEPTH:
            flags.add("archive_depth")
            return
        found = containers.members(data, node["sniffed"], node["name"], self._budget, flags)
        for number, member in enumerate(found, 1):
            self._member(member, f"{node['path']}.{number}", node["path"], depth=depth + 1)

    def _image(self, node: Node) -> None:
        shown = node["content_id"] is not None and f"cid:{node['content_id']}" in self._bodies.html
        node["is_inline_image"] = shown
        named = LOGO_NAME.fullmatch(node["name"]) is not None
        node["is_logo"] = node["size"] <= LOGO_SIZE and (
            shown or (named and node["disposition"] != "attachment")
        )


def find(index: Index, bodies: Bodies, path: str) -> bytes | None:
    """The content of one node or body; None when there is none of this path."""
    parts = {part.path: part for part in index.walk() if not part.is_multipart}
    steps = path.split(".")
    part = next(
        (parts[".".join(steps[:n])] for n in range(len(steps), 0, -1) if ".".join(steps[:n]) in parts), None
    )
    if part is None:
        return None
    rest = steps[len(part.path.split(".")) :]
    if rest and part in bodies.parts:
        inside = [member for _, member in bodies.uuencoded(part)]
        member = inside[int(rest[0]) - 1] if rest[0].isdigit() and 0 < int(rest[0]) <= len(inside) else None
        return None if member is None else _descend(member.data, member.name, rest[1:])
    return _descend(part.content(), part.name(), rest)


def _descend(data: bytes | None, name: str, steps: list[str]) -> bytes | None:
    budget = Budget()
    for step in steps:
        kind = sniff.sniff((data or b"")[: sniff.HEAD], (data or b"")[-sniff.HEAD :])
        found: Iterator[Member] = containers.members(data or b"", kind, name, budget, set())
        member = next((member for number, member in enumerate(found, 1) if str(number) == step), None)
        if member is None or member.data is None:
            return None
        data, name = member.data, member.name
    return data


def _node(
    *, path: str, parent: str | None, original: str, declared: str, sniffed: str, size: int, digest: str
) -> Node:
    fallback = f"attachment-{path}{EXTENSIONS.get(sniffed, '')}"
    name, flags = names.safe(original, fallback)
    return {
        "path": path,
        "parent": parent,
        "name": name,
        "original_name": original[: limits.HEADER] or None,
        "title": None,
        "type": declared,
        "sniffed": sniffed,
        "size": size,
        "sha256": digest,
        "disposition": None,
        "content_id": None,
        "is_body": False,
        "is_inline_image": False,
        "is_logo": False,
        "flags": sorted(flags),
    }


def _declared_flags(part: Part) -> set[str]:
    flags = set()
    if part.names_differ():
        flags.add("name_conflict")
    if part.type == "message/partial":
        flags.add("partial_message")
    elif part.type == "message/external-body":
        flags.add("external_body")
    elif part.type in ("application/pgp-encrypted", "application/x-pgp-encrypted"):
        flags.add("encrypted")
    elif part.type in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        signed = part.content_type.token("smime-type") in ("signed-data", "certs-only")
        flags.add("opaque_signed" if signed else "encrypted")
    return flags
