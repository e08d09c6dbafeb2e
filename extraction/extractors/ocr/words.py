"""From recognised tokens to the layout reader's words: cleaned, levelled, measured in points."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from extraction.extractors.ocr.tesseract import Token
from extraction.extractors.ocr.upright import Upright
from extraction.layout.geometry import Word

# Height of a line of print, with its ascenders and descenders, in heights of its capitals and figures.
LINE_HEIGHT: Final = 1.55
# Below this a token of one or two characters is dirt.
LEAST: Final = 0.30

# What rulings, folds and the edges of boxes are read as, at the ends of a word.
_RULINGS: Final = "|[]{}_~¦«»“”„‚‘’'\"`\\=<>^"
_SIGNS: Final = frozenset("€$£%:-–+&/·•#()*")
_FIGURES: Final = str.maketrans("OoQlISsBZ", "000115582")
_AMOUNT: Final = re.compile(r"-?[\dOoQlISsBZ]{1,3}(?:[.,' ]?[\dOoQlISsBZ]{3})*[.,][\dOoQlISsBZ]{2,4}-?")
# A letter among figures, a figure before letters, a comma with a speck above it.
_CONFUSED: Final = (
    (re.compile(r"(?<=\d)([.,])[.,]+(?=\d)"), r"\1"),
    (re.compile(r"(?<=\d);(?=\d\d(?:\D|$))"), ","),
    (re.compile(r"(?<=\d)[oOQ](?=\d|[.,]\d|$)"), "0"),
    (re.compile(r"\b0(?=[A-Z]{1,3}[-/]\d)"), "O"),
)


@dataclass(frozen=True, slots=True)
class ReadWord(Word):
    """A recognised word and how sure the recognition is, from 0 to 1."""

    confidence: float = 1.0


def words_of(tokens: Sequence[Token], number: int, upright: Upright) -> list[ReadWord]:
    """The words of page `number` in points of the upright picture, each with its box on the page as it came."""
    lines: dict[tuple[int, int, int], list[Token]] = {}
    for token in tokens:
        lines.setdefault(token.line, []).append(token)
    usual = _usual(tokens)
    return [word for line in lines.values() for word in _of_line(line, number, upright, usual)]


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
    if any(char.isalnum() for char in bare):
        return bare
    return bare if bare and set(bare) <= _SIGNS and len(bare) < 3 else ""


def _is_tall(text: str) -> bool:
    """Whether a token is as high as capitals and figures: it has one of them and nothing below the line."""
    return any(char.isupper() or char.isdigit() for char in text) and not re.search(
        r"[gjpqyQJ,;()|/\[\]]", text
    )


def _parts(text: str, x0: float, x1: float) -> Iterator[tuple[str, float, float]]:
    """The word, or two where a colon joins a label and its value: `Datum:3.4.2025`."""
    label, colon, value = text.partition(":")
    if colon and value and len(label) > 1 and not any(char.isdigit() for char in label) and value[0] != "/":
        middle = x0 + (x1 - x0) * (len(label) + 1) / len(text)
        yield label + colon, x0, middle
        yield value, middle, x1
    else:
        yield text, x0, x1
