"""Sums as suppliers calculate them: which readings of printed numbers close, and how far rounding may differ."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import islice, product
from typing import Final

CENT: Final = Decimal("0.01")
HUNDRED: Final = Decimal(100)
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
    """Whether the total is what quantity and price make. The printed price may be rounded itself: half a unit of its
    last digit, times the quantity, is allowed, and a cent in any case."""
    expected = line_total(quantity, unit_price, price_base, discount)
    last_digit = Decimal(1).scaleb(min(int(unit_price.as_tuple().exponent), 0))
    # A price without decimals is an exact one, not one rounded to whole euros.
    rounding = (
        abs(quantity) * last_digit / 2 / (price_base or Decimal(1)) if last_digit <= CENT else Decimal(0)
    )
    return abs(expected - total) <= max(CENT, rounding)


def closing_readings(
    quantity: Sequence[Decimal],
    unit_price: Sequence[Decimal],
    price_base: Sequence[Decimal],
    discount: Sequence[Decimal],
    total: Sequence[Decimal],
) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal] | None:
    """The first combination of readings (each list best first) for which the line closes; None when none does."""
    candidates = product(quantity, unit_price, price_base or (Decimal(1),), discount or (Decimal(0),), total)
    for combination in islice(candidates, MAX_COMBINATIONS):
        number, price, base, percent, amount = combination
        if base > 0 and line_closes(amount, number, price, base, percent):
            return combination
    return None


def sum_closes(total: Decimal, parts: Iterable[Decimal], *, tolerance: Decimal = CENT) -> bool:
    """Whether the parts add up to the total within the tolerance."""
    return abs(sum(parts, Decimal(0)) - total) <= tolerance
