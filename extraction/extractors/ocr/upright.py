"""Sets a crooked picture upright, and finds the way back from it to the page as it came."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from PIL import Image, ImageOps

from extraction.schemas import Box

# Degrees: how crooked a sheet may lie, and what is too little to turn a picture for.
MAX_SKEW: Final = 6.0
LEAST_SKEW: Final = 0.08
_LONG_SIDE: Final = 1000
_WHITE: Final = 255


@dataclass(frozen=True, slots=True)
class Upright:
    """A picture set upright, and how that was done: quarter turns clockwise, then `angle` degrees anticlockwise.
    `scale` is pixels to a point of the page, whose size in pixels, before any turn, is `size`."""

    image: Image.Image
    turns: int
    angle: float
    scale: float
    size: tuple[int, int]

    def back(self, box: Box) -> Box:
        """A box of the upright picture, in points, as a box of the page that came."""
        x0, y0, x1, y1 = box
        corners = [self._corner(x, y) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
        return _around(corners)

    def _corner(self, x: float, y: float) -> tuple[float, float]:
        width, height = self.image.size
        dx, dy = x * self.scale - width / 2, y * self.scale - height / 2
        radians = math.radians(self.angle)
        px = width / 2 + dx * math.cos(radians) - dy * math.sin(radians)
        py = height / 2 + dx * math.sin(radians) + dy * math.cos(radians)
        across, down = self.size
        match self.turns:
            case 1:
                px, py = py, down - px
            case 2:
                px, py = across - px, down - py
            case 3:
                px, py = across - py, px
        return min(max(px, 0.0), across) / self.scale, min(max(py, 0.0), down) / self.scale


def upright(image: Image.Image, scale: float, turns: int = 0) -> Upright:
    """The picture turned by quarters, then straightened along its lines of print."""
    turned = image
    if turns:
        turned = image.transpose(
            {1: Image.Transpose.ROTATE_270, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_90}[
                turns
            ]
        )
    angle = skew(turned)
    if abs(angle) >= LEAST_SKEW:
        turned = turned.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=_WHITE)
    else:
        angle = 0.0
    return Upright(turned, turns, angle, scale, image.size)


def skew(image: Image.Image) -> float:
    """Degrees by which to turn the picture anticlockwise so that its lines lie level: where the darkness of its rows
    of pixels differs most from one to the next."""
    small = ImageOps.invert(image.convert("L"))
    small.thumbnail((_LONG_SIDE, _LONG_SIDE), Image.Resampling.BOX)
    coarse = _best(small, (step * 0.5 for step in range(round(-MAX_SKEW * 2), round(MAX_SKEW * 2) + 1)))
    middle = _best(small, (coarse + step * 0.1 for step in range(-4, 5)))
    return _best(small, (middle + step * 0.025 for step in range(-3, 4)))


def sideways(image: Image.Image) -> bool:
    """Whether the lines of print seem to run up the page rather than across."""
    small = ImageOps.invert(image.convert("L"))
    small.thumbnail((_LONG_SIDE, _LONG_SIDE), Image.Resampling.BOX)
    return _sharpness(small.transpose(Image.Transpose.ROTATE_90)) > 2.0 * _sharpness(small)


def _best(image: Image.Image, angles: Iterable[float]) -> float:
    return max(
        angles,
        key=lambda angle: (
            _sharpness(image.rotate(angle, resample=Image.Resampling.BILINEAR)),
            -abs(angle),
        ),
    )


def _sharpness(image: Image.Image) -> float:
    # The middle of the page: what scanners leave along the edges is straight whatever the print is.
    width, height = image.size
    middle = image.crop((width // 12, height // 20, width - width // 12, height - height // 20))
    rows = middle.resize((1, middle.height), Image.Resampling.BOX).tobytes()
    return sum((above - below) ** 2 for above, below in pairwise(rows)) / max(len(rows), 1)


def _around(corners: Iterable[tuple[float, float]]) -> Box:
    points = list(corners)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)
