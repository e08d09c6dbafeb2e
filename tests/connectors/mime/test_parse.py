"""Mail as it is in real life, row by row of the field notes: structure, headers, limits, kinds."""

import time

import pytest

from connectors import mime
from connectors.mime import limits
from tests.connectors.mime.mails import attachment, mail, multipart, only, text


def test_a_plain_mail_is_read_whole():
    raw = mail(
        b"Cc: =?utf-8?q?M=C3=BCller=2C_Uwe?= <u@example.com>, b@example.com\r\nReferences: <a@x> <b@x>\r\n"
    )
    found = mime.parse(raw)
    assert found["quarantine"] is None
    assert found["subject"] == "Order 4711"
    assert found["from"] == [{"name": "Ada", "address": "ada@example.com"}]
    assert found["cc"] == [
        {"name": "Müller, Uwe", "address": "u@example.com"},
        {"name": "", "address": "b@example.com"},
    ]
    assert found["date"] == "2026-11-02T09:00:00+00:00"
    assert (found["message_id"], found["references"]) == ("m1@example.com", ["a@x", "b@x"])
    assert (found["text"], found["html"], found["snippet"]) == ("hello\n", "", "hello")
    assert (found["kind"], found["flags"], found["nodes"]) == ("mail", [], [])


@pytest.mark.parametrize("raw", [b"", b"\r\n\r\n", b"\x00 \n"])
def test_row_1_an_empty_mail_is_quarantined(raw):
    assert mime.parse(raw) == {"quarantine": "empty"}


def test_row_2_a_body_without_headers_is_read_and_flagged():
    found = mime.parse(b"just a body\r\nwithout headers\r\n")
    assert found["subject"] == ""
    assert found["text"] == "just a body\nwithout headers\n"
    assert "no_headers" in found["flags"]


@pytest.mark.parametrize(
    "lead", [b"\r\n", b" " * 160, b"\n\n\t", b"\xef\xbb\xbf", b"From x@y Mon Nov  2\r\n"]
)
def test_row_3_headers_after_leading_blanks_are_found(lead):
    assert mime.parse(lead + mail())["subject"] == "Order 4711"


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\r\n"])
def test_row_4_any_line_ending_is_read(ending):
    raw = multipart(text(b"hi"), attachment(b"data")).replace(b"\r\n", ending)
    found = mime.parse(raw)
    assert found["subject"] == "Order 4711"
    assert found["text"].strip() == "hi"
    assert mime.content(raw, "2") == b"data"


def test_row_5_a_missing_end_keeps_the_attachments_seen_so_far():
    raw = multipart(text(), attachment(b"data", b"; filename=a.txt"))[:-7]
    assert only(raw)["name"] == "a.txt"
    assert "boundary_unclosed" in mime.parse(raw)["flags"]


def test_row_5_a_missing_boundary_is_guessed():
    raw = mail(
        b"Content-Type: multipart/mixed\r\n", b"--xy\r\n\r\nhi\r\n--xy\r\n" + attachment(b"data") + b"--xy--"
    )
    assert mime.content(raw, "2") == b"data"
    assert "boundary_missing" in mime.parse(raw)["flags"]


def test_row_5_a_boundary_that_begins_like_another_is_no_boundary():
    inner = b"Content-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n\r\nin\r\n--bb--\r\n"
    assert mime.parse(multipart(inner, b"\r\nout"))["text"] == "in\nout"


@pytest.mark.parametrize("levels", [60, 900])
@pytest.mark.parametrize("kind", ["multipart", "message"])
def test_row_6_nesting_stops_at_its_limit(levels, kind):
    if kind == "multipart":
        body = b"".join(
            b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(levels)
        )
    else:
        body = b"Content-Type: message/rfc822\r\n\r\n" * levels
    found = mime.parse(b"From: a@example.com\r\n" + body + b"\r\nx\r\n")
    assert "nesting_limit" in found["flags"]


def test_row_7_parts_stop_at_their_limit():
    started = time.process_time()
    found = mime.parse(mail(b"Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n\r\nx\r\n" * 50_000))
    assert "part_limit" in found["flags"]
    assert time.process_time() - started < 2


def test_the_limits_hold_at_the_limit_and_not_before():
    def many(count):
        return mime.parse(
            mail(b"Content-Type: multipart/mixed; boundary=b\r\n", b"--b\r\n\r\nx\r\n" * count + b"--b--")
        )

    assert many(limits.PARTS - 1)["flags"] == []
    assert many(limits.PARTS)["flags"] == ["part_limit"]
    headers = b"".join(b"X-%d: y\r\n" % n for n in range(limits.HEADERS - 6))
    assert mime.parse(mail(headers))["flags"] == []
    assert mime.parse(mail(headers + b"X: y\r\n"))["flags"] == ["header_limit"]
    assert mime.parse(mail(b"X: " + b"y" * (limits.HEADER - 2) + b"\r\n"))["flags"] == []
    assert mime.parse(mail(b"X: " + b"y" * (limits.HEADER + 1) + b"\r\n"))["flags"] == ["header_limit"]
    names = [
        mime.parse(multipart(attachment(b"x", b'; filename="%s"' % (b"n" * size)))) for size in (255, 256)
    ]
    assert [found["flags"] for found in names] == [[], ["name_limit"]]
    assert all(len(found["nodes"][0]["name"].encode()) == 255 for found in names)


@pytest.mark.parametrize(
    "extra",
    [
        b"".join(b"X-%d: y\r\n" % n for n in range(100_000)),
        b"X-A: " + b"y" * (10 << 20) + b"\r\n",
        b"X-A: y\r\n" + b" y\r\n" * 1_000_000,
    ],
    ids=["many", "long", "folded"],
)
def test_row_8_a_header_bomb_is_cut_and_the_body_found(extra):
    started = time.process_time()
    found = mime.parse(mail(extra, b"the body"))
    assert "header_limit" in found["flags"]
    assert found["text"] == "the body"
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "rest", [b"; " * 100_000, b"".join(b"; a%d=b" % n for n in range(5000)), b"; a=" * 20_000]
)
def test_row_9_a_content_type_of_many_parameters_is_cheap(rest):
    started = time.process_time()
    found = mime.parse(mail(b"Content-Type: text/plain " + rest + b"\r\n"))
    assert found["text"] == "hello\n"
    assert time.process_time() - started < 0.5


def test_row_10_an_address_field_of_parentheses_does_not_recurse():
    raw = mail().replace(b"box@example.test", b"(" * 20_480)
    assert mime.parse(raw)["to"] == []


def test_row_10_the_first_five_hundred_recipients_are_indexed():
    raw = mail().replace(b"box@example.test", b",\r\n ".join(b"u%d@example.test" % n for n in range(2000)))
    found = mime.parse(raw)
    assert len(found["to"]) == 500
    assert "recipient_limit" in found["flags"]


def test_row_11_many_encoded_words_are_capped():
    found = mime.parse(mail(subject=b" =?utf-8?q?a?=" * 4600))
    assert found["subject"] == "a" * limits.SUBJECT
    assert "subject_limit" in found["flags"]


def test_row_12_the_first_from_wins_and_a_second_is_flagged():
    found = mime.parse(b"From: a@evil.test\r\nSubject: one\r\n" + mail())
    assert found["from"][0]["address"] == "a@evil.test"
    assert found["subject"] == "one"
    assert {"multiple_from", "duplicate_header"} <= set(found["flags"])


@pytest.mark.parametrize(
    "value",
    [
        b"Thu, 32 Foo 20x6 99:99:99 +9999",
        b"Mon, 01 Jan 0001 00:00:00 +0000",
        b"Fri, 31 Dec 9999 23:59:59 -9959",
        b"",
    ],
)
def test_row_13_an_impossible_date_is_none(value):
    found = mime.parse(mail().replace(b"Mon, 02 Nov 2026 10:00:00 +0100", value))
    assert found["date"] is None
    assert set(found["flags"]) & {"date_invalid", "date_missing"}


@pytest.mark.parametrize(
    ("value", "expected"), [(b"<>", None), (b"", None), (b"<" + b"m" * 10_000 + b"@x>", "m" * 998)]
)
def test_row_14_a_message_id_is_bounded(value, expected):
    assert mime.parse(mail().replace(b"<m1@example.com>", value))["message_id"] == expected


@pytest.mark.parametrize(
    ("sender", "flag"),
    [
        (b'"ceo@example.com" <x@evil.test>', "display_name_address"),
        ("a@ex\u0430mple.test".encode(), "mixed_script"),
        (b"a@xn--exmple-4nf.test", "punycode_domain"),
        (b"a@evil.test, b@example.com", "multiple_from"),
        (b"<admin@example.com\x00@evil.test>", "address_invalid"),
    ],
)
def test_rows_53_and_54_a_sender_who_deceives_is_flagged(sender, flag):
    assert flag in mime.parse(mail().replace(b"Ada <ada@example.com>", sender))["flags"]


@pytest.mark.parametrize(
    ("extra", "subject", "kind"),
    [
        (b"Auto-Submitted: auto-replied\r\n", b"Re: x", "auto_reply"),
        (b"X-Auto-Response-Suppress: All\r\n", b"Automatische Antwort: Bestellung", "auto_reply"),
        (b"", b"Out of Office: order", "auto_reply"),
        (
            b"Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n",
            b"Order confirmation",
            "mail",
        ),
        (b"List-Unsubscribe: <http://169.254.169.254/>\r\nPrecedence: bulk\r\n", b"News", "newsletter"),
        (b"Return-Path: <>\r\n", b"Undeliverable: order", "bounce"),
        (b"Content-Type: text/calendar; method=REQUEST\r\n", b"Meeting", "calendar"),
    ],
)
def test_rows_30_31_and_58_automatic_mail_has_its_kind(extra, subject, kind):
    assert mime.parse(mail(extra, subject=subject))["kind"] == kind


def test_reports_are_bounces_and_receipts():
    for name, kind in ((b"delivery-status", "bounce"), (b"disposition-notification", "receipt")):
        raw = multipart(
            text(),
            b"Content-Type: message/" + name + b"\r\n\r\nAction: x",
            kind=b"report; report-type=" + name,
        )
        assert mime.parse(raw)["kind"] == kind


def test_a_confirmation_with_a_list_header_is_no_newsletter_when_it_carries_a_document():
    raw = multipart(
        text(), attachment(b"%PDF-1.7\n%%EOF", b"; filename=a.pdf"), extra=b"List-Unsubscribe: <x>\r\n"
    )
    assert mime.parse(raw)["kind"] == "mail"


def test_row_59_a_body_that_looks_like_a_protocol_is_only_a_body():
    body = b") UID 99 FLAGS (\\Seen) BODY[] {10}\r\nA1 OK done\r\n.\r\n..\r\n"
    raw = mail(body=body)
    assert mime.content(raw, "1") == body


def test_bodies_can_be_fetched_by_their_paths():
    raw = multipart(text(b"plain"), b"Content-Type: text/html\r\n\r\n<p>rich", kind=b"alternative")
    found = mime.parse(raw)
    assert (mime.content(raw, found["text_path"]), mime.content(raw, found["html_path"])) == (
        b"plain",
        b"<p>rich",
    )
