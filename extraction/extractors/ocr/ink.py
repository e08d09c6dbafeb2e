"""Leaves of a picture what is print: no shades, no rulings, no specks, and light print on dark bars turned dark."""

import re
from collections.abc import Iterator
from typing import Final

from PIL import Image, ImageChops, ImageFilter

# How dark, of 255, what stands on the paper must be to count as a ruling or a bar.
_DARK: Final = 70
# In pixels at 300 dots to the inch: no stroke of common print runs on for so long, none is so thick.
_RUN: Final = 96
_UNBROKEN: Final = 240
_THICK: Final = 9
# What is fainter is no mark; a mark needs this much around it, of 255, within so many pixels.
_FAINT: Final = 45
_ALONE: Final = 7
_AROUND: Final = 12
# In quarters of pixels: a bar is as wide as a word at least and as high as a line of print.
_BAR_WIDTH: Final = 50
_BAR_HEIGHT: Final = 5
_BAR_GAP: Final = 16
_LONG: Final = re.compile(rb"\x01{%d,}" % _BAR_WIDTH)

Bar = tuple[int, int, int, int]


def inked(image: Image.Image) -> Image.Image:
    """The grey picture, of about 300 dots to the inch, with its print on even white paper."""
    image = _bars_turned(image)
    dark = ImageChops.subtract(_paper(image), image)
    return ImageChops.invert(_without_specks(_without_rulings(dark)))


def _paper(image: Image.Image) -> Image.Image:
    """The paper's own brightness at each place, without the print on it."""
    small = image.reduce(8).filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.MedianFilter(5))
    return small.filter(ImageFilter.BoxBlur(2)).resize(image.size, Image.Resampling.BILINEAR)


def _without_rulings(dark: Image.Image) -> Image.Image:
    marks = dark.point([255 if level > _DARK else 0 for level in range(256)])
    for along in ((1, _RUN), (_RUN, 1)):
        rulings = Image.new("L", dark.size)
        for shift in range(0, _RUN, _RUN // 4):
            rulings = ImageChops.lighter(rulings, _rulings(marks, along, shift))
        # The end of a ruling, shorter than a stretch, goes with it.
        ends = rulings
        for reach in range(8, _RUN // 4 + 8, 8):
            for step in (reach, -reach):
                moved = ImageChops.offset(rulings, step if along[0] > 1 else 0, step if along[1] > 1 else 0)
                ends = ImageChops.lighter(ends, moved)
        rulings = ImageChops.lighter(rulings, ImageChops.darker(ends, marks))
        dark = ImageChops.subtract(dark, rulings)
    return dark


def _without_specks(dark: Image.Image) -> Image.Image:
    """Dots with nothing around them are dirt; a full stop has its word beside it."""
    marks = dark.point([255 if level > _FAINT else 0 for level in range(256)])
    around = marks.filter(ImageFilter.BoxBlur(_AROUND))
    return ImageChops.darker(dark, around.point([255 if level > _ALONE else 0 for level in range(256)]))


def _rulings(marks: Image.Image, along: tuple[int, int], shift: int) -> Image.Image:
    """White where a thin line runs on over a whole stretch, in one direction."""
    down = along[0] == 1
    moved = ImageChops.offset(marks, 0 if down else -shift, -shift if down else 0) if shift else marks
    mask = moved.reduce(along).point([255 if level > _UNBROKEN else 0 for level in range(256)])
    across = (1, 0) if down else (0, 1)
    thick = mask
    for step in range(1, _THICK):
        thick = ImageChops.darker(thick, ImageChops.offset(mask, across[0] * step, across[1] * step))
    for _ in range(1, _THICK):
        thick = ImageChops.lighter(thick, ImageChops.offset(thick, -across[0], -across[1]))
    thin = ImageChops.subtract(mask, thick)
    edges = [
        ImageChops.offset(thin, sign * across[0] * step, sign * across[1] * step)
        for sign in (1, -1)
        for step in (1, 2, 3)
    ]
    for edge in edges:
        thin = ImageChops.lighter(thin, edge)
    full = thin.resize((thin.width * along[0], thin.height * along[1]), Image.Resampling.NEAREST)
    full = full.crop((0, 0, *marks.size))
    return ImageChops.offset(full, 0 if down else shift, shift if down else 0) if shift else full


def _bars_turned(image: Image.Image) -> Image.Image:
    turned = image
    bars = list(_bars(image.reduce(4)))
    for left, top, right, bottom in bars:
        if any(_holds(other, (left, top, right, bottom)) for other in bars):
            continue
        box = (left * 4, top * 4, min(right * 4, image.width), min(bottom * 4, image.height))
        if turned is image:
            turned = image.copy()
        turned.paste(ImageChops.invert(image.crop(box)), box)
    return turned


def _bars(small: Image.Image) -> Iterator[Bar]:
    """Dark bars: stretches that are dark from end to end above and below the print, and mostly between."""
    marks = small.point([1 if level < 128 else 0 for level in range(256)]).tobytes()
    open_bars: list[list[int]] = []
    for y in range(small.height + 1):
        runs = (
            [match.span() for match in _LONG.finditer(marks, y * small.width, (y + 1) * small.width)]
            if y < small.height
            else []
        )
        for start, end in runs:
            x0, x1 = start - y * small.width, end - y * small.width
            for bar in open_bars:
                if abs(bar[0] - x0) <= 3 and abs(bar[2] - x1) <= 3:
                    bar[3] = y + 1
                    break
            else:
                open_bars.append([x0, y, x1, y + 1])
        for bar in [bar for bar in open_bars if y - bar[3] > _BAR_GAP or y == small.height]:
            open_bars.remove(bar)
            if bar[3] - bar[1] >= _BAR_HEIGHT and _is_dark(small, bar):
                yield bar[0], bar[1], bar[2], bar[3]


def _holds(outer: Bar, inner: Bar) -> bool:
    apart = outer != inner
    return (
        apart
        and outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and outer[2] >= inner[2]
        and outer[3] >= inner[3]
    )


def _is_dark(small: Image.Image, bar: list[int]) -> bool:
    box = (bar[0], bar[1], bar[2], bar[3])
    return small.crop(box).resize((1, 1), Image.Resampling.BOX).tobytes()[0] < 120
