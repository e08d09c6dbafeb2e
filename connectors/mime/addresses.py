"""Address lists as senders write them (RFC 5322, more or less): one pass, no recursion."""

import re
import unicodedata
from dataclasses import dataclass, field

from connectors.mime import limits
from connectors.mime.charsets import decode_header

TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|\\.|[^",;:<>()\\]++|.', re.DOTALL)
ADDRESS_IN_NAME = re.compile(r"[^\s<>@\"'(),;:]{1,64}@[^\s<>@\"'(),;:]{1,255}")
LENGTH = 998


@dataclass
class _Open:
    """The address that is being read."""

    words: list[bytes] = field(default_factory=list)
    comment: list[bytes] = field(default_factory=list)
    address: list[bytes] | None = None
    closed: bool = False


def addresses(data: bytes, hint: str | None = None) -> tuple[list[dict[str, str]], set[str]]:
    """[{"name", "address"}, ...] of a From, To, Cc or Reply-To field, `limits.RECIPIENTS` at most; flags."""
    found: list[dict[str, str]] = []
    flags: set[str] = set()
    current = _Open()
    depth = 0
    for token in TOKEN.findall(data):
        inside = current.address is not None and not current.closed
        if token == b"(":
            depth += 1
        elif token == b")" and depth:
            depth -= 1
        elif depth:
            current.comment.append(token)
        elif token == b"<":
            current.address, current.closed = [], False
        elif token == b">":
            current.closed = True
        elif token in (b",", b";") and not (inside and _is_route(current.address)):
            _finish(current, found, flags, hint)
            current = _Open()
            if len(found) > limits.RECIPIENTS:
                break
        elif token == b":" and not inside:
            # The name of a group: its members follow.
            current = _Open()
        elif inside and current.address is not None:
            current.address.append(token)
        else:
            current.words.append(token)
    _finish(current, found, flags, hint)
    if depth:
        flags.add("address_invalid")
    if len(found) > limits.RECIPIENTS:
        flags.add("recipient_limit")
    return found[: limits.RECIPIENTS], flags


def spoof_flags(sender: dict[str, str]) -> set[str]:
    """What about a sender may deceive the eye."""
    flags = set()
    name, address = sender["name"], sender["address"]
    domain = address.rpartition("@")[2]
    shown = ADDRESS_IN_NAME.search(name)
    if shown and shown[0].lower() != address.lower():
        flags.add("display_name_address")
    if any(label.lower().startswith("xn--") for label in domain.split(".")):
        flags.add("punycode_domain")
    if not domain.isascii():
        scripts = {unicodedata.name(letter, "?").partition(" ")[0] for letter in domain if letter.isalpha()}
        flags.add("mixed_script" if len(scripts) > 1 else "international_domain")
    return flags


def _is_route(address: list[bytes] | None) -> bool:
    """An obsolete source route, "<@a,@b:user@c>", has commas inside its angles."""
    return bool(address) and b"".join(address or []).lstrip().startswith(b"@")


def _finish(current: _Open, found: list[dict[str, str]], flags: set[str], hint: str | None) -> None:
    words = b"".join(_unquote(word) for word in current.words).strip()
    if current.address is None:
        name, address = b" ".join(current.comment), words
        spec, _, rest = words.rpartition(b" ")
        if b"@" in rest and spec:
            # "Name user@example.com" without angles.
            name, address = spec, rest
        elif b"@" not in words and b" " in words:
            name, address = words, b""
    else:
        name, address = words or b" ".join(current.comment), b"".join(current.address)
        address = address.rpartition(b":")[2] if _is_route(current.address) else address
    clean = re.sub(rb"[\x00-\x20\x7f]+", b"", address)
    if clean != address.strip() or clean.count(b"@") > 1:
        flags.add("address_invalid")
    entry = {"name": decode_header(name, hint)[:LENGTH], "address": decode_header(clean, hint)[:LENGTH]}
    if entry["name"] or entry["address"]:
        found.append(entry)


def _unquote(word: bytes) -> bytes:
    if len(word) > 1 and word[:1] == b'"' == word[-1:]:
        word = word[1:-1]
    return re.sub(rb"\\(.)", rb"\1", word, flags=re.DOTALL)
