"""What stands on a supplier's paper: positions, sums to the cent, and the truth a reader must find again."""

import csv
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from zalion.demo.suppliers import Company, Person

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def cents(amount: Decimal) -> Decimal:
    """The amount rounded to two places, halves away from zero, as commercial paper rounds."""
    return amount.quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Article:
    """A catalogue entry; `price` is for `base` units."""

    number: str
    buyer_number: str
    name: str
    details: tuple[str, ...]
    unit: str
    price: Decimal
    usual: tuple[int, ...]
    base: int = 1
    discount: Decimal = ZERO


@dataclass(frozen=True)
class Line:
    """One position. `deliveries` holds more than one entry where the supplier splits the quantity."""

    pos: str
    article: Article
    quantity: Decimal
    deliveries: tuple[tuple[Decimal, date], ...]

    @property
    def gross(self) -> Decimal:
        return cents(self.quantity * self.article.price / self.article.base)

    @property
    def total(self) -> Decimal:
        return cents(
            self.quantity * self.article.price / self.article.base * (100 - self.article.discount) / 100
        )

    @property
    def delivery(self) -> date:
        """The date by which the whole position is there."""
        return max(day for _, day in self.deliveries)


@dataclass(frozen=True)
class Order:
    """The buyer's order the paper answers."""

    number: str
    placed: date
    buyer: Company
    person: Person
    message_id: str


@dataclass(frozen=True)
class Document:
    """One document of a supplier; `misprint` is added to the printed grand total alone."""

    kind: str
    supplier: Company
    number: str
    issued: date
    order: Order
    lines: tuple[Line, ...]
    charges: tuple[tuple[str, Decimal], ...] = ()
    tax_rate: Decimal = ZERO
    delivery_note: str = ""
    valid_until: date | None = None
    misprint: Decimal = ZERO
    notes: tuple[str, ...] = ()

    @property
    def goods(self) -> Decimal:
        return sum((line.total for line in self.lines), ZERO)

    @property
    def charged(self) -> Decimal:
        return sum((amount for _, amount in self.charges), ZERO)

    @property
    def net(self) -> Decimal:
        return self.goods + self.charged

    @property
    def tax(self) -> Decimal:
        return cents(self.net * self.tax_rate / 100)

    @property
    def gross(self) -> Decimal:
        """The grand total as printed."""
        return self.net + self.tax + self.misprint

    @property
    def priced(self) -> bool:
        return self.kind != "delivery_note"

    @property
    def delivery(self) -> date:
        return max(line.delivery for line in self.lines)


@dataclass(frozen=True)
class DocumentTruth:
    """What a reader must get, by the names of the canonical document; None where it is not printed."""

    doc_type: str
    number: str
    issue_date: date
    order_reference: str | None
    seller_name: str
    seller_vat_id: str | None
    currency: str | None
    net_total: Decimal | None
    tax_total: Decimal | None
    gross_total: Decimal | None
    lines: int
    line_totals: tuple[Decimal, ...]
    closes: bool


def truth_of(document: Document) -> DocumentTruth:
    """The truth of a document: unpriced paper has no currency and no sums, a quote answers no order yet."""
    priced = document.priced
    return DocumentTruth(
        doc_type=document.kind,
        number=document.number,
        issue_date=document.issued,
        order_reference=document.order.number if document.kind != "quote" else None,
        seller_name=document.supplier.name,
        seller_vat_id=document.supplier.vat_id or None,
        currency=document.supplier.currency if priced else None,
        net_total=document.net if priced else None,
        tax_total=document.tax if priced else None,
        gross_total=document.gross if priced else None,
        lines=len(document.lines),
        line_totals=tuple(line.total for line in document.lines) if priced else (),
        closes=not document.misprint,
    )


def _catalogue() -> dict[str, tuple[Article, ...]]:
    articles: dict[str, list[Article]] = {}
    with (Path(__file__).parent / "catalogue.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            articles.setdefault(row["supplier"], []).append(
                Article(
                    number=row["number"],
                    buyer_number=row["buyer_number"],
                    name=row["name"],
                    details=tuple(part for part in row["details"].split(" | ") if part),
                    unit=row["unit"],
                    price=Decimal(row["price"]),
                    base=int(row["base"]),
                    discount=Decimal(row["discount"]),
                    usual=tuple(int(number) for number in row["usual"].split()),
                )
            )
    return {supplier: tuple(rows) for supplier, rows in articles.items()}


CATALOGUE = _catalogue()
