"""Reads a file from a disk, without a database: a document, or what is in a mail or an archive."""

from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, Final

from connectors.mime import sniff
from connectors.mime.containers import OUTLOOK
from extraction import media, pipeline, uploads
from extraction.joining import join
from extraction.schemas import Json
from extraction.sources import BODY, Reading, Source
from zalion.sandbox import SandboxError

READ: Final = "extraction.reader:read_plain"
_PARSE: Final = "connectors.mime:parse"
_CONTENT: Final = "connectors.mime:content"
_HEAD: Final = 64 << 10
Call = Callable[[str, dict[str, Any]], Any]
"""Runs a function of the sandbox's list with these arguments. Raises SandboxError."""


def read_file(call: Call, *, name: str, content: bytes) -> Json:
    """What `extraction.reader.read_plain` says of the file. Of a mail as .eml or .msg, or an archive, the documents of
    all that is in it, each once, and what is to be said of its parts. Raises SandboxError."""
    if uploads.is_mail(content):
        return _opened(call, content)
    if media.sniff(content) == media.ZIP or sniff.sniff(content[:_HEAD], content[-_HEAD:]) == OUTLOOK:
        mail = EmailMessage(policy=SMTP)
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename="file")
        return _opened(call, mail.as_bytes())
    found: Json = call(READ, {"payload": {"name": name, "content": content}})
    return found


def _opened(call: Call, raw: bytes) -> Json:
    parsed = call(_PARSE, {"raw": raw})
    readings: list[Reading] = []
    findings: list[Json] = []
    for source in _sources(parsed):
        try:
            content = source.content or call(_CONTENT, {"raw": raw, "path": source.path})
            told = call(READ, {"payload": {"name": source.name, "content": content}})
        except SandboxError as error:
            findings.append(_finding(error.code, "error", source, "Reading it was ended before it was done."))
            continue
        documents = tuple(told["documents"])
        readings.append(Reading(source, "", told["extractor"] or "", told["version"] or "", documents))
        findings += [
            _finding(one["code"], one["severity"], source, one["message"]) for one in told["findings"]
        ]
    if not readings and not findings:
        findings.append(_nothing(parsed))
    chosen = join(readings)
    extractors = dict.fromkeys(found.extractor for found, _ in chosen)
    return {
        "extractor": ", ".join(extractors) or None,
        "documents": [document for _, document in chosen],
        # Of a mail that gave a document nobody asks what its other parts are.
        "findings": [one for one in findings if not chosen or one["severity"] != "info"],
    }


def _sources(parsed: Mapping[str, Any]) -> Iterator[Source]:
    """What `pipeline.read_all` looks into, of the parser's answer."""
    for node in parsed.get("nodes", ()):
        if node["sniffed"] in pipeline.READABLE and not (node["is_inline_image"] or node["is_logo"]):
            yield Source(node["path"], node["name"] or node["path"], node["sniffed"])
    written = parsed.get("html") or parsed.get("text") or ""
    if written.strip():
        kind = media.HTML if parsed.get("html") else media.TEXT
        yield Source(BODY, "the mail's own text", kind, written.encode())


def _nothing(parsed: Mapping[str, Any]) -> Json:
    """What is to be said of a mail or an archive in which there is nothing to look into."""
    if pipeline.LOCKED in parsed.get("flags", ()):
        return _finding(
            pipeline.LOCKED, "error", None, "It needs a password; ask the sender for one without."
        )
    return _finding("nothing_inside", "warning", None, "There is no file in it of a kind that is read.")


def _finding(code: str, severity: str, source: Source | None, words: str) -> Json:
    message = f"{source.name}: {words}" if source else words
    return {"code": code, "field": None, "severity": severity, "message": message}
