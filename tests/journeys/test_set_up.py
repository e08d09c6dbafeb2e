"""From a mail server to an approved document, through the pages alone: three people and a real IMAP mailbox."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.journeys.conftest import House
from tests.servers.pymap import PymapServer
from zalion.demo import mails

pytestmark = pytest.mark.browser


def connect(ada: Any, house: House, server: PymapServer, user: str) -> str:
    """Fill the form in, run the command that the page shows, and check; the mailbox's address."""
    page = ada.page
    ada.open("/mailboxes/")
    page.get_by_role("link", name="Connect a mailbox").first.click()
    page.get_by_label("Name", exact=True).fill("Confirmations")
    page.get_by_label("Address").fill(user)
    page.get_by_label("Mail server").fill("localhost")
    page.get_by_label("User name").fill(user)
    page.get_by_label("Port").fill(str(server.port))
    page.get_by_label("CA certificates").fill(server.authority.pem)
    page.get_by_label("Secret").fill("file:acme-confirmations")
    page.get_by_label("Retention").select_option(label="Standard")
    told_before = page.locator("[data-command] code").inner_text()
    page.get_by_label("From when").select_option(label="Everything that is there")
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_text("The connection is kept.").wait_for()
    command = page.locator("#secret-command").inner_text()
    assert told_before == command
    options = dict(re.findall(r"--(\w+)=(\S+)", command))
    options["port"] = int(options["port"])
    house.ask("secret", name="acme-confirmations", value=server.users[user], purpose=options)
    address = page.url
    assert following(page).startswith("Put the secret into the store")
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_text("Checked just now").wait_for(timeout=20_000)
    assert page.locator(".step-bad").count() == 0
    # The page's other parts follow the report without being loaded anew.
    assert following(page) == "Choose the folders"
    assert page.locator("h1 + span .badge").inner_text() == "Tested"
    return str(address).removeprefix(house.address)


def following(page: Any) -> str:
    """The step that the page says is next."""
    return str(page.locator("[aria-current='step'] .step-title").inner_text())


def choose(ada: Any, mailbox: str) -> None:
    """One folder, and to read it."""
    page = ada.page
    page.get_by_role("link", name="Choose folders").click()
    page.get_by_label("INBOX").check()
    page.get_by_role("button", name="Save and go on to access").click()
    page.wait_for_url(f"**{mailbox}scopes/")
    page.get_by_label("Read: INBOX").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Ask for sign-off").click()
    page.get_by_text("IT and compliance can sign now.").wait_for()
    assert following(page) == "IT and compliance sign, one person each"


def test_a_mailbox_is_set_up_signed_by_two_and_its_first_confirmation_approved(
    house: House, visit: Any, pymap_server: PymapServer
) -> None:
    user, _ = pymap_server.add_user()
    chosen = [
        mail for mail in mails.make(datetime(2025, 3, 14, 9, tzinfo=UTC)) if mail.expected == "document"
    ][:2]
    for mail in chosen:
        pymap_server.deliver(user, mail.raw)
    ada, cleo, rui = visit("ada"), visit("cleo"), visit("rui")

    mailbox = connect(ada, house, pymap_server, user)
    choose(ada, mailbox)
    ada.page.get_by_role("button", name="Approve for IT").click()
    ada.page.get_by_text("Signed.").wait_for()
    assert ada.page.get_by_role("button", name=re.compile("Approve")).count() == 0
    cleo.open(mailbox)
    cleo.page.get_by_role("button", name="Approve for compliance").click()
    cleo.page.get_by_text("Signed.").wait_for()
    assert cleo.page.locator("h1 + span .badge").inner_text() == "Active"

    def taken_in() -> bool:
        ada.open(mailbox)
        return bool(ada.page.get_by_text("2 on the server, 2 accounted for").count())

    ada.page.wait_for_timeout(500)
    for _ in range(40):
        if taken_in():
            break
        ada.page.wait_for_timeout(500)
    assert taken_in()

    number = chosen[0].documents[0].number
    for _ in range(40):
        rui.open(f"/review/?q={number}")
        if rui.page.locator("tbody .row-link").count():
            break
        rui.page.wait_for_timeout(500)
    rui.page.locator("tbody .row-link").first.click()
    key = rui.page.url.rstrip("/").rpartition("/")[2]
    rui.page.get_by_role("button", name=re.compile("Approve")).click()
    rui.page.get_by_text("Approved.").wait_for()
    assert house.ask("document", key=key)["state"] == "approved"


def test_a_secret_typed_in_place_of_its_name_is_refused_beside_the_field_and_not_sent_back(
    visit: Any,
) -> None:
    ada = visit("ada")
    ada.open("/mailboxes/new/")
    for label, value in {"Name": "Invoices", "Address": "i@acme.example", "User name": "i"}.items():
        ada.page.get_by_label(label, exact=True).fill(value)
    ada.page.get_by_label("Mail server").fill("localhost")
    ada.page.get_by_label("Secret").fill("correct-horse-7")
    ada.page.get_by_label("Retention").select_option(label="Standard")
    ada.page.get_by_label("From when").select_option(label="Everything that is there")
    ada.page.get_by_role("button", name="Save and go on").click()
    ada.page.get_by_text("This is not a reference to a secret.").wait_for()
    assert ada.page.get_by_label("Secret").input_value() == ""
    assert ada.page.get_by_label("Name", exact=True).input_value() == "Invoices"
    assert "correct-horse-7" not in ada.page.content()


def test_the_server_is_found_by_the_address_and_nothing_typed_is_lost(visit: Any) -> None:
    ada = visit("ada")
    ada.open("/mailboxes/new/")
    ada.page.get_by_label("Name", exact=True).fill("Invoices")
    ada.page.get_by_label("Address").fill("orders@gmx.de")
    ada.page.get_by_role("button", name="Find the server").click()
    ada.page.get_by_text("a hoster that Zalion knows").wait_for()
    assert ada.page.get_by_label("Mail server").input_value() == "imap.gmx.net"
    assert ada.page.get_by_label("User name").input_value() == "orders@gmx.de"
    assert ada.page.get_by_label("Name", exact=True).input_value() == "Invoices"
