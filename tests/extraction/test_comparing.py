"""Two readings side by side: values, lines and findings that differ, who is right, and what people corrected."""

from typing import Any

from extraction import comparing
from extraction.comparing import Key, Truth
from extraction.schemas import CanonicalDocument, Evidence, Extraction, Line
from extraction.validation import validate


def line(article: str, quantity: str = "1", **more: str) -> dict[str, Any]:
    return Line.from_json({"seller_article": article, "quantity": quantity, **more}).to_json()


def reading(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    document = CanonicalDocument.from_json({"lines": list(lines), "number": "AB-1", **fields})
    findings = tuple(validate(document))
    data = CanonicalDocument.from_json(document.to_json() | {"findings": [f.to_json() for f in findings]})
    evidence = {"number": Evidence(text="AB-1", offset=0)}
    evidence |= {
        f"lines.{n}.quantity": Evidence(text=item["quantity"], offset=n) for n, item in enumerate(lines)
    }
    return Extraction(document=data, evidence=evidence).to_json()


def test_values_that_changed_came_or_went_are_told_apart_from_those_that_say_the_same() -> None:
    old = reading(line("A", "2.50"), net_total="10.00", currency="EUR", seller_name="Nord  GmbH")
    new = reading(line("A", "2.5"), net_total="12", incoterm="DAP", seller_name="Nord GmbH")
    compared = comparing.compare(old, new)
    assert {(item.name, item.kind) for item in compared.fields} == {
        ("net_total", "changed"),
        ("currency", "lost"),
        ("incoterm", "added"),
    }
    # Kind, number, supplier, and two cells of the line.
    assert compared.counts() == {"changed": 1, "added": 1, "lost": 1, "same": 5}


def test_lines_stand_beside_those_they_are_though_others_came_between() -> None:
    old = reading(line("A"), line("B", "2"), line("C"))
    new = reading(line("A"), line("X"), line("B", "3"), line("C"))
    pairs = [(item.old, item.new, item.kind) for item in comparing.compare(old, new).lines]
    assert pairs == [(0, 0, "same"), (None, 1, "added"), (1, 2, "changed"), (2, 3, "same")]
    assert comparing.align(old["lines"], []) == [(0, None), (1, None), (2, None)]


def test_lines_without_anything_that_tells_them_apart_are_paired_by_position() -> None:
    blank = dict.fromkeys(comparing.CELLS)
    assert comparing.align([blank, blank], [blank, blank, blank]) == [(0, 0), (1, 1), (None, 2)]


def test_findings_that_came_and_went_are_named() -> None:
    old = reading(line("A", "2", unit_price="5", line_total="11"))
    new = reading(line("A", "2", unit_price="5", line_total="10"))
    compared = comparing.compare(old, new)
    assert [finding["code"] for finding in compared.gone] == ["line_total_mismatch"]
    assert compared.come == ()


def test_what_people_corrected_says_which_reading_is_right() -> None:
    old, new = reading(line("A", "2"), net_total="1", incoterm="X"), reading(line("A", "3"), net_total="2")
    current = reading(line("A", "3"), net_total="9", incoterm="X")
    truth = Truth(current, comparing.corrections(old, current))
    compared = comparing.compare(old, new, truth)
    right = {item.name: item.right for item in (*compared.fields, *compared.lines[0].differences)}
    assert right == {"net_total": "neither", "incoterm": "", "quantity": "new"}
    assert compared.verdicts() == {"old": 0, "new": 1, "neither": 1}


def test_corrections_are_known_through_lines_that_people_dropped_and_added() -> None:
    machine = reading(line("A"), line("B", "2"), line("C", "3"))
    current = reading(line("B", "2"), line("C", "4"), line("D"))
    current["lines"].append(line("E"))
    found = comparing.corrections(machine, current)
    assert {path for path in found if path.startswith(("lines.0", "lines.1"))} == {"lines.1.quantity"}
    assert {"lines.2.seller_article", "lines.3.quantity"} <= found


def test_a_newer_reading_keeps_what_people_corrected_and_can_be_taken_back() -> None:
    old, new = (
        reading(line("A", "2"), line("B")),
        reading(line("X"), line("A", "5"), line("B"), currency="EUR"),
    )
    corrected = reading(line("A", "7"), line("B"), net_total="9")
    corrected["evidence"].pop("lines.0.quantity")
    taken = comparing.carried_over(old, corrected, new)
    assert [item["quantity"] for item in taken["lines"]] == ["1", "7", "1"]
    assert (taken["net_total"], taken["currency"]) == ("9", "EUR")
    assert "lines.1.quantity" not in taken["evidence"]
    assert "lines.2.quantity" in taken["evidence"]
    assert comparing.carried_over(new, taken, old) == corrected
    assert comparing.carried_over(old, old, new) == new


def test_lines_that_people_added_or_dropped_stay_as_they_left_them() -> None:
    old, new = reading(line("A"), line("B")), reading(line("A", "4"), line("B"), line("C"), currency="EUR")
    current = reading(line("A"), line("B"), line("Freight"))
    taken = comparing.carried_over(old, current, new)
    assert [item["seller_article"] for item in taken["lines"]] == ["A", "B", "Freight"]
    assert taken["currency"] == "EUR"
    fewer = reading(line("A"))
    assert comparing.carried_over(old, fewer, new)["lines"] == fewer["lines"]


def test_changes_say_for_the_history_what_came_of_what() -> None:
    old, new = reading(line("A"), line("B")), reading(line("A", "2"), line("C"), line("D"), currency="EUR")
    told = comparing.changes(old, new)
    assert told["currency"] == {"from": None, "to": "EUR"}
    assert told["lines.0.quantity"] == {"from": "1", "to": "2"}
    assert told["lines.1.seller_article"] == {"from": "B", "to": "C"}
    assert told["lines.+.2"]["to"]["seller_article"] == "D"


def test_a_document_is_known_again_by_its_number_or_by_its_source_and_each_only_once() -> None:
    old = [Key("s1", "order", "1"), Key("s1", "order", "2"), Key("s2", "invoice", "")]
    new = [
        Key("s1", "order", "2"),
        Key("s1", "invoice", "1"),
        Key("s2", "order", "9"),
        Key("s1", "order", ""),
    ]
    assert comparing.pairs(old, new) == {0: 1, 1: 0, 2: 2}
    assert comparing.pairs([Key("", "order", "")], [Key("", "order", "x")]) == {}
