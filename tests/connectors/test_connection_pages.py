"""The connection form's help with finding the server, and what is signed, in the form's own words."""

from django.test import Client
from django.urls import reverse

from connectors.models import Mailbox
from tests.cast import Company
from tests.connectors.test_ledger_pages import SETTINGS, options, signed_in
from tests.servers.certificates import Authority

TYPED = {**SETTINGS, **options("imap"), "option_host": "", "option_user": ""}


def looked_for(client: Client, address: str, **typed: str) -> dict[str, str]:
    """What the page that answers "Find the server" would post next."""
    answer = client.post(
        reverse("portal:mailbox-new"), {**TYPED, **typed, "address": address, "suggest": "1"}
    )
    form = answer.context["form"]
    shown = {name: str(value) for name in form.option_names if (value := form[name].value()) is not None}
    return shown | {"filled": answer.context["filled"]}


def test_what_was_found_for_one_address_goes_when_nothing_is_found_for_the_next(acme: Company) -> None:
    ada = signed_in(acme.ada)
    first = looked_for(ada, "orders@outlook.com")
    assert (first["option_host"], first["option_auth"]) == ("outlook.office365.com", "xoauth2")
    second = looked_for(ada, "orders@nowhere", **first)
    assert second.get("option_host", "") == second.get("option_user", "") == second["filled"] == ""
    assert (second["option_auth"], second["option_port"]) == ("password", "993")


def test_what_the_person_wrote_over_it_stays(acme: Company) -> None:
    ada = signed_in(acme.ada)
    first = looked_for(ada, "orders@outlook.com")
    second = looked_for(ada, "orders@nowhere", **{**first, "option_user": "acme-orders"})
    assert (second.get("option_host", ""), second["option_user"]) == ("", "acme-orders")


def test_a_page_that_brings_along_nonsense_keeps_what_was_typed(acme: Company) -> None:
    ada = signed_in(acme.ada)
    for brought in ("{", "[1]", '{"option_host": 7}'):
        typed = looked_for(ada, "orders@nowhere", option_host="imap.acme.example", filled=brought)
        assert typed["option_host"] == "imap.acme.example"


def test_the_signers_read_the_connection_in_words(
    acme: Company, mailbox: Mailbox, authority: Authority
) -> None:
    ada = signed_in(acme.ada)
    with acme.work():
        posted = {**SETTINGS, **options("imap"), "retention": str(mailbox.retention_id), "start": "now"}
    ada.post(
        reverse("portal:mailbox-new"),
        {**posted, "option_security": "starttls", "option_ca_pem": authority.pem},
    )
    with acme.work():
        made = Mailbox.objects.get(name="Invoices")
    page = ada.get(reverse("portal:mailbox", args=[made.pk]))
    assert page.context["connection"] == [
        ("Mail server", "imap.acme.example"),
        ("User name", "invoices"),
        ("Port", "993"),
        ("Security", "STARTTLS, required"),
        ("Sign-in", "Password"),
        ("CA certificates", "one of your own is trusted"),
    ]
    assert "STARTTLS, required" in page.content.decode()
    assert "ca_pem" not in page.content.decode()
