"""How well and how fast documents are read, per kind and field, beside what peers make of the same ones.

Run it with `make bench-extraction`. It reads the documents with truth beside the repository (shared/data/documents) and
scores them, and what the peers find in them, with the scorer there; PDF pages are read from their text layer only.
Kinds read by layout are split by a hash of their path into a half to develop on and one held out. `python
bench/extraction.py synthetic order-x` prints these kinds only; scans are read only when named, they take minutes.
"""

import ctypes
import hashlib
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import peers

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"
DOCUMENTS = SHARED / "data" / "documents"
SPLIT = ("synthetic", "order-x", "stylesheet", "real-layout")
SLOW = ("scan", "receipts")
# What of the pages the bare word extraction of pypdfium2 reads in a second must be read whole.
SPEED = 0.85
ROUNDS = 3
MANY = 1000
# Reads the files of a folder and prints the kilobytes it holds after a tenth of them and after all.
HOLDING = """
import logging, pathlib, re, sys
from extraction.reader import read
logging.disable(logging.CRITICAL)
paths = sorted(pathlib.Path(sys.argv[1]).iterdir())
for count, path in enumerate(paths, 1):
    read(path.name, path.read_bytes())
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


def table(
    score: ModuleType, name: str, entries: list[Entry], read: dict[str, Any], rival: peers.Run | None
) -> None:
    """One kind's figures, each beside what the peers reach on the very same documents."""
    parts = [("all", entries)]
    if name in SPLIT:
        parts += [
            ("develop", [item for item in entries if not is_held_out(item)]),
            ("held out", [item for item in entries if is_held_out(item)]),
        ]
    found = {path: documents[0].to_json() for path, documents in read.items() if documents}
    results = {part: score.score_all(items, found) for part, items in parts}
    theirs = {part: score.score_all(items, rival.documents) for part, items in parts if rival}
    print(f"\n{name}: {len(entries)} documents" + (f"; peers: {rival.names}" if rival else ""))
    for part, result in results.items():
        others = summary(theirs[part]) if theirs else {}
        print(f"  {part:<11}" + beside(summary(result), others, places=3))
    if name in peers.PUBLISHED:
        figures = beside(peers.PUBLISHED[name], {}, places=2)
        print(f"  published  {figures}: the peers on more such pages, not measured in this run")
    for part in ("header", "cells"):
        shares = [
            {key: share for key, (share, _) in (of["all"][part] if of else {}).items()}
            for of in (results, theirs)
        ]
        print(f"  {part:<11}" + beside(*shares, places=2))


def summary(result: dict[str, Any]) -> dict[str, float]:
    """Shares right. The nine fields are those that a template-free draft may have: not the kind, not the buyer."""
    return {
        "header": result["header_micro"],
        "nine fields": result["header_micro9"],
        "lines F1": result["lines"]["f1"],
        "all lines right": result["docs_all_lines_right"][0],
    }


def beside(ours: dict[str, float], theirs: dict[str, float], *, places: int) -> str:
    return ", ".join(
        f"{key} {share:.{places}f}" + (f" (peers {theirs[key]:.2f})" if key in theirs else "")
        for key, share in ours.items()
    )


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


def approvable(score: ModuleType, read: dict[str, Any], entries: list[Entry]) -> None:
    """Of the surest documents, how many have nothing wrong: first those that pass without a person, then the others by
    the least confidence of their values and by their own."""
    from extraction.confidence import confidences, passes_without_person

    papers: list[tuple[tuple[bool, float, float], bool]] = []
    for entry in entries:
        for extraction in read[entry["path"]][:1]:
            document = extraction.document
            least = min(confidences(document).values())
            rank = (passes_without_person(document), least, document.confidence)
            papers.append((rank, all_right(score, entry, extraction.to_json())))
    print("Documents as sure as that, share of all, share of these with every field and line right")
    steps = {(passing, least) for (passing, least, _), _ in papers}
    for passing, least in sorted(steps, reverse=True):
        reached = [right for rank, right in papers if rank >= (passing, least)]
        title = f"{'passing, ' if passing else ''}all values {least:.2f} or more"
        print(f"  {title:<34}{len(reached) / len(entries):5.2f} {sum(reached) / len(reached):.4f}")
    first_wrong = max((rank for rank, right in papers if not right), default=(False, -1.0, -1.0))
    share = sum(rank > first_wrong for rank, _ in papers) / len(entries)
    print(f"  could be approved without a person at zero wrong fields: {share:.2f} of the documents")


def judged(score: ModuleType, truth: dict[str, Any], found: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    yield from ((k, v) for k, v in score.score_doc(truth, found).items() if not k.startswith("_"))
    for here, there in score.align(truth.get("lines") or [], found["lines"]):
        line, hidden = truth["lines"][here], set(truth["lines"][here].get("_not_printed") or [])
        for cell in score.CELLS:
            if line.get(cell) is not None and cell not in hidden:
                value = found["lines"][there].get(cell)
                yield f"lines.{there}.{cell}", score.eq(cell, line[cell], value, line)


def speed(entries: list[Entry], rivals: Sequence[peers.Run]) -> None:
    """Pages per CPU second: ours from the bytes to the documents, beside words alone and beside the peers."""
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
    best = dict.fromkeys((what for what, _ in rows), float("inf"))
    for _ in range(ROUNDS):
        for what, work in rows:
            start = time.process_time()
            for content in contents:
                work(content)
            best[what] = min(best[what], time.process_time() - start)
    rates = {what: pages / seconds for what, seconds in best.items()}
    whole = rates["documents, read whole"]
    if rivals:
        plumbed = sum(rival.pages for rival in rivals)
        spent = Counter[str]()
        for rival in rivals:
            spent.update(rival.seconds)
        rates["pdfplumber, words"] = plumbed / (spent["characters"] + spent["words"])
        rates["peers, drafts and tables"] = plumbed / (spent.total() - spent["words"])
    print(f"\nSpeed: pages per CPU second on the text PDFs (best of {ROUNDS} rounds, the peers' only one),")
    print("and how many times as many of these are read whole")
    for what, rate in rates.items():
        print(f"  {what:<36}{rate:7.1f}{whole / rate:8.2f}")
    ratio = whole / rates["pypdfium2, words by its own calls"]
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


def endurance() -> None:
    """What one process holds after the first hundred different papers and after a thousand, and what a second core
    gives."""
    from tests.extraction.unseen.paper import paper

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{index:04}.pdf") for index in range(MANY)]
        for index, path in enumerate(paths):
            path.write_bytes(paper(1, index).pdf)
        held = ran([sys.executable, "-c", HOLDING, folder]).stdout.split()
        first, last = (int(kilobytes) / 1024 for kilobytes in held)
        print(f"\nMemory of one process, in MiB: {first:.0f} after {MANY // 10} different papers, ", end="")
        print(f"{last:.0f} after {MANY}, {last / first:.2f} times as much")
        seconds = {}
        few = [str(path) for path in paths[: MANY // 5]]
        for jobs in (1, 2):
            start = time.perf_counter()
            ran([sys.executable, "manage.py", "extract", "--json", "--jobs", str(jobs), *few])
            seconds[jobs] = time.perf_counter() - start
    times = seconds[1] / seconds[2]
    print(f"Two at once: {times:.2f} times as fast as one after the other (manage.py extract --jobs)")


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
    if not peers.installed():
        print("The peers are not installed; what stands beside our figures is what is published of them.")
    results: dict[str, dict[str, Any]] = {}
    rivals: dict[str, peers.Run] = {}
    for name, entries in chosen:
        results[name] = {
            item["path"]: read(item["path"], (DOCUMENTS / item["path"]).read_bytes()).documents
            for item in entries
        }
        if peers.installed() and (name in score.LAYOUT or name in SLOW):
            rivals[name] = peers.run(DOCUMENTS, [item["path"] for item in entries], recognise=name in SLOW)
        table(score, name, entries, results[name], rivals.get(name))
    print("\nStraight-through")
    for name, entries in chosen:
        passing(score, name, entries, results[name])
    pages = [(name, entries) for name, entries in chosen if name in SPLIT]
    if pages:
        every = {path: documents for name, _ in pages for path, documents in results[name].items()}
        curve(score, every, [item for _, entries in pages for item in entries])
        approvable(score, every, [item for _, entries in pages for item in entries])
        of_text = [rivals[name] for name, _ in pages if name in rivals]
        speed([item for _, entries in pages for item in entries], of_text)
        endurance()


if __name__ == "__main__":
    main(sys.argv[1:])
