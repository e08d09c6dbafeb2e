"""One page after the other: set upright, recognised, and handed on as the layout reader's pages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from PIL import Image

from extraction.extractor import UnreadableError
from extraction.extractors.ocr import tesseract
from extraction.extractors.ocr.ink import inked
from extraction.extractors.ocr.pictures import Picture
from extraction.extractors.ocr.tesseract import Token
from extraction.extractors.ocr.upright import Upright, sideways, upright
from extraction.extractors.ocr.words import ReadWord, words_of
from extraction.layout.geometry import Page, Word, page_of
from extraction.layout.lexicon import language_of

# Below this mean confidence a page may stand on its head.
_DOUBTFUL: Final = 0.55
# Pixels that a word's box leaves of its ink; left-over ink, in squares of 8 pixels, that may be a word; and how sure
# the recognition of a word is to be that was overlooked at first.
_MARGIN: Final = 4
_LEFT_OVER: Final = 12
_CLEAR: Final = 0.5
# Fewer words do not tell a language.
_TELLING: Final = 25
_TESSERACT: Final = {"de": "deu", "en": "eng", "fr": "fra", "it": "ita", "es": "spa", "nl": "nld"}


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page in words. Where it was recognised, `upright` says how it was turned, `cleaned` is what was read and
    `spoken` in which languages."""

    number: int
    width: float
    height: float
    words: tuple[Word, ...]
    upright: Upright | None = None
    cleaned: Image.Image | None = None
    left_out: bool = False
    spoken: tuple[str, ...] = ()

    @property
    def page(self) -> Page:
        return page_of(self.number, self.width, self.height, self.words)

    @property
    def recognised(self) -> tuple[ReadWord, ...]:
        return tuple(word for word in self.words if isinstance(word, ReadWord))


def read_pages(pictures: Iterable[Picture]) -> Iterator[ReadPage]:
    """The pages in words; all of them in the language of the first that is a picture. Raises UnreadableError."""
    spoken: tuple[str, ...] = ()
    for picture in pictures:
        if picture.image is None:
            left_out = picture.left_out
            yield ReadPage(picture.number, picture.width, picture.height, picture.words, left_out=left_out)
            continue
        straight = upright(picture.image, picture.scale, _turns(picture.image))
        cleaned = inked(straight.image)
        if not _has_print(cleaned):
            # The back of a sheet: Tesseract would look for words on it for many seconds.
            yield _read(picture, straight, cleaned, ())
            continue
        if not spoken:
            tokens = tesseract.recognise(cleaned.reduce(2), tesseract.languages())
            if (
                _confidence(tokens) < _DOUBTFUL
                and (turns := tesseract.turns(picture.image)) != straight.turns
            ):
                straight = upright(picture.image, picture.scale, turns)
                cleaned = inked(straight.image)
            spoken = _spoken(token.text for token in tokens)
        tokens = tesseract.recognise(cleaned, spoken)
        tokens += overlooked(cleaned, tokens, spoken)
        yield _read(picture, straight, cleaned, words_of(tokens, picture.number, straight), spoken)


def overlooked(cleaned: Image.Image, tokens: Sequence[Token], spoken: Sequence[str]) -> list[Token]:
    """What stands on the page beside the recognised words: Tesseract takes whole columns and headings of tables for
    pictures and leaves them out. With all else painted over it finds them."""
    rest = cleaned.copy()
    for token in tokens:
        box = (
            int(token.x0) - _MARGIN,
            int(token.y0) - _MARGIN,
            int(token.x1) + _MARGIN,
            int(token.y1) + _MARGIN,
        )
        rest.paste(255, box)
    if not _has_print(rest):
        return []
    usual = median(token.y1 - token.y0 for token in tokens) if tokens else 0.0
    found = tesseract.recognise(rest, spoken[:1], mode=tesseract.SPARSE)
    return [
        replace(token, line=(-token.line[0], *token.line[1:]))
        for token in found
        if token.confidence >= _CLEAR and (not usual or 0.5 < (token.y1 - token.y0) / usual < 2.5)
    ]


def read_again(page: ReadPage) -> Iterator[ReadPage]:
    """A recognised page as one block of print, off the picture before it was cleaned: it errs elsewhere than the first
    reading. Nothing where Tesseract gives up."""
    if page.upright is None or not page.spoken:
        return
    try:
        tokens = tesseract.recognise(page.upright.image, page.spoken[:1], mode=tesseract.BLOCK)
    except UnreadableError:
        return
    yield replace(page, words=tuple(words_of(tokens, page.number, page.upright)))


def _read(
    picture: Picture,
    straight: Upright,
    cleaned: Image.Image,
    words: Iterable[ReadWord],
    spoken: tuple[str, ...] = (),
) -> ReadPage:
    width, height = straight.image.width / picture.scale, straight.image.height / picture.scale
    return ReadPage(picture.number, width, height, tuple(words), straight, cleaned, spoken=spoken)


def _has_print(cleaned: Image.Image) -> bool:
    marks = cleaned.reduce(8).point([1 if level < 215 else 0 for level in range(256)])
    return sum(marks.tobytes()) >= _LEFT_OVER


def _turns(image: Image.Image) -> int:
    return tesseract.turns(image) if sideways(image) else 0


def _confidence(tokens: Sequence[Token]) -> float:
    """Mean over characters; a page without any is doubtful, too."""
    length = sum(len(token.text) for token in tokens)
    return sum(token.confidence * len(token.text) for token in tokens) / length if length else 0.0


def _spoken(texts: Iterable[str]) -> tuple[str, ...]:
    """The installed languages, that of these texts first: Tesseract asks the next where the one before is not sure, and
    figures gain by every one it asks."""
    told = [text for text in texts if len(text) > 1]
    installed = tesseract.languages()
    language = _TESSERACT.get(language_of(told), "eng")
    if len(told) < _TELLING or language not in installed:
        return installed
    return (language, *(item for item in installed if item != language))
