"""Checks a mail's DKIM signatures (RFC 6376) against keys that were looked up elsewhere: no network here."""

import binascii
import logging
from collections.abc import Mapping

import dkim

from connectors.mime import limits

SHORTEST_KEY = 1024  # bits; RFC 8301 section 3.2
SILENT = logging.Logger("dkim", logging.CRITICAL + 1)
# What dkimpy raises beside its own errors for signatures that are no signatures.
MALFORMED = (
    dkim.DKIMException,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    binascii.Error,
)


def verify_signatures(raw: bytes, keys: Mapping[str, bytes]) -> list[str]:
    """A word for each DKIM-Signature, topmost first: pass, fail, neutral, permerror, or none without a key.

    ``keys`` holds the TXT records by name ("selector._domainkey.domain"). A signature that covers only the
    beginning of the body (l=) is neutral: what follows is anybody's (RFC 6376 section 8.2).
    """
    checker = dkim.DKIM(raw, logger=SILENT, minkey=SHORTEST_KEY)
    present = sum(1 for name, _ in checker.headers if name.lower() == b"dkim-signature")
    return [_verify(checker, number, keys) for number in range(min(present, limits.SIGNATURES))]


def _verify(checker: dkim.DKIM, number: int, keys: Mapping[str, bytes]) -> str:
    asked: list[bool] = []

    def key(name: bytes, timeout: int = 0) -> bytes | None:
        found = keys.get(name.decode("ascii").rstrip(".").lower())
        asked.append(found is not None)
        return found

    try:
        passed = checker.verify(number, dnsfunc=key)
    except dkim.ValidationError:
        return "fail"
    except MALFORMED:
        return "permerror" if not asked or all(asked) else "none"
    if asked and not all(asked):
        return "none"
    if not passed:
        return "fail"
    return "neutral" if b"l" in checker.signature_fields else "pass"
