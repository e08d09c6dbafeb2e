"""What does not add up, does not check or is not plausible in a document."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from stdnum import iban as iban_numbers
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError

from extraction.layout.arithmetic import HIGHEST_RATE, line_proven, line_total
from extraction.layout.lexicon import unit_known
from extraction.layout.numbers import CURRENCY_CODES
from extraction.schemas import CanonicalDocument, Finding, Line, number_text

# Every code this module gives; a document's other findings are its extractor's.
CODES: Final = frozenset(
    {
        "line_total_mismatch",
        "net_total_mismatch",
        "tax_total_mismatch",
        "tax_total_implausible",
        "gross_total_mismatch",
        "vat_id_invalid",
        "iban_invalid",
        "issue_date_implausible",
        "delivery_before_issue",
        "unit_unknown",
        "currency_unknown",
        "number_missing",
        "order_reference_missing",
        "quantity_missing",
        "lines_missing",
    }
)
# A total is rounded once for each line it sums.
CENT: Final = Decimal("0.01")
FIRST_YEAR: Final = 1990
FAR: Final = timedelta(days=5 * 366)
_PRICED: Final = frozenset({"order_confirmation", "order", "order_change", "invoice", "credit_note", "quote"})
_LISTED: Final = _PRICED | {"delivery_note"}
_EU: Final = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "EL",
        "GR",
        "ES",
        "FI",
        "FR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)


def validate(document: CanonicalDocument) -> list[Finding]:
    """Everything to be said about the document: its extractor's findings, and what these checks find in its present
    values. Pure; doing it twice, or after a correction, says nothing twice and nothing outdated."""
    kept = [finding for finding in document.findings if finding.code not in CODES]
    checks = (_presence, _lines, _net, _tax, _gross, _identities, _dates, _codes)
    return [*kept, *(finding for check in checks for finding in check(document))]


def _presence(document: CanonicalDocument) -> Iterator[Finding]:
    if document.number is None and document.doc_type != "other":
        yield Finding(
            code="number_missing", field="number", message="The document's own number was not found."
        )
    if document.order_reference is None and document.doc_type == "order_confirmation":
        yield Finding(
            code="order_reference_missing",
            field="order_reference",
            message="The confirmation does not say which order it confirms.",
        )
    if not document.lines and document.doc_type in _LISTED:
        yield Finding(code="lines_missing", field="lines", message="No positions were found.")


def _lines(document: CanonicalDocument) -> Iterator[Finding]:
    adjusted = {finding.field for finding in document.findings if finding.code == "line_adjusted"}
    for index, line in enumerate(document.lines):
        path = f"lines.{index}"
        if f"{path}.line_total" not in adjusted:
            yield from _line_total(line, path)
        if line.quantity is None and document.doc_type in _LISTED and line.line_total is not None:
            yield Finding(
                code="quantity_missing", field=f"{path}.quantity", message="The position has no quantity."
            )
        if line.unit is not None and not unit_known(line.unit):
            yield Finding(
                code="unit_unknown",
                field=f"{path}.unit",
                severity="info",
                message=f"“{line.unit}” is no unit we know.",
            )


def _line_total(line: Line, path: str) -> Iterator[Finding]:
    if line.quantity is None or line.unit_price is None or line.line_total is None:
        return
    if line_proven(line):
        return
    expected = line_total(line.quantity, line.unit_price, line.price_base, line.discount).quantize(CENT)
    yield Finding(
        code="line_total_mismatch",
        field=f"{path}.line_total",
        message=f"Quantity times price makes {number_text(expected)}, the line says {number_text(line.line_total)}.",
    )


def _net(document: CanonicalDocument) -> Iterator[Finding]:
    totals = [line.line_total for line in document.lines if line.line_total is not None]
    if document.net_total is None or not totals or len(totals) < len(document.lines):
        return
    lines = sum(totals, Decimal(0))
    charges = document.charges_total or Decimal(0)
    allowances = document.allowances_total or Decimal(0)
    # Some print charges as positions of their own, so the bare sum is right as well.
    expected = (lines + charges - allowances, lines)
    if min(abs(sum_ - document.net_total) for sum_ in expected) > max(CENT, CENT / 2 * len(totals)):
        yield Finding(
            code="net_total_mismatch",
            field="net_total",
            message=f"The lines make {number_text(expected[0])}, the net total says {number_text(document.net_total)}.",
        )


def _tax(document: CanonicalDocument) -> Iterator[Finding]:
    if document.net_total and document.tax_total and _is_untaxable(document.net_total, document.tax_total):
        yield Finding(
            code="tax_total_implausible",
            field="tax_total",
            message="No state taxes sales as highly as the tax total says.",
        )
    rates = {line.tax_rate for line in document.lines}
    if document.net_total is None or document.tax_total is None or len(rates) != 1 or None in rates:
        return
    expected = document.net_total * (rates.pop() or Decimal(0)) / 100
    if abs(expected - document.tax_total) > max(CENT, CENT * len(document.lines)):
        yield Finding(
            code="tax_total_mismatch",
            field="tax_total",
            message=f"The rate makes {number_text(expected.quantize(CENT))} of tax, the document says "
            f"{number_text(document.tax_total)}.",
        )


def _is_untaxable(net: Decimal, tax: Decimal) -> bool:
    return abs(tax) > abs(net) * HIGHEST_RATE + CENT


def _gross(document: CanonicalDocument) -> Iterator[Finding]:
    net, tax, gross = document.net_total, document.tax_total, document.gross_total
    if net is None or gross is None:
        return
    expected = net + (tax or Decimal(0))
    # Some print the net total before charges and add them to the gross total only.
    extra = (document.charges_total or Decimal(0)) - (document.allowances_total or Decimal(0))
    # Without a printed tax a larger gross total says only that there was one.
    if min(abs(expected - gross), abs(expected + extra - gross)) > CENT and not (tax is None and gross > net):
        yield Finding(
            code="gross_total_mismatch",
            field="gross_total",
            message=f"Net and tax make {number_text(expected)}, the gross total says {number_text(gross)}.",
        )


def _identities(document: CanonicalDocument) -> Iterator[Finding]:
    for field in ("seller_vat_id", "buyer_vat_id"):
        number = getattr(document, field)
        if number and number[:2].upper() in _EU and not eu_vat.is_valid(number):
            yield Finding(
                code="vat_id_invalid",
                field=field,
                severity="info",
                message="The VAT number's check digits are wrong.",
            )
    if document.seller_iban and not _iban_checks(document.seller_iban):
        yield Finding(
            code="iban_invalid", field="seller_iban", message="The account number's check digits are wrong."
        )


def _iban_checks(number: str) -> bool:
    try:
        iban_numbers.validate(number, check_country=False)
    except ValidationError:
        return False
    return True


def _dates(document: CanonicalDocument) -> Iterator[Finding]:
    issued = document.issue_date
    if issued is not None and not FIRST_YEAR <= issued.year < 2100:
        yield Finding(code="issue_date_implausible", field="issue_date", message="The date is not plausible.")
        return
    due: list[tuple[str, date | None]] = [("delivery_date", document.delivery_date)]
    due += [(f"lines.{index}.delivery_date", line.delivery_date) for index, line in enumerate(document.lines)]
    # An invoice or a delivery note is written after the goods have gone.
    if issued is None or document.doc_type not in {"order_confirmation", "order", "order_change", "quote"}:
        return
    for field, day in due:
        if day is not None and not issued <= day <= issued + FAR:
            yield Finding(
                code="delivery_before_issue",
                field=field,
                message="Delivery is before the document's date, or years after it.",
            )


def _codes(document: CanonicalDocument) -> Iterator[Finding]:
    if document.currency is not None and document.currency not in CURRENCY_CODES:
        yield Finding(
            code="currency_unknown",
            field="currency",
            severity="info",
            message=f"“{document.currency}” is no currency we know.",
        )
