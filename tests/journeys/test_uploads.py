"""A person hands up documents in the browser: dropped or chosen, several at once, with a word on each."""

from typing import Any

import pytest

from tests.extraction.paper import Paper

pytestmark = pytest.mark.browser
DROP = """([target, name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type: "text/plain"}));
  target.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def files(**contents: bytes) -> list[dict[str, Any]]:
    return [
        {"name": name.replace("__", "."), "mimeType": "application/pdf", "buffer": content}
        for name, content in contents.items()
    ]


def paper(number: str) -> bytes:
    return Paper(facts=(("AB-Nr.:", number), ("Datum:", "03.02.2026"))).pdf()


def test_several_files_are_sent_and_what_became_of_each_is_said(visit: Any) -> None:
    rui = visit("rui")
    rui.open("/review/")
    rui.page.get_by_role("link", name="Upload").click()
    rui.page.get_by_label("Mailbox").select_option(index=1)
    rui.page.set_input_files("input[type=file]", files=files(a__pdf=paper("J-1"), b__exe=b"MZ\x90\x00"))
    chosen = rui.page.get_by_role("list", name="Chosen files")
    assert chosen.get_by_role("listitem").count() == 2
    rui.page.get_by_role("button", name="Take in").click()
    rui.page.get_by_text("Programs are never taken in.").wait_for()
    assert rui.page.evaluate("document.activeElement.id") == "outcomes"
    rui.page.get_by_role("link", name="1 document").click()  # which is there once a worker has read it
    rui.page.wait_for_url("**/review/*/")
    assert rui.page.locator("h1").inner_text() == "J-1"


def test_a_dropped_file_is_the_chosen_one_and_one_too_large_is_not_sent(visit: Any) -> None:
    rui = visit("rui")
    rui.open("/upload/")
    rui.page.evaluate(DROP, [rui.page.locator("[data-drop]").element_handle(), "order.txt", "Order 4711"])
    assert rui.page.evaluate("document.querySelector('[name=chosen]').files[0].name") == "order.txt"
    assert "order.txt, 10 B" in rui.page.locator(".drop-list").inner_text()
    rui.page.evaluate("document.querySelector('[data-upload]').dataset.most = 5")
    rui.page.evaluate("document.querySelector('[name=chosen]').dispatchEvent(new Event('change'))")
    assert "too large" in rui.page.locator(".drop-list").inner_text()
    assert rui.page.evaluate("document.querySelector('[name=chosen]').checkValidity()") is False


def test_without_a_script_the_form_does_the_same(visit: Any) -> None:
    rui = visit("rui", java_script_enabled=False)
    rui.open("/upload/")
    rui.page.get_by_label("Mailbox").select_option(index=1)
    rui.page.set_input_files("input[type=file]", files=files(c__pdf=paper("J-2")))
    rui.page.get_by_role("button", name="Take in").click()
    rui.page.get_by_role("link", name="It is being read").wait_for()
