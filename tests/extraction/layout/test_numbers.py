"""Printed numbers have all their readings, and the page decides."""

from decimal import Decimal

import pytest

from extraction.layout.numbers import NumberStyle, currency_of, reading, readings, style_of


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1.234,56", ["1234.56"]),
        ("1,234.56", ["1234.56"]),
        ("1.234", ["1.234", "1234"]),
        ("250,000", ["250.000", "250000"]),
        ("0,125", ["0.125"]),
        ("1 360,00", ["1360.00"]),
        ("72\u202f120,00", ["72120.00"]),
        ("1’234.50 CHF", ["1234.50"]),
        ("£25,384.00", ["25384.00"]),
        ("-5,00", ["-5.00"]),
        ("5,00-", ["-5.00"]),
        ("(5.00)", ["-5.00"]),
        ("19 %", ["19"]),
        ("125.--", ["125"]),
        ("12 34", []),
        ("1.2.3", []),
        ("1,23,456.00", []),
        ("A4", []),
        ("", []),
        ("9" * 40, []),
    ],
)
def test_every_reading_of_a_number_is_kept(text: str, values: list[str]) -> None:
    assert sorted(readings(text)) == sorted(Decimal(value) for value in values)


def test_the_page_as_a_whole_decides_what_a_comma_means() -> None:
    german, english = style_of(["12,50", "1.000", "3,4"]), style_of(["12.50", "1,000"])
    assert (german, english) == (NumberStyle(","), NumberStyle("."))
    assert reading("1.000", german) == 1000
    assert reading("1,000", german) == 1
    assert reading("1,000", english) == 1000


def test_a_sign_stands_for_a_currency_and_a_word_does_not() -> None:
    assert [currency_of(text) for text in ("EUR", "(EUR)", "£12.00", "ALL", "5")] == [
        "EUR",
        "EUR",
        "GBP",
        None,
        None,
    ]
