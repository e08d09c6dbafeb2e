"""Charsets, encoded words and bytes that are no text: rows 17 to 22 of the field notes."""

import pytest

from connectors import mime
from tests.connectors.mime.mails import mail, multipart, text


def test_row_17_nul_bytes_are_cleaned_from_text_and_kept_in_content():
    raw = multipart(
        text(b"a\x00b"), b"Content-Type: application/x\r\nContent-Disposition: \x00inline\r\n\r\n\x00\x01"
    )
    found = mime.parse(raw.replace(b"Order", b"Or\x00der"))
    assert (found["subject"], found["text"]) == ("Order 4711", "ab")
    assert found["nodes"][-1]["disposition"] == "inline"
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
