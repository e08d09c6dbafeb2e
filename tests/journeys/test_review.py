"""A person reviews documents in the browser: evidence, corrections by keyboard, decisions, two people at once."""

import re
from typing import Any

import pytest

from tests.journeys.conftest import House

pytestmark = pytest.mark.browser
_taken: set[str] = set()


def fresh(house: House, **wanted: Any) -> str:
    """A document that waits and that no other test of this file works on. Who does not ask for one with nothing
    found about it (``serious=0``) leaves those to who does."""
    for row in sorted(house.ask("known")["documents"], key=lambda row: -row["serious"]):
        waits = row["state"] in {"extracted", "in_review"} and row["key"] not in _taken and row["lines"] > 1
        if waits and all(row[name] == value for name, value in wanted.items()):
            _taken.add(row["key"])
            return str(row["key"])
    raise AssertionError("no document is left to review")


def test_the_place_of_the_selected_field_lights_up_on_the_page(house: House, visit: Any) -> None:
    rui = visit("rui")
    rui.open(f"/review/{fresh(house, media_type='application/pdf')}/")
    rui.page.get_by_label("Date", exact=True).focus()
    lit = rui.page.locator("rect.is-on")
    assert [spot.get_attribute("data-for") for spot in lit.all()] == ["issue_date"]
    box, page = lit.first.bounding_box(), rui.page.locator(".paper img").first.bounding_box()
    assert page["x"] < box["x"] < page["x"] + page["width"]
    assert page["y"] < box["y"] < page["y"] + page["height"]
    rui.page.locator("rect[data-for='number']").click()
    assert rui.page.evaluate("document.activeElement.name") == "number"


def test_the_place_of_a_value_in_xml_is_marked_in_its_text(house: House, visit: Any) -> None:
    rui = visit("rui")
    key = fresh(house, media_type="application/xml")
    rui.open(f"/review/{key}/")
    field = rui.page.locator("[name='lines.1.quantity']")
    field.focus()
    marked = rui.page.locator("mark.is-on").inner_text()
    assert float(marked) == float(field.input_value())
    assert "/OrderLine[2]/" in rui.page.locator("#place").get_attribute("title")
    assert "· …/" in rui.page.locator("#place").inner_text()


def test_a_correction_by_keyboard_is_saved_and_the_machines_reading_stays(house: House, visit: Any) -> None:
    rui = visit("rui")
    key = fresh(house, media_type="application/pdf")
    rui.open(f"/review/{key}/")
    first = rui.page.locator("[name='lines.0.quantity']")
    first.focus()
    rui.page.keyboard.press("ArrowDown")
    assert rui.page.evaluate("document.activeElement.name") == "lines.1.quantity"
    rui.page.keyboard.type("77")
    rui.page.keyboard.press("Alt+ArrowRight")
    assert rui.page.evaluate("document.activeElement.name") == "lines.1.unit"
    assert rui.page.locator("#unsaved").inner_text() == "1 unsaved"
    rui.page.keyboard.press("Control+s")
    rui.page.get_by_text("Saved.").wait_for()
    stored = house.ask("document", key=key)
    assert stored["current"]["lines"][1]["quantity"] == "77"
    assert stored["machine"]["lines"][1]["quantity"] != "77"
    assert rui.page.evaluate("document.activeElement.name") == "lines.1.unit"


def test_an_edit_is_taken_back_before_it_is_saved(house: House, visit: Any) -> None:
    rui = visit("rui")
    rui.open(f"/review/{fresh(house, media_type='application/pdf')}/")
    field = rui.page.get_by_label("Our order")
    was = field.input_value()
    field.fill("4711")
    rui.page.get_by_label("Customer no.").focus()
    rui.page.keyboard.press("Alt+z")
    assert field.input_value() == was
    field.fill("4712")
    rui.page.keyboard.press("Escape")
    assert field.input_value() == was
    assert rui.page.locator("#unsaved").inner_text() == ""


def test_lines_are_added_and_dropped(house: House, visit: Any) -> None:
    rui = visit("rui")
    key = fresh(house, media_type="application/pdf")
    before = house.ask("document", key=key)["current"]["lines"]
    rui.open(f"/review/{key}/")
    rui.page.locator("[name='lines.0.pos']").focus()
    rui.page.keyboard.press("Alt+Backspace")
    rui.page.get_by_role("button", name="Line", exact=True).click()
    rui.page.keyboard.type("990")
    rui.page.locator("[name='lines.+.1.description']").fill("Freight insurance")
    rui.page.get_by_role("button", name=re.compile("^Save")).click()
    rui.page.get_by_text("Saved.").wait_for()
    after = house.ask("document", key=key)["current"]["lines"]
    assert [line["pos"] for line in after] == [*(line["pos"] for line in before[1:]), "990"]
    assert after[-1]["description"] == "Freight insurance"


def test_a_value_that_cannot_be_is_refused_beside_its_field_and_kept(house: House, visit: Any) -> None:
    rui = visit("rui")
    key = fresh(house, media_type="application/pdf")
    version = house.ask("document", key=key)["version"]
    rui.open(f"/review/{key}/")
    rui.page.get_by_label("Date", exact=True).fill("yesterday")
    rui.page.keyboard.press("Control+s")
    rui.page.get_by_text("Nothing was saved.").wait_for()
    assert rui.page.get_by_label("Date", exact=True).input_value() == "yesterday"
    assert "2026-11-30" in rui.page.locator("#told-issue_date").inner_text()
    assert house.ask("document", key=key)["version"] == version
    rui.complaints.clear()  # the browser notes the status 422 of that answer


def test_approving_saves_what_was_typed_and_opens_the_next(house: House, visit: Any) -> None:
    rui = visit("rui")
    key = fresh(house, media_type="application/pdf", serious=0)
    rui.open(f"/review/{key}/")
    rui.page.get_by_label("Customer no.").fill("K-2000")
    rui.page.keyboard.press("Control+Enter")
    rui.page.get_by_text("Approved.").wait_for()
    assert key not in rui.page.url
    assert "/review/" in rui.page.url
    stored = house.ask("document", key=key)
    assert (stored["state"], stored["current"]["customer_number"]) == ("approved", "K-2000")


def test_what_a_correction_brings_up_is_shown_before_the_document_is_approved(
    house: House, visit: Any
) -> None:
    rui = visit("rui")
    key = fresh(house, media_type="application/pdf", serious=0)
    rui.open(f"/review/{key}/")
    rui.page.get_by_label("Gross", exact=True).fill("1.234,50")
    rui.page.keyboard.press("Control+Enter")
    rui.page.get_by_text("Saved and not approved").wait_for()
    stored = house.ask("document", key=key)
    assert (stored["state"], stored["current"]["gross_total"]) == ("in_review", "1234.5")
    rui.page.keyboard.press("Control+Enter")
    rui.page.get_by_text("Approved.").wait_for()
    assert house.ask("document", key=key)["state"] == "approved"


def test_decisions_need_the_keyboard_alone_and_the_last_can_be_taken_back(house: House, visit: Any) -> None:
    rui = visit("rui")
    key = fresh(house, media_type="application/pdf", serious=0)
    rui.open(f"/review/{key}/")
    rui.page.keyboard.press("Tab")
    assert rui.page.evaluate("document.activeElement.name") == "doc_type"
    rui.page.keyboard.press("Alt+r")
    rui.page.keyboard.type("Not ours.")
    rui.page.keyboard.press("Control+Enter")
    rui.page.get_by_text("Rejected.").wait_for()
    toast, acts = rui.page.locator(".toast").bounding_box(), rui.page.locator(".review-acts").bounding_box()
    assert toast["y"] + toast["height"] <= acts["y"]
    rui.page.keyboard.press("Alt+b")
    rui.page.wait_for_url(f"**/{key}/")
    rui.page.keyboard.press("Alt+o")
    rui.page.get_by_text("Reopened.").wait_for()
    assert house.ask("document", key=key)["state"] == "in_review"


def test_a_rejection_asks_for_its_reason_and_can_be_reopened(house: House, visit: Any) -> None:
    rui = visit("rui")
    key = fresh(house, media_type="application/pdf")
    rui.open(f"/review/{key}/")
    rui.page.keyboard.press("Alt+r")
    dialog = rui.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Reject").click()
    assert house.ask("document", key=key)["state"] == "in_review"
    dialog.get_by_label("Why").fill("Not for us.")
    dialog.get_by_role("button", name="Reject").click()
    rui.page.get_by_text("Rejected.").wait_for()
    assert house.ask("document", key=key)["state"] == "rejected"
    rui.open(f"/review/{key}/")
    rui.page.get_by_role("button", name="Reopen").click()
    rui.page.get_by_text("Reopened.").wait_for()
    assert house.ask("document", key=key)["state"] == "in_review"


def test_two_people_cannot_overwrite_each_other(house: House, visit: Any) -> None:
    key = fresh(house, media_type="application/pdf")
    rui, other = visit("rui"), visit("rui")
    rui.open(f"/review/{key}/")
    other.open(f"/review/{key}/")
    other.page.get_by_label("Our order").fill("4500099999")
    other.page.keyboard.press("Control+s")
    other.page.get_by_text("Saved.").wait_for()
    rui.page.get_by_label("Customer no.").fill("mine")
    rui.page.keyboard.press("Control+s")
    rui.page.get_by_text("Somebody else changed this document").wait_for()
    assert "4500099999" in rui.page.get_by_role("alert").inner_text()
    assert rui.page.get_by_label("Customer no.").input_value() == "mine"
    assert house.ask("document", key=key)["current"]["customer_number"] != "mine"
    rui.complaints.clear()  # the browser notes the status 409 of that answer
    rui.page.keyboard.press("Control+s")
    rui.page.get_by_text("Saved.").wait_for()
    stored = house.ask("document", key=key)["current"]
    assert (stored["customer_number"], stored["order_reference"]) == ("mine", "4500099999")


def test_leaving_with_unsaved_changes_asks_first(house: House, visit: Any) -> None:
    rui = visit("rui")
    rui.open(f"/review/{fresh(house, media_type='application/pdf')}/")
    asked: list[str] = []
    rui.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    rui.page.get_by_label("Our order").click()
    rui.page.keyboard.type("1")
    rui.page.get_by_role("link", name="Mail", exact=True).first.click()
    rui.page.wait_for_url("**/mail/**")
    assert asked == ["beforeunload"]


def test_the_shortcuts_are_listed_under_the_question_mark(house: House, visit: Any) -> None:
    rui = visit("rui")
    rui.open(f"/review/{house.ask('known')['documents'][0]['key']}/")
    rui.page.wait_for_load_state("networkidle")
    # A page opens in the first field with something wrong, where a question mark is one.
    rui.page.keyboard.press("Escape")
    rui.page.keyboard.press("?")
    rui.page.get_by_role("dialog", name="Keyboard").wait_for()


def test_who_may_only_read_cannot_change(house: House, visit: Any) -> None:
    abe = visit("abe")
    key = house.ask("known")["documents"][0]["key"]
    abe.open(f"/review/{key}/")
    assert abe.page.locator("[name='number']").get_attribute("readonly") is not None
    assert abe.page.get_by_role("button", name="Approve").count() == 0
