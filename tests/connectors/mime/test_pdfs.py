"""PDFs are counted and looked over: what no reader could follow is told, and ordinary ones are left in peace."""

import random
import zlib

import pytest

from connectors.mime import limits, pdf

ZEROS = bytes(1 << 20)
MAY = 4 << 20  # bytes that the PDFs of a mail unpack to here, so that a bomb may be small
CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
PAGES = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>"


def packed(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(ZEROS) for _ in range(mebibytes)) + packer.flush()


def stream(content: bytes, entries: bytes = b"/Filter /FlateDecode") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


def paper(*objects: bytes, end: bytes = b"trailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n") -> bytes:
    numbered = (b"%d 0 obj\n%s\nendobj\n" % item for item in enumerate(objects, 1))
    return b"%PDF-1.7\n" + b"".join(numbered) + end


def told(*objects: bytes, **end: bytes) -> set[str]:
    return pdf.warnings(paper(*objects, **end), pdf.Work(size=MAY))


@pytest.fixture(scope="module")
def bomb() -> bytes:
    return packed((MAY >> 20) + 1)


def test_an_ordinary_pdf_is_not_flagged() -> None:
    noise = random.Random(1).randbytes(1 << 20)
    contents = stream(zlib.compress(b"BT [(a) 1 [2]] TJ ET " * 1000))
    picture = stream(zlib.compress(noise + b"[" * 5000), b"/Subtype /Image /Filter /FlateDecode")
    outlines = b"<< /Count -3 /Prev 7 0 R /Length 9 0 R >>"
    assert told(CATALOG, PAGES, PAGE, contents, picture, outlines) == set()


def test_a_stream_that_unpacks_past_the_limit_is_flagged(bomb: bytes) -> None:
    assert told(CATALOG, PAGES, PAGE, stream(bomb)) == {"decompression_limit"}


def test_it_does_not_matter_what_its_dictionary_calls_the_filter(bomb: bytes) -> None:
    assert told(CATALOG, PAGES, PAGE, stream(bomb, b"/Filter 9 0 R")) == {"decompression_limit"}


def test_a_stream_packed_several_times_is_followed_to_its_content(bomb: bytes) -> None:
    twice = zlib.compress(zlib.compress(bomb))
    assert told(CATALOG, PAGES, PAGE, stream(twice)) == {"decompression_limit"}


def test_what_lies_behind_an_inner_layer_that_ends_early_is_counted(bomb: bytes) -> None:
    hidden = zlib.compress(zlib.compress(b"short") + zlib.decompress(bomb))
    assert told(CATALOG, PAGES, PAGE, stream(hidden)) == {"decompression_limit"}


def test_many_streams_count_together_and_so_do_the_pdfs_of_a_mail() -> None:
    work = pdf.Work(size=MAY)
    quarter = stream(packed(MAY >> 22))
    half = paper(CATALOG, PAGES, PAGE, quarter, quarter)
    assert [pdf.warnings(half, work) for _ in range(3)] == [set(), set(), {"decompression_limit"}]


def test_streams_that_share_their_bytes_end_the_count() -> None:
    """Each begins within the one before, reaches to the end of the file and unpacks to next to nothing."""
    nothing, nine = b"\x00\x00\x00\xff\xff", b"\x00\x09\x00\xf6\xff"
    blocks = (nothing * 20_000 + nine + b"stream\n\x78\x9c") * 20
    assert told(b"<< >>\nstream\n\x78\x9c" + blocks) == {"decompression_limit"}


def test_the_limit_is_that_of_archives() -> None:
    assert pdf.Work().size == limits.EXPANSION


@pytest.mark.parametrize(
    "objects",
    [
        (CATALOG, b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"),
        (CATALOG, b"<< /Type /Pages /Kids [3 0 R] >>", b"<< /Type /Pages /Kids [4 0 R 2 0 R] >>"),
        (CATALOG, PAGES, PAGE, b"<< /Length 4 0 R >>\nstream\nx\nendstream"),
        (CATALOG, b"<< /Type /Pages /Kids [] /Count 2147483647 >>"),
        (CATALOG, PAGES, PAGE, stream(b"[ " * 1000, b"")),
        (CATALOG, PAGES, PAGE, stream(zlib.compress(b"[" * 1000))),
        (CATALOG, PAGES, PAGE, stream(zlib.compress(b"<</A " * 1000))),
    ],
)
def test_a_structure_without_end_is_unreadable(objects: tuple[bytes, ...]) -> None:
    assert told(*objects) == {"unreadable"}


def test_tables_of_references_that_lead_back_to_each_other_are_unreadable() -> None:
    def table(previous: int) -> bytes:
        return b"xref\n0 1\ntrailer\n<< /Prev %d >>\n" % previous

    first = len(paper(CATALOG, end=b""))
    second = first + len(table(1000))
    there_and_back = table(second).replace(b">>", b" " * (4 - len(str(second))) + b">>")
    end = b"startxref\n%d\n%%%%EOF\n" % first
    assert told(CATALOG, end=there_and_back + table(first) + end) == {"unreadable"}
    assert told(CATALOG, end=there_and_back + table(9) + end) == set()
