"""The demo's mails are what they say: right to the cent, readable, the same for the same moment."""

import email
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.header import decode_header, make_header
from email.message import Message
from io import BytesIO

import pypdfium2
import pytest
from lxml import etree, html
from PIL import Image
from stdnum import iban
from stdnum.eu import vat as eu_vat
from stdnum.gb import vat as gb_vat
from tnefparse import TNEF

from zalion.demo.mails import BERLIN, WINDOW, DemoMail, make, make_borealis
from zalion.demo.paper.wording import english, german
from zalion.demo.suppliers import COMPANIES

NOW = datetime(2026, 11, 17, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def acme() -> dict[str, DemoMail]:
    return {mail.name: mail for mail in make(NOW)}


@pytest.fixture(scope="module")
def everything(acme) -> list[DemoMail]:
    return [*acme.values(), *make_borealis(NOW)]


def parsed(mail: DemoMail) -> Message:
    return email.message_from_bytes(mail.raw)


def files(mail: DemoMail) -> list[bytes]:
    parts = (part for part in parsed(mail).walk() if part.get_content_disposition() == "attachment")
    return [part.get_payload(decode=True) for part in parts]


def pdf_of(mail: DemoMail) -> bytes | None:
    if mail.name == "kontor-winmail":
        return TNEF(files(mail)[0]).attachments[0].data
    return next((data for data in files(mail) if data.startswith(b"%PDF")), None)


def pdf_text(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    try:
        return "\n".join(document[index].get_textpage().get_text_range() for index in range(len(document)))
    finally:
        document.close()


def body_text(mail: DemoMail) -> str:
    texts = []
    for part in parsed(mail).walk():
        if part.get_content_type() in ("text/plain", "text/html"):
            written = part.get_payload(decode=True).decode(part.get_content_charset())
            if part.get_content_subtype() == "html":
                written = html.fromstring(
                    written.encode(), parser=html.HTMLParser(encoding="utf-8")
                ).text_content()
            texts.append(written)
    return "\n".join(texts)


def test_there_are_forty_mails_to_acme_and_three_to_borealis(everything):
    boxes = [mail.mailbox for mail in everything]
    assert (boxes.count("orders@acme.example"), boxes.count("orders@borealis.example")) == (40, 3)
    assert len({mail.name for mail in everything}) == 43


def test_most_mails_are_order_confirmations_and_the_odd_ones_are_there(acme):
    kinds = [truth.doc_type for mail in acme.values() for truth in mail.documents]
    expected = [mail.expected for mail in acme.values()]
    assert kinds.count("order_confirmation") >= 25
    assert {"invoice", "delivery_note", "quote"} <= set(kinds)
    assert {"document", "finding", "duplicate", "auto_reply", "newsletter", "calendar"} == set(expected)
    assert expected.count("document") == 35
    assert len({truth.seller_name for mail in acme.values() for truth in mail.documents}) >= 12


def test_the_same_moment_gives_the_same_bytes():
    assert make(NOW) == make(NOW)


@pytest.mark.parametrize("day", range(7))
def test_mails_arrive_in_order_during_office_hours_of_the_last_fortnight(day):
    now = NOW + timedelta(days=day, hours=day)
    arrivals = [mail.arrived for mail in make(now)]
    assert arrivals == sorted(arrivals)
    assert now - WINDOW <= arrivals[0]
    assert arrivals[-1] <= now
    local = [moment.astimezone(BERLIN) for moment in arrivals]
    assert all(moment.weekday() < 5 and 7 <= moment.hour < 18 for moment in local)


def test_every_mail_is_well_formed_but_the_one_that_is_cut_off(everything):
    damaged = {
        mail.name
        for mail in everything
        if any(part.defects for part in parsed(mail).walk()) or b"\n" in mail.raw.replace(b"\r\n", b"")
    }
    assert damaged == {"althoff-broken"}


def test_no_line_is_longer_than_rfc_5322_allows(everything):
    assert max(len(line) for mail in everything for line in mail.raw.split(b"\r\n")) <= 998


def test_headers_decode_and_name_the_order(everything):
    for mail in everything:
        message = parsed(mail)
        subject = str(make_header(decode_header(message["Subject"])))
        assert "=?" not in subject
        assert "{" not in subject
        assert message["Message-ID"]
        assert email.utils.parsedate_to_datetime(message["Date"]) <= mail.arrived


def test_all_addresses_and_hosts_are_invented(everything):
    for mail in everything:
        written = mail.raw.decode("latin-1") + body_text(mail)
        written = written.replace("=\r\n", "")
        hosts = re.findall(r"[\w.+-]+@([\w.-]+\w)", written) + re.findall(r"https?://([\w.-]+)", written)
        assert all(host.endswith(".example") for host in hosts), mail.name


def test_vat_ids_and_ibans_of_the_companies_have_right_check_digits():
    for company in COMPANIES.values():
        if company.vat_id:
            check = gb_vat if company.vat_id.startswith("GB") else eu_vat
            assert check.is_valid(company.vat_id), company.key
        if company.iban:
            assert iban.is_valid(company.iban), company.key


def test_sums_close_to_the_cent_in_all_but_the_wrong_one(everything):
    for mail in everything:
        for truth in mail.documents:
            assert len(truth.line_totals) == (truth.lines if truth.gross_total is not None else 0)
            if truth.gross_total is None:
                continue
            assert truth.closes == (truth.net_total + truth.tax_total == truth.gross_total)
            assert truth.net_total >= sum(truth.line_totals)
            assert truth.closes == (mail.expected != "finding")


def test_what_the_truth_says_stands_on_the_paper(everything):
    for mail in everything:
        for truth in mail.documents:
            paper = pdf_of(mail)
            text = pdf_text(paper) if paper else body_text(mail)
            if not paper and files(mail):
                continue  # UBL, read below
            flat = re.sub(r"\s+", " ", text)
            write = (
                english
                if truth.seller_name in {c.name for c in COMPANIES.values() if c.language == "en"}
                else german
            )
            wanted = [truth.number, truth.order_reference or "", truth.seller_vat_id or ""]
            if truth.gross_total is not None:
                amounts = (truth.net_total, truth.tax_total, truth.gross_total, *truth.line_totals)
                wanted += [write(amount) for amount in amounts]
            assert truth.seller_name.casefold() in flat.casefold(), mail.name
            missing = [value for value in wanted if value not in flat]
            assert not missing, (mail.name, missing)


def test_ubl_attachments_say_what_the_truth_says(acme):
    space = {"cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"}
    seen = 0
    for mail in acme.values():
        for data in files(mail):
            if not data.startswith(b"<?xml"):
                continue
            seen += 1
            root, truth = etree.fromstring(data), mail.documents[0]
            assert root.findtext("cbc:ID", namespaces=space) == truth.number
            assert Decimal(root.findtext(".//cbc:PayableAmount", namespaces=space)) == truth.gross_total
            lines = root.findall("{*}OrderLine/{*}LineItem/{*}LineExtensionAmount") + root.findall(
                "{*}InvoiceLine/{*}LineExtensionAmount"
            )
            assert tuple(Decimal(line.text) for line in lines) == truth.line_totals
            assert root.findtext("{*}OrderReference/{*}ID") == truth.order_reference
    assert seen == 3


def test_a_long_confirmation_carries_its_sum_to_the_second_page(acme):
    document = pypdfium2.PdfDocument(pdf_of(acme["nordstahl-long"]))
    pages = [document[index].get_textpage().get_text_range() for index in range(len(document))]
    document.close()
    assert len(pages) == 2
    assert all(page.count("Übertrag") == 1 for page in pages)


def test_a_winmail_dat_carries_the_paper_with_right_checksums(acme):
    data = files(acme["kontor-winmail"])[0]
    tnef = TNEF(data)
    assert all(item.good_checksum for item in tnef.objects)
    (attachment,) = tnef.attachments
    assert attachment.long_filename() == "Auftragsbestätigung_K26-20125.pdf"
    assert "K26-20125" in pdf_text(attachment.data)
    assert "Mit freundlichen Grüßen" in tnef.body


def test_the_duplicate_carries_the_very_same_file(acme):
    first, again = acme["brandt-first"], acme["brandt-again"]
    assert pdf_of(first) == pdf_of(again)
    assert first.documents == again.documents
    assert parsed(first)["Message-ID"] != parsed(again)["Message-ID"]


def test_papers_about_one_order_have_the_same_positions(acme):
    confirmed, invoiced = acme["nordstahl-reply"].documents[0], acme["nordstahl-invoice"].documents[0]
    assert confirmed.order_reference == invoiced.order_reference
    assert confirmed.line_totals == invoiced.line_totals


def test_mail_that_is_nobodys_order_says_so_in_its_headers(acme):
    assert parsed(acme["alpenfeder-absence"])["Auto-Submitted"] == "auto-replied"
    assert parsed(acme["brandt-newsletter"])["List-Unsubscribe"]
    calendar = [
        part for part in parsed(acme["althoff-visit"]).walk() if part.get_content_type() == "text/calendar"
    ]
    assert b"METHOD:REQUEST" in calendar[0].get_payload(decode=True)


def test_one_pdf_is_labelled_octet_stream(acme):
    parts = [
        part for part in parsed(acme["brandt-octet"]).walk() if part.get_content_disposition() == "attachment"
    ]
    assert parts[0].get_content_type() == "application/octet-stream"
    assert parts[0].get_payload(decode=True).startswith(b"%PDF")


def test_the_hostile_mail_attacks_in_html_and_confirms_in_text(acme):
    parts = {
        part.get_content_type(): part.get_payload(decode=True).decode()
        for part in parsed(acme["lindner-hostile"]).walk()
        if not part.is_multipart()
    }
    for attack in ("<script>", "onerror=", "pixel.gif", "javascript:", "<iframe", "<form"):
        assert attack in parts["text/html"]
        assert attack not in parts["text/plain"]
    assert acme["lindner-hostile"].documents[0].number in parts["text/plain"]


def test_replies_quote_our_own_order_below(acme):
    for name in ("hydraulik-first", "nordstahl-reply"):
        message = parsed(acme[name])
        assert message["In-Reply-To"] == message["References"]
        text = body_text(acme[name])
        assert text.index("Von: ") > text.index("Mit freundlichen Grüßen")
        assert "Gesendet: " in text


def test_mails_use_different_charsets_and_encodings(everything):
    parts = [
        part for mail in everything for part in parsed(mail).walk() if part.get_content_maintype() == "text"
    ]
    assert {part.get_content_charset() for part in parts} >= {"utf-8", "iso-8859-1", "us-ascii"}
    assert {part["Content-Transfer-Encoding"] for part in parts} >= {
        "quoted-printable",
        "8bit",
        "7bit",
        "base64",
    }


def test_signatures_carry_a_small_inline_logo(everything):
    pictures = [
        part for mail in everything for part in parsed(mail).walk() if part.get_content_type() == "image/png"
    ]
    assert len(pictures) >= 5
    for picture in pictures:
        assert picture["Content-ID"]
        assert Image.open(BytesIO(picture.get_payload(decode=True))).size == (160, 44)
