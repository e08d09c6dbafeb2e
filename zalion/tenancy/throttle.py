"""Refused secrets, counted: past a limit they are answered shortly and no longer recorded one by one."""

import hashlib

from django.core.cache import cache

WINDOW = 60  # seconds
PER_ADDRESS = 30
PER_SECRET = 10  # of one address with the same beginning: one token's prefix, one link
_BEGINNING = 16  # characters: a token's mark and prefix


def over(door: str, *, address: str, shown: str) -> int:
    """Count a refused secret; how many past the limit that makes, zero or less while there is room.

    Call it for refusals alone: a right secret always opens, so nobody can lock another out. Each web process
    counts for itself.
    """
    by_address = _count(f"{door} {address}") - PER_ADDRESS
    return max(by_address, _count(f"{door} {address} {shown[:_BEGINNING]}") - PER_SECRET)


def _count(what: str) -> int:
    key = f"refused:{hashlib.sha256(what.encode()).hexdigest()}"
    if cache.add(key, 1, WINDOW):
        return 1
    try:
        return int(cache.incr(key))
    except ValueError:  # It expired between the two lines.
        return 1
