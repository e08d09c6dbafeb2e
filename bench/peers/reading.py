"""What invoice2data and pdfplumber make of the files named on standard input; runs in their own virtual environment."""

import io
import json
import logging
import os
import re
import resource
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pdfplumber
import pypdfium2
from invoice2data.extract.candidates import find_candidates
from invoice2data.extract.invoice_template import OPTIONS_DEFAULT
from invoice2data.extract.labels import find_labeled_fields
from invoice2data.extract.suggestions import suggest_fields
from invoice2data.input import pdfium, pdftotext
from pdfplumber.utils.exceptions import PdfminerException

from extraction.layout.lexicon import lexicon, tokens_of

# Dots to the inch at which pages without text are recognised, and the languages suppliers write in.
DPI = 300
LANGUAGES = {"deu", "eng", "fra", "ita", "spa", "nld"}
CELLS = {
    "pos",
    "seller_article",
    "buyer_article",
    "description",
    "quantity",
    "unit_price",
    "line_total",
    "delivery_date",
}
FIGURES = {"quantity", "unit_price", "line_total"}
# A row of a table is its header when it names so many columns, and so many of them hold figures.
NAMED = 3
COUNTED = 2
STRATEGIES: tuple[dict[str, str], ...] = (
    {"vertical_strategy": "lines", "horizontal_strategy": "lines"},
    {"vertical_strategy": "text", "horizontal_strategy": "text"},
)

Document = dict[str, Any]
Row = list[str]


def main() -> None:
    logging.disable(logging.CRITICAL)
    wanted = json.load(sys.stdin)
    spent: dict[str, float] = defaultdict(float)
    documents, pages = {}, 0
    for path in wanted["paths"]:
        if wanted["recognise"]:
            with counted(spent, "recognition"):
                text = recognised(Path(path))
            found: list[Document] = []
        else:
            with counted(spent, "text"):
                text = printed(path)
            found, count = lines_of(path, spent)
            pages += count
        with counted(spent, "drafts"):
            documents[path] = {**drafted(text), "lines": found}
    names = ", ".join(f"{name} {version(name)}" for name in ("invoice2data", "pdfplumber"))
    json.dump({"names": names, "documents": documents, "pages": pages, "seconds": spent}, sys.stdout)


@contextmanager
def counted(spent: dict[str, float], what: str) -> Iterator[None]:
    """Adds the CPU seconds of the block, those of the programs it starts among them."""
    start = cpu()
    yield
    spent[what] += cpu() - start


def cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def printed(path: str) -> str:
    """The text of a PDF by invoice2data's reader that keeps the layout, or else by its other one."""
    return str((pdftotext if pdftotext.is_available() else pdfium).to_text(path))


def drafted(text: str) -> Document:
    """The header as invoice2data drafts it for a supplier it has no template of (`suggested_template`): labelled
    values, but the earliest date and the largest amount, and the first line for the issuer; currency as its templates
    have it unless they say otherwise."""
    typed = {name: candidate.parsed for name, candidate in suggest_fields(find_candidates(text)).items()}
    labelled = {}
    for name, match in find_labeled_fields(text).items():
        value = match.value
        for pattern, replacement in match.cleanup:
            value = re.sub(pattern, replacement, value)
        labelled[name] = value
    date, amount = typed.get("date"), typed.get("amount")
    return {
        "number": labelled.get("invoice_number"),
        "issue_date": date.date().isoformat() if date else None,
        "seller_name": next((line.strip() for line in text.splitlines() if line.strip()), None),
        "seller_vat_id": labelled.get("vat", typed.get("vat")),
        "currency": OPTIONS_DEFAULT["currency"],
        "gross_total": None if amount is None else f"{amount:.2f}",
    }


def lines_of(path: str, spent: dict[str, float]) -> tuple[list[Document], int]:
    """The order lines in the tables pdfplumber finds by their rulings, or in none of these by how the words stand; and
    the pages it read."""
    found: list[Document] = []
    try:
        with pdfplumber.open(path) as document:
            with counted(spent, "characters"):
                for page in document.pages:
                    page.chars  # noqa: B018 - read on the first access, and kept
            with counted(spent, "words"):
                for page in document.pages:
                    page.extract_words()
            with counted(spent, "tables"):
                for settings in STRATEGIES:
                    tables = [table for page in document.pages for table in page.extract_tables(settings)]
                    found = found or list(lines(tables))
            return found, len(document.pages)
    except PdfminerException:
        return [], 0


def lines(tables: Iterable[list[list[str | None]]]) -> Iterator[Document]:
    """The rows below a header as order lines. A header may go on over rows without figures, and a table without one
    goes on where the table before had as many columns."""
    heads: Row = []
    begun = False
    for table in tables:
        for cells in table:
            row = [cell or "" for cell in cells]
            if named(row):
                heads, begun = row, False
            elif len(heads) != len(row):
                continue
            elif not begun and not any(map(str.isdigit, "".join(row))):
                heads = [f"{head} {cell}" for head, cell in zip(heads, row, strict=True)]
            elif line := line_of(named(heads) or [], row):
                begun = True
                yield line


def named(row: Row) -> list[str] | None:
    """What the columns of a header are, by words from our own lexicons; a description that no word names is the first
    column left over. None where the row is no header."""
    names: list[str] = []
    for cell in row:
        means = [name for name in meanings(cell) if name in CELLS and name not in names]
        names.append(means[0] if means else "")
    known = set(names) - {""}
    if len(known) < NAMED or len(known & FIGURES) < COUNTED:
        return None
    if "description" not in known and "" in names:
        names[names.index("")] = "description"
    return names


def meanings(cell: str) -> tuple[str, ...]:
    tokens, columns = tokens_of(cell), lexicon("en").columns
    return columns.exact(tokens) or next(
        (match.names for start in range(len(tokens)) if (match := columns.at(tokens, start))), ()
    )


def line_of(names: list[str], row: Row) -> Document | None:
    """The row as an order line, if it has all the amounts that the header names a column for."""
    line: Document = {}
    for name, cell in zip(names, row, strict=True):
        if name and cell.strip():
            line[name] = figure(cell) if name in FIGURES else " ".join(cell.split())
    return line if all(line.get(name) for name in FIGURES & set(names)) else None


def figure(cell: str) -> str | None:
    """The first number of a cell: a separator before three figures alone is one of thousands."""
    found = re.search(r"-?\d[\d.,' ]*", cell)
    if found is None:
        return None
    digits = re.sub(r"[' ]", "", found[0]).rstrip(".,")
    whole, mark, rest = digits.rpartition(max(".,", key=digits.rfind))
    if not mark or (len(rest) == 3 and whole.count(mark) == len(re.findall("[.,]", whole))):
        return re.sub("[.,]", "", digits)
    return re.sub("[.,]", "", whole) + "." + rest


def recognised(path: Path) -> str:
    """The text of a scan by Tesseract; PDF pages are rendered first."""
    languages = sorted(LANGUAGES & set(ran(["tesseract", "--list-langs"]).split()))
    command = ["-", "--psm", "3", "-l", "+".join(languages or ["eng"]), "-c", "preserve_interword_spaces=1"]
    if path.suffix != ".pdf":
        return ran(["tesseract", str(path), *command])
    return "\f".join(ran(["tesseract", "-", *command], page) for page in rendered(path))


def rendered(path: Path) -> Iterator[bytes]:
    for page in pypdfium2.PdfDocument(path):
        buffer = io.BytesIO()
        page.render(scale=DPI / 72, grayscale=True).to_pil().save(buffer, "png")
        yield buffer.getvalue()


def ran(command: list[str], given: bytes | None = None) -> str:
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(command, input=given, capture_output=True, env=environment, check=True)
    return done.stdout.decode()


if __name__ == "__main__":
    main()
