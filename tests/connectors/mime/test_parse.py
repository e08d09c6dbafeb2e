"""Mail as it is in real life, row by row of the field notes ("Threats and faults")."""

import base64
import gzip
import io
import time
import zipfile

import pytest

from connectors import mime
from connectors.mime import limits
from tests.connectors.mime.mails import attachment, mail, multipart, text


def nodes(raw):
    return {node["path"]: node for node in mime.parse(raw)["nodes"]}


def only(raw):
    (node,) = mime.parse(raw)["nodes"]
    return node


def zipped(files, **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


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


def test_row_17_nul_bytes_are_cleaned_from_text_and_kept_in_content():
    raw = multipart(text(b"a\x00b"), b"Content-Type: application/x\r\n\r\n\x00\x01")
    found = mime.parse(raw.replace(b"Order", b"Or\x00der"))
    assert (found["subject"], found["text"]) == ("Order 4711", "ab")
    assert mime.content(raw, "2") == b"\x00\x01"


def test_row_18_lone_surrogates_are_replaced():
    subject = mime.parse(mail(subject=b"=?utf-8?b?7aCA?= =?utf-16-be?b?2AA=?="))["subject"]
    subject.encode()


def test_row_19_raw_eight_bit_headers_are_read():
    for encoding in ("latin-1", "utf-8"):
        assert (
            mime.parse(mail(subject="Rechnung für Müller".encode(encoding)))["subject"]
            == "Rechnung für Müller"
        )
    raw = mail(b"Content-Type: text/plain; charset=koi8-r\r\n", subject="Привет".encode("koi8-r"))
    assert mime.parse(raw)["subject"] == "Привет"


@pytest.mark.parametrize(
    "charset",
    [
        "x-unknown",
        "zlib_codec",
        "rot13",
        "unicode_escape",
        "idna",
        "punycode",
        "undefined",
        "base64_codec",
        "us-ascii\x00",
        '"',
    ],
)
def test_row_20_an_unknown_or_python_only_charset_keeps_the_text(charset):
    body = b"abc \\x41 \xe4"
    found = mime.parse(mail(b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\n", body))
    assert found["text"] == "abc \\x41 ä"


def test_row_20_a_charset_that_lies_is_flagged():
    found = mime.parse(mail(b"Content-Type: text/plain; charset=utf-8\r\n", "Grüße".encode("latin-1")))
    assert (found["text"], found["flags"]) == ("Grüße", ["charset_mismatch"])


def test_row_21_a_body_in_utf_7_is_not_decoded_into_markup():
    found = mime.parse(mail(b"Content-Type: text/html; charset=utf-7\r\n", b"+ADw-script+AD4-"))
    assert found["html"] == "+ADw-script+AD4-"


def test_row_22_line_breaks_of_an_encoded_word_do_not_survive():
    found = mime.parse(mail(subject=b"=?utf-8?q?x=0D=0ABcc:_v@example.test=1B?="))
    assert found["subject"] == "x Bcc: v@example.test"


def test_encoded_words_that_cut_a_character_are_joined():
    assert (
        mime.parse(mail(subject=b"=?utf-8?b?4p?= =?utf-8?b?yT?= =?utf-8?q?_=C3?=\r\n =?utf-8?q?=BC?= x"))[
            "subject"
        ]
        == "✓ ü x"
    )


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        (b"; filename*0*=iso-8859-1'de'Rechn; filename*1*=ung%20f%FCr.pdf", "Rechnung für.pdf"),
        (b'; filename="=?utf-8?q?Rechnung_f=C3=BCr.pdf?="', "Rechnung für.pdf"),
        (b"; filename*=utf-8''u%CC%88.pdf", "ü.pdf"),
        (b"; filename=My Order.pdf", "My Order.pdf"),
        (b'; filename="a\\".pdf"', "a_.pdf"),
        (b'; filename="a;b.pdf"', "a;b.pdf"),
        ('; filename="Grüße.pdf"'.encode("latin-1"), "Grüße.pdf"),
        (b'; filename="../../../../etc/cron.d/evil"', "evil"),
        (b'; filename="..\\\\..\\\\windows\\\\x.dll"', "x.dll"),
        (b'; filename="C:\\\\boot.txt"', "boot.txt"),
        (b'; filename="CON"', "_CON"),
        (b'; filename="nul.txt"', "_nul.txt"),
        (b'; filename="."', "attachment-1.txt"),
        (b'; filename="   "', "attachment-1.txt"),
        (b'; filename="-rf"', "_rf"),
        (b'; filename="a.pdf:evil"', "a.pdf_evil"),
        (b'; filename="a.pdf\x00.txt"', "a.pdf.txt"),
        (b'; filename="<img src=x onerror=alert(1)>.pdf"', "_img src=x onerror=alert(1)_.pdf"),
        (b'; filename="invoice.pdf."', "invoice.pdf"),
        (b'; filename=""', "attachment-1.txt"),
    ],
)
def test_rows_23_to_26_file_names_are_decoded_and_safe(parameter, name):
    node = only(multipart(attachment(b"payload", parameter)))
    assert node["name"] == name


def test_row_25_direction_marks_are_removed_and_a_program_is_flagged():
    node = only(multipart(attachment(b"MZ", b"; filename*=utf-8''invoice%E2%80%AEfdp.exe")))
    assert node["name"] == "invoicefdp.exe"
    assert {"name_disguised", "dangerous_type"} <= set(node["flags"])
    assert "dangerous_type" in only(multipart(attachment(b"x", b'; filename="invoice.pdf.exe"')))["flags"]


def test_row_27_two_attachments_of_one_name_are_both_kept():
    raw = multipart(attachment(b"one"), attachment(b"two"))
    assert [mime.content(raw, path) for path in nodes(raw)] == [b"one", b"two"]


def test_row_28_the_type_is_by_content_and_both_names_are_looked_at():
    node = only(
        multipart(attachment(b"%PDF-1.7\n%%EOF", b"; filename=a.exe", b'application/zip; name="b.pdf"'))
    )
    assert (node["type"], node["sniffed"]) == ("application/zip", "application/pdf")
    assert {"name_conflict", "type_mismatch", "dangerous_type"} <= set(node["flags"])


def test_row_29_broken_base64_is_decoded_as_far_as_it_goes():
    extra = b"Content-Transfer-Encoding: base64\r\n"
    assert mime.parse(mail(extra, b"aGVs*bG8$h\r\n"))["text"] == "hello!"
    assert "truncated" in mime.parse(mail(extra, b"aGVsbG8hI"))["flags"]


def test_row_30_an_inner_mail_in_base64_is_read_although_it_should_not_be():
    inner = multipart(text(), attachment(b"data"))
    raw = mail(
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n", base64.encodebytes(inner)
    )
    assert mime.content(raw, "1.2") == b"data"
    assert mime.content(raw, "1") == inner


def test_row_31_uuencoded_text_is_an_attachment():
    raw = mail(body=b"see below\r\nbegin 644 a.txt\r\n#86)C\r\n`\r\nend\r\nbye\r\n")
    found = mime.parse(raw)
    assert found["text"] == "see below\n\nbye\n"
    assert (found["nodes"][0]["name"], found["nodes"][0]["path"]) == ("a.txt", "1.1")
    assert mime.content(raw, "1.1") == b"abc"
    assert "uuencoded" in found["flags"]


def test_row_32_winmail_is_unpacked_and_kept():
    tnef = pytest.importorskip("zalion.demo.tnef")
    winmail = tnef.winmail("Order", "the text", [("order.pdf", b"%PDF-1.7\n%%EOF", "application/pdf")])
    raw = multipart(text(), attachment(winmail, b"; filename=winmail.dat", b"application/ms-tnef"))
    found = nodes(raw)
    assert mime.content(raw, "2") == winmail
    inside = {node["name"]: node for node in found.values() if node["parent"] == "2"}
    assert inside["order.pdf"]["sniffed"] == "application/pdf"
    assert mime.content(raw, inside["order.pdf"]["path"]) == b"%PDF-1.7\n%%EOF"
    broken = multipart(
        attachment(winmail[: len(winmail) // 2], b"; filename=winmail.dat", b"application/ms-tnef")
    )
    assert nodes(broken)["1"]["size"] == len(winmail) // 2


def test_row_34_an_inner_mail_and_its_attachments_are_children():
    inner = multipart(text(b"inner text"), attachment(b"%PDF-1.4\n%%EOF", b"; filename=inner.pdf"))
    inner = inner.replace(b'"b"', b'"c"').replace(b"--b", b"--c")
    raw = multipart(
        text(),
        b"Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=fwd.eml\r\n\r\n" + inner,
    )
    found = nodes(raw)
    assert [(node["path"], node["parent"], node["name"], node["is_body"]) for node in found.values()] == [
        ("2", None, "fwd.eml", False),
        ("2.1", "2", "attachment-2.1.txt", True),
        ("2.2", "2", "inner.pdf", False),
    ]
    assert found["2"]["title"] == "Order 4711"
    assert mime.content(raw, "2.2") == b"%PDF-1.4\n%%EOF"
    assert mime.parse(raw)["text"] == "see attachment"


def test_rows_35_and_36_partial_and_external_bodies_are_flagged_not_followed():
    assert (
        "partial_message" in mime.parse(mail(b"Content-Type: message/partial; id=x; number=1\r\n"))["flags"]
    )
    external = b'Content-Type: message/external-body; access-type=URL; URL="http://169.254.169.254/"\r\n'
    assert "external_body" in mime.parse(mail(external))["flags"]


@pytest.mark.parametrize(
    "raw",
    [
        multipart(b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1", kind=b"encrypted"),
        mail(b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n"),
        mail(body=b"-----BEGIN PGP MESSAGE-----\r\n"),
    ],
)
def test_row_37_encrypted_mail_is_flagged(raw):
    assert "encrypted" in mime.parse(raw)["flags"]


def test_row_38_html_parts_are_never_joined():
    raw = multipart(
        b'Content-Type: text/html\r\n\r\n<img src="http://evil.test/',
        b"Content-Type: application/pkcs7-mime\r\n\r\nMIAG",
        b'Content-Type: text/html\r\n\r\n">',
    )
    assert mime.parse(raw)["html"] == '<img src="http://evil.test/'


def test_row_43_an_archive_is_opened_within_its_limits():
    raw = multipart(
        attachment(zipped([("order.pdf", b"%PDF-1.7\n%%EOF"), ("sub/list.csv", b"a;b")]), b"; filename=a.zip")
    )
    assert [(node["path"], node["parent"], node["name"]) for node in nodes(raw).values()] == [
        ("1", None, "a.zip"),
        ("1.1", "1", "order.pdf"),
        ("1.2", "1", "list.csv"),
    ]
    assert mime.content(raw, "1.2") == b"a;b"


def test_row_43_nested_archives_stop_at_their_depth():
    data = b"%PDF-1.7\n%%EOF"
    for level in range(6):
        data = zipped([(f"{level}.zip", data)])
    found = mime.parse(multipart(attachment(data, b"; filename=a.zip")))
    assert "archive_depth" in found["flags"]
    assert max(node["path"].count(".") for node in found["nodes"]) == limits.ARCHIVE_DEPTH


def test_row_43_an_archive_of_too_many_entries_is_kept_whole():
    data = zipped([(str(number), b"") for number in range(limits.ENTRIES + 1)])
    found = mime.parse(multipart(attachment(data, b"; filename=a.zip")))
    assert "archive_entries" in found["flags"]
    assert len(found["nodes"]) == 1


def test_row_44_paths_of_an_archive_are_never_used():
    data = zipped([("../../../../zalion_pwned", b"x"), ("/abs", b"x"), ("C:\\x", b"x")])
    assert [n["name"] for n in nodes(multipart(attachment(data, b"; filename=a.zip"))).values()][1:] == [
        "zalion_pwned",
        "abs",
        "x",
    ]


def test_row_45_gzip_is_opened_and_a_bomb_stopped():
    raw = multipart(attachment(gzip.compress(b"<Order/>"), b"; filename=order.xml.gz"))
    assert nodes(raw)["1.1"]["name"] == "order.xml"
    assert mime.content(raw, "1.1") == b"<Order/>"
    bomb = gzip.compress(bytes(limits.MEMBER + 2_000_000), compresslevel=1)
    assert "decompression_limit" in mime.parse(multipart(attachment(bomb, b"; filename=a.gz")))["flags"]


def test_row_46_entities_in_office_files_are_flagged():
    parts = [("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b'<!DOCTYPE x [<!ENTITY e "x">]><a/>')]
    node = only(multipart(attachment(zipped(parts), b"; filename=a.xlsx")))
    assert node["sniffed"].endswith("spreadsheetml.sheet")
    assert node["flags"] == ["xml_entities"]


def test_row_50_a_program_named_pdf_and_a_polyglot_are_flagged():
    assert {"type_mismatch", "dangerous_type"} <= set(
        only(multipart(attachment(b"MZ\x90", b"; filename=a.pdf")))["flags"]
    )
    both = b"%PDF-1.7\n%%EOF\n" + zipped([("a.exe", b"MZ")])
    assert "polyglot" in only(multipart(attachment(both, b"; filename=a.pdf")))["flags"]


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


def test_pictures_of_a_signature_are_told_from_documents():
    picture = b"\x89PNG\r\n\x1a\n" + bytes(8) + b"\x00\x00\x00\x10\x00\x00\x00\x10"
    page = b'Content-Type: text/html\r\n\r\n<p>Regards <img src="cid:logo@x">'
    image = b"Content-ID: <logo@x>\r\n" + attachment(
        picture, b"; filename=image001.png", b"image/png"
    ).replace(b"attachment", b"inline")
    found = nodes(
        multipart(page, image, attachment(picture, b"; filename=scan.png", b"image/png"), kind=b"related")
    )
    assert (found["2"]["is_inline_image"], found["2"]["is_logo"]) == (True, True)
    assert (found["3"]["is_inline_image"], found["3"]["is_logo"]) == (False, False)


def test_a_part_that_is_not_there_has_a_code():
    for path in ("", "9", "1.1", "2.9", "../1", "1.1.1.1"):
        with pytest.raises(mime.PartMissing) as caught:
            mime.content(multipart(text(), attachment(zipped([("a", b"b")]))), path)
        assert caught.value.code == "part_missing"


def test_bodies_can_be_fetched_by_their_paths():
    raw = multipart(text(b"plain"), b"Content-Type: text/html\r\n\r\n<p>rich", kind=b"alternative")
    found = mime.parse(raw)
    assert (mime.content(raw, found["text_path"]), mime.content(raw, found["html_path"])) == (
        b"plain",
        b"<p>rich",
    )
