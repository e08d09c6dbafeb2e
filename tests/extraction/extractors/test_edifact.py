"""EDIFACT messages are read exactly, whatever their service characters, and a cut interchange says so."""

import time
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from extraction.extractor import Source, UnreadableError
from extraction.grounding import ungrounded
from extraction.places import pieces
from extraction.reader import read
from extraction.registry import load
from extraction.schemas import CanonicalDocument, Extraction
from tests.contracts.extractor import ExtractorContract

HEAD = "UNB+UNOC:3+4012345000009:14+4098765000007:14+260302:1012+77'"
PARTIES = (
    "NAD+BY+4098765000007::9++Acme GmbH+Weg 1+Ulm++89073+DE'RFF+IT:C-204'"
    "NAD+SU+4012345000009::9++Holz ?+ Söhne KG'RFF+VA:DE136695976'CTA+IC'COM+sales@holz.example:EM'"
    "NAD+DP+4098765000014::9++Acme Lager+Tor 3+Ulm++89073+DE'CUX+2:EUR:9'"
)
LINE = (
    "LIN+10+5+4012345001235:EN'PIA+5+H77:SA'PIA+1+M-1:BP'IMD+F++:::Leiste Eiche geölt, 2,40 m lang, na:turbelassen'"
    "QTY+21:12:MTR'QTY+113:10:MTR'DTM+2:20260320:102'DTM+67:202614:616'MOA+203:25,00'PRI+AAA:250,00:::100:MTR'"
    "RFF+ON:4500012:20'TAX+7+VAT+++:::19'"
)


def message(kind: str, bgm: str, body: str, number: int = 1, release: str = "D:96A:UN") -> str:
    segments = f"UNH+{number}+{kind}:{release}'BGM+{bgm}'{body}"
    return f"{segments}UNT+{segments.count(chr(39)) + 1}+{number}'"


def response(
    bgm: str = "231+AB-17+29", lines: str = LINE, sums: str = "MOA+125:25'MOA+176:4,75'MOA+77:29,75'"
) -> str:
    body = (
        f"DTM+137:202603021012:203'RFF+ON:4500012'DTM+171:20260301:102'{PARTIES}{lines}UNS+S'{sums}CNT+2:1'"
    )
    return message("ORDRSP", bgm, body)


def interchange(*found: str, head: str = HEAD, end: str = "UNZ+1+77'") -> bytes:
    return (head + "".join(found) + end).encode("latin-1")


def extract(content: bytes) -> list[Extraction]:
    return load("edifact").extract(Source.of("x.edi", content))


def document(content: bytes) -> CanonicalDocument:
    return extract(content)[0].document


class TestEdifact(ExtractorContract):
    key = "edifact"

    def samples(self) -> dict[str, tuple[bytes, dict[str, Any]]]:
        line = {
            "pos": "10",
            "seller_article": "H77",
            "buyer_article": "M-1",
            "gtin": "4012345001235",
            "description": "Leiste Eiche geölt, 2,40 m lang, naturbelassen",
            "quantity": "10",
            "unit": "MTR",
            "unit_price": "250",
            "price_base": "100",
            "tax_rate": "19",
            "line_total": "25",
            "delivery_date": "2026-03-30",
            "order_line_ref": "20",
        }
        head = {
            "doc_type": "order_confirmation",
            "number": "AB-17",
            "issue_date": "2026-03-02",
            "order_reference": "4500012",
            "customer_number": "C-204",
            "seller_name": "Holz + Söhne KG",
            "seller_vat_id": "DE136695976",
            "seller_email": "sales@holz.example",
            "buyer_name": "Acme GmbH",
            "ship_to": "Acme Lager, Tor 3, Ulm, 89073",
            "currency": "EUR",
            "net_total": "25",
            "tax_total": "4.75",
            "gross_total": "29.75",
            "lines": [line],
        }
        order = message(
            "ORDERS", "220+4500012+9", "DTM+137:260301:101'LIN+1++H77:SA'QTY+21:3'UNS+S'", release="D:93A:UN"
        )
        change = message("ORDCHG", "230+4500012-1+4", "RFF+ON:4500012'LIN+1+2+H77:SA'QTY+21:0'UNS+S'")
        cancelled = message("ORDCHG", "230+4500012-2+1", "RFF+ON:4500012'UNS+S'")
        shipped = message(
            "DESADV",
            "351+LS-9+9",
            "DTM+11:20260319:102'RFF+ON:4500012'CPS+1'PAC+1'LIN+1++H77:SA'QTY+12:10:PCE'CPS+2'",
        )
        billed = message(
            "INVOIC",
            "381+GS-3+9",
            f"DTM+137:20260321:102'RFF+DQ:LS-9'{PARTIES}LIN+1++H77:SA'QTY+47:10'MOA+203:25'ALC+A'PCD+1:5'UNS+S'"
            "MOA+77:29.75'TAX+7+VAT+++:::19'MOA+125:20'MOA+124:3.8'TAX+7+VAT+++:::19'MOA+125:5'MOA+124:.95'",
            release="D:20B:UN:EAN011",
        )
        return {
            "ordrsp.edi": (interchange(response()), head),
            "orders.edi": (interchange(order), {"doc_type": "order", "issue_date": "2026-03-01"}),
            "ordchg.edi": (interchange(change), {"doc_type": "order_change", "order_reference": "4500012"}),
            "cancel.edi": (
                interchange(cancelled),
                {"doc_type": "order_cancellation", "order_reference": "4500012"},
            ),
            "desadv.edi": (
                interchange(shipped),
                {"doc_type": "delivery_note", "delivery_date": "2026-03-19"},
            ),
            "invoic.edi": (
                interchange(billed),
                {
                    "doc_type": "credit_note",
                    "delivery_note_reference": "LS-9",
                    "net_total": "25",
                    "tax_total": "4.75",
                },
            ),
        }

    def broken(self) -> dict[str, tuple[bytes, str]]:
        receipt = message("APERAK", "312+1", "")
        return {
            "empty.edi": (HEAD.encode(), "edifact_broken"),
            "receipt.edi": (interchange(receipt), "not_an_order_message"),
            "many.edi": (HEAD.encode() + b"UNH+1+ORDERS:D:96A:UN'" + b"A'" * 600_000, "too_large"),
        }


def test_una_decides_the_service_characters() -> None:
    text = "UNA;*,! ~" + (HEAD + response() + "UNZ+1+77'").replace("?", "!").translate(
        str.maketrans({"+": "*", ":": ";", "'": "~"})
    ).replace("!*", "!*")
    assert document(text.encode("latin-1")).seller_name == "Holz * Söhne KG"


def test_released_marks_are_text() -> None:
    lines = "LIN+1++H?:7?+7:SA'IMD+F++:::12 ?'lang?''QTY+113:1'IMD+F++:::zu ??'"
    found = document(interchange(response(lines=lines)))
    assert found.lines[0].seller_article == "H:7+7"
    assert found.lines[0].description == "12 'lang' zu ?"


@pytest.mark.parametrize(
    ("syntax", "charset"),
    [("UNOC", "latin-1"), ("UNOC", "cp1252"), ("UNOL", "iso8859-15"), ("UNOY", "utf-8"), ("UNOC", "utf-8")],
)
def test_the_character_set_is_that_of_the_syntax_or_the_one_really_used(syntax: str, charset: str) -> None:
    name = "Holz + Söhne KG" if charset == "latin-1" else "Holz + Söhne € KG"
    text = HEAD.replace("UNOC", syntax) + response().replace("Holz ?+ Söhne KG", name.replace("+", "?+"))
    assert document(f"{text}UNZ+1+77'".encode(charset)).seller_name == name


def test_central_european_letters_are_read_by_their_own_character_set() -> None:
    text = HEAD.replace("UNOC", "UNOD") + response().replace("Söhne", "Dřevo") + "UNZ+1+77'"
    assert document(text.encode("iso8859-2")).seller_name == "Holz + Dřevo KG"


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ("20260320:102", date(2026, 3, 20)),
        ("202603201400:203", date(2026, 3, 20)),
        ("20260320140000:204", date(2026, 3, 20)),
        ("202612:616", date(2026, 3, 16)),
        ("202610202612:716", date(2026, 3, 16)),
        ("2026031620260320:718", date(2026, 3, 20)),
        ("20260316-20260320:718", date(2026, 3, 20)),
        ("202603201400:102", date(2026, 3, 20)),
        ("20261320:102", None),
        ("202603:610", None),
    ],
)
def test_every_format_of_a_date_means_its_day(stated: str, day: date | None) -> None:
    found = extract(interchange(response(lines=f"LIN+1++H77:SA'QTY+113:1'DTM+67:{stated}'")))[0]
    assert found.document.lines[0].delivery_date == day
    assert not list(ungrounded(found))


def test_several_messages_are_several_documents() -> None:
    second = message("ORDRSP", "231+AB-18+29", "UNS+S'", number=2)
    found = extract(interchange(response(), message("APERAK", "312+1", ""), second))
    assert [item.document.number for item in found] == ["AB-17", "AB-18"]
    assert [item.evidence["number"].path for item in found] == ["/UNH[1]/BGM[1]/2.1", "/UNH[3]/BGM[1]/2.1"]


@pytest.mark.parametrize("named", ["RFF+CR:4500012'", "RFF+OP:4500012'", "RFF+CR:77'RFF+OP:4500012'"])
def test_another_reference_of_the_customer_stands_in_for_an_order_number(named: str) -> None:
    found = document(interchange(message("ORDRSP", "231+AB-1+29", f"{named}UNS+S'")))
    assert found.order_reference == "4500012"


def test_dates_of_references_leave_a_party_whole() -> None:
    dated = "NAD+SU+1::9++Holz KG'RFF+API:7'DTM+171:20200101:102'RFF+VA:DE136695976'DTM+171:20200101:102'"
    found = document(interchange(message("INVOIC", "380+1+9", f"DTM+137:20260301:102'{dated}UNS+S'")))
    assert (found.seller_name, found.seller_vat_id) == ("Holz KG", "DE136695976")
    assert str(found.issue_date) == "2026-03-01"


@pytest.mark.parametrize(
    ("kind", "qualifier", "taken"), [("INVOIC", "3", True), ("ORDERS", "4", True), ("ORDRSP", "4", False)]
)
def test_older_messages_have_qualifiers_of_their_own_for_the_day(
    kind: str, qualifier: str, taken: bool
) -> None:
    body = f"DTM+{qualifier}:930301:101'UNS+S'"
    found = document(interchange(message(kind, "380+1+9", body, release="D:93A:UN")))
    assert found.issue_date == (date(1993, 3, 1) if taken else None)


def test_codes_behind_a_text_are_none_of_it() -> None:
    party = "NAD+SU+1::9++Holz KG:Ulm::::1'"
    lines = "LIN+1'IMD+F++::9:Leiste:Eiche:DE'QTY+113:1'"
    found = document(interchange(message("ORDRSP", "231+1+9", f"{party}{lines}UNS+S'")))
    assert (found.seller_name, found.lines[0].description) == ("Holz KG Ulm", "Leiste Eiche")


def test_a_description_is_what_the_article_is_before_what_it_is_like() -> None:
    traits = "IMD+F+35+:::rot'IMD+F+98+:::XL'"
    said = "IMD+F+8+:::Jacke'IMD+F+8+:::gefüttert'"
    lines = f"LIN+1'{traits}{said}QTY+113:1'LIN+2'{traits}QTY+113:1'"
    found = document(interchange(response(lines=lines)))
    assert [line.description for line in found.lines] == ["Jacke gefüttert", "rot"]


def test_an_articles_numbers_are_told_apart_by_type_not_by_order() -> None:
    lines = "LIN+1++4012345001235:EN'PIA+2+X1:SA'PIA+1+M9:MF+P1:BP+I1:IN'PIA+5+S1:SA'QTY+113:1'"
    line = document(interchange(response(lines=lines))).lines[0]
    assert (line.gtin, line.seller_article, line.buyer_article) == ("4012345001235", "S1", "I1")


def test_the_currency_may_stand_in_the_sums_alone() -> None:
    sums = "MOA+125:25:EUR:4'"
    for body in (f"UNS+S'{sums}", f"CUX+3:EUR:9'UNS+S'{sums.replace(':EUR:4', '')}"):
        assert document(interchange(message("INVOIC", "380+1+9", body))).currency == "EUR"


def test_an_interchange_cut_into_records_is_put_together_again() -> None:
    text = interchange(response()).decode("latin-1")
    records = "\r\n".join(text[start : start + 80] for start in range(0, len(text), 80))
    assert document(records.encode("latin-1")) == document(text.encode("latin-1"))


def test_a_price_of_a_kind_we_do_not_know_is_still_the_price() -> None:
    line = document(interchange(response(lines="LIN+1'QTY+113:2'PRI+AAH:1.5'"))).lines[0]
    assert line.unit_price == Decimal("1.5")


def test_a_line_in_schedules_is_one_line_for_each() -> None:
    lines = f"{LINE}SCC+1'QTY+113:6:MTR'DTM+67:20260320:102'SCC+1'QTY+113:4:MTR'DTM+67:20260420:102'"
    found = document(interchange(response(lines=lines)))
    assert [(str(line.quantity), str(line.delivery_date), line.line_total) for line in found.lines] == [
        ("6", "2026-03-20", None),
        ("4", "2026-04-20", None),
    ]


def test_an_answer_to_a_line_in_schedules_is_given_once() -> None:
    split = LINE.replace("LIN+10+5", "LIN+10+3") + "SCC+1'QTY+113:6:MTR'SCC+1'QTY+113:4:MTR'"
    found = document(interchange(response(lines=split + LINE.replace("LIN+10+5", "LIN+20+7"))))
    told = [(finding.code, finding.field) for finding in found.findings if finding.field]
    assert len(found.lines) == 3
    assert told == [("line_amended", "lines.0"), ("line_rejected", "lines.2")]


@pytest.mark.parametrize(
    ("bgm", "line", "codes"),
    [
        ("231+AB-17+29", "5", ["order_accepted", "line_accepted"]),
        ("231+AB-17+4", "3", ["order_amended", "line_amended"]),
        ("231+AB-17+27", "7", ["order_rejected", "line_rejected"]),
        ("231+AB-17+9+AB", "6", ["order_received", "line_amended"]),
    ],
)
def test_the_answers_are_kept(bgm: str, line: str, codes: list[str]) -> None:
    found = document(interchange(response(bgm, LINE.replace("LIN+10+5", f"LIN+10+{line}"))))
    assert [finding.code for finding in found.findings] == codes


@pytest.mark.parametrize("keep", [0.5, 0.8, 0.97])
def test_a_cut_interchange_says_that_it_is_cut(keep: float) -> None:
    whole = interchange(response())
    found = document(whole[: int(len(whole) * keep)])
    assert "message_incomplete" in [finding.code for finding in found.findings]
    assert found.confidence < 1


def test_a_missing_segment_is_noticed_by_the_count() -> None:
    assert "message_incomplete" in [
        finding.code for finding in document(interchange(response().replace("PIA+5+H77:SA'", ""))).findings
    ]


@pytest.mark.parametrize("count", ["2²", "٣", "9" * 5000, ""])
def test_a_count_that_is_no_number_counts_nothing(count: str) -> None:
    odd = (HEAD + response().rpartition("UNT+")[0] + f"UNT+{count}+1'UNZ+1+77'").encode()
    assert document(odd).confidence == 1


def test_a_mail_that_begins_with_the_letters_una_is_a_text() -> None:
    assert read("body.txt", b"UNA PREGUNTA: hola +1").extractor != "edifact"


def test_marks_without_end_are_read_in_time() -> None:
    started = time.process_time()
    with pytest.raises(UnreadableError):
        extract(b"UNA:+.? 'UNB+UNOC:3'" + b"?" * 2_000_000 + b"'" * 2_000_000)
    assert time.process_time() - started < 10


def test_a_value_is_found_in_the_text_by_its_place() -> None:
    content = interchange(response())
    evidence = {name: place.to_json() for name, place in extract(content)[0].evidence.items()}
    marked = {name for piece in pieces(content.decode("latin-1"), evidence) for name in piece.fields.split()}
    assert {"number", "lines.0.quantity", "lines.0.delivery_date"} <= marked
