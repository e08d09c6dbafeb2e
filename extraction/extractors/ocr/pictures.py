"""The pages of a source as grey pictures: rendered where it is a PDF, decoded where it is an image."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pypdfium2
from PIL import Image, ImageOps

from extraction import media
from extraction.extractor import Source, UnreadableError
from extraction.layout.geometry import Word
from extraction.pdfium.opening import opened
from extraction.pdfium.words import read_page

# More pixels are not decoded: a file of a few kilobytes can claim any number.
MAX_PIXELS: Final = 50_000_000
# A narrower picture holds no page that anybody could read: icons and logos are not worth seconds of work.
MIN_SIDE: Final = 300
# A picture of more pixels is halved before it is worked on.
MAX_KEPT: Final = 20_000_000
# Pages of one source that are recognised; what follows is left out, and said so.
MAX_PAGES: Final = 12
# A page with fewer characters, or more that cannot be decoded, is a picture.
MIN_CHARS: Final = 30
MAX_UNDECODABLE: Final = 0.3

# 300 dots to the inch of A4's long side; a till's roll is measured by its width of about 80 mm.
_LONG_SIDE: Final = 3508
_STRIP_WIDTH: Final = 945
_STRIP: Final = 1.65
_A4: Final = 842.0
_POINTS: Final = 72.0
_MAX_FRAMES: Final = 200
_TOO_LARGE: Final = "image_too_large"
# What Pillow's readers raise on files that were cut or forged.
_BROKEN: Final = (
    *(OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError),
    *(struct.error, zlib.error, OverflowError, ZeroDivisionError),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One page: its size in points as boxes of evidence are measured, the grey image with `scale` pixels to a point,
    or, where the page needs no recognition, its words and no image."""

    number: int
    width: float
    height: float
    image: Image.Image | None = None
    scale: float = 1.0
    words: tuple[Word, ...] = ()
    left_out: bool = False
    """Beyond the pages that are recognised."""


def pictures(source: Source) -> Iterator[Picture]:
    """The pages, in order. Raises UnreadableError for what cannot be opened or is beyond the limits."""
    return _of_pdf(source.content) if source.media_type == media.PDF else _of_image(source.content)


def sizes(content: bytes) -> list[tuple[float, float]]:
    """Width and height in points of each page of an image file. Raises UnreadableError."""
    with _decoded(content) as image:
        found = []
        for frame in range(_frames(image)):
            _seek(image, frame)
            found.append(_points(*_shown(image)))
        return found


def png(content: bytes, *, number: int, scale: float) -> bytes:
    """Page ``number`` (from 1) of an image file with `scale` pixels to a point. Raises UnreadableError."""
    with _decoded(content) as image:
        if not 1 <= number <= _frames(image):
            raise UnreadableError("no_such_page", "The document has fewer pages.")
        _seek(image, number - 1)
        shown = _loaded(image, "RGB")
    width, height = _points(*shown.size)
    shown = shown.resize((max(1, round(width * scale)), max(1, round(height * scale))))
    buffer = io.BytesIO()
    shown.save(buffer, format="PNG")
    return buffer.getvalue()


def _of_pdf(content: bytes) -> Iterator[Picture]:
    with opened(content) as document:
        rendered = 0
        for index in range(len(document)):
            page = document[index]
            try:
                picture = _rendered(page, index + 1, wanted=rendered < MAX_PAGES)
            finally:
                page.close()
            rendered += picture.image is not None
            yield picture


def _rendered(page: pypdfium2.PdfPage, number: int, *, wanted: bool) -> Picture:
    width, height, words = read_page(page, number)
    if not _is_picture(page, words):
        return Picture(number, width, height, words=tuple(words))
    width, height = page.get_size()
    if not wanted:
        return Picture(number, width, height, left_out=True)
    scale = min(300 / _POINTS, _LONG_SIDE * 1.2 / max(width, height, 1.0))
    bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=True)
    try:
        image = bitmap.to_pil().convert("L")
    finally:
        bitmap.close()
    return Picture(number, width, height, image, scale)


def has_pictures(content: bytes) -> bool:
    """Whether a page of the PDF can only be read by recognising its text. Raises UnreadableError."""
    with opened(content) as document:
        for index in range(len(document)):
            page = document[index]
            found = _is_picture(page, read_page(page, index + 1)[2])
            page.close()
            if found:
                return True
    return False


def _is_picture(page: pypdfium2.PdfPage, words: Sequence[Word]) -> bool:
    """Whether a page shows something and its text layer is none: too short, or of characters no font explains."""
    text = "".join(word.text for word in words)
    if len(text) < MIN_CHARS:
        return next(page.get_objects(max_depth=1), None) is not None
    lost = sum(char == "\ufffd" or "\ue000" <= char <= "\uf8ff" or char < " " for char in text)
    return lost > MAX_UNDECODABLE * len(text)


def _of_image(content: bytes) -> Iterator[Picture]:
    with _decoded(content) as image:
        if min(image.size) < MIN_SIDE:
            raise UnreadableError(
                "image_too_small", "The picture is too small for a page: an icon or a logo."
            )
        for frame in range(_frames(image)):
            if frame >= MAX_PAGES:
                yield Picture(frame + 1, _A4, _A4, left_out=True)
                continue
            _seek(image, frame)
            shown = _loaded(image, "L")
            width, height = _points(*shown.size)
            long, short = max(shown.size), min(shown.size)
            strip = shown.height > shown.width * _STRIP
            factor = _STRIP_WIDTH / short if strip else _LONG_SIDE / long
            if not 0.95 < factor < 1.05:
                across, down = round(shown.width * factor), round(shown.height * factor)
                shown = shown.resize((max(1, across), max(1, down)), Image.Resampling.BICUBIC)
            yield Picture(frame + 1, width, height, shown, shown.width / width)


def is_image(content: bytes) -> bool:
    """Whether the beginning of the bytes holds together as an image of a kind that is read."""
    try:
        _decoded(content).close()
    except UnreadableError as error:
        return error.code == _TOO_LARGE
    return True


def _decoded(content: bytes) -> Image.Image:
    """The image, opened but not yet decoded. Raises UnreadableError."""
    try:
        with _quietly():
            return Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "TIFF"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large() from error
    except _BROKEN as error:
        raise UnreadableError(
            "image_broken", "The picture cannot be opened; ask the sender again."
        ) from error


def _loaded(image: Image.Image, mode: str) -> Image.Image:
    """The current frame in that mode, turned as the camera says, on white where it is transparent."""
    if image.width * image.height > MAX_PIXELS:
        raise _too_large()
    try:
        if image.format == "JPEG":
            # The decoder itself can leave out what is too fine to be of use.
            image.draft(mode, (_LONG_SIDE, _LONG_SIDE))
        with _quietly():
            image.load()
        shown = image if image.mode in {"L", "LA", "RGB", "RGBA"} else image.convert(_plain_mode(image))
        if shown.width * shown.height > MAX_KEPT:
            shown = shown.reduce(2)
        shown = ImageOps.exif_transpose(shown)
        if shown.mode in {"LA", "RGBA"}:
            white = Image.new(mode, shown.size, "white")
            white.paste(shown.convert(mode), mask=shown.getchannel("A"))
            return white
        return shown.convert(mode)
    except _BROKEN as error:
        raise UnreadableError("image_broken", "The picture is damaged; ask the sender again.") from error


def _seek(image: Image.Image, frame: int) -> None:
    if frame == image.tell():
        return
    try:
        with _quietly():
            image.seek(frame)
    except _BROKEN as error:
        raise UnreadableError(
            "image_broken", "A page of the picture is damaged; ask the sender again."
        ) from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Pillow warns of what it forgives; only a claim of too many pixels is none of these."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _plain_mode(image: Image.Image) -> str:
    if image.mode == "PA" or "transparency" in image.info:
        return "RGBA"
    return "L" if image.mode == "1" or image.mode.startswith(("I", "F")) else "RGB"


def _too_large() -> UnreadableError:
    return UnreadableError(_TOO_LARGE, f"The picture has more than {MAX_PIXELS // 10**6} megapixels.")


def _frames(image: Image.Image) -> int:
    try:
        with _quietly():
            return min(int(getattr(image, "n_frames", 1)), _MAX_FRAMES)
    except _BROKEN as error:
        raise UnreadableError("image_broken", "The picture is damaged; ask the sender again.") from error


def _shown(image: Image.Image) -> tuple[int, int]:
    """Width and height in pixels as the picture is shown; the camera may have noted that it was held upright."""
    on_side = image.getexif().get(0x0112, 1) in {5, 6, 7, 8}
    return (image.height, image.width) if on_side else image.size


def _points(width: int, height: int) -> tuple[float, float]:
    """A picture is measured as if its long side were that of A4: what files say of their resolution is not kept."""
    factor = _A4 / max(width, height, 1)
    return width * factor, height * factor
