"""Tesseract as a process: a picture goes in and words with places and confidences come out, never a file."""

import csv
import math
import os
import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from PIL import Image

from extraction.extractor import UnreadableError

PROGRAM: Final = "tesseract"
LANGUAGES: Final = ("eng", "deu", "fra", "ita", "spa", "nld")
PACKAGES: Final = "tesseract-ocr and tesseract-ocr-deu, -fra, -ita, -spa, -nld"
# Page segmentation modes of tesseract(1).
PAGE: Final = 3
BLOCK: Final = 6
LINE: Final = 7
SPARSE: Final = 11
DIGITS: Final = "0123456789.,-"

_SECONDS: Final = 90.0
_CPU_SECONDS: Final = 60
_WORD: Final = "5"
# One thread: the work is shared out over processes, and threads of one would fight over the cores.
_ENVIRONMENT: Final = {"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_THREAD_LIMIT": "1"}


@dataclass(frozen=True, slots=True)
class Token:
    """A recognised word: its box in pixels, `confidence` from 0 to 1, `line` the line of print it stands in."""

    text: str
    confidence: float
    x0: float
    y0: float
    x1: float
    y1: float
    line: tuple[int, int, int]


@cache
def languages() -> tuple[str, ...]:
    """The installed ones of LANGUAGES, the first first. Raises UnreadableError when there is no Tesseract."""
    listed = _run(["--list-langs"], b"", seconds=20.0).split()
    found = tuple(language for language in LANGUAGES if language in listed)
    if not found:
        raise _missing()
    return found


def recognise(
    image: Image.Image, spoken: Sequence[str], *, mode: int = PAGE, allowed: str | None = None
) -> list[Token]:
    """The words on a grey picture of about 300 dots to the inch. `allowed` restricts the characters.

    Raises UnreadableError: ocr_not_installed, ocr_timed_out, ocr_failed.
    """
    arguments = ["-", "-", "--psm", str(mode), "--dpi", "300", "-l", "+".join(spoken)]
    if allowed:
        arguments += ["-c", f"tessedit_char_whitelist={allowed}"]
    table = _run([*arguments, "tsv"], _graymap(image), seconds=_SECONDS)
    rows = csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [token for row in rows if row["level"] == _WORD and (token := _token(row)) is not None]


def turns(image: Image.Image) -> int:
    """Clockwise quarter turns that set the picture upright; 0 where Tesseract cannot say."""
    try:
        told = _run(["-", "-", "--psm", "0", "--dpi", "300", "-l", "osd"], _graymap(image), seconds=_SECONDS)
    except UnreadableError as error:
        if error.code == "ocr_failed":  # Too few characters, or the package tesseract-ocr-osd is missing.
            return 0
        raise
    values = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
    rotate, confidence = values.get("Rotate", "0").strip(), values.get("Orientation confidence", "0").strip()
    return int(rotate) // 90 % 4 if float(confidence) > 1.0 else 0


def _token(row: dict[str, str]) -> Token | None:
    text = (row["text"] or "").strip()
    if not text:
        return None
    left, top = float(row["left"]), float(row["top"])
    return Token(
        text=text,
        confidence=min(max(float(row["conf"]) / 100, 0.0), 1.0),
        x0=left,
        y0=top,
        x1=left + float(row["width"]),
        y1=top + float(row["height"]),
        line=(int(row["block_num"]), int(row["par_num"]), int(row["line_num"])),
    )


def _graymap(image: Image.Image) -> bytes:
    return b"P5 %d %d 255\n" % image.size + image.convert("L").tobytes()


def _run(arguments: Sequence[str], data: bytes, *, seconds: float) -> str:
    program = shutil.which(PROGRAM, path=os.defpath)
    if program is None:
        raise _missing()
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, found in the system's own folders
            [program, *arguments],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            timeout=seconds,
            preexec_fn=_limit,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableError("ocr_timed_out", "Recognising the text of a page took too long.") from error
    except OSError as error:
        raise UnreadableError("ocr_failed", "Text recognition could not be started.") from error
    if done.returncode:
        raise UnreadableError("ocr_failed", "Text recognition gave up on a page.")
    return done.stdout.decode("utf-8", errors="replace")


def _limit() -> None:
    """Its own CPU seconds: what the caller has used does not count against it."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    allowed = _CPU_SECONDS if hard == resource.RLIM_INFINITY else min(_CPU_SECONDS, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(allowed), hard))


def _missing() -> UnreadableError:
    message = f"It is a picture, and text recognition is not installed here: install the packages {PACKAGES}."
    return UnreadableError("ocr_not_installed", message)
