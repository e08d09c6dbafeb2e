"""Mail bodies are read without what they quote, and HTML as it is shown."""

import time
from typing import Any

import pytest

from extraction import reader
from extraction.extractor import Source
from extraction.extractors.body.extractor import body_text
from extraction.registry import load
from extraction.schemas import CanonicalDocument
from tests.contracts.extractor import ExtractorContract

TABLE = """Auftragsbestätigung

Auftragsnummer: 8800
Datum: 03.02.2026
Ihre Bestellung: 4500077

Pos   Art.-Nr.   Bezeichnung            Menge  ME     Einzelpreis   Gesamtpreis
 1    F-10       Druckfeder                12  Stk.          2,50         30,00
 2    F-20       Zugfeder               1.000  Stk.          0,10        100,00

Nettobetrag: 130,00
zzgl. 19 % MwSt.: 24,70
Gesamtbetrag: 154,70 EUR

Muster Federn GmbH
USt-IdNr. DE136695976
"""
BLOCKS = """Order Confirmation

Our order no.: SO-1
Date: 15 July 2026
Customer PO: PO-9

Item 1: Spring, zinc plated
   Part no.: S-1
   Qty: 1,200 pcs  Price: 0.25 GBP  Line total: 300.00 GBP

Item 2: Ring
   Part no.: S-2
   Qty: 2 pcs  Price: 5.00 GBP  Line total: 10.00 GBP

Sample Springs Ltd
"""
HTML = """<html><head><style>td{color:red}</style></head><body>
<div style="display:none">Auftragsnummer: 666</div><h1>Auftragsbestätigung</h1>
<table><tr><td>Auftragsnummer:</td><td>8800</td></tr><tr><td>Datum:</td><td>03.02.2026</td></tr>
<tr><td>Ihre Bestellung:</td><td>4500077</td></tr></table>
<table><tr><th>Pos.</th><th>Art.-Nr.</th><th>Bezeichnung</th><th>Menge</th><th>ME</th><th>Einzelpreis</th><th>Gesamt</th></tr>
<tr><td>1</td><td>F-10</td><td><b>Druckfeder</b><br>verzinkt</td><td>12</td><td>Stk.</td><td>2,50</td><td>30,00</td></tr>
<tr><td colspan=6>Nettobetrag</td><td>30,00</td></tr></table>
<p>Muster Federn GmbH</p><blockquote>Auftragsnummer: 999</blockquote></body></html>"""


def read(text: str) -> CanonicalDocument:
    return load("body").extract(Source.of("body", text.encode()))[0].document


class TestBody(ExtractorContract):
    key = "body"

    def samples(self) -> dict[str, tuple[bytes, dict[str, Any]]]:
        head = {"doc_type": "order_confirmation", "number": "8800", "issue_date": "2026-02-03"}
        table = [
            {"pos": "1", "seller_article": "F-10", "quantity": "12", "unit_price": "2.5", "line_total": "30"},
            {
                "pos": "2",
                "seller_article": "F-20",
                "quantity": "1000",
                "unit_price": "0.1",
                "line_total": "100",
            },
        ]
        blocks = [
            {
                "pos": "1",
                "description": "Spring, zinc plated",
                "quantity": "1200",
                "unit": "H87",
                "line_total": "300",
            },
            {"pos": "2", "description": "Ring", "quantity": "2", "unit": "H87", "line_total": "10"},
        ]
        cells = [{"pos": "1", "description": "Druckfeder verzinkt", "quantity": "12", "line_total": "30"}]
        return {
            "table.txt": (TABLE.encode("cp1252"), {**head, "gross_total": "154.7", "lines": table}),
            "blocks.txt": (BLOCKS.encode(), {"number": "SO-1", "order_reference": "PO-9", "lines": blocks}),
            "body.html": (HTML.encode(), {**head, "seller_name": "Muster Federn GmbH", "lines": cells}),
        }

    def broken(self) -> dict[str, tuple[bytes, str]]:
        cells = "<table>" + "<tr><td>1</td><td>2</td></tr>" * 25_001 + "</table>"
        return {
            "endless.txt": (b"a" * 2_000_001, "too_large"),
            "cells.html": (b"<html>" + cells.encode(), "too_large"),
        }


@pytest.mark.parametrize(
    "quote",
    [
        "> Auftragsnummer: 999",
        "Von: Einkauf <einkauf@acme.example>\nAuftragsnummer: 999",
        "-----Ursprüngliche Nachricht-----\nAuftragsnummer: 999",
        "Am 3. Mai 2026 um 10:12 schrieb Einkauf <e@acme.example>:\nAuftragsnummer: 999",
        "On Mon, May 3, 2026 at 10:12 Buyer <e@acme.example> wrote:\nAuftragsnummer: 999",
    ],
)
def test_our_own_order_quoted_below_is_not_read_as_the_answer(quote: str) -> None:
    assert "999" not in body_text(Source.of("body", f"{TABLE}\n{quote}\n".encode()))


def test_hidden_parts_of_html_are_not_read() -> None:
    text = body_text(Source.of("body", HTML.encode()))
    assert "666" not in text
    assert "999" not in text


def test_a_deeply_nested_body_ends() -> None:
    deep = "<html><body>" + "<div>" * 5000 + "x" + "</div>" * 5000
    assert load("body").extract(Source.of("deep", deep.encode())) == []


def test_a_letter_without_an_order_gives_no_document() -> None:
    letter = (
        "Guten Tag,\n\nwir sind vom 3. bis 7. August in Urlaub.\n\nMuster Federn GmbH\nTel. +49 711 1234\n"
    )
    assert load("body").extract(Source.of("letter", letter.encode())) == []


def test_a_negative_total_is_negative() -> None:
    credit = TABLE.replace("Auftragsbestätigung", "Gutschrift").replace("154,70", "-154,70")
    assert read(credit).doc_type == "credit_note"


def test_a_text_without_line_breaks_takes_no_longer_than_its_length() -> None:
    endless = b"Total 1.00   " * 5000
    began = time.process_time()
    read(endless.decode())
    assert time.process_time() - began < 5


HEAD = (
    "Von: Vertrieb <v@federn.example>\nGesendet: 4. Mai 2026 09:00\nAn: Einkauf <e@acme.example>\nBetreff: "
)


@pytest.mark.parametrize(
    "head",
    [
        f"-------- Weitergeleitete Nachricht --------\n{HEAD}Ihr Auftrag",
        f"zur Info\n\n---------- Forwarded message ---------\n{HEAD}Ihr Auftrag",
        f"z.K.\n\nGruß, Ada\n\n{HEAD}Auftragsbestätigung 8800",
        f"{HEAD}WG: Auftragsbestätigung 8800",
        "Begin forwarded message:\n\nFrom: Federn <v@federn.example>\nSubject: Order\nDate: 4 May 2026\nTo: Ada\n",
    ],
)
def test_a_document_that_was_passed_on_is_read(head: str) -> None:
    found = read(f"{head}\n\n{TABLE}")
    assert (found.number, str(found.issue_date), len(found.lines)) == ("8800", "2026-02-03", 2)


@pytest.mark.parametrize(
    "subject", ["Bestellung 4500077", "AW: Auftragsbestätigung 8800", "Wo bleibt die Rechnung 1?"]
)
def test_what_a_reply_quotes_is_not_taken_for_passed_on(subject: str) -> None:
    text = f"Guten Tag,\n\nwird gemacht.\n\n________________________________\n{HEAD}{subject}\n\n{TABLE}"
    assert load("body").extract(Source.of("body", text.encode())) == []


def test_a_quote_introduced_over_two_lines_is_cut() -> None:
    quote = "Am Montag, dem 3. Mai 2026 um 10:12 Uhr schrieb Einkauf\n<e@acme.example>:\nAuftragsnummer: 999"
    assert "999" not in body_text(Source.of("body", f"{TABLE}\n{quote}\n".encode()))


def test_a_rule_of_underscores_cuts_nothing() -> None:
    assert len(read(TABLE.replace("\nPos", f"\n{'_' * 70}\nPos")).lines) == 2


@pytest.mark.parametrize("mark", ["\t", " | "])
def test_a_table_parted_by_marks_is_set_in_columns(mark: str) -> None:
    rows = [
        "Pos;Art.-Nr.;Bezeichnung;Menge;Einzelpreis;Gesamtpreis",
        "1;F-10;Druckfeder, lang und verzinkt;12;2,50;30,00",
    ]
    rows += ["2;F-20;Zugfeder;1.000;0,10;100,00"]
    found = read("Auftragsbestätigung 8800\n\nHallo,\n> ja\n\n" + "\n".join(rows).replace(";", mark))
    assert [(line.seller_article, str(line.line_total)) for line in found.lines] == [
        ("F-10", "30.00"),
        ("F-20", "100.00"),
    ]


def test_parts_shown_as_a_table_are_one() -> None:
    cells = '<div style="display: table-cell">{}</div>'
    rows = [("Art.-Nr.", "Bezeichnung", "Menge", "Betrag"), ("F-10", "Druckfeder", "12", "30,00")]
    made = "".join(f'<div style="display:table-row">{"".join(map(cells.format, row))}</div>' for row in rows)
    found = read(f"<html><p>Auftragsnummer: 8800</p><div style='display:table'>{made}</div></html>")
    assert (found.lines[0].description, str(found.lines[0].quantity)) == ("Druckfeder", "12")


@pytest.mark.parametrize(
    "letter",
    [
        "wir bestätigen Ihre Bestellung 4711. Liefertermin ist der 12.05.2026.",
        "we confirm your order 4711, delivery 12 May 2026.",
        "nous confirmons votre commande n° 4711. Livraison prévue le 12 mai 2026.",
        "confermiamo il Vs. ordine n. 4711, consegna 12/05/2026.",
        "les confirmamos su pedido nº 4711. Fecha de entrega: 12/05/2026.",
        "hierbij bevestigen wij uw bestelling 4711. Levering op 12 mei 2026.",
    ],
)
def test_a_letter_that_only_confirms_is_a_confirmation_without_positions(letter: str) -> None:
    result = reader.read("body", f"Hallo,\n\n{letter}\n\nMuster Federn GmbH\n".encode())
    found = result.documents[0].document
    assert (found.doc_type, found.order_reference) == ("order_confirmation", "4711")
    assert str(found.delivery_date) == "2026-05-12"
    assert "lines_missing" in {finding.code for finding in found.findings}


@pytest.mark.parametrize(
    "text",
    [
        "Hallo,\n\nbitte bestätigen Sie Ihre Bestellung 4711.\n\nMuster Federn GmbH\n",
        "Hallo,\n\nIhre Bestellung 4711 können wir leider nicht bestätigen.\n\nMuster Federn GmbH\n",
        "Hallo,\n\n- 2 x Kaffee mitbringen\n- 3 x anrufen\n\nGruß\n",
        "Öffnungszeiten\n\nTag        von      bis\nMontag     08:00    17:00\nDienstag   08:00    12:00\n",
    ],
)
def test_other_letters_and_lists_are_no_document(text: str) -> None:
    assert load("body").extract(Source.of("body", text.encode())) == []
