"""The demo's mails: forty to Acme and three to Borealis, the same for the same moment, and their truth."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from zalion.demo import forms, script
from zalion.demo.documents import CATALOGUE, Document, DocumentTruth, Line, Order, truth_of
from zalion.demo.envelope import address, encoded, message
from zalion.demo.paper.wording import day
from zalion.demo.script import Entry
from zalion.demo.suppliers import ACME, BOREALIS, COMPANIES, JONAS, PETRA, Company, Person

BERLIN = ZoneInfo("Europe/Berlin")
WINDOW = timedelta(days=14)
OPENS, CLOSES = time(7, 20), time(17, 40)
RATES = {"DE": Decimal(19), "GB": Decimal(20)}
PROGRAMS = {
    "outlook": (("X-Mailer", "Microsoft Outlook 16.0"),),
    "erp": (("X-Mailer", "WinVertrieb 7.4 Belegversand"), ("X-Priority", "3")),
    "apple": (("X-Mailer", "Apple Mail (2.3826.300.87.4.3)"),),
    "thunderbird": (("User-Agent", "Mozilla Thunderbird"),),
}
NOT_FROM_A_PERSON = {
    "absence": (("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All")),
    "newsletter": (
        ("List-Id", "Aktionen <aktionen.elektro-brandt.example>"),
        ("List-Unsubscribe", "<https://news.elektro-brandt.example/abmelden?k=8841>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Precedence", "bulk"),
    ),
}


@dataclass(frozen=True)
class DemoMail:
    """One mail as it lies on the server.

    `expected` says what must become of it: `document`, `finding` (a document whose sums do not agree),
    `duplicate` (says again what an earlier mail said), `auto_reply`, `newsletter` or `calendar`.
    """

    name: str
    mailbox: str
    arrived: datetime
    raw: bytes
    documents: tuple[DocumentTruth, ...]
    expected: str


def make(now: datetime) -> list[DemoMail]:
    """Forty mails to orders@acme.example in the fourteen days before `now` (aware), oldest first."""
    return _Correspondence(ACME, now).write()


def make_borealis(now: datetime) -> list[DemoMail]:
    """Three mails to orders@borealis.example, likewise."""
    return _Correspondence(BOREALIS, now).write()


def working_moments(now: datetime, count: int) -> list[datetime]:
    """`count` moments spread evenly over the office hours (Berlin) of the fortnight before `now`."""
    first = now - WINDOW
    spans: list[tuple[datetime, timedelta]] = []
    for offset in range(WINDOW.days + 1):
        today = (first + timedelta(days=offset)).astimezone(BERLIN).date()
        opens = max(datetime.combine(today, OPENS, BERLIN).astimezone(UTC), first)
        closes = min(datetime.combine(today, CLOSES, BERLIN).astimezone(UTC), now)
        if today.weekday() < 5 and closes > opens:
            spans.append((opens, closes - opens))
    whole = sum((length for _, length in spans), timedelta())
    moments = []
    for index in range(count):
        rest = whole * (2 * index + 1) / (2 * count)
        for opens, length in spans:
            if rest < length:
                moments.append((opens + rest).replace(microsecond=0))
                break
            rest -= length
    return moments


def workday(when: date) -> date:
    """The day itself, or the Friday before a weekend."""
    return when - timedelta(days=max(0, when.weekday() - 4))


class _Correspondence:
    """One buyer's mailbox while it is being written: the orders it has placed so far, and its papers."""

    def __init__(self, buyer: Company, now: datetime) -> None:
        self.buyer = buyer
        self.now = now.astimezone(UTC)
        self.orders: dict[int, Order] = {}
        self.papers: dict[str, Document] = {}

    def write(self) -> list[DemoMail]:
        entries = script.mails(self.buyer.key)
        moments = working_moments(self.now, len(entries))
        return [self._mail(entry, moment) for entry, moment in zip(entries, moments, strict=True)]

    def _mail(self, entry: Entry, moment: datetime) -> DemoMail:
        supplier = COMPANIES[entry.supplier]
        chance = random.Random(f"{self.buyer.key}:{entry.name}")
        arrived = moment + timedelta(seconds=chance.randrange(60))
        document = self._document(entry, supplier, arrived) if entry.number else None
        order = self._order(entry, supplier, arrived) if entry.order else None
        task = forms.Task(entry, supplier, self.buyer, document, arrived.astimezone(BERLIN), chance)
        root = forms.WRITERS[entry.form](task)
        raw = message(self._headers(task, order), root)
        truths = (truth_of(document),) if document else ()
        return DemoMail(entry.name, self.buyer.order_mailbox, arrived, raw, truths, entry.expected)

    def _order(self, entry: Entry, supplier: Company, arrived: datetime) -> Order:
        if entry.order not in self.orders:
            chance = random.Random(f"{self.buyer.key}:order:{entry.order}")
            number = f"45000{18300 + entry.order * 7}"
            if self.buyer is BOREALIS:
                number = f"BY-PO-{2280 + entry.order * 11}"
            elif entry.kind == "quote":
                number = f"ANF-{600 + entry.order}"
            placed = workday(arrived.astimezone(BERLIN).date() - timedelta(days=chance.randint(1, 4)))
            identity = f"<{chance.getrandbits(80):020x}@{self.buyer.domain}>"
            self.orders[entry.order] = Order(number, placed, self.buyer, self._buying(chance), identity)
        return self.orders[entry.order]

    def _buying(self, chance: random.Random) -> Person:
        return chance.choice((PETRA, JONAS)) if self.buyer is ACME else self.buyer.person

    def _document(self, entry: Entry, supplier: Company, arrived: datetime) -> Document:
        issued = arrived.astimezone(BERLIN).date()
        number = entry.number.format(year=issued.year, yy=f"{issued:%y}")
        if number in self.papers:
            return self.papers[number]
        order = self._order(entry, supplier, arrived)
        domestic = supplier.vat_id[:2] == self.buyer.vat_id[:2]
        document = Document(
            kind=entry.kind,
            supplier=supplier,
            number=number,
            issued=issued,
            order=order,
            lines=_lines(entry, order),
            charges=entry.charges,
            tax_rate=RATES[supplier.vat_id[:2]] if domestic else Decimal(0),
            delivery_note=entry.delivery_note.format(year=issued.year, yy=f"{issued:%y}"),
            valid_until=issued + timedelta(days=30) if entry.kind == "quote" else None,
            misprint=entry.misprint,
        )
        self.papers[number] = document
        return document

    def _headers(self, task: forms.Task, order: Order | None) -> list[tuple[str, str]]:
        entry, supplier, document = task.entry, task.supplier, task.document
        subject = entry.subject.format(
            number=document.number if document else "",
            order=order.number if order else "",
            placed=day(document, document.order.placed) if document else "",
            note=document.delivery_note if document else "",
        )
        charset, words = entry.style.charset, entry.style.client == "apple"
        sent = format_datetime(task.arrived - timedelta(seconds=6))
        token = f"{task.chance.getrandbits(96):024x}"
        headers = [
            ("Return-Path", f"<{supplier.person.email}>"),
            ("Received", _hop(f"mx.{self.buyer.domain}", f"out.{supplier.domain}", token, task.arrived)),
            (
                "From",
                address(
                    supplier.person.name,
                    supplier.person.email,
                    charset=_fitting(supplier.person.name, charset),
                ),
            ),
            ("To", f"<{self.buyer.order_mailbox}>"),
            ("Subject", encoded(subject, charset=charset, base64_words=words)),
            ("Date", sent),
            ("Message-ID", f"<{token}@{supplier.domain}>"),
            ("Content-Language", "de-DE" if supplier.language == "de" else "en-US"),
        ]
        if order and (entry.style.reply or entry.form == "absence"):
            headers += [("In-Reply-To", order.message_id), ("References", order.message_id)]
            headers.append(("Thread-Topic", f"Bestellung {order.number}"))
        return [*headers, *NOT_FROM_A_PERSON.get(entry.form, ()), *PROGRAMS[entry.style.client]]


def _fitting(name: str, charset: str) -> str:
    try:
        name.encode(charset)
    except UnicodeEncodeError:
        return "utf-8"
    return charset


def _hop(by: str, sender: str, token: str, when: datetime) -> str:
    origin = f"from {sender} ([192.0.2.{int(token[:2], 16)}])"
    return f"{origin}\r\n\tby {by} with ESMTPS id {token[:12]};\r\n\t{format_datetime(when)}"


def _lines(entry: Entry, order: Order) -> tuple[Line, ...]:
    """Positions of an order: the same for every paper about it."""
    chance = random.Random(f"{order.number}:{entry.supplier}")
    articles = chance.sample(CATALOGUE[entry.supplier], entry.lines)
    step = (
        1
        if entry.supplier
        in ("kontor", "brightwell", "shannon", "meridian", "lindner", "alpenfeder", "solent")
        else 10
    )
    lines = []
    for index, article in enumerate(articles, start=1):
        quantity = Decimal(chance.choice(article.usual))
        promised = workday(order.placed + timedelta(days=chance.choice((12, 14, 19, 21, 28, 35))))
        deliveries: tuple[tuple[Decimal, date], ...] = ((quantity, promised),)
        if entry.split and index == 1:
            half = Decimal(int(quantity) // 2)
            deliveries = ((half, promised), (quantity - half, workday(promised + timedelta(days=21))))
        lines.append(Line(str(index * step), article, quantity, deliveries))
    return tuple(lines)
