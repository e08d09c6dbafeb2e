"""Tills' receipts as words on a strip: which of their amounts, dates and names are the receipt's own."""

from datetime import date
from decimal import Decimal

import pytest

from extraction.extractors.ocr.receipts import is_receipt, read_receipt
from extraction.extractors.ocr.till_words import till_words
from extraction.extractors.ocr.words import ReadWord
from extraction.layout.geometry import Page, page_of
from extraction.schemas import CanonicalDocument

PITCH, HEIGHT = 6.0, 10.0


def strip(text: str, *, confidence: float = 0.9) -> Page:
    """A page as recognised, from lines of print; amounts stand at the right, as they do on paper."""
    lines = [line.strip() for line in text.strip().splitlines()]
    words: list[ReadWord] = []
    for number, line in enumerate(lines):
        at = 10.0
        for word in line.split(" "):
            if word:
                box = (at, 20 + number * 26.0, at + len(word) * PITCH, 20 + number * 26.0 + HEIGHT)
                words.append(ReadWord(word, *box, page=1, confidence=confidence))
            at += (len(word) + 1) * PITCH
    return page_of(1, 300.0, max(842.0, len(lines) * 26.0 + 40), words)


def read(*readings: str) -> CanonicalDocument:
    found = read_receipt([strip(text) for text in readings], None)
    assert found is not None
    return found.document


BOOKSHOP = """
    tan
    PAPER & INK (CITY) SDN BHD
    123456-A
    12 JALAN BESAR
    TAX INVOICE
    To: OTHER PEOPLE SDN BHD
    Doc No. CS0001   Date: 05/02/2018
    Ruler   2 x 1.50   3.00
    Sub Total          59.98
    Rounding Adj        0.02
    Total Sales (Incl GST)  RM60.00
    CASH              100.00
    Change             40.00
    GST Summary  Amount  Tax
    SR  6%       56.60   3.40
    Total        56.60   3.40
"""
GERMAN = """
    Bäckerei Korn
    Talweg 3
    70173 Stuttgart
    Tel. 0711 4711
    Brot  2,40 B
    Milch 1,10 B
    SUMME EUR 3,50
    Bar 5,00
    Rückgeld 1,50
    Netto MwSt Brutto
    3,27 0,23 3,50
    03.02.2026 14:12 Kasse 2
"""
FRENCH = """
    BOULANGERIE DUPAIN
    12 rue des Lilas
    75011 PARIS
    TICKET
    le 14/03/2025 à 09:12
    Baguette 1,20
    Croissant x2 2,60
    SOUS-TOTAL 3,80
    TOTAL A PAYER 3,80
    CARTE BANCAIRE 3,80
    dont TVA 5,5% 0,20
"""
ITALIAN = """
    Bar Centrale s.r.l.
    Via Roma 1
    20100 Milano
    Scontrino 17
    Caffè 1,30
    Cornetto 1,50
    TOTALE EURO 2,80
    CONTANTE 5,00
    RESTO 2,20
    11-06-2024 08:31
"""
SPANISH = """
    SUPERMERCADO SOL
    Calle Mayor 4
    28001 Madrid
    Factura simplificada
    Fecha: 02/11/2024 Hora: 18:22
    Pan 0,95
    Leche 1,05
    TOTAL 2,00
    EFECTIVO 5,00
    CAMBIO 3,00
    Base imp. IVA
    1,82 0,18
"""
DUTCH = """
    Bakkerij De Molen
    Markt 2
    Bon 443
    Brood 2,75
    Subtotaal 2,75
    Totaal 2,75
    Contant 5,00
    Terug 2,25
    Datum 21-09-2023 12:00
"""
AMERICAN = """
    CORNER HARDWARE
    100 Main Street
    Cashier: Ann
    Date 03/04/2024 9:15 AM
    Screws $4.99
    SUBTOTAL $4.99
    TAX $0.41
    TOTAL $5.40
    VISA $5.40
    CHANGE $0.00
"""


@pytest.mark.parametrize(
    ("paper", "seller", "day", "total"),
    [
        (BOOKSHOP, "PAPER & INK (CITY) SDN BHD", "2018-02-05", "60.00"),
        (GERMAN, "Bäckerei Korn", "2026-02-03", "3.50"),
        (FRENCH, "BOULANGERIE DUPAIN", "2025-03-14", "3.80"),
        (ITALIAN, "Bar Centrale s.r.l", "2024-06-11", "2.80"),
        (SPANISH, "SUPERMERCADO SOL", "2024-11-02", "2.00"),
        (DUTCH, "Bakkerij De Molen", "2023-09-21", "2.75"),
        (AMERICAN, "CORNER HARDWARE", "2024-03-04", "5.40"),
    ],
    ids=["malay", "german", "french", "italian", "spanish", "dutch", "american"],
)
def test_seller_date_and_total_of_a_receipt_are_read(paper: str, seller: str, day: str, total: str) -> None:
    document = read(paper)
    assert is_receipt([strip(paper)], has_lines=False)
    assert document.seller_name == seller
    assert document.issue_date == date.fromisoformat(day)
    assert document.gross_total == Decimal(total)


@pytest.mark.parametrize(
    ("printed", "meant"),
    [
        ("T0TAL", "total"),
        ("IUIAL", "total"),
        ("CHANDE", "change"),
        ("R0UND1NG", "rounding"),
        ("SUBIOTAL", "subtotal"),
    ],
)
def test_a_word_in_poor_print_is_known_by_its_shape(printed: str, meant: str) -> None:
    assert meant in till_words(f"{printed} 3.00")


@pytest.mark.parametrize("word", ["KONG", "DARUL", "1111", "input", "Summit", "bad"])
def test_a_word_of_another_shape_stays_what_it_is(word: str) -> None:
    assert till_words(word) == {word.lower()}


def test_what_cash_and_change_leave_beats_a_misread_total_where_it_is_printed() -> None:
    document = read("SOME SHOP LTD\nTOTAL 141.58\nCASH 150.00\nCHANGE 8.50\nTax code Z 141.50")
    assert document.gross_total == Decimal("141.50")
    assert not document.findings


def test_a_total_with_one_figure_misread_is_repaired_and_said_so() -> None:
    document = read("SOME SHOP LTD\nTOTAL 141.58\nCASH 150.00\nCHANGE 8.50")
    assert document.gross_total == Decimal("141.50")
    assert [item.code for item in document.findings] == ["ocr_digit_repaired"]


def test_a_sum_to_which_the_tax_adds_up_beats_one_labelled_like_it() -> None:
    document = read(
        "SOME SHOP LTD\nSub Total 20.00\nService 2.00\nGST 6% 1.32\nTotal 23.32\nTotal 20.00 1.99"
    )
    assert document.gross_total == Decimal("23.32")


def test_a_second_reading_gives_what_the_first_had_lost() -> None:
    first = "SOME SHOP LTD\nDate 03/02/2026\nT A .50\nCASH 5.00\nCHANGE 1.50"
    second = "S0NE SH\nDate 03/02/2026\nTOTAL 3.50\nCASH S.\nCHANGE 1.50"
    document = read(first, second)
    assert (document.seller_name, document.gross_total) == ("SOME SHOP LTD", Decimal("3.50"))
    assert not document.findings


def test_readings_that_differ_make_a_value_one_to_compare() -> None:
    document = read("SHOP LTD\nDate 05/02/2018\nTOTAL 3.50", "SHOP LTD\nDate 06/02/2018\nTOTAL 3.50")
    assert [(item.code, item.field) for item in document.findings] == [("ocr_uncertain", "issue_date")]


@pytest.mark.parametrize("printed", ["05 02-18", "05/O2/2018", "05/02/20188:13:39", "05-02 2018"])
def test_a_date_that_lost_a_stroke_is_mended_and_to_be_compared(printed: str) -> None:
    document = read(f"SHOP LTD\n01:34PM 568 {printed}\nTOTAL 3.50")
    assert document.issue_date == date(2018, 2, 5)
    assert [(item.code, item.field) for item in document.findings] == [("ocr_uncertain", "issue_date")]


def test_neither_amounts_nor_phone_numbers_are_mended_to_dates() -> None:
    document = read("SHOP LTD\nTel 03-6261 9337\nTea 2 x 10.20\n5 10.18\nTOTAL 3.50")
    assert document.issue_date is None


def test_a_receipts_own_number_is_read_and_its_sellers_is_not() -> None:
    document = read("SHOP LTD\nGST No: 001363259392\nReceipt No: 57269\nTOTAL 3.50")
    assert document.number == "57269"


def test_who_a_receipt_is_made_out_to_does_not_sell() -> None:
    document = read("HIGH ROAD HARDWARE\n12 Main Street\nTAX INVOICE\nBUYER GROUP SDN BHD\nTOTAL 3.50")
    assert document.seller_name == "HIGH ROAD HARDWARE"


def test_goods_do_not_sell() -> None:
    document = read("THE GREEN CORNER\nDate 05/02/2018\nTea 2.00\nRICE FINE KG\nTOTAL 3.50")
    assert document.seller_name == "THE GREEN CORNER"


def test_a_date_until_which_something_holds_is_not_the_receipts() -> None:
    document = read(
        "SHOP LTD\nVoucher date valid until 31/12/2018\n05/02/2018 10:12\nDate 05/02/2018\nTOTAL 3.50"
    )
    assert document.issue_date == date(2018, 2, 5)


def test_a_receipt_whose_total_is_lost_keeps_its_seller_and_date() -> None:
    document = read("SOME SHOP LTD\nDate 03/02/2026\nTOTAL\nCASH")
    assert (document.seller_name, document.issue_date) == ("SOME SHOP LTD", date(2026, 2, 3))
    assert document.gross_total is None
