"""The trail in the browser and over REST: for those who may, on record itself, and only the tenant's own."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

import audit.admin  # noqa: F401  (the portal's pages, before the first address is looked up)
from audit import actions, browse, trail
from audit.models import AuditEvent, RetentionPolicy
from zalion.tenancy import context, signin
from zalion.tenancy.middleware import SESSION_METHOD, SESSION_STARTED
from zalion.tenancy.models import Membership, Role, Scope, Tenant, User
from zalion.tenancy.unit import unit

from .conftest import ADA, record_views
from .tampering import TABLE, tampered

pytestmark = pytest.mark.django_db


def person(tenant: Tenant, name: str, role: Role) -> User:
    with context.work(tenant.pk, ADA), unit():
        user = User.objects.create_user(name, name=name.title())
        Membership(user=user, role=role).save()
    return user


def sign_in(client, user: User) -> None:
    client.force_login(user)
    session = client.session
    session[SESSION_STARTED] = timezone.now().isoformat()
    session[SESSION_METHOD] = "link"
    session.save()


def events(tenant: Tenant) -> list[AuditEvent]:
    with context.work(tenant.pk, ADA):
        return list(AuditEvent.objects.order_by("-sequence"))


@pytest.fixture
def abe(client, acme: Tenant) -> User:
    user = person(acme, "abe", Role.AUDITOR)
    sign_in(client, user)
    return user


def test_signing_in_and_out_is_on_the_tenants_record(client, acme, abe):
    newest = events(acme)[0]
    assert (newest.action, newest.actor_id, newest.object_id) == (
        actions.SIGNIN_SUCCEEDED,
        str(abe.pk),
        str(abe.pk),
    )
    client.post(reverse("signout"))
    assert events(acme)[0].action == actions.SIGNED_OUT


def test_somebody_without_a_tenant_signs_in_on_the_systems_record(client, db):
    with context.system("test"):
        user = User.objects.create_user("nobody", name="Nobody")
    client.force_login(user)
    with context.system("test"):
        assert AuditEvent.objects.latest().action == actions.SIGNIN_SUCCEEDED


def test_a_used_link_is_refused_on_record(client, db):
    client.post(reverse("signin-redeem", args=["made-up"]))
    with context.system("test"):
        event = AuditEvent.objects.latest()
    assert (event.action, event.outcome, event.actor_kind) == (actions.SIGNIN_REFUSED, "refused", "anonymous")


def test_the_list_shows_sentences_and_the_seal_and_is_itself_on_record(client, acme, abe):
    with context.work(acme.pk, ADA):
        record_views(3)
    shown = client.get(reverse("portal:trail"))
    assert shown.status_code == 200
    text = shown.content.decode()
    assert text.count("Looked at a mail.") >= 3
    assert "Unbroken at its end" in text
    assert "Changed</span>" not in text
    newest = events(acme)[0]
    assert newest.action == actions.TRAIL_VIEWED
    assert newest.actor_id == str(abe.pk)


def test_a_changed_event_is_marked_in_the_list(client, acme, abe):
    with context.work(acme.pk, ADA):
        record_views(3)
    tampered(f"UPDATE {TABLE} SET reason = 'x' WHERE tenant_id = %s AND object_id = 'm-1'", acme.pk)
    assert client.get(reverse("portal:trail")).content.decode().count("Changed</span>") == 1


def test_a_broken_seal_is_shown_on_top(client, acme, abe):
    with context.work(acme.pk, ADA):
        record_views(3)
        last = AuditEvent.objects.latest().sequence
    tampered(f"DELETE FROM {TABLE} WHERE tenant_id = %s AND sequence = %s", acme.pk, last)
    with context.work(acme.pk, ADA):
        assert browse.seal_state().problems == ("The last event does not fit the head of the chain.",)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("action=mailbox.paused", 1),
        ("object=mailbox", 1),
        ("object=m-2", 1),
        ("object=message:m-2", 1),
        ("outcome=refused", 1),
        ("story=story-2", 1),
        ("actor=somebody", 0),
        ("until=2020-01-01T00:00", 0),
        ("action=nonsense", 0),
    ],
)
def test_the_list_is_narrowed(client, acme, abe, query, found):
    with context.work(acme.pk, ADA, "story-2"):
        trail.record(actions.MAILBOX_PAUSED, object=("mailbox", "b-1"), outcome="refused")
    with context.work(acme.pk, ADA):
        record_views(3)
    page = client.get(reverse("portal:trail") + "?" + query).context["page"]
    assert len(page.rows) == found


def test_pages_follow_each_other_without_a_gap(acme, monkeypatch):
    monkeypatch.setattr(browse, "PAGE", 4)
    with context.work(acme.pk, ADA):
        record_views(10)
        first = browse.page(browse.filtered({"action": actions.MESSAGE_VIEWED}), {})
        second = browse.page(browse.filtered({"action": actions.MESSAGE_VIEWED}), {"after": first.after})
        third = browse.page(browse.filtered({"action": actions.MESSAGE_VIEWED}), {"after": second.after})
        back = browse.page(browse.filtered({"action": actions.MESSAGE_VIEWED}), {"before": third.before})
    numbers = [[event.object_id for event in page.rows] for page in (first, second, third, back)]
    assert numbers == [
        ["m-9", "m-8", "m-7", "m-6"], ["m-5", "m-4", "m-3", "m-2"], ["m-1", "m-0"], ["m-5", "m-4", "m-3", "m-2"],
    ]  # fmt: skip
    assert (first.before, third.after) == ("", "")


def test_an_event_shows_what_changed(client, acme, abe):
    with context.work(acme.pk, ADA):
        policy = RetentionPolicy(name="Orders")
        policy.save()
        policy.raw_mail_days = 31
        policy.save()
        changed = AuditEvent.objects.latest()
    text = client.get(reverse("portal:event", args=[changed.pk])).content.decode()
    assert '<td class="soft break">365</td><td class="break">31</td>' in text
    assert "Fits its seal" in text


def test_an_event_of_another_tenant_is_not_there(client, acme, borealis, abe):
    with context.work(borealis.pk, ADA):
        record_views(1)
        foreign = AuditEvent.objects.latest()
    assert client.get(reverse("portal:event", args=[foreign.pk])).status_code == 404


def test_an_operator_may_not_look_and_the_refusal_is_on_record(client, acme):
    sign_in(client, person(acme, "rui", Role.OPERATOR))
    assert client.get(reverse("portal:trail")).status_code == 403
    assert events(acme)[0].action == actions.ACCESS_REFUSED


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_for_one_row_and_for_three(
    client, acme, abe, rows, django_assert_num_queries
):
    with context.work(acme.pk, ADA, "story-3"):
        record_views(rows)
    client.get(reverse("portal:trail"))  # keys are opened
    with django_assert_num_queries(QUERIES):
        client.get(reverse("portal:trail") + "?story=story-3")


# Session, person, tenants and roles 4, the session's end 3; the page 1; its own event 5; the seal 4; the menu 2.
QUERIES = 16


@pytest.fixture
def token(acme: Tenant):
    ada = person(acme, "ada", Role.ADMINISTRATOR)

    def issue(*scopes: Scope) -> dict[str, str]:
        with context.work(acme.pk, ADA):
            _, secret = signin.issue_token(
                "erp", scopes=scopes, created_by=ada, expires_at=timezone.now() + timedelta(days=1)
            )
        return {"Authorization": f"Bearer {secret}"}

    return issue


def test_the_trail_is_read_over_rest_in_pages(client, acme, token):
    with context.work(acme.pk, ADA):
        record_views(3)
    headers = token(Scope.AUDIT_READ)
    first = client.get("/api/v1/audit-events/?page_size=2&action=message.viewed", headers=headers)
    assert first.status_code == 200, first.content
    body = first.json()
    assert [row["object_id"] for row in body["results"]] == ["m-2", "m-1"]
    assert body["results"][0]["facts"] == {"subject": "Order 2"}
    assert body["results"][0]["sentence"] == "Looked at a mail."
    last = client.get(body["next"], headers=headers).json()
    assert [row["object_id"] for row in last["results"]] == ["m-0"]
    assert events(acme)[0].action == actions.TRAIL_VIEWED
    one = client.get(f"/api/v1/audit-events/{body['results'][0]['id']}/", headers=headers)
    assert one.json()["hash"] == body["results"][0]["hash"]


def test_a_token_without_the_scope_reads_nothing(client, acme, token):
    answer = client.get("/api/v1/audit-events/", headers=token(Scope.MAILBOXES_READ))
    assert answer.status_code == 403
    assert events(acme)[0].action == actions.ACCESS_REFUSED


def test_events_cannot_be_written_over_rest(client, acme, token):
    headers = token(Scope.AUDIT_READ)
    for method in (client.post, client.put, client.delete):
        assert method("/api/v1/audit-events/", headers=headers).status_code in (403, 405)


def test_a_filter_that_makes_no_sense_is_a_problem(client, acme, token):
    answer = client.get("/api/v1/audit-events/?since=yesterday", headers=token(Scope.AUDIT_READ))
    assert answer.status_code == 400
    assert "since" in answer.json()["errors"]
