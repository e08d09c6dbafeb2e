"""A confirmation in a language no lexicon knows, and what a model that reads well says of it."""

import json
from typing import Any

from tests.extraction.paper import Paper

PAPER = Paper(
    title="Tilausvahvistus",
    sender="Korpi Jouset Oy · Metsäkatu 7 · 33100 Tampere",
    facts=(("Vahvistus:", "V-2041"), ("Päiväys:", "03.02.2026"), ("Tilauksenne:", "4500077")),
    heading=("Rivi", "Tuote", "Nimike", "Määrä", "Yks.", "Hinta", "Yhteensä"),
    rows=(
        ("1", "F-10", "Puristusjousi 2 mm", "1.000", "kpl", "0,25", "250,00"),
        ("", "", "sinkitty", "", "", "", ""),
        ("2", "F-20", "Vetojousi", "12", "kpl", "1.234,50", "14.814,00"),
    ),
    totals=(("Veroton", "15.064,00 €"), ("ALV 25,5 %", "3.841,32 €"), ("Maksettava", "18.905,32 €")),
    imprint="Y-tunnus 1234567-8   info@korpi.example",
)


def quote(text: str, label: str | None = None) -> dict[str, str | None]:
    return {"quote": text, "label": label}


def line(**cells: str) -> dict[str, str]:
    return cells


HEADER: dict[str, Any] = {
    "number": quote("V-2041", "Vahvistus:"),
    "issue_date": quote("03.02.2026", "Päiväys:"),
    "order_reference": quote("4500077", "Tilauksenne:"),
    "seller_name": quote("Korpi Jouset Oy"),
    "buyer_name": quote("Acme Maschinenbau GmbH"),
    "seller_email": quote("info@korpi.example"),
    "currency": quote("€"),
    "net_total": quote("15.064,00", "Veroton"),
    "tax_total": quote("3.841,32", "ALV 25,5 %"),
    "gross_total": quote("18.905,32", "Maksettava"),
}
FIRST = line(
    pos="1",
    seller_article="F-10",
    description="Puristusjousi 2 mm sinkitty",
    quantity="1.000",
    unit="kpl",
    unit_price="0,25",
    line_total="250,00",
)
SECOND = line(
    pos="2",
    seller_article="F-20",
    description="Vetojousi",
    quantity="12",
    unit="kpl",
    unit_price="1.234,50",
    line_total="14.814,00",
)
RIGHT: dict[str, Any] = {"title": "Tilausvahvistus", "header": HEADER, "lines": [FIRST, SECOND]}


def body(answer: object, **choice: Any) -> bytes:
    """The endpoint's body around an answer."""
    message = {"role": "assistant", "content": json.dumps(answer, ensure_ascii=False)}
    return json.dumps({"choices": [{"message": message, "finish_reason": "stop", **choice}]}).encode()
