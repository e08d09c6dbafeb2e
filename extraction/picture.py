"""The picture of a reading: one HTML file that needs nothing else, with every value, its place, and why."""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from extraction import places
from extraction.forms import HEADER_GROUPS, LINE_COLUMNS

MAX_TEXT: Final = 200_000  # characters of a source without pages that are shown
_STYLES: Final = ("style/tokens.css", "style/explain.css")
_MARGIN: Final = 1.5  # points between a value's print and its box
_SIZE: Final = (
    5.5  # points of a label's letters, as static/style/explain.css has it, which are about half as wide
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of the source: its size in points, and its PNG where it could be drawn."""

    width: float
    height: float
    png: bytes = b""


@dataclass(frozen=True, slots=True)
class Value:
    """One value: what it was read as, what stands there, where that is, why it was taken, how sure it is."""

    path: str
    anchor: str
    label: str
    value: str
    place: Mapping[str, Any]
    why: Sequence[str]
    sure: float | None
    findings: Sequence[Mapping[str, Any]]
    marked: str = ""
    """The anchor of its piece of the text, where the source has no pages: several values may stand in one place."""

    @property
    def path_end(self) -> str:
        """The last steps of a long path in the data, which say what it is."""
        path = str(self.place.get("path") or "")
        steps = path.split("/")
        return f"…/{'/'.join(steps[-2:])}" if len(steps) > 3 else path

    @property
    def said(self) -> str:
        """All of it in one sentence, for who points at the box or hears it."""
        certain = [] if self.sure is None else [f"{self.sure * 100:.0f} % sure"]
        found = [str(finding["message"]) for finding in self.findings]
        return "; ".join([f"{self.label}: {self.value}", *self.why, *certain, *found])


def picture(result: Mapping[str, Any], *, name: str, pages: Sequence[Shown], text: str = "") -> str:
    """The HTML for `explaining.explain_plain`'s result about the file ``name``; ``text`` where it has no pages."""
    evidence = {
        _anchor(number, path): place
        for number, data in enumerate(result["documents"], start=1)
        for path, place in data["evidence"].items()
    }
    pieces = places.pieces(text[:MAX_TEXT], evidence) if text else []
    marked = {anchor: piece.fields.split()[0] for piece in pieces for anchor in piece.fields.split()}
    documents = [_Pictured(number, data, marked) for number, data in enumerate(result["documents"], start=1)]
    context = {
        "name": name,
        "result": result,
        "styles": _styles(),
        "documents": documents,
        "pages": [_page(number, page, documents) for number, page in enumerate(pages, start=1)],
        "pieces": [(piece.text, piece.fields.partition(" ")[0]) for piece in pieces],
        "cut": len(text) > MAX_TEXT,
    }
    return render_to_string("extraction/explain.html", context)


def _styles() -> SafeString:
    """Our own style sheets, to stand in the file itself."""
    found = [Path(str(finders.find(name))).read_text("utf-8") for name in _STYLES]
    return mark_safe("\n".join(found))  # noqa: S308 - files of this repository, nothing of a supplier's


def _anchor(number: int, path: str) -> str:
    return f"d{number}-{path}"


@dataclass(frozen=True, slots=True)
class _Pictured:
    """One document of the file, as the template shows it."""

    number: int
    data: Mapping[str, Any]
    marked: Mapping[str, str]

    def groups(self) -> Iterator[tuple[str, list[Value]]]:
        for title, fields in HEADER_GROUPS:
            values = [self._value(name, label, self.data[name]) for name, label in fields if self.data[name]]
            if values:
                yield title, values

    def lines(self) -> Iterator[dict[str, Any]]:
        for index, line in enumerate(self.data["lines"]):
            path = f"lines.{index}"
            values = [
                self._value(f"{path}.{name}", label, line[name])
                for name, label in LINE_COLUMNS
                if line[name] is not None
            ]
            yield {"number": index + 1, "values": values, "findings": self._about(path)}

    def loose_findings(self) -> list[Mapping[str, Any]]:
        """What is said of the whole document, or of a value that was not found."""
        shown = {value.path for _, values in self.groups() for value in values}
        for index, line in enumerate(self.lines()):
            shown |= {f"lines.{index}", *(value.path for value in line["values"])}
        return [finding for finding in self.data["findings"] if finding["field"] not in shown]

    def _about(self, path: str) -> list[Mapping[str, Any]]:
        return [finding for finding in self.data["findings"] if finding["field"] == path]

    def _value(self, path: str, label: str, value: str) -> Value:
        anchor = _anchor(self.number, path)
        return Value(
            path=path,
            anchor=anchor,
            label=label,
            value=value.replace("_", " ") if path == "doc_type" else value,
            place=self.data["evidence"].get(path, {}),
            why=self.data["why"].get(path, ()),
            sure=self.data["sure"].get(path),
            findings=self._about(path),
            marked=self.marked.get(anchor, ""),
        )


def _page(number: int, page: Shown, documents: Sequence[_Pictured]) -> dict[str, Any]:
    kinds = {title: f"kind-{index}" for index, (title, _) in enumerate(HEADER_GROUPS)}
    boxes: list[dict[str, Any]] = []
    for document in documents:
        for line in document.lines():
            boxes += _around(number, line)
        for title, values in document.groups():
            boxes += [_box(value, kinds[title]) for value in _standing(number, values)]
        for line in document.lines():
            boxes += [_box(value, "kind-cell") for value in _standing(number, line["values"])]
    for box in boxes:
        if box.get("kind", "kind-cell") != "kind-cell":
            box["label"] = _label(box, boxes, page.width)
    image = f"data:image/png;base64,{b64encode(page.png).decode()}" if page.png else ""
    return {"number": number, "width": page.width, "height": page.height, "image": image, "boxes": boxes}


def _standing(number: int, values: Sequence[Value]) -> Iterator[Value]:
    """Those of the values that stand on the page."""
    return (value for value in values if value.place.get("box") and value.place.get("page") == number)


def _box(value: Value, kind: str) -> dict[str, Any]:
    return {"value": value, "kind": kind, **_frame([value.place["box"]], _MARGIN)}


def _label(box: Mapping[str, Any], boxes: Sequence[Mapping[str, Any]], width: float) -> dict[str, Any] | None:
    """Where the label of a box is written: beside or above it, where it hides no other box; nowhere if there is no such
    place."""
    long = len(box["value"].label) * _SIZE * 0.55
    right, middle = box["x"] + box["width"] + _MARGIN, box["y"] + box["height"] / 2 + _SIZE / 3
    places = (
        {"x": right, "y": middle, "left": right},
        {"x": box["x"], "y": box["y"] - _MARGIN, "left": box["x"]},
        {"x": box["x"] - _MARGIN, "y": middle, "left": box["x"] - _MARGIN - long, "end": True},
    )
    others = [other for other in boxes if "value" in other and other is not box]
    for place in places:
        left, bottom = place["left"], place["y"]
        hidden = any(
            other["x"] < left + long
            and left < other["x"] + other["width"]
            and other["y"] < bottom
            and bottom - _SIZE < other["y"] + other["height"]
            for other in others
        )
        if not hidden and left >= 0 and left + long <= width:
            return {**place, "x": round(place["x"], 1), "y": round(place["y"], 1)}
    return None


def _around(number: int, line: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The frame around all that was read of a line on the page."""
    # A delivery date may be the document's own, printed far from the line.
    own = [value for value in _standing(number, line["values"]) if not value.path.endswith("delivery_date")]
    if own:
        yield {"line": line["number"], **_frame([value.place["box"] for value in own], 2 * _MARGIN)}


def _frame(boxes: Sequence[Sequence[float]], margin: float) -> dict[str, float]:
    x, y = min(box[0] for box in boxes) - margin, min(box[1] for box in boxes) - margin
    right, bottom = max(box[2] for box in boxes) + margin, max(box[3] for box in boxes) + margin
    return {"x": round(x, 1), "y": round(y, 1), "width": round(right - x, 1), "height": round(bottom - y, 1)}
