"""Sums as suppliers calculate them: which readings of printed numbers close, and how far rounding may differ."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import islice, product
from typing import Final

from extraction.schemas import Finding, Line, decimal_of

CENT: Final = Decimal("0.01")
HUNDRED: Final = Decimal(100)
# No state taxes sales with more: Hungary's 27 % is the highest rate of all.
HIGHEST_RATE: Final = Decimal("0.275")
_MOST_ROUNDED: Final = Decimal("0.05")
MAX_COMBINATIONS: Final = 256


def line_total(
    quantity: Decimal, unit_price: Decimal, price_base: Decimal | None = None, discount: Decimal | None = None
) -> Decimal:
    """Quantity times price per base, less the discount in percent; not rounded."""
    amount = quantity * unit_price / (price_base or Decimal(1))
    return amount * (HUNDRED - discount) / HUNDRED if discount else amount


def line_closes(
    total: Decimal,
    quantity: Decimal,
    unit_price: Decimal,
    price_base: Decimal | None = None,
    discount: Decimal | None = None,
) -> bool:
    """Whether the total is what quantity and price make. The printed price, and a quantity with decimals, may be
    rounded themselves: half a unit of the last digit, times the other, is allowed, up to a share of the total beyond
    which it proves nothing, and a cent in any case."""
    expected = abs(line_total(quantity, unit_price, price_base, discount))
    rounding = abs(quantity) * _half_digit(unit_price) + abs(unit_price) * _half_digit(quantity)
    allowed = min(rounding / (price_base or Decimal(1)), expected * _MOST_ROUNDED)
    return abs(expected - abs(total)) <= max(CENT, allowed)


def _half_digit(number: Decimal) -> Decimal:
    """Half a unit of the last digit; none where there are no decimals: such a number is exact."""
    last = Decimal(1).scaleb(min(int(number.as_tuple().exponent), 0))
    return last / 2 if last <= CENT else Decimal(0)


def closing_readings(
    quantity: Sequence[Decimal],
    unit_price: Sequence[Decimal],
    price_base: Sequence[Decimal],
    discount: Sequence[Decimal],
    total: Sequence[Decimal],
) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal] | None:
    """The first combination of readings (each list best first) for which the line closes; None when none does. The
    discount is tried as none as well: the printed price may be after it."""
    candidates = product(quantity, unit_price, price_base or (Decimal(1),), (*discount, Decimal(0)), total)
    for combination in islice(candidates, MAX_COMBINATIONS):
        number, price, base, percent, amount = combination
        if base > 0 and line_closes(amount, number, price, base, percent):
            return combination
    return None


def sum_closes(total: Decimal, parts: Iterable[Decimal], *, tolerance: Decimal = CENT) -> bool:
    """Whether the parts add up to the total within the tolerance."""
    return abs(sum(parts, Decimal(0)) - total) <= tolerance


def line_proven(line: Line) -> bool:
    """Whether quantity, price and total are printed and agree, with the discount or without it."""
    if line.quantity is None or line.unit_price is None or line.line_total is None:
        return False
    priced = (line.quantity, line.unit_price, line.price_base)
    return line_closes(line.line_total, *priced, line.discount) or line_closes(line.line_total, *priced)


def line_adjusted(index: int) -> Finding:
    return Finding(
        code="line_adjusted",
        field=f"lines.{index}.line_total",
        severity="info",
        message="The position has a charge or a discount of its own.",
    )


def line_changed(line: Line, changes: Iterable[tuple[str, str]], index: int) -> list[Finding]:
    """That the line's total is what quantity and price make only together with its own charges and allowances, each
    given as its UN/CEFACT or UBL charge indicator and its amount."""
    amounts = [
        (charge.lower() in {"true", "1"}, decimal_of(amount) or Decimal(0)) for charge, amount in changes
    ]
    change = sum((amount if is_charge else -amount for is_charge, amount in amounts), Decimal(0))
    if not change or line.quantity is None or line.unit_price is None or line.line_total is None:
        return []
    priced = (line.quantity, line.unit_price, line.price_base)
    if line_proven(line) or not line_closes(line.line_total - change, *priced):
        return []
    return [line_adjusted(index)]
