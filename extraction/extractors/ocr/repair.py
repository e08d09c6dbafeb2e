"""Misread figures, put right where the sums of a position leave one way only; each such repair is a finding."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from typing import Final

from extraction.extractors.ocr import tesseract
from extraction.extractors.ocr.reading import ReadPage
from extraction.extractors.ocr.words import ReadWord, clean
from extraction.layout.arithmetic import line_closes, sum_closes
from extraction.layout.numbers import leading_number, readings
from extraction.schemas import CanonicalDocument, Evidence, Extraction, Finding

CODE: Final = "ocr_digit_repaired"
# Cells of one document that are read a second time: each is a process of a tenth of a second.
MAX_CELLS: Final = 36
_PRICED: Final = ("quantity", "unit_price", "line_total")
_TOTALS: Final = ("net_total", "tax_total", "gross_total")
_MARGIN: Final = 6

Closes = Callable[[Sequence[Decimal]], bool]


@dataclass(frozen=True, slots=True)
class Cell:
    """A printed number: its field, the words it stands in and their text."""

    field: str
    page: int
    words: tuple[ReadWord, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Repair:
    """Another text for a cell."""

    cell: Cell
    text: str

    def finding(self) -> Finding:
        return self.finding_of(self.cell.field)

    @staticmethod
    def finding_of(field: str) -> Finding:
        return Finding(
            code=CODE,
            field=field,
            severity="warning",
            message="A figure was misread; the sum allows this one reading only.",
        )


def doubt(field: str) -> Finding:
    return Finding(
        code="ocr_uncertain",
        field=field,
        severity="warning",
        message="The print was hard to read here; compare the value with the page.",
    )


def repairs(pages: Sequence[ReadPage], extraction: Extraction) -> list[Repair]:
    """What to read otherwise so that the sums which do not add up do: first as a second look at the cells reads them,
    else with one figure changed, where exactly one change will do. Raises UnreadableError."""
    found: list[Repair] = []
    looked = 0
    for fields, closes in _unclosed(extraction.document):
        cells = [_cell(pages, extraction.evidence, field) for field in fields]
        known = [cell for cell in cells if cell is not None]
        if len(known) < len(fields):
            continue
        again = [cell.text for cell in known]
        if looked < MAX_CELLS:
            looked += len(known)
            again = [_look_again(pages, cell) or cell.text for cell in known]
        found += _second_look(known, again, closes) or _one_change(known, closes)
    return found


def apply(pages: Sequence[ReadPage], made: Sequence[Repair]) -> list[ReadPage]:
    """The pages with the repaired texts in place of those that were read."""
    texts: dict[int, ReadWord | None] = {}
    for repair in made:
        first, last = repair.cell.words[0], repair.cell.words[-1]
        shown = around([word.box for word in repair.cell.words])
        texts[id(first)] = replace(first, text=repair.text, x1=last.x1, shown=shown)
        texts |= {id(word): None for word in repair.cell.words[1:]}
    return [
        replace(
            page, words=tuple(word for old in page.words if (word := texts.get(id(old), old)) is not None)
        )
        for page in pages
    ]


def _unclosed(document: CanonicalDocument) -> Iterator[tuple[list[str], Closes]]:
    for index, line in enumerate(document.lines):
        quantity, price, total = line.quantity, line.unit_price, line.line_total
        base, discount = line.price_base, line.discount

        def closes(
            values: Sequence[Decimal], base: Decimal | None = base, discount: Decimal | None = discount
        ) -> bool:
            number, each, amount = values
            return number > 0 and each > 0 and line_closes(amount, number, each, base, discount)

        if quantity is None or price is None or total is None or not (price and total):
            continue
        if not closes((quantity, price, total)):
            yield [f"lines.{index}.{name}" for name in _PRICED], closes
    net, tax, gross = document.net_total, document.tax_total, document.gross_total
    if net is not None and tax is not None and gross is not None and not sum_closes(gross, (net, tax)):
        yield list(_TOTALS), lambda values: sum_closes(values[2], values[:2])


def _cell(pages: Sequence[ReadPage], evidence: Mapping[str, Evidence], field: str) -> Cell | None:
    place = evidence.get(field)
    if place is None or place.box is None or place.page is None or not place.text or " + " in place.text:
        return None
    for page in pages:
        if page.number != place.page:
            continue
        words = tuple(word for word in page.recognised if inside(word.box, place.box))
        words = tuple(sorted(words, key=lambda word: word.x0))
        if words and " ".join(word.text for word in words) == place.text:
            return Cell(field, page.number, words, place.text)
    return None


def inside(box: Sequence[float], around: Sequence[float]) -> bool:
    """Whether the middle of a box lies in another."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return around[0] <= x <= around[2] and around[1] <= y <= around[3]


def around(boxes: Sequence[Sequence[float]]) -> tuple[float, float, float, float]:
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def _look_again(pages: Sequence[ReadPage], cell: Cell) -> str | None:
    """The cell as a line of its own of which only figures are expected."""
    page = next(page for page in pages if page.number == cell.page)
    if page.upright is None or page.cleaned is None:
        return None
    scale = page.upright.scale
    x0, y0, x1, y1 = around([(word.x0, word.y0, word.x1, word.y1) for word in cell.words])
    box = (x0 * scale - _MARGIN, y0 * scale, x1 * scale + _MARGIN, y1 * scale)
    crop = page.cleaned.crop((max(0, int(box[0])), max(0, int(box[1])), int(box[2]), int(box[3])))
    tokens = tesseract.recognise(crop, ("eng",), mode=tesseract.LINE, allowed=tesseract.DIGITS)
    text = " ".join(text for token in tokens if (text := clean(token.text)))
    return text if readings(text) else None


def _values(text: str) -> tuple[Decimal, ...]:
    return readings(text) or readings(leading_number(text)[0])


def _second_look(cells: Sequence[Cell], again: Sequence[str], closes: Closes) -> list[Repair]:
    """The fewest second readings with which the sum closes; none when two ways differ."""
    options = [dict.fromkeys((cell.text, text)) for cell, text in zip(cells, again, strict=True)]
    ways = []
    for texts in product(*options):
        if any(closes(values) for values in product(*(_values(text) for text in texts))):
            made = [Repair(cell, text) for cell, text in zip(cells, texts, strict=True) if text != cell.text]
            ways.append(made)
    fewest = min((len(way) for way in ways), default=0)
    best = [way for way in ways if len(way) == fewest]
    return best[0] if len(best) == 1 else []


def _one_change(cells: Sequence[Cell], closes: Closes) -> list[Repair]:
    """The one changed, lost or added character with which the sum closes; none when several would do."""
    ways: dict[tuple[int, Decimal], Repair] = {}
    values = [_values(cell.text) for cell in cells]
    for index, cell in enumerate(cells):
        for text in _changed(cell.text):
            for value in _values(text):
                options = [*values[:index], (value,), *values[index + 1 :]]
                if value not in values[index] and any(closes(chosen) for chosen in product(*options)):
                    ways.setdefault((index, value), Repair(cell, text))
    return list(ways.values()) if len(ways) == 1 else []


def _changed(text: str) -> Iterator[str]:
    digits = [index for index, char in enumerate(text) if char.isdigit()]
    for index in digits:
        yield from (
            text[:index] + other + text[index + 1 :] for other in "0123456789" if other != text[index]
        )
        if len(digits) > 1:
            yield text[:index] + text[index + 1 :]
    for index in range(len(text) + 1):
        yield from (text[:index] + other + text[index:] for other in "0123456789")
    # A comma that did not come through.
    for index in digits[1:]:
        if text[index - 1].isdigit():
            yield text[:index] + "," + text[index:]
            yield text[:index] + "." + text[index:]
