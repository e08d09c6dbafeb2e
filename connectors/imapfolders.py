"""What LIST and STATUS say, as folders for people: special uses, modified UTF-7, phantoms."""

from typing import Any

from imapclient import imap_utf7
from imapclient.response_parser import parse_response

from connectors.adapters import FolderInfo, FolderRole

LONGEST_NAME = 500  # characters on the wire, as many as are kept; RFC 3501 has no limit
_ROLES: tuple[FolderRole, ...] = ("all", "archive", "drafts", "flagged", "junk", "sent", "trash")


def listed(lines: list[Any]) -> list[FolderInfo]:
    """The folders of an answer to LIST; one that is named NIL does not exist."""
    parsed = parse_response([line for line in lines if line])
    triples = zip(parsed[::3], parsed[1::3], parsed[2::3], strict=True)
    return [_listed(flags, delimiter, name) for flags, delimiter, name in triples if name is not None]


def counts(lines: list[Any]) -> dict[str, int]:
    """How many messages STATUS said each folder has, by its name on the wire."""
    parsed = parse_response([line for line in lines if line])
    told = zip(parsed[::2], parsed[1::2], strict=True)
    return {_text(name): items[items.index(b"MESSAGES") + 1] for name, items in told}


def shown(name: str) -> str:
    """A name on the wire as people know it (RFC 3501 section 5.1.3)."""
    try:
        return str(imap_utf7.decode(name.encode("ascii")))
    except ValueError:
        return name


def _text(name: bytes | int) -> str:
    # A name of digits alone is parsed as a number.
    return name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)


def _listed(flags: tuple[bytes, ...], delimiter: bytes | None, raw: bytes | int) -> FolderInfo:
    name = _text(raw)
    # Some servers write special uses in lower case.
    uses = {flag.decode("ascii", "replace").lstrip("\\").lower() for flag in flags}
    # A name that cannot be sent back as it came cannot be opened.
    selectable = name.isascii() and len(name) <= LONGEST_NAME and not uses & {"noselect", "nonexistent"}
    if name.upper() == "INBOX":
        return FolderInfo("INBOX", "INBOX", ("INBOX",), "inbox", selectable, None)
    text = shown(name)
    path = tuple(text.split(delimiter.decode("ascii", "replace"))) if delimiter else (text,)
    role = next((role for role in _ROLES if role in uses), None)
    return FolderInfo(name, path[-1], path, role, selectable, None)
