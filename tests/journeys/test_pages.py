"""Every page, light and dark, wide and narrow: nothing inline, no complaint of the console, readable, named."""

import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import NARROW, WIDE, House

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("journeys")]
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


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the screenshots go: a folder of the run, or ZALION_SCREENSHOTS."""
    named = os.environ.get("ZALION_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_clean_readable_and_fits(
    house: House, visit: Any, shots: Path, scheme: str, viewport: dict[str, int]
) -> None:
    wrong: dict[str, list[str]] = {}
    visitors: dict[str, Any] = {}
    size = "wide" if viewport is WIDE else "narrow"
    for name, who, path in pages(house):
        if who not in visitors:
            visitors[who] = visit(who, color_scheme=scheme, viewport=viewport)
        answer = visitors[who].open(path)
        inline = Inline()
        inline.feed(answer.text())
        found = [*inline.found, *visitors[who].page.evaluate(INSPECT)]
        found += [f"answered {answer.status}"] if answer.status != 200 else []
        if found:
            wrong[name] = found
        visitors[who].page.screenshot(path=shots / f"{name}-{scheme}-{size}.png")
    assert wrong == {}


def test_the_chosen_appearance_is_remembered_without_a_script(house: House, visit: Any) -> None:
    rui = visit("rui", color_scheme="light")
    rui.page.get_by_text("Rui Costa").click()
    rui.page.get_by_role("button", name="Dark").click()
    rui.open("/mail/")
    assert rui.page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert 'data-theme="dark"' in rui.page.request.get(f"{house.address}/mail/").text()


def test_every_page_carries_the_policy_and_forbids_framing(house: House, visit: Any) -> None:
    rui = visit("rui")
    for _, who, path in pages(house):
        if who == "rui":
            headers = rui.open(path).headers
            assert "script-src 'self'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]


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
