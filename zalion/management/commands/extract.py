"""Reads order documents out of files, without a database: one line of JSON per file."""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from extraction.files import read_file
from extraction.media import IMAGES, PDF, sniff
from extraction.picture import Shown, picture
from zalion.sandbox import Pool, SandboxError

MAX_BYTES = 64 << 20
MAX_DRAWN = 40  # pages of one picture
SCALE = 1.6  # pixels to a point
PAGED = {PDF, *IMAGES}
EXPLAIN = "extraction.explaining:explain_plain"
SIZES, IMAGE = "extraction.reader:page_sizes", "extraction.reader:page_image"


class Command(BaseCommand):
    help = (
        "Read PATH (files, or folders with all files below) and print one line of JSON per file: path, extractor, "
        "documents, findings. Mails (.eml, .msg) and archives are opened. A file that cannot be read gives a line with "
        "findings. With --explain, draw how one "
        "FILE was read instead: its pages with a box around each value and line, and why."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", nargs="+", type=Path)
        parser.add_argument(
            "--json", action="store_true", help="print JSON on a terminal, too, not a summary"
        )
        parser.add_argument("--jobs", type=int, default=1, help="how many files to read at once (default 1)")

        parser.add_argument(
            "--explain", action="store_true", help="write an HTML picture of how one file is read"
        )
        parser.add_argument("--out", type=Path, help="where --explain writes it (default FILE.explain.html)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["explain"]:
            self._explain(options["path"], options["out"])
            return
        paths = list(_files(options["path"]))
        jobs = max(1, options["jobs"])
        as_json = options["json"] or not self.stdout.isatty()
        with Pool(size=jobs) as pool, ThreadPoolExecutor(jobs) as threads:
            for count, result in enumerate(threads.map(lambda path: _read(pool, path), paths), start=1):
                self.stdout.write(json.dumps(result, ensure_ascii=False) if as_json else _summary(result))
                self._progress(count, len(paths))

    def _explain(self, paths: Sequence[Path], out: Path | None) -> None:
        if len(paths) != 1 or not paths[0].is_file():
            raise CommandError("--explain draws one file.")
        path = paths[0]
        out = out or path.with_suffix(".explain.html")
        try:
            content = path.read_bytes()
            with Pool(size=1) as pool:
                out.write_text(_picture(pool, path, content), "utf-8")
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}; see --out.") from error
        self.stdout.write(str(out))

    def _progress(self, count: int, total: int) -> None:
        if self.stderr.isatty():
            done = 30 * count // total
            ending = "\n" if count == total else ""
            self.stderr.write(f"\r[{'#' * done:<30}] {count}/{total}", ending=ending)
            self.stderr.flush()


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and those below the folders named, hidden ones left out."""
    for path in paths:
        if path.is_dir():
            for found in sorted(path.rglob("*")):
                if found.is_file() and not any(
                    part.startswith(".") for part in found.relative_to(path).parts
                ):
                    yield found
        elif path.exists():
            yield path
        else:
            raise CommandError(f"{path}: no such file or folder")


def _read(pool: Pool, path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            return _failed(path, "too_large", "The file is larger than 64 MiB.")
        content = path.read_bytes()
    except OSError as error:
        return _failed(path, "file_unreadable", error.strerror or "The file cannot be read.")
    try:
        result = read_file(pool.call, name=_text(path), content=content)
    except SandboxError as error:
        return _ended(path, error)
    return {
        "path": _text(path),
        "extractor": result["extractor"],
        "documents": result["documents"],
        "findings": result["findings"],
    }


def _called(pool: Pool, path: Path, content: bytes) -> dict[str, Any]:
    """What the child says of the file, or that it was ended over it."""
    try:
        found: dict[str, Any] = pool.call(EXPLAIN, {"payload": {"name": _text(path), "content": content}})
    except SandboxError as error:
        return _ended(path, error)
    return found


def _ended(path: Path, error: SandboxError) -> dict[str, Any]:
    return _failed(path, error.code, "Reading the file was ended before it was done.")


def _failed(path: Path, code: str, message: str) -> dict[str, Any]:
    return {"path": _text(path), "extractor": None, "documents": [], "findings": [_finding(code, message)]}


def _finding(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "field": None, "severity": "error", "message": message}


def _text(path: Path) -> str:
    """The path as text: what of a file's name is no text cannot be printed."""
    return os.fsencode(path).decode("utf-8", "replace")


def _picture(pool: Pool, path: Path, content: bytes) -> str:
    """What the child says of the file and draws of its pages, put together here."""
    result = _called(pool, path, content)
    pages: list[Shown] = []
    text = ""
    try:
        if sniff(content) in PAGED:
            for number, (width, height) in enumerate(pool.call(SIZES, {"content": content}), start=1):
                drawn = number <= MAX_DRAWN
                arguments = {"content": content, "number": number, "scale": SCALE}
                png = pool.call(IMAGE, arguments) if drawn else b""
                pages.append(Shown(width, height, bytes(png)))
        elif result["documents"]:
            by_body = result["extractor"] == "body"
            text = pool.call(
                f"extraction.reader:{'body' if by_body else 'source'}_text", {"content": content}
            )
    except SandboxError as error:
        result["findings"].append(_finding(error.code, "Not every page of it could be drawn."))
    return picture(result, name=Path(_text(path)).name, pages=pages, text=text)


def _summary(result: dict[str, Any]) -> str:
    told = [
        f"{document['doc_type']} {document['number'] or '(no number)'}, {len(document['lines'])} lines, "
        f"{len(document['findings'])} findings"
        for document in result["documents"]
    ]
    told += [finding["message"] for finding in result["findings"]]
    return f"{result['path']}: {'; '.join(told)}"
