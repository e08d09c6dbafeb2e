"""Positions that stand in no table: blocks of labelled values, and sentences."""

import pytest

from extraction.extractors.body.extractor import text_page
from extraction.layout.document import Known, read_document
from extraction.schemas import CanonicalDocument

HEAD = "Auftragsbestätigung\n\nAuftragsnummer: 8800\nIhre Bestellung: 4500077\n\n"
FOOT = "\n\nNettobetrag: 130,00\nMwSt. 19 %: 24,70\nGesamtbetrag: 154,70 EUR\n\nMuster Federn GmbH\n"


def read(positions: str) -> CanonicalDocument:
    found = read_document([text_page(HEAD + positions + FOOT)], Known())
    assert found is not None
    return found.document


def told(document: CanonicalDocument) -> list[tuple[str | None, str, str]]:
    assert str(document.net_total) == "130.00"
    return [(line.seller_article, str(line.quantity), str(line.line_total)) for line in document.lines]


TWO = [("F-10", "12", "30.00"), ("F-20", "1000", "100.00")]


@pytest.mark.parametrize(
    "positions",
    [
        """Pos 1: Druckfeder
             Art.-Nr.: F-10
             Menge: 12 Stk.
             Zolltarif Nr.: 73202081
             Gesamtpreis: 30,00

           Pos 2: Zugfeder
             Art.-Nr.: F-20
             Menge: 1.000 Stk.
             Gesamtpreis: 100,00""",
        """Art.-Nr.        F-10
           Bezeichnung     Druckfeder
           Menge           12
           Gesamt netto    30,00

           Art.-Nr.        F-20
           Bezeichnung     Zugfeder
           Menge           1.000
           Gesamt netto    100,00""",
        """Menge       12
           Pos.        1
           Art.-Nr.    F-10
           Betrag      30,00

           Menge       1.000
           Pos.        2
           Art.-Nr.    F-20
           Betrag      100,00""",
        """Art.-Nr.: F-10; Text 1: Feder; Menge: 12; ME: Stk; Preis EUR: 2,50; Betrag: 30,00
           Art.-Nr.: F-20; Text 1: Feder; Menge: 1.000; ME: Stk; Preis EUR: 0,10; Betrag: 100,00""",
        """- 12 Stk F-10 Druckfeder zu 2,50 EUR = 30,00 EUR
           - 1.000 Stk F-20 Zugfeder zu 0,10 EUR = 100,00 EUR""",
        """12 Stk Druckfeder (Art. F-10) zu je 2,50 EUR, gesamt 30,00 EUR
           1.000 Stk Zugfeder (Art. F-20) zu je 0,10 EUR, gesamt 100,00 EUR""",
    ],
)
def test_positions_outside_tables_are_read(positions: str) -> None:
    lines = [line.strip() for line in positions.splitlines()]
    assert told(read("\n".join(lines))) == TWO


def test_a_price_alone_is_that_of_one() -> None:
    line = read("10 x Druckfeder à 13,00 EUR").lines[0]
    assert (line.description, str(line.quantity), str(line.unit_price)) == ("Druckfeder", "10", "13.00")
    assert line.line_total is None


def test_a_sentence_of_a_letter_is_no_position() -> None:
    assert read("12 Stk. konnten wir leider nicht bis zum 3. Mai liefern.").lines == ()
    assert read("14 Tage 2 % Skonto, 30 Tage netto").lines == ()
