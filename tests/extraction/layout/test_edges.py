"""Cells belong to the column they stand in, wherever its heading stands above them."""

from tests.extraction.layout.test_tables import page, read, values


def test_numbers_far_right_of_their_headings_are_told_apart_by_the_other_numbers() -> None:
    heading = ((20, "Description"), (300, "Qty"), (345, "Price"), (415, "Total"))
    rows = [
        (100, heading),
        (116, ((20, "Spring"), (330, "4"), (385, "2.50"), (455, "10.00"))),
        (132, ((20, "Ring"), (325, "12"), (385, "8.00"), (455, "96.00"))),
    ]
    assert values(read(page(rows)), "description", "quantity", "unit_price", "line_total") == [
        ("Spring", "4", "2.50", "10.00"),
        ("Ring", "12", "8.00", "96.00"),
    ]


def test_a_number_alone_before_its_heading_is_not_the_end_of_the_description() -> None:
    heading = ((20, "Description of the goods"), (300, "Qty"), (360, "Price"), (440, "Total"))
    rows = [
        (100, heading),
        (116, ((20, "Hydraulic hose with two ends of brass"), (285, "1"), (360, "9.50"), (440, "9.50"))),
    ]
    assert values(read(page(rows)), "quantity", "unit_price") == [("1", "9.50")]


def test_texts_that_begin_left_of_their_heading_are_no_positions() -> None:
    heading = ((20, "Pos"), (160, "Description"), (300, "Qty"), (360, "Price"), (440, "Total"))
    rows = [
        (100, heading),
        (116, ((20, "1"), (50, "Spring"), (300, "4"), (360, "2.50"), (440, "10.00"))),
        (128, ((50, "of steel"),)),
        (144, ((20, "2"), (50, "Ring"), (300, "2"), (360, "8.00"), (440, "16.00"))),
    ]
    assert values(read(page(rows)), "pos", "description") == [("1", "Spring of steel"), ("2", "Ring")]


def test_a_heading_over_two_rows_is_parted_where_only_one_word_goes_on() -> None:
    rows = [
        (100, ((20, "Produit"), (250, "Qté"), (300, "Prix Unité"), (460, "Total"))),
        (111, ((280, "unitaire"),)),
        (128, ((20, "Vis"), (250, "4"), (300, "2,50"), (335, "pce"), (460, "10,00"))),
    ]
    assert values(read(page(rows), language="fr"), "quantity", "unit", "unit_price") == [("4", "H87", "2.50")]


def test_a_number_that_ends_far_right_of_its_heading_is_not_taken_for_the_next_columns() -> None:
    heading = (
        (20, "Pos"),
        (50, "Description"),
        (250, "Qty"),
        (340, "Unit price"),
        (400, "Price per"),
        (460, "Disc. %"),
    )
    rows = [
        (100, (*heading, (530, "Total"))),
        *(
            (
                116 + 16 * number,
                (
                    (20, f"{number}"),
                    (50, "Spring"),
                    (245, "120.000"),
                    (370, "22.758"),
                    (425, "100"),
                    (530, "27.31"),
                ),
            )
            for number in range(1, 5)
        ),
    ]
    found = values(read(page(rows)), "quantity", "unit_price", "price_base", "discount", "line_total")
    assert found == [("120.000", "22.758", "100", "None", "27.31")] * 4
