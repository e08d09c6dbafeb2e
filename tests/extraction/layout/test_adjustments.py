"""A position's own discounts and charges, on rows below it, are taken into its total."""

from collections.abc import Sequence

import pytest

from extraction.grounding import means
from extraction.layout.document import Known, read_document
from tests.extraction.layout.test_tables import HEADING, Cells, page, read, values

Rows = Sequence[tuple[float, Cells]]
FIRST: Cells = ((20, "1"), (60, "Spring"), (300, "4"), (360, "25.00"), (440, "100.00"))
LAST: Cells = ((20, "2"), (60, "Ring"), (300, "2"), (360, "10.00"), (440, "20.00"))


def rows(*more: Cells) -> Rows:
    cells = (HEADING, FIRST, *more, LAST, ((300, "Net total"), (435, "110.00")))
    return [(100 + 12 * number, row) for number, row in enumerate(cells)]


@pytest.mark.parametrize(
    ("label", "amount"),
    [("less 10% discount", "-10.00"), ("Discount 10 %", "-10.00"), ("Discount 10 %", "10.00")],
)
def test_a_discount_below_a_position_is_taken_from_its_total(label: str, amount: str) -> None:
    lines = read(page(rows(((60, label), (440, amount)))))
    assert values(lines, "description", "unit_price", "discount", "line_total") == [
        ("Spring", "25.00", "10", "90.00"),
        ("Ring", "10.00", "None", "20.00"),
    ]


def test_the_net_amount_printed_below_a_discount_is_the_total() -> None:
    lines = read(page(rows(((60, "less 10% discount"), (440, "-10.00")), ((445, "90.00"),))))
    assert values(lines, "line_total") == [("90.00",), ("20.00",)]
    assert [word.text for word in lines[0].words["line_total"]] == ["90.00"]


def test_a_charge_below_a_position_is_added_and_said() -> None:
    found = read_document(
        [page([(20, ((20, "Invoice R-1"),)), *rows(((60, "Surcharge"), (445, "5.00")))])], Known()
    )
    assert found
    assert str(found.document.lines[0].line_total) == "105.00"
    evidence = found.evidence["lines.0.line_total"].text
    assert evidence == "100.00 + 5.00"
    assert means("lines.0.line_total", evidence, "105.00")
    assert [finding.field for finding in found.document.findings if finding.code == "line_adjusted"] == [
        "lines.0.line_total"
    ]


def test_a_group_of_positions_is_summed_up_without_ending_the_table() -> None:
    lines = read(page(rows(((300, "Subtotal"), (440, "100.00")))))
    assert values(lines, "line_total") == [("100.00",), ("20.00",)]


def test_a_discount_on_the_whole_document_ends_the_table() -> None:
    total = [
        (200.0, ((300, "Discount 10%"), (440, "-12.00"))),
        (215.0, ((300, "Net total"), (440, "108.00"))),
    ]
    lines = read(page([(100, HEADING), (112, FIRST), (124, LAST), *total]))
    assert values(lines, "line_total") == [("100.00",), ("20.00",)]
