"""Blind search and equality: words and values as HMACs under the tenant's index key."""

import re
import unicodedata
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from django.db.models import Exists, OuterRef, QuerySet

from zalion.tenancy.unit import unit
from zalion.vault.keys import tenant_key
from zalion.vault.models import Purpose, SearchToken

TOKEN_BYTES = 16
# Bounds for hostile subjects; what is beyond is not searchable, and nothing else is lost.
WORDS_PER_OBJECT = 2_000
WORDS_PER_QUERY = 20
RUNS_JOINED = 6
_DIGITS = 4
_RUN = re.compile(r"[^\W_]+")
_DIGIT_RUN = re.compile(rf"\d{{{_DIGITS},}}")
_SHA256 = hashes.SHA256()


def _runs(word: str) -> list[str]:
    return _RUN.findall(word)


def _folded(text: str) -> str:
    # Folding can leave a form that NFKC changes again.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def tokens(text: str) -> set[str]:
    """The words by which ``text`` is found, normalised (NFKC, casefold) and still readable.

    Each whole word without its punctuation, each alphanumeric run in it, neighbouring runs joined, and digit
    runs of four and more: "AB-4711/2024" gives ab, 4711, 2024, ab4711, 47112024, ab47112024. So a number is
    found with or without its separators, a domain within an address, "4711" within "PO4711x".
    """
    found: set[str] = set()
    for word in _folded(text).split():
        runs = _runs(word)
        if not runs:
            continue
        found.add("".join(runs))
        for start in range(len(runs)):
            stop = min(len(runs), start + RUNS_JOINED)
            found.update("".join(runs[start:end]) for end in range(start + 1, stop + 1))
            found.update(_DIGIT_RUN.findall(runs[start]))
        if len(found) >= WORDS_PER_OBJECT:
            break
    return found


def _query_words(query: str) -> list[str]:
    """What has to be there, the longest first: it is likely the rarest."""
    words = {"".join(_runs(word)) for word in _folded(query).split()}
    return sorted(words - {""}, key=lambda word: (-len(word), word))[:WORDS_PER_QUERY]


class _Macs:
    """HMAC-SHA256 under one key with the key's set-up done once."""

    def __init__(self, label: str, kind: str) -> None:
        self._base = HMAC(tenant_key(Purpose.INDEX).derive(label), _SHA256)
        # The kind is part of what is hashed: the same word has unrelated tokens in mails and in documents.
        self._base.update(len(kind.encode()).to_bytes(4, "big") + kind.encode())

    def __call__(self, value: str) -> bytes:
        mac = self._base.copy()
        mac.update(value.encode("utf-8", "surrogatepass"))
        return mac.finalize()[:TOKEN_BYTES]


def index(object_kind: str, object_id: uuid.UUID, texts: Iterable[str | None]) -> None:
    index_many(object_kind, {object_id: texts})


def index_many(object_kind: str, objects: Mapping[uuid.UUID, Iterable[str | None]]) -> None:
    """Make objects findable by the words of their texts, in place of what they were found by before.

    One page is one INSERT. ``object_kind`` is the model's label, for example "connectors.message".
    """
    replace(object_kind, objects, prepare(object_kind, objects))


def prepare(object_kind: str, objects: Mapping[uuid.UUID, Iterable[str | None]]) -> list[SearchToken]:
    """The rows for ``replace``, worked out before the unit that writes them: that takes a while."""
    macs = _Macs("search", object_kind)
    rows = []
    for object_id, texts in objects.items():
        words: set[str] = set()
        for text in texts:
            words |= tokens(text or "")
        rows += [
            SearchToken(kind=object_kind, object_id=object_id, token=macs(word))
            for word in sorted(words)[:WORDS_PER_OBJECT]
        ]
    return rows


def replace(object_kind: str, object_ids: Iterable[uuid.UUID], rows: Sequence[SearchToken]) -> None:
    """Put ``rows`` in place of what ``object_ids`` were found by before."""
    with unit():
        forget(object_kind, object_ids)
        SearchToken.objects.bulk_create(rows)


def search(object_kind: str, query: str) -> QuerySet[SearchToken, Any]:
    """The ids of the objects that have every word of ``query``, for ``filter(pk__in=search(...))``.

    A query without a word finds nothing.
    """
    rows = SearchToken.objects.filter(kind=object_kind)
    words = _query_words(query)
    if not words:
        return rows.none().values("object_id")
    macs = _Macs("search", object_kind)
    rows = rows.filter(token=macs(words[0]))
    for word in words[1:]:
        same = SearchToken.objects.filter(token=macs(word), object_id=OuterRef("object_id"))
        rows = rows.filter(Exists(same))
    return rows.values("object_id")


def forget(object_kind: str, object_ids: Iterable[uuid.UUID]) -> int:
    """Take objects out of the index; returns how many tokens went."""
    return SearchToken.objects.filter(kind=object_kind, object_id__in=list(object_ids)).delete()[0]


def token(kind: str, value: str) -> str:
    """The token for an EqualityTokenField: equal for the same tenant, ``kind`` and ``value``, 32 hex digits.

    ``value`` is taken code point by code point: what is to count as equal is normalised by the caller.
    """
    return _Macs("equality", kind)(value).hex()


def content_mac() -> HMAC:
    """The tenant's HMAC over content, to be fed as it streams by: a plain hash would tell whether a known
    document was received.
    """
    return HMAC(tenant_key(Purpose.INDEX).derive("content"), _SHA256)


def content_hmac(content: bytes) -> str:
    """64 hex digits, equal for equal content of one tenant."""
    mac = content_mac()
    mac.update(content)
    return mac.finalize().hex()
