"""`manage.py extract --explain FILE` writes one file that shows every value, where it stood, and why it was taken."""

import re
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from extraction import picture
from extraction.explaining import explain_plain
from extraction.picture import Value
from tests.extraction.paper import Paper

EDI = (
    "UNB+UNOC:3+S:14+R:14+251215:1012+1'UNH+1+ORDRSP:D:96A:UN:EAN005'BGM+231+OC-7+29'DTM+137:20251215:102'"
    "NAD+SU+1::9++Bolt Ltd'CUX+2:EUR:4'LIN+1+5+4012345000000:EN'QTY+21:8:PCE'PRI+AAA:2.5'UNS+S'UNT+9+1'UNZ+1+1'"
)


class Parts(HTMLParser):
    """The tags of a page with their attributes, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]


def drawn(tmp_path: Path, name: str, content: bytes) -> Parts:
    (tmp_path / name).write_bytes(content)
    out = StringIO()
    call_command("extract", str(tmp_path / name), explain=True, stdout=out)
    written = tmp_path / f"{Path(name).stem}.explain.html"
    assert out.getvalue().strip() == str(written)
    return Parts(written.read_text("utf-8"))


def why(content: bytes) -> dict[str, Any]:
    told: dict[str, Any] = explain_plain({"name": "x", "content": content})["documents"][0]["why"]
    return told


def test_each_value_of_a_page_has_a_box_that_leads_to_it_and_back(tmp_path: Path) -> None:
    page = drawn(tmp_path, "ab.pdf", Paper().pdf())
    ids, links = page.all("id"), page.all("href")
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in links} <= set(ids)
    boxes = [
        attributes for tag, attributes in page.tags if tag == "a" and attributes["href"].startswith("#v-")
    ]
    assert {"b-d1-number", "b-d1-gross_total", "b-d1-lines.1.line_total"} <= {box["id"] for box in boxes}
    said = {box["id"]: box["aria-label"] for box in boxes}
    assert said["b-d1-number"].startswith("Number: F-2041; after “AB-Nr.:”; ")
    # Without a script, the box of the value that was led to is lit by a rule of its own.
    assert '[id="v-d1-number"]:target) [id="b-d1-number"]' in page.words
    frames = [tag for tag, attributes in page.tags if tag == "g" and attributes.get("class") == "line"]
    assert len(frames) == 2


def test_a_label_stands_where_it_hides_no_other_value() -> None:
    def box(label: str, x: float, y: float, width: float) -> dict[str, Any]:
        value = Value(label, label, label, "", {}, (), None, ())
        return {"value": value, "kind": "kind-0", "x": x, "y": y, "width": width, "height": 10.0}

    number, order, total = box("Number", 50, 50, 40), box("Our order", 50, 62, 40), box("Gross", 560, 200, 30)
    boxes = [number, order, total]
    beyond = [box("Buyer", 0, 100, 590), box("Kind", 0, 88, 590)]
    assert picture._label(order, boxes, 595) == {"x": 91.5, "y": 68.8, "left": 91.5}
    assert picture._label(total, boxes, 595) == {"x": 560, "y": 198.5, "left": 560}
    assert picture._label(beyond[0], beyond, 595) is None


def test_the_picture_fetches_nothing_and_runs_nothing(tmp_path: Path) -> None:
    hostile = "</style><script>alert(1)</script> & Söhne GmbH"
    page = drawn(tmp_path, "x<y>.pdf", Paper(buyer=(hostile, "Ring 1", "20095 Hamburg")).pdf())
    assert not {"script", "link", "iframe", "form", "object"} & {tag for tag, _ in page.tags}
    assert all(address.startswith("data:image/png;base64,") for address in page.all("src"))
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "default-src 'none'" in page.all("content")[2]
    assert "x<y>.pdf" in page.words


def test_the_label_the_heading_and_the_sums_behind_a_value_are_named() -> None:
    found = why(Paper().pdf())
    assert found["order_reference"] == ["after “Ihre Bestellung:”"]
    assert found["lines.0.quantity"] == ["under the heading “Menge”", "quantity × price is the line's total"]
    assert found["net_total"] == [
        "after “Nettobetrag”",
        "the lines add up to it",
        "net + tax is the gross total",
    ]
    assert found["seller_iban"] == ["known by its form, without a label"]


def test_a_heading_on_the_page_before_still_counts() -> None:
    rows = [("3", "F-30", "Blattfeder", "2", "Stk.", "10,00", "20,00")]
    assert why(Paper(pages=[rows]).pdf())["lines.2.unit_price"][0] == "under the heading “Einzelpreis”"


def test_a_source_without_pages_is_shown_as_text_with_its_places(tmp_path: Path) -> None:
    page = drawn(tmp_path, "oc.edi", EDI.encode())
    assert not page.all("src")
    assert "/UNH[1]/BGM[1]/2.1" in page.all("title")
    assert "…/BGM[1]/2.1" in page.words
    assert "the format says what stands there" in page.words
    assert EDI in page.words
    assert {link.removeprefix("#") for link in page.all("href")} <= set(page.all("id"))


def test_a_file_that_cannot_be_read_gives_a_picture_that_says_so(tmp_path: Path) -> None:
    page = drawn(tmp_path, "broken.pdf", b"%PDF-1.4 nothing")
    assert re.search(r"error\s+The PDF cannot be opened", page.words)
    assert "No document was found in it." in page.words


def test_one_file_is_drawn_and_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(Paper().pdf())
    with pytest.raises(CommandError, match="one file"):
        call_command("extract", str(tmp_path), explain=True)
    with pytest.raises(CommandError, match="--out"):
        call_command("extract", str(tmp_path / "a.pdf"), explain=True, out=tmp_path / "no" / "a.html")
