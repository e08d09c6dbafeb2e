"""The ways in: one-time links, sessions that end, and people who may go no further than their role."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from tests.cast import Company
from zalion.tenancy import context, signin
from zalion.tenancy.middleware import SESSION_STARTED
from zalion.tenancy.models import SignInLink, User
from zalion.tenancy.unit import unit


def sign_in(user: User) -> Client:
    client = Client()
    assert client.post(reverse("signin-redeem", args=[link(user)])).status_code == 302
    return client


def link(user: User) -> str:
    with context.system("tests"):
        return signin.issue_link(user)


def test_a_link_signs_in_once_and_only_by_post(acme: Company) -> None:
    secret = link(acme.rui)
    client = Client()
    assert b"<form" in client.get(reverse("signin-redeem", args=[secret])).content
    assert client.get(reverse("portal:index")).status_code == 302
    assert client.post(reverse("signin-redeem", args=[secret])).status_code == 302
    assert client.get(reverse("portal:index")).status_code == 200
    again = Client().post(reverse("signin-redeem", args=[secret]))
    assert again.status_code == 403
    with context.system("tests"):
        assert AuditEvent.objects.filter(action="signin.refused").count() == 1
    with acme.work():
        assert AuditEvent.objects.filter(action="signin.succeeded", actor_id=str(acme.rui.pk)).count() == 1


def test_a_link_dies_after_ten_minutes(acme: Company) -> None:
    secret = link(acme.rui)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(signin.SignInRefused), context.system("tests"):
        signin.redeem(secret)


def test_the_link_itself_is_nowhere_in_the_database(acme: Company) -> None:
    secret = link(acme.rui)
    assert SignInLink.objects.get().digest != secret
    assert secret not in repr(SignInLink.objects.values().get())


def test_the_session_gets_a_new_key_at_sign_in(acme: Company) -> None:
    client = Client()
    client.session.save()
    before = client.session.session_key
    client.post(reverse("signin-redeem", args=[link(acme.rui)]))
    assert client.session.session_key != before


def test_a_disabled_person_is_out_on_the_next_request(acme: Company) -> None:
    client = sign_in(acme.rui)
    User.objects.filter(pk=acme.rui.pk).update(is_active=False)
    assert client.get(reverse("portal:index")).status_code == 302


def test_ending_all_sessions_ends_them_on_the_next_request(acme: Company) -> None:
    client, other = sign_in(acme.rui), sign_in(acme.rui)
    with context.system("tests"):
        signin.end_sessions(acme.rui)
    assert {c.get(reverse("portal:index")).status_code for c in (client, other)} == {302}


def test_a_session_is_over_after_twelve_hours(acme: Company) -> None:
    client = sign_in(acme.rui)
    session = client.session
    session[SESSION_STARTED] = (timezone.now() - timedelta(hours=12, seconds=1)).isoformat()
    session.save()
    assert client.get(reverse("portal:index")).status_code == 302


def test_signing_out_needs_a_post_and_clears_the_browser(acme: Company) -> None:
    client = sign_in(acme.rui)
    assert client.get(reverse("signout")).status_code == 405
    answer = client.post(reverse("signout"))
    assert answer["Clear-Site-Data"]
    assert client.get(reverse("portal:index")).status_code == 302


def test_switching_works_only_to_ones_own_tenants(acme: Company, borealis: Company) -> None:
    client = sign_in(acme.rui)
    assert client.post(reverse("switch"), {"tenant": str(borealis.tenant.pk)}).status_code == 404
    assert client.post(reverse("switch"), {"tenant": str(acme.tenant.pk)}).status_code == 302


def test_somebody_without_a_tenant_sees_no_portal(db: None) -> None:
    with context.system("tests"), unit():
        nobody = User.objects.create_user("nobody", name="No Body")
    assert sign_in(nobody).get(reverse("portal:index")).status_code == 403


def test_nobody_can_be_given_a_password() -> None:
    user = User(username="x", name="X")
    with pytest.raises(TypeError):
        user.set_password("correct horse battery staple")
    assert user.check_password("") is False
    assert user.has_usable_password() is False
    assert user.password is None


def test_answers_to_signed_in_people_are_never_stored(acme: Company) -> None:
    answer = sign_in(acme.rui).get(reverse("portal:index"))
    assert "no-store" in answer["Cache-Control"]
    for name, value in {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
    }.items():
        assert answer[name] == value
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_sessions_and_links_that_are_over_are_forgotten_at_night(acme: Company) -> None:
    from django.contrib.sessions.models import Session

    from zalion.tenancy.tasks import forget_sessions

    sign_in(acme.rui)
    link(acme.rui)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with context.system("tests"):
        forget_sessions()
    assert not Session.objects.exists()
    assert not SignInLink.objects.exists()


def test_a_session_is_over_after_thirty_idle_minutes_and_lives_on_when_used(acme: Company) -> None:
    from django.contrib.sessions.models import Session

    client = sign_in(acme.rui)
    almost = timezone.now() + timedelta(minutes=2)
    Session.objects.update(expire_date=almost)
    assert client.get(reverse("portal:index")).status_code == 200
    assert Session.objects.get().expire_date > almost + timedelta(minutes=20)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert client.get(reverse("portal:index")).status_code == 302


def test_requests_side_by_side_do_not_undo_what_a_session_holds(acme: Company) -> None:
    """A page's picture is asked for before a decision and answered after: the decision's message stays."""
    client = sign_in(acme.rui)
    slow = client.session
    slow.load()
    decided = client.session
    decided["word"] = "Approved."
    decided.save()
    slow.touch()
    assert client.session["word"] == "Approved."
    client.get(reverse("portal:index"))
    assert client.session["word"] == "Approved."
