"""Checks an exported trail offline, by docs/trail-format.md and nothing else of Zalion."""

# Needs Python 3.11 and the `cryptography` package; --help says how it is called. Exits 0 when everything fits.

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ORDER = [
    "id", "tenant", "sequence", "timestamp", "actor_kind", "actor_id", "actor_name", "signed_in_by",
    "source_address", "action", "object_kind", "object_id", "scope", "outcome", "reason", "cid", "facts",
    "previous_hash",
]  # fmt: skip


class DoesNotFit(Exception):
    """The export or a checkpoint was changed; the message says where."""


def event_hash(columns: dict[str, Any]) -> str:
    """SHA-256 of a domain mark, then of each column its length as 8 bytes and its bytes; NULL is 8 times FF."""
    message = b"zalion.audit.event.1"
    for name in ORDER:
        value = columns[name]
        if value is None:
            message += bytes([255] * 8)
            continue
        raw = base64.b64decode(value["sealed"]) if isinstance(value, dict) else str(value).encode("utf-8")
        message += len(raw).to_bytes(8, "big") + raw
    return hashlib.sha256(message).hexdigest()


def check_signature(signed: dict[str, Any], public_key: str) -> bool:
    """Ed25519 over the statement without its signature, as JSON with sorted keys and no spaces."""
    statement = {name: value for name, value in signed.items() if name != "signature"}
    message = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode("ascii")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    try:
        key.verify(base64.b64decode(signed["signature"]), message)
    except InvalidSignature:
        return False
    return True


def check_event(line: dict[str, Any], place: int, previous: str, tenant: str | None) -> str:
    """The event's hash; raises DoesNotFit."""
    columns = line["event"]
    if columns["sequence"] != str(place):
        raise DoesNotFit(f"event {place} is missing: {columns['sequence']} stands in its place")
    if columns["tenant"] != tenant:
        raise DoesNotFit(f"event {place} belongs to another chain")
    if columns["previous_hash"] != previous:
        raise DoesNotFit(f"event {place} does not follow event {place - 1}")
    if event_hash(columns) != line["hash"]:
        raise DoesNotFit(f"event {place} was changed")
    return str(line["hash"])


def lines_of(content: Iterable[bytes]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    for number, raw in enumerate(content, 1):
        try:
            line = json.loads(raw)
        except ValueError:
            raise DoesNotFit(f"line {number} is not JSON") from None
        if not isinstance(line, dict):
            raise DoesNotFit(f"line {number} is not an object")
        yield raw, line


def check_export(content: Iterable[bytes], public_key: str = "") -> tuple[str, dict[int, str], str]:
    """The chain's name, the hash of each event, and the public key; raises DoesNotFit at the first misfit."""
    running, hashes = hashlib.sha256(), dict[int, str]()
    chain, previous, end = "", "", None
    for number, (raw, line) in enumerate(lines_of(content)):
        if end is not None:
            raise DoesNotFit("something stands behind the end")
        if number == 0:
            if line.get("format") != "zalion-audit-export-1":
                raise DoesNotFit("this is no export of a trail")
            chain, named = line["chain"], line["public_key"]
            if public_key and named != public_key:
                raise DoesNotFit("the export names another public key than the one given")
            public_key = named
        elif "end" in line:
            end = line["end"]
            continue
        else:
            place = len(hashes) + 1
            previous = check_event(line, place, previous, None if chain == "system" else chain)
            hashes[place] = previous
        running.update(raw)
    if end is None:
        raise DoesNotFit("the end is missing: the export was cut off")
    if not check_signature(end, public_key):
        raise DoesNotFit("the signature of the end does not fit")
    if (end["chain"], end["events"], end["hash"]) != (chain, len(hashes), previous):
        raise DoesNotFit("the end tells of other events")
    if end["digest"] != running.hexdigest():
        raise DoesNotFit("a line was changed outside the hashed columns (what was opened, or a sentence)")
    return chain, hashes, public_key


def check_checkpoints(content: Iterable[bytes], chain: str, hashes: dict[int, str], public_key: str) -> int:
    """How many checkpoints of the chain fit; those after the export's end cannot be compared."""
    compared = 0
    for number, (_, line) in enumerate(lines_of(content), 1):
        if not check_signature(line, public_key):
            raise DoesNotFit(f"line {number} of the checkpoints is not signed by this key")
        place = line["sequence"]
        if line["chain"] != chain or place not in hashes:
            continue
        if hashes[place] != line["hash"]:
            raise DoesNotFit(f"event {place} is not the one that was signed at {line['time']}")
        compared += 1
    return compared


def main() -> int:
    parser = argparse.ArgumentParser(description="Check an exported trail of Zalion.")
    parser.add_argument("export", type=Path)
    parser.add_argument(
        "--public-key", default="", help="the key you noted; else the one in the export is used"
    )
    parser.add_argument("--checkpoints", type=Path, help="a copy of the checkpoint file")
    options = parser.parse_args()
    try:
        with options.export.open("rb") as file:
            chain, hashes, key = check_export(file, options.public_key)
        print(f"{len(hashes)} events of chain {chain} fit, signed by {key}.")
        if options.checkpoints:
            with options.checkpoints.open("rb") as file:
                print(f"{check_checkpoints(file, chain, hashes, key)} checkpoints fit.")
    except (DoesNotFit, KeyError, TypeError, ValueError) as error:
        print(f"DOES NOT FIT: {error}", file=sys.stderr)
        return 1
    if not options.public_key:
        print("Compare the key with the one you noted: an export made up as a whole names a key of its own.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
