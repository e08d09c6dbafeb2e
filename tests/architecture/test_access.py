"""Who may reach which address: every URL of the resolver, each role, both tenants. A URL without a row fails."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from audit.models import AuditEvent
from connectors.models import Attachment, Mailbox, Message
from extraction.models import Document, SupplierProfile
from tests.populated import Populated
from zalion.tenancy import context, signin
from zalion.tenancy.models import User

EVERYBODY = "ada cleo rui abe pat token anonymous"
PEOPLE = "ada cleo rui abe"
CONTENT = "cleo rui abe"


@dataclass(frozen=True)
class Row:
    """Who may, on which kind of object, by which method."""

    who: str
    kind: str = ""
    method: str = "get"


ACCESS: dict[str, Row] = {
    # the front door
    "healthz": Row(EVERYBODY),
    "signin": Row(EVERYBODY),
    "signin-redeem": Row(EVERYBODY, "link"),
    "signout": Row(EVERYBODY, method="post"),
    "switch": Row("", method="post"),
    # the portal
    "portal:index": Row(f"{PEOPLE} pat"),
    "portal:mail": Row(CONTENT),
    "portal:upload": Row("rui"),
    "portal:reading-progress": Row(CONTENT),
    "portal:unreadable": Row(CONTENT),
    "portal:mail-retry": Row("rui", method="post"),
    "portal:message": Row(CONTENT, "message"),
    "portal:message-body": Row(CONTENT, "message"),
    "portal:message-raw": Row(CONTENT, "message"),
    "portal:attachment": Row(CONTENT, "attachment"),
    "portal:message-retry": Row("rui", "message", "post"),
    "portal:message-extract": Row("rui", "message", "post"),
    "portal:mailboxes": Row(PEOPLE),
    "portal:mailbox-new": Row("ada"),
    "portal:mailbox": Row(PEOPLE, "mailbox"),
    "portal:mailbox-connection": Row("ada", "mailbox"),
    "portal:mailbox-folders": Row("ada", "mailbox"),
    "portal:mailbox-scopes": Row("ada", "mailbox"),
    "portal:mailbox-check": Row("ada", "mailbox", "post"),
    "portal:mailbox-sign-off": Row("ada", "mailbox", "post"),
    "portal:mailbox-pause": Row("ada", "mailbox", "post"),
    "portal:mailbox-resume": Row("ada", "mailbox", "post"),
    "portal:mailbox-sync": Row("ada", "mailbox", "post"),
    "portal:mailbox-reconcile": Row("ada", "mailbox", "post"),
    "portal:mailbox-history": Row("ada", "mailbox", "post"),
    "portal:mailbox-filter": Row("ada", "mapping"),
    "portal:mailbox-approve-it": Row("ada", "mailbox", "post"),
    "portal:mailbox-approve-compliance": Row("cleo", "mailbox", "post"),
    "portal:review": Row(CONTENT),
    "portal:document": Row(CONTENT, "document"),
    "portal:document-page": Row(CONTENT, "page"),
    "portal:document-decide": Row("rui", "document", "post"),
    "portal:document-readings": Row(CONTENT, "document"),
    "portal:document-take-over": Row("rui", "document", "post"),
    "portal:profiles": Row(CONTENT),
    "portal:profile": Row(CONTENT, "profile"),
    "portal:profile-undo": Row("rui", "profile", "post"),
    "portal:trail": Row("ada cleo abe"),
    "portal:event": Row("ada cleo abe", "event"),
    "portal:people": Row("ada cleo abe"),
    "portal:tokens": Row("ada cleo abe"),
    "portal:token-new": Row("ada cleo"),
    "portal:token-revoke": Row("ada cleo", "token", "post"),
    "portal:retention": Row("ada cleo abe"),
    "portal:retention-new": Row("ada"),
    "portal:tenants": Row("pat"),
    "portal:tenant-new": Row("pat"),
    # REST
    "api:document-list": Row(f"{CONTENT} token"),
    "api:document-detail": Row(f"{CONTENT} token", "document"),
    "api:document-correct": Row("rui token", "document", "post"),
    "api:document-approve": Row("rui token", "document", "post"),
    "api:document-reject": Row("rui token", "document", "post"),
    "api:document-reopen": Row("rui token", "document", "post"),
    "api:profile-list": Row(f"{CONTENT} token"),
    "api:profile-detail": Row(f"{CONTENT} token", "profile"),
    "api:profile-undo": Row("rui token", "profile", "post"),
    "api:message-list": Row(f"{CONTENT} token"),
    "api:message-detail": Row(f"{CONTENT} token", "message"),
    "api:message-raw": Row(f"{CONTENT} token", "message"),
    "api:mailbox-list": Row(f"{PEOPLE} token"),
    "api:mailbox-detail": Row(f"{PEOPLE} token", "mailbox"),
    "api:audit-event-list": Row("ada cleo abe token"),
    "api:audit-event-detail": Row("ada cleo abe token", "event"),
    "api:openapi": Row(EVERYBODY),
    "api:reference": Row("ada cleo abe"),
}


def addresses(
    patterns: list[URLPattern | URLResolver] | None = None, space: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace or pattern.app_name}:" if pattern.app_name else space
            yield from addresses(pattern.url_patterns, inner)
        else:
            yield f"{space}{pattern.name}", pattern


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    names = [name for name, _ in addresses()]
    assert set(names) == set(ACCESS)
    assert len(names) == len(set(names))


class World:
    """The clients of both companies' people and tokens, and a thing of each kind to ask for."""

    def __init__(self, populated: Populated, pat: User) -> None:
        self.populated = populated
        self.clients: dict[str, Client] = {"anonymous": Client()}
        for company in populated.both():
            for user in company.people.values():
                self.clients[user.username] = self.signed_in(user)
        self.clients["pat"] = self.signed_in(pat)
        self.clients["token"] = Client(headers={"Authorization": f"Bearer {populated.tokens['acme']}"})
        self.clients["other token"] = Client(
            headers={"Authorization": f"Bearer {populated.tokens['borealis']}"}
        )
        self.strings: set[str] = set()
        with populated.acme.work():
            spare, _ = signin.issue_token(
                "Spare",
                scopes=[],
                created_by=populated.acme.ada,
                expires_at=populated.token_rows["acme"].expires_at,
            )
            self.objects = self.things() | {"token": {"key": spare.pk}}
            for message in Message.objects.all():
                self.strings |= {message.subject, message.sender_address, str(message.pk)}
            for document in Document.objects.all():
                self.strings |= {
                    document.number,
                    document.order_reference,
                    document.seller_name,
                    str(document.pk),
                }
            self.strings |= {str(key) for key in Mailbox.objects.values_list("pk", flat=True)}
        self.strings = {text for text in self.strings if text and len(text) > 5} | {"Acme"}

    @staticmethod
    def signed_in(user: User) -> Client:
        client = Client()
        with context.system("tests"):
            link = signin.issue_link(user)
        client.post(reverse("signin-redeem", args=[link]))
        return client

    @staticmethod
    def things() -> dict[str, dict[str, Any]]:
        document = Document.objects.filter(media_type="application/pdf").first()
        attachment = Attachment.objects.first()
        event = AuditEvent.objects.first()
        mailbox = Mailbox.objects.first()
        profile = SupplierProfile.objects.first()
        assert document is not None
        assert profile is not None
        assert attachment is not None
        assert event is not None
        assert mailbox is not None
        return {
            "": {},
            "link": {"secret": "no-such-link"},
            "profile": {"key": profile.layout},
            "document": {"key": document.pk},
            "page": {"key": document.pk, "page": 1},
            "message": {"key": attachment.message_id},
            "attachment": {"key": attachment.message_id, "path": attachment.path},
            "mailbox": {"key": mailbox.pk},
            "mapping": {"key": mailbox.pk, "mapping": mailbox.mappings.get(kind="folder").pk},
            "event": {"key": event.pk},
        }

    def ask(self, who: str, name: str, row: Row, **replaced: Any) -> HttpResponse:
        arguments = self.objects[row.kind] | replaced
        if name.startswith("api:") and "key" in arguments:
            arguments = {"pk": arguments.pop("key"), **arguments}
        client = self.clients[who]
        if row.method == "post" and name.startswith("api:"):
            answer: HttpResponse = client.post(
                reverse(name, kwargs=arguments), "{}", content_type="application/json"
            )
        else:
            answer = getattr(client, row.method)(reverse(name, kwargs=arguments))
        return answer


REFUSED = {401, 403}


@pytest.fixture
def world(populated: Populated, platform_operator: User) -> World:
    return World(populated, platform_operator)


def is_refused(answer: HttpResponse) -> bool:
    to_signin = answer.status_code == 302 and answer.headers["Location"].startswith("/signin")
    return answer.status_code in REFUSED or to_signin


def test_each_role_reaches_what_its_row_says_and_nothing_else(world: World) -> None:
    wrong = []
    # Leaving ends the session, so it is asked last.
    for name, row in sorted(ACCESS.items(), key=lambda item: item[0] == "signout"):
        for who in ("ada", "cleo", "rui", "abe", "pat", "token", "anonymous"):
            if name in ("signin-redeem", "signout", "switch"):
                continue
            answer = world.ask(who, name, row)
            allowed = who in row.who.split()
            status = answer.status_code
            if is_refused(answer) == allowed or status >= 500 or (allowed and status in (404, 405)):
                wrong.append((name, who, row.method, status))
    assert not wrong


def test_borealis_sees_nothing_of_acme_by_any_address(world: World) -> None:
    wrong = []
    for name, row in ACCESS.items():
        if name in ("signin-redeem", "signout", "switch"):
            continue
        for who in ("otto", "bea", "bo", "other token"):
            answer = world.ask(who, name, row)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            leaked = [text for text in world.strings if text.encode() in body]
            own = row.kind in ("", "link")
            if leaked or not (own or is_refused(answer) or answer.status_code == 404):
                wrong.append((name, who, answer.status_code, leaked[:3]))
    assert not wrong


def test_searching_for_acmes_words_finds_nothing_at_borealis(world: World) -> None:
    ids = {str(thing["key"]) for thing in world.objects.values() if "key" in thing}
    for text in sorted(world.strings - ids)[:20]:
        for name in ("portal:mail", "portal:review"):
            page = world.clients["otto"].get(reverse(name), {"q": text})
            assert not [key for key in ids if key.encode() in page.content]
        for name in ("api:message-list", "api:document-list"):
            answer = world.clients["other token"].get(reverse(name), {"q": text})
            assert answer.json()["results"] == []


def test_guessed_ids_are_not_there_and_the_guess_is_told_nothing(world: World) -> None:
    for name, row in ACCESS.items():
        if row.kind in ("", "link"):
            continue
        for who in ("ada", "rui", "token"):
            if who in row.who.split():
                assert world.ask(who, name, row, key=uuid.uuid4()).status_code == 404, name


def test_files_of_the_data_folder_have_no_address(world: World) -> None:
    for path in (
        "/media/x",
        "/blobs/x",
        "/static/../db.sqlite3",
        "/var/db.sqlite3",
        "/static/%2e%2e/db.sqlite3",
    ):
        assert world.clients["rui"].get(path).status_code == 404


def test_nothing_is_changed_by_get(world: World) -> None:
    for name, row in ACCESS.items():
        if row.method == "post":
            get = Row(row.who, row.kind, "get")
            for who in ("ada", "rui", "token"):
                assert world.ask(who, name, get).status_code in (302, 401, 403, 405), name
