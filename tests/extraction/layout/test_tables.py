"""Tables are read by the columns and rows they have, whatever stands above, below and between."""

from collections.abc import Sequence

from extraction.layout.geometry import Page, Word, page_of
from extraction.layout.lexicon import lexicon
from extraction.layout.lines import ReadLine, read_line
from extraction.layout.numbers import style_of
from extraction.layout.tables import read_tables

Cells = Sequence[tuple[float, str]]


def page(rows: Sequence[tuple[float, Cells]], number: int = 1) -> Page:
    """A page of rows, each a top edge and cells that begin at an x, in letters of 5 points."""
    words = []
    for top, cells in rows:
        for left, text in cells:
            x = left
            for part in text.split(" "):
                if part:
                    words.append(Word(part, x, top, x + 5 * len(part), top + 10, number))
                x += 5 * (len(part) + 0.5)
    return page_of(number, 595, 842, words)


def read(*pages: Page, language: str = "en") -> list[ReadLine]:
    texts = [word.text for item in pages for row in item.rows for word in row.words]
    style = style_of(texts, language)
    found = read_tables(pages, lexicon(language), style)
    return [read_line(line, style, month_first=False) for line in found.lines]


def values(lines: Sequence[ReadLine], *names: str) -> list[tuple[str, ...]]:
    return [tuple(str(line.values.get(name)) for name in names) for line in lines]


HEADING: Cells = ((20, "Pos"), (60, "Description"), (300, "Qty"), (360, "Price"), (440, "Total"))


def test_a_heading_over_several_rows_is_one_heading() -> None:
    lines = read(
        page(
            [
                (90, ((300, "Agreed"), (360, "Net unit"), (440, "Line total"))),
                (101, ((20, "Pos"), (60, "Description"), (250, "Unit"), (300, "Qty"))),
                (112, ((360, "Price"), (440, "net"))),
                (130, ((20, "1"), (60, "Spring"), (250, "pcs"), (300, "4"), (360, "2.50"), (440, "10.00"))),
            ]
        )
    )
    assert values(lines, "unit", "quantity", "unit_price", "line_total") == [("H87", "4", "2.50", "10.00")]


def test_of_two_price_columns_the_one_that_adds_up_is_the_price() -> None:
    heading = ((20, "Pos"), (60, "Description"), (230, "Price"), (300, "Qty"), (360, "Price"), (440, "Total"))
    rows = [
        (120, ((20, "1"), (60, "Spring"), (230, "3.00"), (300, "4"), (360, "2.50"), (440, "10.00"))),
        (140, ((20, "2"), (60, "Ring"), (230, "9.00"), (300, "2"), (360, "8.00"), (440, "16.00"))),
    ]
    lines = read(page([(100, heading), *rows]))
    assert values(lines, "unit_price") == [("2.50",), ("8.00",)]
    assert all(line.closes for line in lines)


def test_a_column_whose_heading_is_unknown_is_found_by_arithmetic() -> None:
    heading = (*HEADING[:4], (440, "Zorp"))
    rows = [
        (120, ((20, "1"), (60, "Spring"), (300, "4"), (360, "2.50"), (440, "10.00"))),
        (140, ((20, "2"), (60, "Ring"), (300, "2"), (360, "8.00"), (440, "16.00"))),
    ]
    assert values(read(page([(100, heading), *rows])), "line_total") == [("10.00",), ("16.00",)]


def test_of_a_requested_and_an_agreed_quantity_the_agreed_one_counts() -> None:
    rows = [
        (100, HEADING),
        (120, ((20, "1"), (60, "Spring"))),
        (126, ((290, "(R) 6"),)),
        (132, ((360, "2.50"), (440, "10.00"))),
        (138, ((290, "(A) 4"),)),
    ]
    assert values(read(page(rows)), "pos", "quantity") == [("1", "4")]


def test_labelled_values_in_a_cell_go_to_their_own_fields() -> None:
    heading = (
        (20, "Pos"),
        (60, "Product ID"),
        (200, "Description"),
        (330, "Qty"),
        (380, "Price"),
        (440, "Total"),
    )
    rows = [
        (120, ((20, "1"), (60, "GTIN: 4012345001235"), (200, "Spring"))),
        (131, ((60, "SE_ID: S-1"), (330, "4"), (380, "2.50"), (440, "10.00"))),
        (142, ((60, "BY_ID: B-1"),)),
    ]
    lines = read(page([(100, heading), *rows]))
    assert values(lines, "gtin", "seller_article", "buyer_article") == [("4012345001235", "S-1", "B-1")]


def test_values_listed_in_a_cell_follow_the_list_in_its_heading() -> None:
    rows = [
        (89, ((60, "Customer P/N"),)),
        (
            100,
            (
                (20, "Pos"),
                (60, "Our P/N"),
                (180, "Description"),
                (300, "Qty"),
                (360, "Price"),
                (440, "Total"),
            ),
        ),
        (120, ((20, "1"), (60, "C-1"), (180, "Spring"), (300, "4"), (360, "2.50"), (440, "10.00"))),
        (131, ((60, "S-1"),)),
        (150, ((20, "2"), (180, "Ring"), (300, "2"), (360, "8.00"), (440, "16.00"))),
        (161, ((60, "S-2"),)),
    ]
    lines = read(page(rows))
    assert values(lines, "buyer_article", "seller_article") == [("C-1", "S-1"), ("None", "S-2")]


def test_text_centred_beside_the_numbers_belongs_to_its_own_position() -> None:
    rows = [
        (100, HEADING),
        (118, ((60, "Spring"),)),
        (124, ((20, "1"), (300, "4"), (360, "2.50"), (440, "10.00"))),
        (130, ((60, "zinc plated"),)),
        (146, ((60, "Ring"),)),
        (152, ((20, "2"), (300, "2"), (360, "8.00"), (440, "16.00"))),
        (158, ((60, "of steel"),)),
    ]
    assert values(read(page(rows)), "description") == [("Spring zinc plated",), ("Ring of steel",)]


def test_a_table_goes_on_on_the_next_page_without_its_heading() -> None:
    first = page(
        [(100, HEADING), (120, ((20, "1"), (60, "Spring"), (300, "4"), (360, "2.50"), (440, "10.00")))]
    )
    second = page([(60, ((20, "2"), (60, "Ring"), (300, "2"), (360, "8.00"), (440, "16.00")))], number=2)
    assert values(read(first, second), "pos", "quantity") == [("1", "4"), ("2", "2")]


def test_a_table_of_taxes_below_the_positions_gives_no_positions() -> None:
    rows = [
        (100, HEADING),
        (120, ((20, "1"), (60, "Spring"), (300, "4"), (360, "2.50"), (440, "10.00"))),
        (150, ((20, "Grand total"), (440, "12.00"))),
        (180, ((20, "Item"), (120, "VAT"), (440, "Amount"))),
        (195, ((20, "1"), (120, "20"), (440, "2.00"))),
    ]
    assert len(read(page(rows))) == 1


def test_a_labelled_amount_below_a_position_is_a_remark_to_it() -> None:
    rows = [
        (100, HEADING),
        (120, ((20, "1"), (60, "Spring"), (300, "4"), (360, "2.50"), (440, "10.00"))),
        (134, ((60, "List price : 3.00"), (300, "0.50"))),
        (150, ((20, "2"), (60, "Ring"), (300, "2"), (360, "8.00"), (440, "16.00"))),
    ]
    assert values(read(page(rows)), "description", "quantity") == [("Spring", "4"), ("Ring", "2")]


def test_a_word_divided_at_the_end_of_a_line_is_one_word() -> None:
    rows = [
        (100, HEADING),
        (120, ((20, "1"), (60, "Steel con-"), (300, "4"), (360, "2.50"), (440, "10.00"))),
        (132, ((60, "nector Beamer-"),)),
        (144, ((60, "Mount"),)),
    ]
    assert values(read(page(rows)), "description") == [("Steel connector Beamer-Mount",)]


def test_a_number_printed_in_groups_stays_together_at_a_columns_edge() -> None:
    rows = [
        (100, HEADING),
        (120, ((20, "1"), (60, "Spring"), (300, "4"), (350, "250,00"), (425, "1 000,00"))),
        (140, ((20, "2"), (60, "Ring"), (300, "2"), (350, "800,00"), (425, "1 600,00"))),
    ]
    assert values(read(page(rows)), "line_total") == [("1000.00",), ("1600.00",)]


def test_a_compound_that_ends_on_the_next_line_is_one_word() -> None:
    rows = [
        (100, HEADING),
        (116, ((20, "1"), (60, "4-"), (300, "1"), (360, "8.41"), (440, "8.41"))),
        (128, ((60, "Fahrten"),)),
        (140, ((60, "-Karte Berlin"),)),
    ]
    assert values(read(page(rows)), "description") == [("4-Fahrten-Karte Berlin",)]


LEVELS: Cells = ((20, "Pos"), (60, "Article"), (120, "Description"))
NUMBERS: Cells = ((110, "Quantity"), (250, "Price"), (400, "Total"))


def levelled(name: str) -> list[tuple[float, Cells]]:
    """A table whose positions take two rows, the names over the numbers."""
    rows: list[tuple[float, Cells]] = [(100, LEVELS), (111, NUMBERS)]
    for number, (count, price, total) in enumerate(
        (("4", "2.50", "10.00"), ("12", "8.00", "96.00")), start=1
    ):
        top = 90 + 50 * number
        rows += [
            (top, ((20, str(number)), (60, f"F-{number}0"), (120, name))),
            (top + 11, ((125, f"{count} pcs"), (250, price), (400, total))),
            (top + 22, ((120, "Your part no.: M-4"),)),
        ]
    return rows


def test_names_over_numbers_are_two_levels_of_one_table() -> None:
    lines = read(page(levelled("Compression spring of steel, galvanised")))
    found = values(
        lines, "pos", "seller_article", "description", "buyer_article", "quantity", "unit_price", "line_total"
    )
    text = "Compression spring of steel, galvanised"
    assert found == [
        ("1", "F-10", text, "M-4", "4", "2.50", "10.00"),
        ("2", "F-20", text, "M-4", "12", "8.00", "96.00"),
    ]


def test_two_levels_need_no_numbered_positions() -> None:
    rows = [
        (top, [cell for cell in cells if cell[0] != 20])
        for top, cells in levelled("Compression spring of steel, galvanised")
    ]
    lines = read(page(rows))
    assert values(lines, "seller_article", "quantity") == [("F-10", "4"), ("F-20", "12")]


def test_a_position_that_comes_on_two_days_comes_in_parts() -> None:
    row = ((20, "1"), (60, "Spring"), (300, "4"), (360, "2.50"), (440, "10.00"))
    texts = [
        (116 + 11 * number, ((60, f"Delivery: {day} May 2026"),))
        for number, day in enumerate((3, 9), start=1)
    ]
    style = style_of(["2.50"], "en")
    found = read_tables([page([(90, HEADING), (106, row), *texts])], lexicon("en"), style)
    assert [line.in_parts for line in found.lines] == [True]
    found = read_tables([page([(90, HEADING), (106, row), texts[0]])], lexicon("en"), style)
    assert [line.in_parts for line in found.lines] == [False]


def test_a_whole_heading_above_another_is_not_parted() -> None:
    rows = [
        (100, ((20, "Pos."), (60, "Désignation article"), (300, "Qté"), (360, "PU HT"), (440, "Total HT"))),
        (111, ((60, "Article"),)),
        (128, ((20, "1"), (60, "Goupille cylindrique 6x30"), (300, "4"), (360, "2,50"), (440, "10,00"))),
        (139, ((60, "341149"),)),
    ]
    found = values(read(page(rows), language="fr"), "description", "seller_article")
    assert found == [("Goupille cylindrique 6x30", "341149")]
