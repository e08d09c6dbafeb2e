"""Lists in pages: a cursor behind the last row shown, so that a page costs the same however far in it is."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

PAGE = 50
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """The rows of one page, and the parameters of the pages after and before it; empty where there is none."""

    rows: list[Row]
    after: str
    before: str


def cut(
    found: "QuerySet[Row]", *, by: str, asked: Mapping[str, str], newest_first: bool = True, size: int = PAGE
) -> Slice[Row]:
    """One page of ``found`` by the time column ``by``; ``asked`` may hold a cursor as `after` or `before`."""
    backwards = "before" in asked and "after" not in asked
    place = _place(asked.get("before" if backwards else "after", ""))
    falling = newest_first != backwards
    if place is not None:
        way = "lt" if falling else "gt"
        beyond = Q(**{f"{by}__{way}": place[0]}) | Q(**{by: place[0], f"pk__{way}": place[1]})
        found = found.filter(beyond)
    sign = "-" if falling else ""
    rows = list(found.order_by(f"{sign}{by}", f"{sign}pk")[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    first, last = (_cursor(rows[0], by), _cursor(rows[-1], by)) if rows else ("", "")
    has_after = bool(rows) if backwards else more
    has_before = more if backwards else bool(rows) and place is not None
    return Slice(rows, last if has_after else "", first if has_before else "")


def _cursor(row: Any, by: str) -> str:
    text = f"{getattr(row, by).isoformat()}|{row.pk}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[datetime, UUID] | None:
    """Where ``cursor`` points; None for none, and for one that somebody made up."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        when, _, key = text.partition("|")
        place = datetime.fromisoformat(when), UUID(key)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return place if place[0].tzinfo is not None else None
