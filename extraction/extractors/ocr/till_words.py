"""The words of tills' receipts, told also where their print was poor."""

import re
import tomllib
from difflib import get_close_matches
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from extraction.layout.lexicon import tokens_of

WORDS: Final = {
    kind: frozenset(token for word in words for token in tokens_of(word))
    for kind, words in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).items()
}
# Shorter words look like too many others, still shorter ones when a letter may differ altogether.
_LEAST: Final = 4
_LONG: Final = 6
_CLOSE: Final = 0.86
# What faded or broken print cannot tell apart.
_ALIKE: Final = str.maketrans("0QUDCG1LTJ|5829F4YK", "OOOOOOIIIIISBZPEAVR")
_PIECE: Final = re.compile(r"[^\W_]+")


def till_words(text: str) -> set[str]:
    """The words of a row, with those of the lexicon that the misread ones among them look like."""
    return set(tokens_of(text)).union(*(_meant(piece) for piece in _PIECE.findall(text)))


@lru_cache(maxsize=4096)
def _meant(piece: str) -> frozenset[str]:
    if (
        len(piece) < _LEAST
        or set(tokens_of(piece)) & _known()
        or sum(map(str.isdigit, piece)) * 2 > len(piece)
    ):
        return frozenset()
    shapes = _shapes()
    shape = _shape(piece)
    if shape in shapes or len(shape) < _LONG:
        return shapes.get(shape, frozenset())
    near = get_close_matches(shape, (other for other in shapes if len(other) >= _LONG), 1, _CLOSE)
    return shapes[near[0]] if near else frozenset()


def _shape(word: str) -> str:
    return word.upper().translate(_ALIKE)


@cache
def _shapes() -> dict[str, frozenset[str]]:
    long = [word for word in _known() if len(word) >= _LEAST]
    return {shape: frozenset(word for word in long if _shape(word) == shape) for shape in map(_shape, long)}


@cache
def _known() -> frozenset[str]:
    return frozenset().union(*WORDS.values())
