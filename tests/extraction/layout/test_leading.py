"""Which rows belong to which position, where its text and its numbers stand on rows of their own."""

from tests.extraction.layout.test_tables import HEADING, page, read, values

NAMES = ("pos", "description", "quantity", "line_total")


def test_a_text_above_its_numbers_is_theirs_where_nothing_is_numbered() -> None:
    heading = HEADING[1:]
    rows = [(100, heading)]
    for top, name, total in ((116, "Spring", "10.00"), (152, "Ring", "40.00"), (188, "Hose", "5.00")):
        quantity = {"10.00": "4", "40.00": "16", "5.00": "2"}[total]
        rows += [
            (top, ((60, name),)),
            (top + 12, ((300, quantity), (360, "2.50"), (440, total))),
            (top + 24, ((60, "galvanised"),)),
        ]
        rows[-1] = (top + 22, rows[-1][1])
    assert values(read(page(rows)), *NAMES[1:]) == [
        ("Spring galvanised", "4", "10.00"),
        ("Ring galvanised", "16", "40.00"),
        ("Hose galvanised", "2", "5.00"),
    ]


def test_the_heading_of_a_group_is_no_part_of_a_position() -> None:
    rows = [
        (100, HEADING),
        (118, ((20, "Site North"),)),
        (130, ((20, "1"), (60, "Spring"), (300, "4"), (360, "2.50"), (440, "10.00"))),
        (142, ((60, "galvanised"),)),
        (154, ((20, "Lot"),)),
        (166, ((20, "2"), (60, "Ring"), (300, "12"), (360, "8.00"), (440, "96.00"))),
        (178, ((20, "3"), (60, "Hose"), (300, "1"), (360, "8.00"), (440, "8.00"))),
    ]
    assert values(read(page(rows)), *NAMES) == [
        ("1", "Spring galvanised", "4", "10.00"),
        ("2", "Ring", "12", "96.00"),
        ("3", "Hose", "1", "8.00"),
    ]


def test_what_was_ordered_is_the_quantity_where_no_other_is_printed() -> None:
    heading = ((60, "Description"), (250, "Quantity ordered"), (360, "Price"), (440, "Total"))
    rows = [(100, heading), (116, ((60, "Spring"), (300, "4"), (360, "2.50"), (440, "10.00")))]
    assert values(read(page(rows)), "quantity") == [("4",)]


def test_a_sign_before_an_amount_in_groups_belongs_to_it() -> None:
    rows = [
        (100, HEADING),
        (116, ((20, "1"), (60, "Spring"), (300, "4"), (355, "€ 500,00"), (430, "€ 2 000,00"))),
    ]
    assert values(read(page(rows), language="fr"), "line_total") == [("2000.00",)]
