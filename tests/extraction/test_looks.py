"""Nobody sees a document without an event that says so, by whichever page it is shown."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from extraction import review
from extraction.models import Document
from tests.populated import Populated
from tests.zalion.tenancy.test_signin import sign_in
from tests.zalion.test_rest import Integrator, token_with
from zalion.tenancy.models import Scope


@pytest.fixture
def rui(populated: Populated) -> Client:
    return sign_in(populated.acme.rui)


def looks(populated: Populated, action: str) -> list[Any]:
    with populated.acme.work():
        return list(AuditEvent.objects.filter(action=action, actor_id=str(populated.acme.rui.pk)))


def test_a_refused_correction_shows_the_document_and_says_so(populated: Populated, rui: Client) -> None:
    with populated.acme.work():
        shown = Document.objects.filter(state="extracted").first()
        assert shown is not None
        number = shown.number
    before = len(looks(populated, "document.viewed"))
    address = reverse("portal:document-decide", args=[shown.pk])
    answer = rui.post(address, {"act": "reject", "version": shown.version, "reason": " "})
    assert answer.status_code == 422
    assert number in answer.content.decode()
    assert len(looks(populated, "document.viewed")) == before + 1
    stale = rui.post(address, {"act": "approve", "version": shown.version + 5})
    assert stale.status_code == 409
    assert len(looks(populated, "document.viewed")) == before + 2


def test_a_messages_page_says_which_documents_it_showed(populated: Populated, rui: Client) -> None:
    with populated.acme.work():
        shown = Document.objects.first()
        assert shown is not None
        number, message = shown.number, shown.message_id
    assert number in rui.get(reverse("portal:message", args=[message])).content.decode()
    [event] = looks(populated, "documents.listed")
    with populated.acme.work():
        assert event.facts["ids"] == [str(shown.pk)]


def test_a_token_that_may_only_write_reads_nothing_by_writing(populated: Populated) -> None:
    with populated.acme.work():
        shown = review.waiting().first()
        assert shown is not None
    writer: Integrator = token_with(populated, Scope.DOCUMENTS_WRITE)
    answer = writer.post(f"/documents/{shown.pk}/approve/", If_Match=f'"{shown.version}"')
    assert answer.json() == {"id": str(shown.pk), "state": "approved", "version": shown.version + 1}


def test_a_document_of_two_hundred_lines_can_be_saved(populated: Populated, rui: Client) -> None:
    with populated.acme.work(populated.acme.rui):
        shown = review.waiting().first()
        assert shown is not None
        lines = [{"description": f"Bolt {n}", "quantity": "1"} for n in range(200)]
        shown = review.correct(shown, changes={"lines.+": lines}, version=shown.version)
        count = len(shown.current["lines"])
    posted = {f"lines.{n}.{name}": "" for n in range(count) for name in shown.current["lines"][0]}
    for number, line in enumerate(shown.current["lines"]):
        posted |= {f"lines.{number}.{name}": value or "" for name, value in line.items()}
    posted |= {"act": "save", "version": str(shown.version), "payment_terms": "14 days net"}
    answer = rui.post(reverse("portal:document-decide", args=[shown.pk]), posted)
    assert answer.status_code == 302, answer.context["errors"]
    with populated.acme.work():
        assert Document.objects.get(pk=shown.pk).current["payment_terms"] == "14 days net"
