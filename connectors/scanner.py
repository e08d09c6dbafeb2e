"""The virus scanner, where one is set: no mail is read, shown or handed out before it has passed."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from connectors import clamd
from connectors.clamd import ScanFailed, ScannerDown, TooLargeToScan
from connectors.models import Message
from zalion import circuits, sandbox
from zalion.health import VIRUS_SCANNER
from zalion.sandbox import Streamed

MALWARE = "malware"  # the reason of mail in which it found something
# Reasons of mail that did not pass: nobody is handed it.
NOT_PASSED = {
    MALWARE: "The virus scanner found something in this mail, so nobody is handed it or a part of it. Where that is an "
    "error, it passes once the scanner’s signatures are right and it is tried again.",
    TooLargeToScan.code: "This mail is larger than the virus scanner takes, so nobody is handed it. Raise its "
    "limit (StreamMaxLength) and try again.",
    ScanFailed.code: "The virus scanner gave no verdict on this mail, so nobody is handed it. Try again.",
}
WAITS = "This mail waits for the virus scanner. Nobody is handed it before it has passed."
# Where two parsers of mail may see different parts: each part as we see it goes through the scanner as well.
AMBIGUOUS = frozenset(
    {
        "leading_blank", "header_junk", "no_headers", "bare_cr", "boundary_missing", "boundary_invalid",
        "boundary_unclosed", "no_parts", "encoding_unknown", "uuencoded", "truncated", "content_after_end",
        "duplicate_header", "nesting_limit", "part_limit", "header_limit", "parameter_limit",
    }
)  # fmt: skip
TOGETHER = 8 << 20  # bytes of attachments that are taken out of a mail at once
MOST_PARTS = 200  # of an ambiguous mail; one with more is more than the scanner takes
# Well inside the lease of a mail. clamd itself stops at two minutes (MaxScanTime), with what it found until then.
SECONDS = 60.0
FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=5)


def scan(open_raw: Callable[[], AbstractContextManager[Streamed]]) -> str:
    """The signature found in raw mail, which clamd takes apart itself; empty where there is none, or no scanner.

    Raises ScannerDown, ScanFailed, TooLargeToScan, and what opening and reading the mail raise.
    """
    if not settings.CLAMD:
        return ""
    if rests():
        raise ScannerDown
    with open_raw() as raw:
        found = _scan(raw.pieces())
    circuits.answered(VIRUS_SCANNER, now=timezone.now())
    return found


def scan_parts(parsed: dict[str, Any], open_raw: Callable[[], AbstractContextManager[Streamed]]) -> str:
    """The same for the files of an ambiguous mail, each as it would be handed out. Raises SandboxError as well.

    What lies in archives is left to clamd, which gets the archive.
    """
    if not settings.CLAMD or AMBIGUOUS.isdisjoint(parsed["flags"]):
        return ""
    files = [node for node in parsed["nodes"] if node["size"] and not node["parent"]]
    if len(files) > MOST_PARTS:
        raise TooLargeToScan
    for paths in _together(files):
        with open_raw() as raw:
            contents: list[bytes] = sandbox.run("connectors.mime:contents", raw=raw, paths=paths)
        for content in contents:
            if found := _scan((content,)):
                return found
    return ""


def _together(files: Iterable[dict[str, Any]]) -> Iterator[list[str]]:
    """Their paths, as many at a time as are small enough to be held together."""
    paths: list[str] = []
    room = TOGETHER
    for node in files:
        if paths and node["size"] > room:
            yield paths
            paths, room = [], TOGETHER
        paths.append(node["path"])
        room -= node["size"]
    if paths:
        yield paths


def rests() -> bool:
    """Whether it was down when it was last asked, and is left alone for now: mail waits."""
    return bool(settings.CLAMD) and circuits.is_open(VIRUS_SCANNER)


def unpassable() -> frozenset[str]:
    """Reasons of mail that is not tried again: it did not pass, and there is no scanner that it could pass now."""
    return frozenset() if settings.CLAMD else frozenset(NOT_PASSED)


def withheld(message: Message) -> str:
    """Why nobody is handed this mail, in words; empty where it may be."""
    if message.parse_due_at is not None and message.raw_blob and settings.CLAMD:
        return WAITS
    return NOT_PASSED.get(message.reason, "")


def _scan(pieces: Iterable[bytes]) -> str:
    try:
        return clamd.scan(pieces, at=clamd.address(settings.CLAMD), seconds=SECONDS)
    except ScannerDown as error:
        circuits.failed(VIRUS_SCANNER, error.code, first=FIRST_REST, longest=LONGEST_REST)
        raise
