"""The REST endpoints as an integrator meets them: tokens, scopes, pages, ETags, problems, and the other tenant."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from connectors.models import Message
from extraction.models import Document, Review
from tests.populated import Populated
from zalion.tenancy import context, signin
from zalion.tenancy.models import ApiToken, Role, Scope

pytestmark = pytest.mark.database
API = "/api/v1"


class Integrator:
    """A client that shows a token."""

    def __init__(self, token: str) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {token}"})

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(API + path, headers=headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(
            API + path, json.dumps(body or {}), content_type="application/json", headers=shown
        )


@pytest.fixture
def erp(populated: Populated) -> Integrator:
    return Integrator(populated.tokens["acme"])


def first_document(erp: Integrator, state: str = "in_review") -> dict[str, Any]:
    found: dict[str, Any] = erp.get(f"/documents/?state={state}").json()["results"][0]
    return found


def token_with(populated: Populated, *scopes: Scope) -> Integrator:
    with populated.acme.work(populated.acme.cleo):
        _, shown = signin.issue_token(
            "narrow",
            scopes=scopes,
            created_by=populated.acme.cleo,
            expires_at=timezone.now() + timedelta(days=1),
        )
    return Integrator(shown)


def test_documents_are_listed_read_corrected_and_approved(populated: Populated, erp: Integrator) -> None:
    row = first_document(erp)
    answer = erp.get(f"/documents/{row['id']}/")
    assert answer.status_code == 200
    assert answer.json()["document"]["number"] == row["number"]
    corrected = erp.post(
        f"/documents/{row['id']}/correct/", {"changes": {"incoterm": "EXW"}}, If_Match=answer["ETag"]
    )
    assert corrected.json()["document"]["incoterm"] == "EXW"
    assert corrected["ETag"] != answer["ETag"]
    approved = erp.post(f"/documents/{row['id']}/approve/", If_Match=corrected["ETag"])
    assert approved.json()["state"] == "approved"
    with populated.acme.work():
        act = Review.objects.get(document_id=row["id"], action="approve")
        assert (act.actor_kind, act.actor_id) == ("token", str(populated.token_rows["acme"].pk))
        assert AuditEvent.objects.filter(action="document.approved", actor_kind="token").count() == 1


def test_a_stale_etag_writes_nothing_and_a_missing_one_is_asked_for(erp: Integrator) -> None:
    row = first_document(erp)
    path = f"/documents/{row['id']}/approve/"
    missing, stale = erp.post(path), erp.post(path, If_Match='"1"')
    assert (missing.status_code, stale.status_code) == (428, 412)
    assert stale["Content-Type"] == "application/problem+json"
    assert first_document(erp)["state"] == "in_review"


def test_an_act_that_the_state_forbids_is_a_conflict(erp: Integrator) -> None:
    row = first_document(erp)
    tag = erp.get(f"/documents/{row['id']}/")["ETag"]
    rejected = erp.post(f"/documents/{row['id']}/reject/", {"reason": "Not ours"}, If_Match=tag)
    again = erp.post(f"/documents/{row['id']}/approve/", If_Match=rejected["ETag"])
    assert again.status_code == 409
    assert again.json()["status"] == 409


def test_a_value_that_does_not_fit_is_named(erp: Integrator) -> None:
    row = first_document(erp)
    tag = erp.get(f"/documents/{row['id']}/")["ETag"]
    answer = erp.post(f"/documents/{row['id']}/correct/", {"changes": {"net_total": "1,5"}}, If_Match=tag)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["net_total"]


def test_no_field_of_the_model_can_be_set_by_naming_it(populated: Populated, erp: Integrator) -> None:
    row = first_document(erp)
    tag = erp.get(f"/documents/{row['id']}/")["ETag"]
    for name in (field.name for field in Document._meta.concrete_fields):
        if name in ("doc_type", "issue_date", "number", "order_reference", "seller_name"):
            continue
        answer = erp.post(f"/documents/{row['id']}/correct/", {"changes": {name: "x"}}, If_Match=tag)
        assert answer.status_code == 400, name
    for method in ("put", "patch", "delete"):
        assert getattr(erp.client, method)(f"{API}/documents/{row['id']}/").status_code == 405


def test_the_raw_mail_comes_as_it_was_taken_in(populated: Populated, erp: Integrator) -> None:
    row = erp.get("/messages/?state=stored").json()["results"][0]
    answer = erp.get(f"/messages/{row['id']}/raw/")
    assert answer["Content-Type"] == "message/rfc822"
    assert answer["Content-Disposition"].startswith("attachment")
    with populated.acme.work():
        assert len(answer.content) == Message.objects.get(pk=row["id"]).size
        assert AuditEvent.objects.filter(action="message.downloaded").count() == 1


def test_every_read_is_on_record_before_it_is_answered(populated: Populated, erp: Integrator) -> None:
    row = first_document(erp)
    erp.get(f"/documents/{row['id']}/")
    erp.get("/messages/")
    with populated.acme.work():
        actions = set(AuditEvent.objects.filter(actor_kind="token").values_list("action", flat=True))
    assert {"documents.listed", "document.viewed", "messages.searched"} <= actions


def test_search_finds_by_words_and_numbers(populated: Populated, erp: Integrator) -> None:
    row = first_document(erp)
    found = erp.get(f"/documents/?q={row['number']}").json()["results"]
    assert row["id"] in {item["id"] for item in found}
    assert erp.get("/documents/?q=nosuchword").json()["results"] == []
    assert erp.get("/documents/?state=nonsense").status_code == 400


def test_pages_follow_a_cursor_to_the_end(erp: Integrator) -> None:
    seen: list[str] = []
    path = "/messages/?page_size=1"
    while path:
        page = erp.get(path).json()
        seen += [row["id"] for row in page["results"]]
        path = page["next"].split(API, 1)[1] if page["next"] else ""
    assert len(seen) == len(set(seen)) == 3


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/documents/", Scope.DOCUMENTS_READ),
        ("/messages/", Scope.MESSAGES_READ),
        ("/mailboxes/", Scope.MAILBOXES_READ),
        ("/audit-events/", Scope.AUDIT_READ),
    ],
)
def test_a_token_reaches_what_its_scopes_name_and_nothing_else(
    populated: Populated, path: str, scope: Scope
) -> None:
    assert token_with(populated, scope).get(path).status_code == 200
    others = [other for other in Scope if other != scope]
    refused = token_with(populated, *others).get(path)
    assert refused.status_code == 403
    assert refused.json()["title"] == "Forbidden"
    with populated.acme.work():
        assert AuditEvent.objects.filter(action="access.refused", outcome="refused").exists()


def test_nobody_issues_a_token_for_what_they_may_not_see(populated: Populated) -> None:
    """Administrators connect mailboxes without reading mail, and no token of theirs reads it either."""
    ada = populated.acme.ada
    with populated.acme.work(ada):
        for scope in (Scope.MESSAGES_READ, Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE):
            with pytest.raises(PermissionDenied):
                signin.issue_token("x", scopes=[scope], created_by=ada, expires_at=timezone.now())
        assert AuditEvent.objects.filter(action="access.refused", outcome="refused").count() == 3
        signin.issue_token("x", scopes=[Scope.AUDIT_READ], created_by=ada, expires_at=timezone.now())


def test_reading_does_not_grant_writing(populated: Populated) -> None:
    reader = token_with(populated, Scope.DOCUMENTS_READ)
    row = first_document(reader)
    assert reader.post(f"/documents/{row['id']}/approve/", If_Match='"2"').status_code == 403


def test_unknown_expired_and_revoked_tokens_are_refused_alike(populated: Populated, erp: Integrator) -> None:
    shown = populated.tokens["acme"]
    answers = [Integrator("zal_x_y").get("/documents/"), Integrator(shown + "x").get("/documents/")]
    with populated.acme.work(populated.acme.ada):
        signin.revoke_token(ApiToken.objects.get(pk=populated.token_rows["acme"].pk))
    answers.append(erp.get("/documents/"))
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


def test_a_suspended_tenants_token_is_refused(populated: Populated, erp: Integrator) -> None:
    from zalion.tenancy.models import Tenant

    Tenant.objects.filter(slug="acme").update(suspended_at=timezone.now())
    assert erp.get("/documents/").status_code == 401


def test_another_tenants_objects_are_not_there(populated: Populated, erp: Integrator) -> None:
    other = Integrator(populated.tokens["borealis"])
    document = first_document(erp)
    message = erp.get("/messages/").json()["results"][0]
    mailbox = erp.get("/mailboxes/").json()["results"][0]
    event = erp.get("/audit-events/").json()["results"][0]
    for path in (
        f"/documents/{document['id']}/",
        f"/messages/{message['id']}/",
        f"/messages/{message['id']}/raw/",
        f"/mailboxes/{mailbox['id']}/",
        f"/audit-events/{event['id']}/",
    ):
        answer = other.get(path)
        assert answer.status_code == 404, path
        assert answer["Content-Type"] == "application/problem+json"
    for act in ("approve", "reopen", "reject", "correct"):
        body = {"reason": "x", "changes": {"number": "x"}}
        assert other.post(f"/documents/{document['id']}/{act}/", body, If_Match='"2"').status_code == 404
    assert other.get(f"/documents/?q={document['number']}").json()["results"] == []


def test_a_session_counts_too_but_needs_the_role_and_a_csrf_token(populated: Populated) -> None:
    with populated.acme.work(populated.acme.rui):
        document = Document.objects.filter(state="in_review").first()
    assert document is not None
    client = Client(enforce_csrf_checks=True)
    with context.system("tests"):
        link = signin.issue_link(populated.acme.people[Role.OPERATOR])
    page = client.get(f"/signin/{link}/")
    client.post(f"/signin/{link}/", {"csrfmiddlewaretoken": page.context["csrf_token"]})
    assert client.get(f"{API}/documents/").status_code == 200
    assert client.get(f"{API}/audit-events/").status_code == 403
    path, headers = f"{API}/documents/{document.pk}/approve/", {"If-Match": '"2"'}
    approve = client.post(path, "{}", content_type="application/json", headers=headers)
    assert approve.status_code == 403


def test_nobody_is_told_how_to_ask(populated: Populated) -> None:
    answer = Client().get(f"{API}/documents/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_the_description_names_every_endpoint_and_no_field_for_a_secret(erp: Integrator) -> None:
    schema = erp.get("/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    assert {"/api/v1/documents/", "/api/v1/documents/{id}/approve/", "/api/v1/messages/{id}/raw/"} <= set(
        schema["paths"]
    )
    text = json.dumps(schema).lower()
    assert "password" not in text
    assert "secret" not in text


def test_the_schema_names_every_value_of_a_document(erp: Integrator) -> None:
    told = erp.get("/openapi.json").json()["components"]["schemas"]
    given = erp.get(f"/documents/{first_document(erp)['id']}/").json()["document"]
    assert set(given) == set(told["CanonicalDocument"]["properties"])
    assert set(given["lines"][0]) == set(told["CanonicalLine"]["properties"])
    assert {key for place in given["evidence"].values() for key in place} <= set(
        told["CanonicalEvidence"]["properties"]
    )


def test_a_cursor_that_somebody_made_up_is_not_found(erp: Integrator) -> None:
    made_up = base64.b64encode(b"p=garbage").decode()
    for path in ("/messages/", "/documents/", "/audit-events/", "/mailboxes/"):
        assert erp.get(f"{path}?cursor={made_up}").status_code == 404


@pytest.mark.parametrize("tag", ["²", "9" * 5000, "9" * 30, "-1", "*"])
def test_an_etag_that_somebody_made_up_is_none(erp: Integrator, tag: str) -> None:
    path = f"/documents/{first_document(erp)['id']}/approve/"
    assert erp.post(path, If_Match=tag).status_code == 412


@pytest.mark.parametrize("body", ["[" * 200_000, '{"changes": {"number": ' + "[" * 50 + "]" * 50 + "}}"])
def test_a_body_nested_without_end_is_refused(erp: Integrator, body: str) -> None:
    path = f"{API}/documents/{first_document(erp)['id']}/correct/"
    answer = erp.client.post(path, body, content_type="application/json", headers={"If-Match": "1"})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_a_body_without_end_is_refused(erp: Integrator) -> None:
    answer = erp.post(f"/documents/{first_document(erp)['id']}/correct/", {"changes": {"x": "y" * 3_000_000}})
    assert answer.status_code == 413
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "changes",
    [
        {"lines.².quantity": "1"},
        {"lines." + "9" * 5000: None},
        {"seller_name": "\ud800x"},
        {"number": {"a": 1}},
        {"lines.+": {"description": ["x"]}},
    ],
)
def test_what_is_no_text_is_not_taken_for_one(erp: Integrator, changes: dict[str, Any]) -> None:
    row = first_document(erp)
    tag = erp.get(f"/documents/{row['id']}/")["ETag"]
    assert erp.post(f"/documents/{row['id']}/correct/", {"changes": changes}, If_Match=tag).status_code == 400
    assert erp.get(f"/documents/{row['id']}/").status_code == 200
