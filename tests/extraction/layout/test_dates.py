"""Dates are found in six languages, and day and month are told apart by the document."""

from datetime import date

import pytest

from extraction.layout.dates import find_dates, is_month_first, is_open


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("vom 03.02.2026 an", "2026-02-03"),
        ("3. März 2026", "2026-03-03"),
        ("15 July 2026", "2026-07-15"),
        ("July 15, 2026", "2026-07-15"),
        ("1er août 2026", "2026-08-01"),
        ("12 febbraio 2026", "2026-02-12"),
        ("15 de julio de 2026", "2026-07-15"),
        ("5 maart 2026", "2026-03-05"),
        ("15-Jul-26", "2026-07-15"),
        ("2026-07-15T10:00:00", "2026-07-15"),
        ("KW 23/2026", "2026-06-01"),
        ("23. KW 2026", "2026-06-01"),
        ("05/16/2026", "2026-05-16"),
    ],
)
def test_a_date_is_found_as_it_is_written(text: str, day: str) -> None:
    assert [item.read(month_first=False) for item in find_dates(text)] == [date.fromisoformat(day)]


@pytest.mark.parametrize(
    "text", ["1.234.56", "32.01.2026", "29.02.2025", "192.168.10.12", "12/2026", "3 Stück 2026"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert find_dates(text) == []


def test_a_date_with_one_reading_decides_for_those_with_two() -> None:
    assert is_month_first(["05/16/2026", "04/11/2026"], "EUR")
    assert not is_month_first(["16/05/2026"], "USD")
    assert is_month_first(["04/11/2026"], "USD")
    assert not is_month_first(["04/11/2026"], "EUR")


def test_a_date_is_open_while_no_date_of_the_document_has_only_one_reading() -> None:
    assert is_open("11/03/2017", ["Date 11/03/2017", "Due 12/04/2017"])
    assert not is_open("11/03/2017", ["Date 11/03/2017", "Due 25/04/2017"])
    assert not is_open("25/03/2017", ["Date 25/03/2017"])
    assert not is_open("3 March 2017", ["Date 3 March 2017"])


def test_hours_are_no_date_and_full_stops_put_the_day_first() -> None:
    assert find_dates("Mo.-Fr. 08.30 - 12.30 Uhr") == []
    assert not is_month_first(["Open 8.00-20.00", "06.12.2018"], "EUR")
    (found,) = find_dates("06.12.2018")
    assert str(found.read(month_first=True)) == "2018-12-06"
    assert not is_open("06.12.2018", ["06.12.2018"])
