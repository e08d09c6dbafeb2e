"""How sure a document's values are, and whether it may pass without a person."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from extraction.layout.arithmetic import CENT, line_proven
from extraction.layout.dates import find_dates
from extraction.schemas import CanonicalDocument, Line
from extraction.validation import validate

# A credit note turns the direction of the money, and only prices prove what a page says: other kinds are for a person.
PASSING: Final = frozenset({"order_confirmation", "order", "order_change", "invoice"})
_REQUIRED: Final = ("number", "issue_date", "seller_name", "currency", "net_total")
# What an extractor says of a value it could not be sure of.
_OPEN: Final = frozenset(
    {
        "seller_guessed",
        "date_order_open",
        "texts_guessed",
        "text_recognised",
        "line_adjusted",
        "delivery_in_parts",
        "charge_guessed",
    }
)
TOTALS: Final = frozenset({"net_total", "tax_total", "gross_total", "charges_total", "allowances_total"})
AMOUNTS: Final = frozenset({"quantity", "unit_price", "price_base", "discount", "line_total"})

# What share of such values is right, rounded down from what `make bench-extraction` measures.
PROVEN: Final = 0.99
SUPPORTED: Final = 0.96
PLAIN: Final = 0.9
LOOSE: Final = 0.75
DOUBTED: Final = 0.4


def passes_without_person(document: CanonicalDocument) -> bool:
    """Whether every value that decides about money is proven by another: each line by its own arithmetic, the net
    total by the lines, the gross total by net and tax; nothing is missing and no check has anything to say. Pure."""
    if document.doc_type not in PASSING or not document.lines:
        return False
    if any(getattr(document, name) is None for name in _REQUIRED):
        return False
    if document.doc_type == "order_confirmation" and document.order_reference is None:
        return False
    # Which of several orders is meant is for a person to say.
    if len(document.order_references) > 1:
        return False
    if any(finding.severity != "info" or finding.code in _OPEN for finding in validate(document)):
        return False
    # Who orders wants to know when it comes; a date that was read as mere text may say so, or that parts come later.
    if document.doc_type != "invoice" and any(find_dates(line.description or "") for line in document.lines):
        return False
    if document.seller_name == document.buyer_name:
        return False
    described = all(line.description and line_proven(line) for line in document.lines)
    # Orders and confirmations may do without taxes; what they print must add up all the same.
    taxed = (
        document.gross_total is not None or document.tax_total is not None or document.doc_type == "invoice"
    )
    closes = net_makes_gross(document)
    return described and lines_make_net(document) and (closes or not (taxed or _is_before_extras(document)))


def _is_before_extras(document: CanonicalDocument) -> bool:
    """Whether charges or allowances are printed that the net total does not have in it: they may be among the lines,
    or the sum before them was taken for it."""
    extra = (document.charges_total or Decimal(0)) - (document.allowances_total or Decimal(0))
    bare = sum((line.line_total or Decimal(0) for line in document.lines), Decimal(0))
    return bool(extra) and abs(bare + extra - (document.net_total or Decimal(0))) > CENT


def lines_make_net(document: CanonicalDocument) -> bool:
    """Whether all lines, with charges and allowances or with these among them, add up to the net total."""
    totals = [line.line_total for line in document.lines if line.line_total is not None]
    if document.net_total is None or not totals or len(totals) < len(document.lines):
        return False
    bare = sum(totals, Decimal(0))
    extra = (document.charges_total or Decimal(0)) - (document.allowances_total or Decimal(0))
    return min(abs(bare + extra - document.net_total), abs(bare - document.net_total)) <= CENT


def net_makes_gross(document: CanonicalDocument) -> bool:
    """Whether net and tax make gross. Without a printed tax net and gross are the same."""
    if document.net_total is None or document.gross_total is None:
        return False
    return abs(document.net_total + (document.tax_total or Decimal(0)) - document.gross_total) <= CENT


def confidences(document: CanonicalDocument) -> dict[str, float]:
    """How likely each value is right, by field path, from 0 to 1: what is proven by other values, supported by the
    rest of the document, merely found, or doubted by a check."""
    doubted = {finding.field for finding in validate(document) if finding.severity != "info"}
    data = document.to_json()
    sums, closes = lines_make_net(document), net_makes_gross(document)
    found: dict[str, float] = {}
    for name, value in data.items():
        if value is None or name in {"lines", "findings", "confidence", "order_references", "language"}:
            continue
        found[name] = DOUBTED if name in doubted else _header(name, sums=sums, closes=closes)
    for index, line in enumerate(document.lines):
        proven = line_proven(line)
        for name in _names(line):
            path = f"lines.{index}.{name}"
            found[path] = DOUBTED if path in doubted else _cell(name, proven=proven, sums=sums)
    return found


def _header(name: str, *, sums: bool, closes: bool) -> float:
    if name in TOTALS:
        return PROVEN if sums and closes else SUPPORTED if closes else LOOSE
    # A page whose numbers were all understood was understood elsewhere as well.
    return SUPPORTED if sums and closes else PLAIN if closes or sums else LOOSE


def _cell(name: str, *, proven: bool, sums: bool) -> float:
    if name in AMOUNTS:
        return PROVEN if proven and sums else SUPPORTED if proven else PLAIN if sums else LOOSE
    return PROVEN if proven and sums else SUPPORTED if proven or sums else LOOSE


def _names(line: Line) -> Iterator[str]:
    yield from (name for name, value in line.to_json().items() if value is not None)
