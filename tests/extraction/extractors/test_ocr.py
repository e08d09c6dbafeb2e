"""Scans and photographs: pictures of paper are recognised, straightened, and read by the same layout."""

import io
import shutil
from functools import cache
from typing import Any

import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFilter
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from extraction.extractor import Source, UnreadableError
from extraction.extractors.ocr import pictures, tesseract
from extraction.extractors.ocr.ink import inked
from extraction.extractors.ocr.reading import ReadPage, overlooked, read_again, read_pages
from extraction.extractors.ocr.repair import repairs
from extraction.extractors.ocr.tesseract import Token
from extraction.extractors.ocr.upright import Upright, skew, upright
from extraction.extractors.ocr.words import ReadWord, clean, words_of
from extraction.layout.document import Known, read_document
from extraction.reader import page_image, page_sizes, read
from extraction.registry import load
from extraction.schemas import CanonicalDocument, Extraction
from tests.contracts.extractor import ExtractorContract
from tests.extraction.paper import Paper
from zalion.sandbox import Pool

recognises = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="tesseract is missing (Debian package tesseract-ocr)"
)


@cache
def sheet(dots: int = 200) -> Image.Image:
    """A confirmation as a scanner sees it, `dots` to the inch."""
    page = pypdfium2.PdfDocument(Paper().pdf())[0]
    return page.render(scale=dots / 72, grayscale=True).to_pil().convert("L")


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def scan(*images: Image.Image) -> bytes:
    """The pictures as a PDF without text."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(595, 842), invariant=True)
    for image in images:
        canvas.drawImage(ImageReader(image), 0, 0, 595, 842)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def receipt() -> Image.Image:
    lines = (
        "MUSTER MARKT GMBH",
        "Talweg 3, 70173 Stuttgart",
        "Kassenbon",
        "Datum 03.02.2026  14:12",
        "Brot            2,40",
        "Milch           1,10",
        "Summe EUR       3,50",
        "Bar             5,00",
        "Rückgeld        1,50",
    )
    image = Image.new("L", (700, 1250), 255)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((30, 60 + number * 90), line, fill=20, font_size=38)
    return image


@cache
def level() -> Extraction:
    return load("ocr").extract(Source.of("scan.png", png(sheet())))[0]


def document(image: Image.Image) -> CanonicalDocument:
    return load("ocr").extract(Source.of("scan.png", png(image)))[0].document


@recognises
class TestOcr(ExtractorContract):
    key = "ocr"

    def samples(self) -> dict[str, tuple[bytes, dict[str, Any]]]:
        fields = {
            "seller_name": "MUSTER MARKT GMBH",
            "issue_date": "2026-02-03",
            "gross_total": "3.5",
            "currency": "EUR",
        }
        return {"receipt.png": (png(receipt()), fields)}

    def broken(self) -> dict[str, tuple[bytes, str]]:
        return {
            "cut.png": (png(receipt())[:2000], "image_broken"),
            "huge.png": (png(Image.new("1", (9000, 9000))), "image_too_large"),
            "cut.pdf": (b"%PDF-1.7\n", "pdf_broken"),
            "text.pdf": (Paper().pdf(), "no_picture"),
        }


@recognises
def test_a_scanned_confirmation_is_read_with_its_lines_and_the_places_of_its_values() -> None:
    result = read("scan.pdf", scan(sheet()))
    assert result.extractor == "ocr"
    found = result.documents[0]
    assert found.document.number == "F-2041"
    assert found.document.order_reference == "4500077"
    assert str(found.document.gross_total) == "17926.16"
    assert [str(line.line_total) for line in found.document.lines] == ["250.00", "14814.00"]
    printed = read("paper.pdf", Paper().pdf()).documents[0]
    for path in ("number", "gross_total", "lines.1.line_total"):
        here, there = found.evidence[path].box, printed.evidence[path].box
        assert here
        assert there
        assert all(abs(a - b) < 6 for a, b in zip(here, there, strict=True)), path


@recognises
@pytest.mark.parametrize("turn", [90, 180, pytest.param(270, marks=pytest.mark.soak)])
def test_a_sheet_that_lay_on_its_side_or_head_is_read_and_its_boxes_are_where_it_shows(turn: int) -> None:
    extraction = load("ocr").extract(Source.of("scan.png", png(sheet().rotate(turn, expand=True))))[0]
    assert extraction.document.number == "F-2041"
    upright_box = level().evidence["number"].box
    box = extraction.evidence["number"].box
    width, height = page_sizes(png(sheet()))[0]
    assert box
    assert upright_box
    x, y = (upright_box[0] + upright_box[2]) / 2, (upright_box[1] + upright_box[3]) / 2
    turned = {90: (y, width - x), 180: (width - x, height - y), 270: (height - y, x)}[turn]
    assert box[0] - 3 <= turned[0] <= box[2] + 3
    assert box[1] - 3 <= turned[1] <= box[3] + 3


@recognises
def test_a_crooked_noisy_page_is_straightened() -> None:
    crooked = sheet().rotate(2.3, resample=Image.Resampling.BICUBIC, fillcolor=255)
    noisy = Image.blend(crooked, Image.effect_noise(crooked.size, 60), 0.12).filter(
        ImageFilter.GaussianBlur(0.6)
    )
    assert document(noisy).number == "F-2041"


@recognises
def test_every_page_of_a_tiff_is_read() -> None:
    second = Paper(rows=(("3", "F-30", "Tellerfeder", "4", "Stk.", "2,50", "10,00"),), totals=())
    page = pypdfium2.PdfDocument(second.pdf())[0].render(scale=200 / 72, grayscale=True).to_pil().convert("L")
    buffer = io.BytesIO()
    sheet().save(buffer, format="TIFF", save_all=True, append_images=[page])
    pages = {
        item.page for item in load("ocr").extract(Source.of("a.tif", buffer.getvalue()))[0].evidence.values()
    }
    assert pages == {1, 2}


def test_the_empty_back_of_a_sheet_is_not_looked_at_for_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tesseract, "recognise", lambda *_args, **_options: pytest.fail("looked for words"))
    result = read("back.png", png(Image.new("L", (1654, 2339), 244)))
    assert [finding.code for finding in result.findings] == ["no_document"]


def test_skew_is_measured_to_a_tenth_of_a_degree() -> None:
    for angle in (-3.0, -0.7, 1.4):
        crooked = sheet().rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=255)
        assert skew(crooked) == pytest.approx(-angle, abs=0.11)


def test_a_place_on_the_straight_picture_is_found_again_on_the_page_that_came() -> None:
    page = Image.new("L", (400, 300), 255)
    for turns in range(4):
        straight = upright(page, 2.0, turns)
        crooked = Upright(straight.image, turns, 0.0, 2.0, page.size)
        x, y = {0: (10, 20), 1: (130, 10), 2: (190, 130), 3: (20, 190)}[turns]
        assert crooked.back((x, y, x, y)) == pytest.approx((10, 20, 10, 20))


def test_rulings_specks_and_dark_bars_go_and_print_stays() -> None:
    page = Image.new("L", (1200, 800), 245)
    draw = ImageDraw.Draw(page)
    draw.line((100, 50, 100, 750), fill=0, width=3)
    draw.rectangle((300, 100, 1000, 160), fill=20)
    draw.text((320, 112), "Bezeichnung", fill=250, font_size=34)
    draw.text((320, 300), "Feder 17,50", fill=20, font_size=34)
    draw.point((700, 600), fill=0)
    cleaned = inked(page)
    assert min(cleaned.crop((95, 200, 106, 600)).tobytes()) > 200
    assert min(cleaned.crop((690, 590, 710, 610)).tobytes()) > 200
    assert cleaned.getpixel((900, 130)) > 200
    assert min(cleaned.crop((320, 112, 520, 150)).tobytes()) < 80
    assert min(cleaned.crop((320, 300, 520, 340)).tobytes()) < 80


@pytest.mark.parametrize(
    ("read_as", "meant"),
    [
        ("|12,50", "12,50"),
        ("29;25", "29,25"),
        ("1.2O5,00", "1.205,00"),
        ("l2,5O", "12,50"),
        ("0C-98342", "OC-98342"),
        ("10:30:15", "10:30:15"),
        ("BEO58O113151", "BE0580113151"),
        ("FRO5424780005", "FR05424780005"),
        ("ISOLIERUNG", "ISOLIERUNG"),
        ("Bolt", "Bolt"),
        ("__", ""),
    ],
)
def test_what_only_one_reading_allows_is_read_so(read_as: str, meant: str) -> None:
    assert clean(read_as) == meant


def test_a_number_parted_after_its_comma_is_one_word_and_a_list_is_not() -> None:
    def token(text: str, x0: float, x1: float) -> Token:
        return Token(text, 0.9, x0, 100, x1, 130, (1, 1, 1))

    straight = Upright(Image.new("L", (900, 300)), 0, 0.0, 1.0, (900, 300))
    line = [token("126,", 100, 160), token("26", 170, 200), token("7,", 400, 430), token("12", 500, 530)]
    assert [word.text for word in words_of(line, 1, straight)] == ["126,26", "7,", "12"]


def test_two_headings_read_as_one_word_are_two_and_a_firms_name_is_one() -> None:
    straight = Upright(Image.new("L", (900, 300)), 0, 0.0, 1.0, (900, 300))
    line = [
        Token(text, 0.9, 100 + 300 * index, 100, 300 + 300 * index, 130, (1, 1, 1))
        for index, text in enumerate(("StukprijsKorting", "HydroWerk", "TVA20%"))
    ]
    words = [word.text for word in words_of(line, 1, straight)]
    assert words == ["Stukprijs", "Korting", "HydroWerk", "TVA", "20%"]


@recognises
def test_print_that_tesseract_takes_for_a_picture_is_found_in_a_second_look() -> None:
    page = inked(sheet(300))
    tokens = tesseract.recognise(page, ("eng",))
    column = [token for token in tokens if token.x0 < 0.75 * page.width]
    found = {token.text for token in overlooked(page, column, ("eng",))}
    assert {"250,00", "14.814,00"} <= found


@recognises
def test_a_second_reading_finds_the_same_words_in_the_same_places() -> None:
    [first] = read_pages(pictures.pictures(Source.of("receipt.png", png(receipt().rotate(2, fillcolor=255)))))
    [again] = read_again(first)
    for text in ("MUSTER", "Talweg", "3,50"):
        one, other = (next(word.box for word in page.words if word.text == text) for page in (first, again))
        assert one == pytest.approx(other, abs=6)


def test_a_page_that_was_not_recognised_has_no_second_reading() -> None:
    assert not list(read_again(ReadPage(1, 600, 800, ())))


def table(*rows: tuple[str, ...]) -> list[ReadPage]:
    """A page of words as if recognised: a heading and positions, a column every hundred points."""
    heading = ("Pos", "Description", "Quantity", "Price", "Total")
    words = [
        ReadWord(text, 40 + 110 * column, 100 + 20 * row, 80 + 110 * column, 112 + 20 * row, 1)
        for row, texts in enumerate((heading, *rows))
        for column, text in enumerate(texts)
    ]
    return [ReadPage(1, 600, 800, tuple(words))]


def repaired(*rows: tuple[str, ...]) -> list[str]:
    pages = table(*rows)
    found = read_document([page.page for page in pages], Known())
    assert found
    return [f"{item.cell.field}={item.text}" for item in repairs(pages, found)]


def test_one_misread_figure_is_put_right_when_the_sum_allows_one_reading_only() -> None:
    right = ("10", "Spring", "12", "4.35", "52.20")
    assert repaired(right, ("20", "Bolt", "7", "13.29", "98.03")) == ["lines.1.line_total=93.03"]


def test_a_figure_stays_as_it_was_read_when_two_changes_would_close_the_sum() -> None:
    right = ("10", "Spring", "12", "4.35", "52.20")
    assert repaired(right, ("20", "Bolt", "1", "3.23", "3.28")) == []


@recognises
def test_without_tesseract_a_scan_says_which_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tesseract, "PROGRAM", "tesseract-that-is-not-there")
    tesseract.languages.cache_clear()
    result = read("scan.png", png(receipt()))
    tesseract.languages.cache_clear()
    assert [finding.code for finding in result.findings] == ["ocr_not_installed"]
    assert "tesseract-ocr" in result.findings[0].message


@recognises
def test_a_confined_child_recognises_text() -> None:
    with Pool(1) as pool:
        payload = {"name": "scan.pdf", "content": scan(sheet())}
        result = pool.call("extraction.reader:read_plain", {"payload": payload})
    assert result["extractor"] == "ocr"
    assert result["documents"][0]["number"] == "F-2041"


def test_an_image_is_shown_in_the_space_its_boxes_are_in() -> None:
    content = png(receipt())
    ((width, height),) = page_sizes(content)
    assert height == 842
    shown = Image.open(io.BytesIO(page_image(content, 1, 1.0)))
    assert shown.size == (round(width), 842)


def test_more_pages_than_are_read_are_counted_not_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PAGES", 1)
    found = list(pictures.pictures(Source.of("scan.pdf", scan(receipt(), receipt()))))
    assert [picture.left_out for picture in found] == [False, True]


def test_fifty_megapixels_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(UnreadableError) as caught:
        list(pictures.pictures(Source.of("huge.png", png(Image.new("1", (9000, 9000))))))
    assert caught.value.code == "image_too_large"
