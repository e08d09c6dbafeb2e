"""How well and how fast documents are read, per kind and field, beside what peers reach on such pages.

Run it with `make bench-extraction`. It reads the documents with truth beside the repository (shared/data/documents) and
scores them with the scorer there; PDF pages are read from their text layer only. Kinds read by layout are split by a
hash of their path into a half to develop on and one held out. `python bench/extraction.py synthetic order-x` prints
these kinds only; scans are read only when named, they take minutes.
"""

import ctypes
import hashlib
import importlib.util
import io
import json
import logging
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from types import ModuleType
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"
DOCUMENTS = SHARED / "data" / "documents"
SPLIT = ("synthetic", "order-x", "stylesheet", "real-layout")
SLOW = ("scan", "receipts")
# Header fields right by invoice2data's template-free drafts, lines by pdfplumber's tables with header words: measured
# once on the whole corpora (extraction-notes, section 3), of which the documents here are a part.
PEERS: dict[str, dict[str, float]] = {
    "synthetic": {"header": 0.34, "number": 0.06, "issue_date": 0.16, "order_reference": 0.0, "seller_name": 1.0,
                  "seller_vat_id": 0.89, "currency": 1.0, "net_total": 0.0, "tax_total": 0.0, "gross_total": 0.73,
                  "lines": 0.16, "documents": 0.01},
    "order-x": {"header": 0.21, "number": 0.0, "issue_date": 0.58, "order_reference": 0.0, "seller_name": 0.0,
                "seller_vat_id": 0.0, "currency": 1.0, "net_total": 0.0, "tax_total": 0.0, "gross_total": 1.0,
                "lines": 0.0, "documents": 0.0},
    "stylesheet": {"header": 0.31, "number": 0.42, "issue_date": 0.19, "order_reference": 0.0, "seller_name": 0.0,
                   "seller_vat_id": 0.73, "currency": 1.0, "net_total": 0.0, "tax_total": 0.0, "gross_total": 0.84,
                   "lines": 0.49, "documents": 0.39},
    "real-layout": {"header": 0.34, "number": 0.44, "issue_date": 0.26, "order_reference": 0.0, "seller_name": 0.73,
                    "seller_vat_id": 0.62, "currency": 1.0, "net_total": 0.0, "tax_total": 0.0, "gross_total": 0.53,
                    "lines": 0.25, "documents": 0.2},
    "scan": {"header": 0.31, "number": 0.19, "issue_date": 0.11, "gross_total": 0.73, "lines": 0.0},
}  # fmt: skip
# What of the pages the bare word extraction of pypdfium2 reads in a second must be read whole.
SPEED = 0.85
ROUNDS = 3
MANY = 1000
# Reads the files named and prints the kilobytes it holds after a tenth of them and after all.
HOLDING = """
import logging, pathlib, re, sys
from extraction.reader import read
logging.disable(logging.CRITICAL)
paths = sys.argv[1:]
for count, path in enumerate(paths, 1):
    read(path, pathlib.Path(path).read_bytes())
    if count in (len(paths) // 10, len(paths)):
        print(re.search(r"VmRSS:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
"""

Entry = dict[str, Any]


def groups(score: ModuleType, wanted: Sequence[str]) -> Iterator[tuple[str, list[Entry]]]:
    manifest = json.loads((DOCUMENTS / "manifest.json").read_text())
    for name, belongs in score.GROUPS.items():
        if name in wanted or (not wanted and name not in SLOW):
            kinds = {"pdf-text", "pdf-scan", "image-scan"}
            entries = [item for item in manifest if belongs(item)]
            yield name, [item for item in entries if name not in score.LAYOUT or item["kind"] in kinds]


def is_held_out(entry: Entry) -> bool:
    return int(hashlib.sha256(entry["path"].encode()).hexdigest(), 16) % 2 == 1


def table(score: ModuleType, name: str, entries: list[Entry], read: dict[str, Any]) -> None:
    """One kind's figures, each beside the peers' where there is one."""
    peers = PEERS.get(name, {})
    parts = [("", entries)]
    if name in SPLIT:
        parts += [
            ("develop", [item for item in entries if not is_held_out(item)]),
            ("held out", [item for item in entries if is_held_out(item)]),
        ]
    found = {path: documents[0].to_json() for path, documents in read.items() if documents}
    print(f"\n{name}: {len(entries)} documents")
    for part, items in parts:
        result = score.score_all(items, found)
        lines, whole = result["lines"], result["docs_all_lines_right"]
        print(
            f"  {part or 'all':<10}header {result['header_micro']:.3f}{beside(peers, 'header')}"
            f"  lines F1 {lines['f1']:.3f}{beside(peers, 'lines')}"
            f"  all lines right {whole[0]:.3f}{beside(peers, 'documents')}"
        )
    result = score.score_all(entries, found)
    for title, values in (("fields", result["header"]), ("cells", result["cells"])):
        shown = [f"{key} {share:.2f}{beside(peers, key)}" for key, (share, _) in values.items()]
        print(f"  {title:<10}" + ", ".join(shown))


def beside(peers: dict[str, float], key: str) -> str:
    return f" (peers {peers[key]:.2f})" if key in peers else ""


def passing(score: ModuleType, name: str, entries: list[Entry], read: dict[str, Any]) -> None:
    """Straight-through: what the system would pass without a person, and what of that is wrong."""
    from extraction.confidence import passes_without_person

    passed = wrong = 0
    for entry in entries:
        documents = read[entry["path"]]
        if documents and passes_without_person(documents[0].document):
            passed += 1
            wrong += not all_right(score, entry, documents[0].to_json())
    if passed:
        share, errors = passed / len(entries), wrong / passed
        print(f"  {name:<14}{share:6.2f} passed without a person, {errors:.3f} of these with anything wrong")


def all_right(score: ModuleType, entry: Entry, found: dict[str, Any]) -> bool:
    result = score.score_doc(truth_of(entry), found)
    right, expected, given = result.get("_lines", (0, 0, 0))
    return right == expected == given and all(v for k, v in result.items() if not k.startswith("_"))


def truth_of(entry: Entry) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((DOCUMENTS / entry["truth"]).read_text())
    return truth


def curve(score: ModuleType, read: dict[str, Any], entries: list[Entry]) -> None:
    """Calibration: of the values said to be so sure, how many are right."""
    from extraction.confidence import confidences

    bins: dict[float, list[bool]] = defaultdict(list)
    for entry in entries:
        for extraction in read[entry["path"]][:1]:
            sure, found, truth = confidences(extraction.document), extraction.to_json(), truth_of(entry)
            for path, right in judged(score, truth, found):
                if path in sure:
                    bins[sure[path]].append(right)
    print("\nCalibration: confidence said, values, share right")
    for said in sorted(bins):
        print(f"  {said:.2f} {len(bins[said]):7} {sum(bins[said]) / len(bins[said]):.4f}")
    high = [right for said, values in bins.items() if said > 0.95 for right in values]
    print(f"  above 0.95: {len(high)} values, {sum(high) / max(1, len(high)):.4f} right")


def judged(score: ModuleType, truth: dict[str, Any], found: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    yield from ((k, v) for k, v in score.score_doc(truth, found).items() if not k.startswith("_"))
    for here, there in score.align(truth.get("lines") or [], found["lines"]):
        line, hidden = truth["lines"][here], set(truth["lines"][here].get("_not_printed") or [])
        for cell in score.CELLS:
            if line.get(cell) is not None and cell not in hidden:
                value = found["lines"][there].get(cell)
                yield f"lines.{there}.{cell}", score.eq(cell, line[cell], value, line)


def speed(entries: list[Entry]) -> None:
    """Pages per CPU second: ours from the bytes to the documents, beside words alone."""
    import pypdfium2

    from extraction.extractor import Source
    from extraction.registry import load

    extractor = load("pdf")
    contents = [(DOCUMENTS / item["path"]).read_bytes() for item in entries]
    pages = sum(len(pypdfium2.PdfDocument(content)) for content in contents)
    rows: list[tuple[str, Callable[[bytes], object]]] = [
        ("pypdfium2, words by its own calls", bare_words),
        ("pypdfium2, words by raw calls", raw_words),
        ("documents, read whole", lambda content: extractor.extract(Source.of("page.pdf", content))),
    ]
    if importlib.util.find_spec("pdfplumber"):
        rows.append(("pdfplumber, words", plumbed_words))
    best = dict.fromkeys((what for what, _ in rows), float("inf"))
    for _ in range(ROUNDS):
        for what, work in rows:
            start = time.process_time()
            for content in contents:
                work(content)
            best[what] = min(best[what], time.process_time() - start)
    print(f"\nSpeed: pages per CPU second on the text PDFs, the best of {ROUNDS} rounds")
    rates = {what: pages / seconds for what, seconds in best.items()}
    for what, rate in rates.items():
        print(f"  {what:<36}{rate:7.1f}")
    ratio = rates["documents, read whole"] / rates["pypdfium2, words by its own calls"]
    print(f"  documents to bare words: {ratio:.2f} (asked: {SPEED})")


def bare_words(content: bytes) -> None:
    """Words with boxes through pypdfium2's documented calls."""
    import pypdfium2

    document = pypdfium2.PdfDocument(content)
    for page in document:
        text = page.get_textpage()
        words: list[list[Any]] = []
        fresh = True
        for index in range(text.count_chars()):
            char = text.get_text_range(index, 1)
            if char.isspace():
                fresh = True
                continue
            joined(words, char, text.get_charbox(index, loose=True), fresh=fresh)
            fresh = False
    document.close()


def raw_words(content: bytes) -> None:
    """The same through ctypes, two calls for each character."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    document = pypdfium2.PdfDocument(content)
    rect = pdfium.FS_RECTF()
    pointer = ctypes.byref(rect)
    for page in document:
        text = page.get_textpage()
        words: list[list[Any]] = []
        fresh = True
        for index in range(pdfium.FPDFText_CountChars(text.raw)):
            code = pdfium.FPDFText_GetUnicode(text.raw, index)
            if code <= 32 or code == 160:
                fresh = True
                continue
            pdfium.FPDFText_GetLooseCharBox(text.raw, index, pointer)
            joined(words, chr(code), (rect.left, rect.bottom, rect.right, rect.top), fresh=fresh)
            fresh = False
    document.close()


def joined(words: list[list[Any]], char: str, box: tuple[float, ...], *, fresh: bool) -> None:
    last = words[-1] if words else None
    if last and not fresh and box[0] - last[2] < 0.22 * (box[3] - box[1]) and abs(box[1] - last[1]) < 2:
        last[2], last[4] = box[2], last[4] + char
    else:
        words.append([*box, char])


def plumbed_words(content: bytes) -> None:
    import pdfplumber

    with pdfplumber.open(io.BytesIO(content)) as document:
        for page in document.pages:
            page.extract_words()


def endurance(entries: list[Entry]) -> None:
    """What one process holds after the first hundred documents and after a thousand, and what a second core gives."""
    paths = list(islice(cycle(str(DOCUMENTS / item["path"]) for item in entries), MANY))
    held = ran([sys.executable, "-c", HOLDING, *paths]).stdout.split()
    first, last = (int(kilobytes) / 1024 for kilobytes in held)
    print(f"\nMemory of one process, in MiB: {first:.0f} after {MANY // 10} documents, ", end="")
    print(f"{last:.0f} after {MANY}, {last / first:.2f} times as much")
    seconds = {}
    for jobs in (1, 2):
        start = time.perf_counter()
        ran([sys.executable, "manage.py", "extract", "--json", "--jobs", str(jobs), *paths[: MANY // 5]])
        seconds[jobs] = time.perf_counter() - start
    print(
        f"Two at once: {seconds[1] / seconds[2]:.2f} times as fast as one after the other (manage.py extract --jobs)"
    )


def ran(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)


def main(wanted: list[str]) -> None:
    if not DOCUMENTS.exists():
        print(
            f"The documents with truth are not there ({DOCUMENTS.relative_to(REPOSITORY.parent)}): nothing to measure."
        )
        return
    sys.path.insert(0, str(REPOSITORY))
    logging.disable(logging.CRITICAL)
    from extraction.reader import read
    from tests.extraction.scoring import scorer

    score = scorer(SHARED)
    chosen = list(groups(score, wanted))
    results: dict[str, dict[str, Any]] = {}
    for name, entries in chosen:
        results[name] = {
            item["path"]: read(item["path"], (DOCUMENTS / item["path"]).read_bytes()).documents
            for item in entries
        }
        table(score, name, entries, results[name])
    print("\nStraight-through")
    for name, entries in chosen:
        passing(score, name, entries, results[name])
    pages = [(name, entries) for name, entries in chosen if name in SPLIT]
    if pages:
        every = {path: documents for name, _ in pages for path, documents in results[name].items()}
        curve(score, every, [item for _, entries in pages for item in entries])
        speed([item for _, entries in pages for item in entries])
        endurance([item for _, entries in pages for item in entries])


if __name__ == "__main__":
    main(sys.argv[1:])
