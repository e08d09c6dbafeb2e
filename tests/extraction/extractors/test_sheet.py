"""Spreadsheets and delimited text are read by their columns, and what unpacks to too much is refused in time."""

import time
from contextlib import suppress
from typing import Any

import pytest

from extraction.extractor import Source, UnreadableError
from extraction.places import pieces
from extraction.registry import best, load
from extraction.schemas import Extraction
from tests.contracts.extractor import ExtractorContract
from tests.extraction.workbooks import Day, Share, Value, ods, packed, sheet, xlsx

HEAD: list[list[Value]] = [
    ["Holz & Sohn KG"],
    [],
    ["AUFTRAGSBESTÄTIGUNG"],
    ["AB-Nr.", "AB-17"],
    ["Datum", Day(46083)],
    ["Ihre Bestellung", "4500012"],
    [],
    [
        "Pos.",
        "Artikel-Nr.",
        "Kundenartikel",
        "Bezeichnung",
        "Menge",
        "Einheit",
        "Preis",
        "PE",
        "Betrag",
        "Liefertermin",
    ],
]
LINES: list[list[Value]] = [
    [1, "H77", "M-1", "Leiste Eiche", 12, "m", 250.0, 100, 30.0, Day(46101)],
    [2, "H78", None, "Leiste Buche", 1000, "Stk.", 1.234, 1, 1234.0, Day(46102)],
]
FOOT: list[list[Value]] = [
    [],
    [None, None, None, None, None, None, None, "Fracht", 6.0],
    [None, None, None, None, None, None, None, "Nettobetrag", 1270.0],
    [None, None, None, None, None, None, None, "MwSt. 19 %", 241.3],
    [None, None, None, None, None, None, None, "Gesamtbetrag EUR", 1511.3],
]
GERMAN = [*HEAD, *LINES, *FOOT]
CSV = (
    "Ihre Bestellung;Pos.;Artikel-Nr.;Bezeichnung;Menge;Einheit;Einzelpreis;Betrag;Liefertermin\r\n"
    '4500012;10;H77;"Leiste ""Öl""; 2,40 m";12;m;2,50;30,00;20.03.2026\r\n'
    "4500012;20;H78;Leiste Buche;1.000;Stk.;1,234;1.234,00;21.03.2026\r\n"
)
ENGLISH = (
    "Order no.\tLine\tItem no.\tDescription\tQty\tUnit\tUnit price\tDiscount %\tAmount\n"
    "PO-1\t1\tH77\tOak strip\t10\tpcs\t2.50\t10\t22.50\n"
    "PO-2\t2\tH78\tBeech strip\t4\tpcs\t1.25\t0\t5.00\n"
)


def extract(content: bytes | str) -> list[Extraction]:
    data = content.encode() if isinstance(content, str) else content
    return load("sheet").extract(Source.of("x", data))


class TestSheet(ExtractorContract):
    key = "sheet"

    def samples(self) -> dict[str, tuple[bytes, dict[str, Any]]]:
        head = {
            "doc_type": "order_confirmation",
            "number": "AB-17",
            "issue_date": "2026-03-02",
            "order_reference": "4500012",
            "seller_name": "Holz & Sohn KG",
            "currency": "EUR",
            "net_total": "1270",
            "tax_total": "241.3",
            "gross_total": "1511.3",
            "charges_total": "6",
        }
        first = {
            "pos": "1",
            "seller_article": "H77",
            "buyer_article": "M-1",
            "description": "Leiste Eiche",
            "quantity": "12",
            "unit": "MTR",
            "unit_price": "250",
            "price_base": "100",
            "line_total": "30",
            "delivery_date": "2026-03-20",
        }
        second = {
            **first,
            "pos": "2",
            "seller_article": "H78",
            "buyer_article": None,
            "description": "Leiste Buche",
        }
        second |= {"quantity": "1000", "unit": "H87", "unit_price": "1.234", "price_base": "1"}
        second |= {"line_total": "1234", "delivery_date": "2026-03-21"}
        wanted = (
            "seller_article",
            "description",
            "quantity",
            "unit",
            "unit_price",
            "line_total",
            "delivery_date",
        )
        plain = [{name: line[name] for name in wanted} for line in (first, second)]
        plain[0] |= {"description": 'Leiste "Öl"; 2,40 m', "unit_price": "2.5"}
        references = {
            "doc_type": "order_confirmation",
            "order_reference": "4500012",
            "order_references": ["4500012"],
        }
        cells = "".join(
            f"<table:table-row>{''.join(self._cell(value) for value in row)}</table:table-row>"
            for row in GERMAN
            if row
        )
        trailing = (
            '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
        )
        return {
            "order.xlsx": (
                xlsx({"AB": GERMAN, "Info": [["AGB / Terms"]]}),
                {**head, "lines": [first, second]},
            ),
            "order.ods": (ods(cells + trailing), {"number": "AB-17", "net_total": "1270"}),
            "latin.csv": (CSV.encode("cp1252"), {**references, "lines": plain}),
            "marked.csv": (CSV.encode("utf-8-sig"), {**references, "lines": plain}),
            "wide.csv": (CSV.encode("utf-16"), {**references, "lines": plain}),
            "english.tsv": (
                ENGLISH.encode(),
                {
                    "order_references": ["PO-1", "PO-2"],
                    "lines": [
                        {"seller_article": "H77", "discount": "10", "line_total": "22.5"},
                        {"seller_article": "H78", "discount": None, "line_total": "5"},
                    ],
                },
            ),
        }

    @staticmethod
    def _cell(value: Value) -> str:
        if value is None:
            return "<table:table-cell/>"
        if isinstance(value, Day):
            day = {46083: "2026-03-02", 46101: "2026-03-20", 46102: "2026-03-21"}[value]
            return f'<table:table-cell office:value-type="date" office:date-value="{day}"><text:p/></table:table-cell>'
        if isinstance(value, str):
            text = value.replace("&", "&amp;")
            return f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'
        return (
            f'<table:table-cell office:value-type="float" office:value="{value}"><text:p/></table:table-cell>'
        )

    def broken(self) -> dict[str, tuple[bytes, str]]:
        far = sheet([["x"]]).replace(
            "</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        )
        bomb = {"xl/media/image1.bin": b"\0" * (65 << 20)}
        many = {f"xl/media/{number}": b"" for number in range(1500)}
        value = '<table:table-cell office:value-type="float" office:value="1"/>'
        repeated = f'<table:table-row table:number-rows-repeated="1048576">{value}</table:table-row>'
        whole = xlsx({"AB": GERMAN})
        return {
            "cut.xlsx": (whole[:300] + bytes(200) + whole[500:], "sheet_broken"),
            "far.xlsx": (xlsx({"AB": far}), "too_large"),
            "bomb.xlsx": (xlsx({"AB": GERMAN}, more=bomb), "too_large"),
            "many.xlsx": (xlsx({"AB": GERMAN}, more=many), "too_large"),
            "repeated.ods": (ods(repeated), "too_large"),
            "empty.xlsx": (xlsx({"AB": []}), "sheet_empty"),
            "nothing.xlsx": (packed({"xl/workbook.xml": b"<workbook/>"}), "sheet_broken"),
            "broken.xls": (
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook\0".encode("utf-16-le") * 90,
                "sheet_broken",
            ),
            "long.csv": ((CSV + "4500012;1;H77;x;1;m;1;1;\r\n" * 25_000).encode(), "too_large"),
        }


def test_a_sheet_that_is_hidden_is_not_read() -> None:
    found = extract(xlsx({"AB": GERMAN, "Old": GERMAN}, hidden=["Old"]))
    assert [item.document.number for item in found] == ["AB-17"]


def test_every_sheet_with_positions_is_a_document() -> None:
    other = [[*row] for row in GERMAN]
    other[3] = ["AB-Nr.", "AB-18"]
    assert [item.document.number for item in extract(xlsx({"A": GERMAN, "B": other}))] == ["AB-17", "AB-18"]


def test_evidence_names_the_cell_as_excel_does() -> None:
    evidence = extract(xlsx({"AB": GERMAN}))[0].evidence
    assert evidence["number"].path == "AB!B4"
    assert evidence["lines.1.unit_price"].path == "AB!G10"
    assert extract(xlsx({"Order 1": GERMAN}))[0].evidence["number"].path == "'Order 1'!B4"


def test_evidence_of_a_text_is_found_in_it() -> None:
    evidence = {name: place.to_json() for name, place in extract(CSV)[0].evidence.items()}
    marked = {name: piece.text for piece in pieces(CSV, evidence) for name in piece.fields.split()}
    assert marked["lines.1.unit_price"] == "1,234"
    assert marked["lines.0.delivery_date"] == "20.03.2026"


def test_a_column_of_percentages_is_read_as_it_is_shown() -> None:
    head = ["Pos.", "Artikel-Nr.", "Bezeichnung", "Menge", "Preis", "Rabatt", "MwSt.", "Betrag"]
    rows = [head, [1, "H77", "Leiste", 10, 2.5, Share(0.1), Share(0.19), 22.5]]
    line = extract(xlsx({"AB": rows}))[0].document.lines[0]
    assert (str(line.discount), str(line.tax_rate)) == ("10", "19")


def test_binary_noise_of_sums_is_not_shown() -> None:
    rows = [*HEAD, [1, "H77", None, "Leiste", 3, "m", 0.1, 1, 0.1 + 0.2, None]]
    assert str(extract(xlsx({"AB": rows}))[0].document.lines[0].line_total) == "0.3"


def test_a_description_goes_on_below() -> None:
    more: list[Value] = [None, None, None, "gehobelt und geölt"]
    found = extract(xlsx({"AB": [*HEAD, LINES[0], more, LINES[1], *FOOT]}))[0].document
    assert found.lines[0].description == "Leiste Eiche gehobelt und geölt"
    assert len(found.lines) == 2


@pytest.mark.parametrize(
    "text",
    [
        "Guten Tag,\n\nwir bestätigen Ihre Bestellung 4500012; Menge 3, Preis 2, Betrag 6.\n\nGruß\n",
        "Hello, as agreed, we deliver; thanks.\nBest, Tom\n",
        "a;b;c\n1;2;3\n4;5;6\n",
    ],
)
def test_a_running_text_is_no_table(text: str) -> None:
    chosen = best(Source.of("body.txt", text.encode()))
    assert chosen is not None
    assert chosen.key == "body"


def test_quotes_without_end_are_read_in_time() -> None:
    started = time.process_time()
    content = CSV + '"' * 200_000 + ";" * 300
    with suppress(UnreadableError):
        extract(content)
    assert time.process_time() - started < 10


def test_a_zip_of_something_else_is_not_taken() -> None:
    inner = xlsx({"AB": GERMAN})
    assert Source.of("x.zip", packed({"order.xlsx": inner})).media_type == "application/zip"
    assert Source.of("x.docx", packed({"word/document.xml": b"<w/>"})).media_type == "application/zip"


def test_a_heading_goes_on_in_the_row_below() -> None:
    heads: list[list[Value]] = [
        ["Kunden-", "Liefer-", None, "Bestätigte", None, "Einzelpreis", "Betrag"],
        ["artikel", "termin", "Bezeichnung", "Menge", "ME", None, "netto"],
    ]
    rows = [*HEAD[:-1], *heads, ["M-1", Day(46101), "Leiste", 4, "m", 2.5, 10.0]]
    line = extract(xlsx({"AB": rows}))[0].document.lines[0]
    assert (line.buyer_article, line.description, str(line.quantity)) == ("M-1", "Leiste", "4")
    assert str(line.delivery_date) == "2026-03-20"


def test_columns_without_a_known_heading_are_told_by_their_cells() -> None:
    text = (
        "Art.-Nr.;Was;Wieviel;;Je;Macht\nH77;Leiste Eiche;4;m;2,50;10,00\nH78;Leiste Buche;3;Stk.;1,00;3,00\n"
    )
    line = extract(text.replace("Je;Macht", "Einzelpreis;Macht").replace("Wieviel", "Menge"))[
        0
    ].document.lines[1]
    assert (line.description, line.unit, str(line.line_total)) == ("Leiste Buche", "H87", "3.00")


def test_a_column_that_says_the_same_on_every_line_is_the_document_s() -> None:
    text = "Nuestra referencia;Su referencia;Referencia;Concepto;Cantidad;Precio;Importe\n"
    lines = "C-9;P-1;H77;Listón;2;1,50;3,00\nC-9;P-1;H78;Tabla;1;4,00;4,00\n"
    found = extract(text + lines)[0].document
    assert (found.number, found.order_reference, found.lines[1].seller_article) == ("C-9", "P-1", "H78")


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_one_position_below_a_long_head_is_a_table(mark: str) -> None:
    head = "FACTUUR\nFactuurnummer: F-1\nDatum: 10-05-2026\nUw bestelling: 4711\n\nT.a.v. inkoop\n\n"
    rows = ["Artikel;Omschrijving;Aantal;Prijs;Bedrag", "H77;Lat eiken;4;2,50;10,00"]
    content = (head + "\n".join(rows).replace(";", mark)).encode()
    chosen = best(Source.of("x.csv", content))
    assert chosen is not None
    assert chosen.key == "sheet"
    assert len(extract(content)[0].document.lines) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Artikel-Nr.;Bezeichnung;ME;Preis\nH77;Leiste Eiche;m;2,50\nH78;Leiste Buche;m;1,25\n",
        "Item no.;Description;Quantity;Location\nH77;Oak strip;10;A1\nH78;Beech strip;4;B2\n",
    ],
)
def test_a_list_of_prices_or_a_stock_is_no_document(text: str) -> None:
    assert extract(text) == []


@pytest.mark.parametrize("rows", [20_000, 60_000])
def test_a_sheet_of_endless_rows_is_refused(rows: int) -> None:
    line = "4500012;10;H77;Leiste Eiche;12;m;2,50;30,00;20.03.2026\r\n"
    with pytest.raises(UnreadableError) as caught:
        extract(CSV.partition("\n")[0] + "\n" + line * rows)
    assert caught.value.code == "too_large"
