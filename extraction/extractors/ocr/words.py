"""From recognised tokens to the layout reader's words: cleaned, levelled, measured in points."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from extraction.extractors.ocr.tesseract import Token
from extraction.extractors.ocr.upright import Upright
from extraction.layout.geometry import Word
from extraction.layout.lexicon import LANGUAGES, lexicon, tokens_of

# Height of a line of print, with its ascenders and descenders, in heights of its capitals and figures.
LINE_HEIGHT: Final = 1.55
# Parts of one word stand no further apart than this, in heights.
PARTED: Final = 1.1
# Below this a token of one or two characters is dirt.
LEAST: Final = 0.30

# What rulings, folds and the edges of boxes are read as, at the ends of a word.
_RULINGS: Final = "|[]{}_~¦«»“”„‚‘’'\"`\\=<>^"
_SIGNS: Final = frozenset("€$£%:-–+&/·•#()*")
_FIGURES: Final = str.maketrans("OoQlISsBZ", "000115582")
_AMOUNT: Final = re.compile(r"-?[\dOoQlISsBZ]{1,3}(?:[.,' ]?[\dOoQlISsBZ]{3})*[.,][\dOoQlISsBZ]{2,4}-?")
_GLUED: Final = re.compile(r"([^\W\d]{2,})(\d+(?:[.,]\d+)?%\)?)")
_TWO_WORDS: Final = re.compile(r"([^\W\d_]{2,}[^\W\d_A-Z])([A-Z][^\W\d_]{2,}\.?)")
_PARTED: Final = (
    (re.compile(r"\d[.,]$"), re.compile(r"\d{2,4}(?!\d)")),
    (re.compile(r"^\W*[A-Z]{1,4}-$"), re.compile(r"\d{3,}")),
)
# VAT numbers of these countries are figures only; French ones have no O and no I.
_VAT: Final = re.compile(
    r"(BE|BG|CZ|DE|DK|EE|EL|FI|GB|HR|HU|IT|LT|LU|LV|MT|PL|PT|RO|SE|SI|SK)([\dOQIlSBZ]{8,12})|(FR)([\dOQIl]{11})"
)
# A letter among figures, a figure before letters, a comma with a speck above it.
_CONFUSED: Final = (
    (re.compile(r"(?<=\d)([.,])[.,]+(?=\d)"), r"\1"),
    (re.compile(r"(?<=\d);(?=\d\d(?:\D|$))"), ","),
    (re.compile(r"(?<=\d)[oOQ](?=\d|[.,]\d|$)"), "0"),
    (re.compile(r"\b0(?=[A-Z]{1,3}[-/]\d)"), "O"),
)


@dataclass(slots=True, eq=False)
class ReadWord(Word):
    """A recognised word and how sure the recognition is, from 0 to 1."""

    confidence: float = 1.0


def words_of(tokens: Sequence[Token], number: int, upright: Upright) -> list[ReadWord]:
    """The words of page `number` in points of the upright picture, each with its box on the page as it came."""
    lines: dict[tuple[int, int, int], list[Token]] = {}
    for token in tokens:
        lines.setdefault(token.line, []).append(token)
    usual = _usual(tokens)
    return [word for line in lines.values() for word in _of_line(_joined(line), number, upright, usual)]


def _joined(line: Sequence[Token]) -> list[Token]:
    """The tokens of a line, with those made one that a wide comma or hyphen had parted: `126, 26`, `PO- 4711`."""
    made: list[Token] = []
    for token in line:
        last = made[-1] if made else None
        near = last is not None and token.x0 - last.x1 < PARTED * max(last.y1 - last.y0, token.y1 - token.y0)
        if last and near and any(a.search(last.text) and b.match(token.text) for a, b in _PARTED):
            made[-1] = replace(
                last,
                text=last.text + token.text,
                confidence=min(last.confidence, token.confidence),
                y0=min(last.y0, token.y0),
                x1=token.x1,
                y1=max(last.y1, token.y1),
            )
        else:
            made.append(token)
    return made


def _usual(tokens: Sequence[Token]) -> float:
    heights = [token.y1 - token.y0 for token in tokens if _is_tall(token.text)]
    return median(heights) if heights else 1.0


def _of_line(line: Sequence[Token], number: int, upright: Upright, usual: float) -> Iterator[ReadWord]:
    """Every word of a line of print as high as the line: a box as tight as its ink would put a comma and a capital
    into different rows."""
    tall = [token for token in line if _is_tall(token.text)] or list(line)
    capital = median(token.y1 - token.y0 for token in tall)
    for token in line:
        text = clean(token.text)
        height = token.y1 - token.y0
        if not text or (token.confidence < LEAST and len(text) < 3) or height > 6 * usual:
            continue
        # The nearest tall word of the line tells its level: a line of the recogniser may run over two columns.
        near = min(tall, key=lambda other: max(other.x0 - token.x1, token.x0 - other.x1, 0.0))
        own = _is_tall(token.text) and 0.6 < height / capital < 1.6
        middle = (token.y0 + token.y1) / 2 if own else (near.y0 + near.y1) / 2
        reach = capital * LINE_HEIGHT / 2
        for part, x0, x1 in _parts(text, token.x0, token.x1):
            places = (x0, middle - reach, x1, middle + reach)
            x, y, right, bottom = (place / upright.scale for place in places)
            box = (x, y, right, bottom)
            yield ReadWord(part, *box, page=number, shown=upright.back(box), confidence=token.confidence)


def clean(text: str) -> str:
    """The token without what is no print, and with the letters and figures that only the one reading allows; empty
    when nothing is left."""
    bare = text.strip(_RULINGS).replace("’", "'").replace("‚", ",").replace("—", "-")
    for shape, right in _CONFUSED:
        bare = shape.sub(right, bare)
    if _AMOUNT.fullmatch(bare) and sum(char.isdigit() for char in bare) >= 2:
        bare = bare.translate(_FIGURES)
    elif (vat := _VAT.fullmatch(bare)) and sum(char.isdigit() for char in bare) >= 6:
        land, figures = (vat[1], vat[2]) if vat[1] else (vat[3], vat[4])
        bare = land + figures.translate(_FIGURES)
    if any(char.isalnum() for char in bare):
        return bare
    return bare if bare and set(bare) <= _SIGNS and len(bare) < 3 else ""


def _headings(text: str) -> re.Match[str] | None:
    """Two headings of columns that stand so close that they were read as one: `StukprijsKorting`."""
    found = _TWO_WORDS.fullmatch(text)
    if found is None:
        return None
    left, right = tokens_of(found[1]), tokens_of(found[2])
    for language in LANGUAGES:
        columns = lexicon(language).columns
        if left and right and columns.at(left, 0) and columns.at(right, 0):
            return found
    return None


def _is_tall(text: str) -> bool:
    """Whether a token is as high as capitals and figures: it has one of them and nothing below the line."""
    return any(char.isupper() or char.isdigit() for char in text) and not re.search(
        r"[gjpqyQJ,;()|/\[\]]", text
    )


def _parts(text: str, x0: float, x1: float) -> Iterator[tuple[str, float, float]]:
    """The word, or two where a colon joins a label and its value, or a tax and its rate: `Datum:3.4.2025`, `TVA20%`."""
    label, colon, value = text.partition(":")
    if colon and value and len(label) > 1 and not any(char.isdigit() for char in label) and value[0] != "/":
        middle = x0 + (x1 - x0) * (len(label) + 1) / len(text)
        yield label + colon, x0, middle
        yield value, middle, x1
    elif glued := _GLUED.fullmatch(text) or _headings(text):
        middle = x0 + (x1 - x0) * len(glued[1]) / len(text)
        yield glued[1], x0, middle
        yield glued[2], middle, x1
    else:
        yield text, x0, x1
