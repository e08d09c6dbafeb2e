"""Names and contents of attachments: rows 23 to 38 of the field notes."""

import base64

import pytest

from connectors import mime
from tests.connectors.mime.mails import attachment, mail, multipart, nodes, only, text, zipped


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
