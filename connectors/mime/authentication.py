"""What a mail says about its sender's authenticity: Authentication-Results (RFC 8601) and DKIM signatures."""

import re
from itertools import islice
from typing import Any

from connectors.mime import limits
from connectors.mime.headers import Headers

# RFC 8601 section 2.7; a word outside these means nothing to us.
RESULTS = frozenset(
    {"pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror", "hardfail"}
)
# Of each method, the properties whose domain it vouches for, best first.
PROPERTIES = {
    "spf": ("smtp.mailfrom", "smtp.helo"),
    "dkim": ("header.d", "header.i"),
    "dmarc": ("header.from",),
}
# Exchange Online leaves the server's name out, against RFC 8601 section 2.2.
NO_NAME = "-"
PAIR = re.compile(r"([A-Za-z][A-Za-z0-9._/-]{0,60}+)\s*+=\s*+(\"(?:[^\"\\]|\\.)*+\"|[^\s;\"]{1,300}+)")
SCANNED = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|[();]|\\.|[^\"();\\]++|.", re.DOTALL)
HOST = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*"
)
TAG = re.compile(rb"(?:\A|;)\s*+(d|s)\s*+=\s*+([^;]*+)")


def results(top: Headers) -> list[dict[str, Any]]:
    """The Authentication-Results fields, topmost first: {"server", "results": [{"method", "result", "domain"}]}.

    ``server`` is the authserv-id in lower case, NO_NAME where there is none. Whom to believe is for the
    caller: anybody can write such a field into a mail.
    """
    fields = top.all("authentication-results")[: limits.AUTHENTICATION_RESULTS]
    return [_field(field[: limits.AUTHENTICATION_RESULT].decode("utf-8", "replace")) for field in fields]


def signatures(top: Headers) -> list[dict[str, str]]:
    """Domain and selector of each DKIM-Signature (RFC 6376 section 3.5); empty where they are no host names."""
    found = []
    for field in top.all("dkim-signature")[: limits.SIGNATURES]:
        tags = {tag.decode(): value.strip().decode("ascii", "replace") for tag, value in TAG.findall(field)}
        domain, selector = tags.get("d", "").lower(), tags.get("s", "").lower()
        named = HOST.fullmatch(domain) and HOST.fullmatch(selector)
        found.append({"domain": domain if named else "", "selector": selector if named else ""})
    return found


def _field(text: str) -> dict[str, Any]:
    first, *rest = _sections(text)
    if PAIR.match(first.strip()):
        server, rest = NO_NAME, [first, *rest]
    else:
        words = first.split(None, 1)
        server = words[0].strip('"').lower()[:253] if words else NO_NAME
    return {"server": server, "results": [found for section in rest if (found := _result(section))]}


def _sections(text: str) -> list[str]:
    """The parts between semicolons, without comments, which may be nested (RFC 5322 section 3.2.2)."""
    sections, depth = [""], 0
    for match in SCANNED.finditer(text):
        piece = match[0]
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif depth == 0 and piece == ";":
            sections.append("")
        elif depth == 0:
            sections[-1] += piece
    return sections


def _result(section: str) -> dict[str, str] | None:
    pairs = [(match[1].lower(), match[2].strip('"')) for match in islice(PAIR.finditer(section), 20)]
    if not pairs:
        return None
    method, result = pairs[0][0].partition("/")[0], pairs[0][1].lower()
    if method not in PROPERTIES or result not in RESULTS:
        return None
    told = dict(reversed(pairs[1:]))
    value = next((told[name] for name in PROPERTIES[method] if name in told), "")
    domain = value.rpartition("@")[2].rstrip(".").lower()
    return {
        "method": method,
        "result": "fail" if result == "hardfail" else result,
        "domain": domain if HOST.fullmatch(domain) else "",
    }
