"""What a page sends back, turned into changes."""

import pytest

from extraction.forms import Sheet, changes_of, still_typed
from extraction.schemas import CanonicalDocument, Line

CURRENT = CanonicalDocument(
    doc_type="order_confirmation",
    number="AB-1",
    ship_to="Hall 3\nGate 4",
    lines=(Line(pos="10"), Line(pos="20")),
).to_json() | {"net_total": "1525.1", "findings": [], "evidence": {}}


def sent() -> dict[str, str]:
    """The form as the page shows it."""
    sheet = Sheet(CURRENT, CURRENT)
    cells = [cell for _, group in sheet.groups() for cell in group]
    cells += [cell for _, _, line, _ in sheet.lines() for cell in line]
    return {cell.path: cell.value for cell in cells}


def test_a_page_sent_back_as_it_was_changes_nothing() -> None:
    assert sent()["net_total"] == "1525.10"
    assert changes_of(sent() | {"ship_to": "Hall 3\r\nGate 4"}, [], CURRENT) == {}


def test_what_was_typed_is_a_change_and_what_was_emptied_is_none() -> None:
    posted = sent() | {"number": " AB-2 ", "ship_to": "", "lines.1.quantity": "4"}
    assert changes_of(posted, [], CURRENT) == {"number": "AB-2", "ship_to": None, "lines.1.quantity": "4"}


def test_lines_are_dropped_by_number_and_added_as_objects() -> None:
    posted = sent() | {
        "lines.0.quantity": "9",
        "lines.+.1.pos": "30",
        "lines.+.2.pos": " ",
        "lines.+.3.pos": "40",
    }
    assert changes_of(posted, ["0"], CURRENT) == {"lines.0": None, "lines.+": [{"pos": "30"}, {"pos": "40"}]}


def test_names_the_page_never_had_are_not_taken() -> None:
    assert changes_of({"confidence": "1", "lines.0.tenant": "x", "lines.9.pos": "1"}, [], CURRENT) == {}


def test_old_values_of_a_page_out_of_date_are_not_taken_for_typed_ones() -> None:
    meanwhile = [{"number": {"from": "AB-0", "to": "AB-5"}}, {"number": {"from": "AB-5", "to": "AB-1"}}]
    changes = {"number": "AB-0", "ship_to": "mine"}
    assert still_typed(changes, meanwhile) == {"ship_to": "mine"}


def test_entries_in_lines_are_let_go_once_lines_moved() -> None:
    meanwhile = [{"lines.0": {"from": {}, "to": None}}, None]
    assert still_typed({"lines.1.pos": "7", "number": "AB-9"}, meanwhile) == {"number": "AB-9"}


@pytest.mark.parametrize(
    ("name", "typed", "kept"),
    [
        ("gross_total", "1.234,50", "1234.5"),
        ("gross_total", "1,234.50 EUR", "1234.5"),
        ("gross_total", "12,5", "12.5"),
        ("gross_total", "1,234", "1,234"),
        ("issue_date", "09.11.2026", "2026-11-09"),
        ("issue_date", "25/11/2026", "2026-11-25"),
        ("issue_date", "9/11/2026", "9/11/2026"),
        ("issue_date", "31.02.2026", "31.02.2026"),
    ],
)
def test_numbers_and_dates_are_taken_as_the_paper_writes_them_unless_they_have_two_readings(
    name: str, typed: str, kept: str
) -> None:
    assert changes_of(sent() | {name: typed}, [], CURRENT) == {name: kept}


def test_a_new_line_is_typed_as_the_paper_writes_it() -> None:
    assert changes_of({"lines.+.1.quantity": "1.000,5"}, [], CURRENT) == {"lines.+": [{"quantity": "1000.5"}]}


def test_an_amount_typed_as_the_paper_writes_it_is_no_change_when_it_is_the_same() -> None:
    assert changes_of(sent() | {"net_total": "1.525,10"}, [], CURRENT) == {}


def test_a_refusal_names_the_field_as_the_page_does() -> None:
    errors = {"issue_date": "No.", "lines.1.unit_price": "No.", "lines.+.quantity": "No."}
    assert [label for label, _ in Sheet(CURRENT, CURRENT, {}, errors).refusals()] == [
        "Date", "Line 2, Price", "New line, Quantity",
    ]  # fmt: skip
