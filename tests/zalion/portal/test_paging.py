"""Pages behind a cursor."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cast import Company
from zalion.portal.paging import cut
from zalion.tenancy.models import Membership, Role, User

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def rows(acme: Company) -> Company:
    """Twelve people more, two and two at the same moment."""
    with acme.work():
        for number in range(12):
            user = User.objects.create_user(f"extra-{number}", name=f"Extra {number}")
            row = Membership(user=user, role=Role.AUDITOR, created_at=START + timedelta(days=number // 2))
            row.save()
    return acme


def walk(way: str, cursor: dict[str, str], **options: Any) -> list[list[str]]:
    found = []
    while True:
        page = cut(Membership.objects.all(), by="created_at", asked=cursor, size=5, **options)
        found.append([str(row.pk) for row in page.rows])
        following = getattr(page, way)
        if not following:
            return found
        cursor = {way: following}


@pytest.mark.parametrize("newest_first", [True, False])
def test_every_row_is_met_once_forwards_and_backwards(rows: Company, newest_first: bool) -> None:
    with rows.work():
        order = ("-created_at", "-pk") if newest_first else ("created_at", "pk")
        everything = [str(key) for key in Membership.objects.order_by(*order).values_list("pk", flat=True)]
        forwards = walk("after", {}, newest_first=newest_first)
        assert [key for page in forwards for key in page] == everything

        def page(**asked: str) -> Any:
            return cut(
                Membership.objects.all(), by="created_at", asked=asked, size=5, newest_first=newest_first
            )

        middle = page()
        back = page(before=page(after=middle.after).before)
        assert [row.pk for row in back.rows] == [row.pk for row in middle.rows]
        assert back.before == ""


@pytest.mark.parametrize("cursor", ["x", "", "bm9wZQ", "MjAyNi0wMS0wMXxub3BlCg"])
def test_a_cursor_somebody_made_up_is_the_first_page(rows: Company, cursor: str) -> None:
    with rows.work():
        made_up = cut(Membership.objects.all(), by="created_at", asked={"after": cursor}, size=5)
        first = cut(Membership.objects.all(), by="created_at", asked={}, size=5)
        assert [row.pk for row in made_up.rows] == [row.pk for row in first.rows]
