"""Reads order documents out of files, without a database: one line of JSON per file."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from zalion.sandbox import Pool, SandboxError

MAX_BYTES = 64 << 20


class Command(BaseCommand):
    help = (
        "Read PATH (files, or folders with all files below) and print one line of JSON per file: path, extractor, "
        "documents, findings. A file that cannot be read gives a line with findings."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", nargs="+", type=Path)
        parser.add_argument(
            "--json", action="store_true", help="print JSON on a terminal, too, not a summary"
        )
        parser.add_argument("--jobs", type=int, default=1, help="how many files to read at once (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        paths = list(_files(options["path"]))
        jobs = max(1, options["jobs"])
        as_json = options["json"] or not self.stdout.isatty()
        with Pool(size=jobs) as pool, ThreadPoolExecutor(jobs) as threads:
            for count, result in enumerate(threads.map(lambda path: _read(pool, path), paths), start=1):
                self.stdout.write(json.dumps(result, ensure_ascii=False) if as_json else _summary(result))
                self._progress(count, len(paths))

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
        payload = {"name": path.name, "content": path.read_bytes()}
        result = pool.call("extraction.reader:read_plain", {"payload": payload})
    except OSError as error:
        return _failed(path, "file_unreadable", error.strerror or "The file cannot be read.")
    except SandboxError as error:
        return _failed(path, error.code, "Reading the file was ended before it was done.")
    return {
        "path": str(path),
        "extractor": result["extractor"],
        "documents": result["documents"],
        "findings": result["findings"],
    }


def _failed(path: Path, code: str, message: str) -> dict[str, Any]:
    finding = {"code": code, "field": None, "severity": "error", "message": message}
    return {"path": str(path), "extractor": None, "documents": [], "findings": [finding]}


def _summary(result: dict[str, Any]) -> str:
    told = [
        f"{document['doc_type']} {document['number'] or '(no number)'}, {len(document['lines'])} lines, "
        f"{len(document['findings'])} findings"
        for document in result["documents"]
    ]
    told += [finding["message"] for finding in result["findings"]]
    return f"{result['path']}: {'; '.join(told)}"
