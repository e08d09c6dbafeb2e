"""The demo's companies: two who buy and the suppliers who write to them, every one of them invented."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Person:
    """Somebody who signs mails; `greeting_de` is how a German letter addresses them."""

    name: str
    role: str
    email: str
    phone: str = ""
    greeting_de: str = ""


@dataclass(frozen=True)
class Company:
    """A company as its letterhead shows it."""

    key: str
    name: str
    street: str
    city: str
    country: str
    domain: str
    vat_id: str
    language: str
    person: Person
    phone: str = ""
    iban: str = ""
    bic: str = ""
    bank: str = ""
    register: str = ""
    directors: str = ""
    customer_number: str = ""
    color: tuple[int, int, int] = (40, 60, 90)
    tagline: str = ""
    currency: str = "EUR"
    terms: str = ""
    incoterm: str = ""
    order_mailbox: str = ""

    @property
    def address(self) -> tuple[str, ...]:
        return (self.street, self.city, self.country)

    @property
    def web(self) -> str:
        return f"www.{self.domain}"


def _load() -> dict[str, Company]:
    with (Path(__file__).parent / "companies.toml").open("rb") as file:
        tables = tomllib.load(file)
    return {
        key: Company(
            key=key,
            person=Person(**table.pop("person")),
            color=tuple(table.pop("color", Company.color)),
            **table,
        )
        for key, table in tables.items()
    }


COMPANIES = _load()
ACME = COMPANIES["acme"]
BOREALIS = COMPANIES["borealis"]

PETRA = ACME.person
JONAS = Person(
    "Jonas Weber", "Einkauf", "j.weber@acme.example", "+49 89 99998-318", "Sehr geehrter Herr Weber,"
)
