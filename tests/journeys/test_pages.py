"""Every page, light and dark, wide and narrow: nothing inline, no complaint of the console, readable, named."""

import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import NARROW, WIDE, House

pytestmark = pytest.mark.browser
INSPECT = (Path(__file__).parent / "inspect.js").read_text("utf-8")


def pages(house: House) -> list[tuple[str, str, str]]:
    """(name, who, path) of every page that a person may open."""
    known = house.ask("known")
    documents = known["documents"]
    mailbox = f"/mailboxes/{known['mailboxes']['Orders']}/"

    def first(**wanted: str) -> str:
        key = next(
            row["key"] for row in documents if all(row[name] == value for name, value in wanted.items())
        )
        return f"/review/{key}/"

    return [
        ("signin", "", "/signin/"),
        ("signin-link", "", "/signin/not-yet-used/"),
        ("overview-operator", "rui", "/"),
        ("review", "rui", "/review/"),
        ("review-all", "rui", "/review/?show=all"),
        ("profiles", "rui", "/review/learned/"),
        ("profile", "rui", f"/review/learned/{known['learned']}/"),
        ("review-nothing-found", "rui", "/review/?q=nothing-like-this"),
        ("document-pdf", "rui", first(media_type="application/pdf")),
        ("document-xml", "rui", first(media_type="application/xml")),
        ("document-body", "rui", first(path="body")),
        ("readings", "rui", f"/review/{known['twice'][0]}/readings/"),
        ("readings-read-only", "abe", f"/review/{known['twice'][0]}/readings/"),
        ("readings-one", "rui", f"{first(path='body')}readings/"),
        ("mail", "rui", "/mail/"),
        ("mail-nothing-found", "rui", "/mail/?q=nothing-like-this"),
        ("message", "rui", f"/mail/{known['messages'][-1]}/"),
        ("message-held", "rui", f"/mail/{known['held'][0]}/"),
        ("message-refused", "rui", f"/mail/{known['refused']}/"),
        ("message-empty", "rui", f"/mail/{known['empty']}/"),
        ("message-left", "rui", f"/mail/{known['left']}/"),
        ("mail-left", "rui", "/mail/?state=left_server"),
        ("message-copy", "rui", f"/mail/{known['copies'][0]}/"),
        ("mail-held", "rui", "/mail/?state=quarantined"),
        ("upload", "rui", "/upload/"),
        ("unreadable", "rui", "/review/unreadable/"),
        ("overview-administrator", "ada", "/"),
        ("mailboxes", "ada", "/mailboxes/"),
        ("mailbox-new", "ada", "/mailboxes/new/"),
        ("mailbox", "ada", mailbox),
        ("mailbox-troubled", "ada", f"/mailboxes/{known['mailboxes']['Purchasing']}/"),
        ("mailbox-connection", "ada", f"{mailbox}connection/"),
        ("mailbox-folders", "ada", f"{mailbox}folders/"),
        ("mailbox-filter", "ada", f"{mailbox}folders/{known['folder']}/filter/"),
        ("mailbox-scopes", "ada", f"{mailbox}scopes/"),
        ("audit", "ada", "/audit/"),
        ("people", "ada", "/settings/people/"),
        ("tokens", "ada", "/settings/tokens/"),
        ("token-new", "ada", "/settings/tokens/new/"),
        ("retention", "ada", "/settings/retention/"),
        ("retention-new", "ada", "/settings/retention/new/"),
        ("overview-auditor", "abe", "/"),
        ("document-read-only", "abe", first(media_type="application/pdf")),
        ("tenants", "pat", "/tenants/"),
        ("tenant-new", "pat", "/tenants/new/"),
        ("overview-platform", "pat", "/"),
    ]


class Inline(HTMLParser):
    """Finds what the Content-Security-Policy would stop."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and not names.get("src")):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]
        links = (names.get("href"), names.get("src"), names.get("action"))
        self.found += [
            str(link) for link in links if link and link.startswith(("javascript:", "http:", "//"))
        ]


def unguarded(policy: str) -> list[str]:
    """What is not as it must be in a page's Content-Security-Policy."""
    wanted = ("script-src 'self'", "frame-ancestors 'none'")
    return [f"no {part}" for part in wanted if part not in policy] + ["unsafe"] * ("unsafe" in policy)


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_page_is_clean_readable_and_fits_and_carries_the_policy(
    house: House, visit: Any, viewport: dict[str, int]
) -> None:
    """In light and in dark; with ZALION_SCREENSHOTS, a folder, it leaves a picture of each there."""
    wrong: dict[str, list[str]] = {}
    visitors: dict[str, Any] = {}
    size = "wide" if viewport is WIDE else "narrow"
    shots = os.environ.get("ZALION_SCREENSHOTS")
    for name, who, path in pages(house):
        if who not in visitors:
            # Without motion there is no moment between light and dark.
            visitors[who] = visit(who, viewport=viewport, reduced_motion="reduce")
        answer, page = visitors[who].open(path), visitors[who].page
        inline = Inline()
        inline.feed(answer.text())
        found = [*inline.found, *unguarded(answer.headers.get("content-security-policy", ""))]
        found += [f"answered {answer.status}"] if answer.status != 200 else []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found += [f"{scheme}: {fault}" for fault in page.evaluate(INSPECT)]
            if shots:
                page.screenshot(path=Path(shots) / f"{name}-{scheme}-{size}.png")
        if found:
            wrong[name] = found
    assert wrong == {}


def test_the_chosen_appearance_is_remembered_without_a_script(house: House, visit: Any) -> None:
    rui = visit("rui", color_scheme="light")
    rui.page.get_by_text("Rui Costa").click()
    rui.page.get_by_role("button", name="Dark").click()
    rui.open("/mail/")
    assert rui.page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert 'data-theme="dark"' in rui.page.request.get(f"{house.address}/mail/").text()


def test_a_mail_body_may_do_nothing_but_be_read(house: House, visit: Any) -> None:
    rui = visit("rui")
    key = house.ask("known")["messages"][-1]
    answer = rui.page.request.get(f"{house.address}/mail/{key}/body/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    rui.open(f"/mail/{key}/")
    assert rui.page.locator("iframe").get_attribute("sandbox") == ""


def test_the_inspection_sees_what_is_wrong(visit: Any) -> None:
    page = visit().page
    page.set_content(
        "<p style='color:#999;background:#fff'>pale</p><input><img src=x><svg></svg><button></button>"
    )
    found = " ".join(page.evaluate(INSPECT))
    for fault in (
        "contrast 2.8",
        "field without",
        "image without",
        "drawing without",
        "control without",
        "no title",
    ):
        assert fault in found
