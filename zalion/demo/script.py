"""Which mails arrive, from whom and in which order: the lists of mails.toml."""

import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True)
class Style:
    """How a mail is made: its sender's program and encoding, and what it carries beside the paper."""

    client: str = "outlook"
    charset: str = "utf-8"
    encoding: str = "quoted-printable"
    label: str = "application/pdf"
    html: bool = False
    logo: bool = False
    reply: bool = False
    terms: bool = False
    pdf: bool = False
    again: bool = False


@dataclass(frozen=True)
class Entry:
    """One mail to be written.

    `form` names the writer (forms.py); `order` counts the buyer's orders, and two entries with the same count
    speak of the same order and positions. `number` may hold {year} and {yy}; `subject` {number}, {order},
    {placed} and {note}. `charges` are added below the positions; `misprint` falsifies the grand total.
    """

    name: str
    supplier: str
    form: str
    subject: str
    kind: str = "order_confirmation"
    number: str = ""
    order: int = 0
    lines: int = 3
    charges: tuple[tuple[str, Decimal], ...] = ()
    delivery_note: str = ""
    split: bool = False
    misprint: Decimal = Decimal("0.00")
    expected: str = "document"
    style: Style = field(default_factory=Style)


def mails(mailbox: str) -> tuple[Entry, ...]:
    """The mails of one mailbox (`acme` or `borealis`), oldest first."""
    with (Path(__file__).parent / "mails.toml").open("rb") as file:
        tables = tomllib.load(file)[mailbox]
    return tuple(
        Entry(
            charges=tuple((label, Decimal(amount)) for label, amount in table.pop("charges", ())),
            misprint=Decimal(table.pop("misprint", "0.00")),
            style=Style(**table.pop("style", {})),
            **table,
        )
        for table in tables
    )
