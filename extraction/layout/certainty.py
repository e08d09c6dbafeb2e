"""How sure a reading is, and what of it only the rest of the page says."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from extraction.layout.arithmetic import CENT
from extraction.layout.lines import ReadLine
from extraction.layout.tables import Tables
from extraction.layout.totals import Totals
from extraction.schemas import Finding


def doubts(tables: Tables, totals: Totals) -> list[Finding]:
    """What a person should see, though nothing contradicts it."""
    found = (
        (
            tables.counted,
            "texts_guessed",
            "lines",
            "Only their number says which texts belong to which position.",
        ),
        (
            any(line.in_parts for line in tables.lines),
            "delivery_in_parts",
            "lines",
            "A position comes in parts, of which the first day is given.",
        ),
        (
            totals.guessed,
            "charge_guessed",
            "net_total",
            "Only the net total says that an amount is a charge.",
        ),
    )
    return [
        Finding(code=code, field=name, severity="info", message=message)
        for holds, code, name, message in found
        if holds
    ]


def line_sum(lines: Iterable[ReadLine]) -> Decimal | None:
    """What the totals of the positions make together; None where none is printed."""
    totals = [line.values["line_total"] for line in lines if "line_total" in line.values]
    return sum(totals, Decimal(0)) if totals else None


def confidence(values: Mapping[str, Any], lines: Sequence[ReadLine], totals: Totals, doc_type: str) -> float:
    """What was found, and how much of it is proven: by each line's own arithmetic, by the lines' sum, by net and tax.
    Between 0 and 1; the weights are what `make bench-extraction` measures."""
    expected = ("number", "issue_date", "seller_name", "currency")
    found = sum(name in values for name in expected) / len(expected) if doc_type != "other" else 0.5
    if doc_type == "delivery_note":
        counted = sum("quantity" in line.values for line in lines) / len(lines) if lines else 0.0
        return round((found + 1.0) / 2 * (0.5 + 0.4 * counted), 3)
    closing = sum(line.closes for line in lines) / len(lines) if lines else 0.5
    net, whole = values.get("net_total"), line_sum(lines)
    extra = totals.values.get("charges_total", Decimal(0)) - totals.values.get("allowances_total", Decimal(0))
    summed = net is not None and whole is not None and abs(net - whole - extra) <= CENT
    proof = closing * (1.0 if summed else 0.7) * (1.0 if totals.closes else 0.8)
    return round(found * (0.5 + 0.48 * proof), 3)
