"""What stands round every answer, whoever gives it: the policy for browsers, and nothing for tokens sent in clear."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from tests.cast import Company
from tests.zalion.tenancy.test_signin import sign_in
from zalion.tenancy import context
from zalion.tenancy.models import User
from zalion.tenancy.unit import unit


def test_the_api_does_not_redirect_what_came_in_clear_but_refuses_it(settings: Any, db: None) -> None:
    """ASVS 4.1.2."""
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/api/v1/documents/", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert "Location" not in answer
    assert Client().get("/signin/").status_code == 301
    assert Client().get("/api/v1/documents/", secure=True).status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 302), ("/nosuch", 404), ("/signin/", 200), ("/healthz", 200), ("/api/v1/documents/", 401),
     ("/api/v1/nosuch", 404), ("/static/nosuch.svg", 404)],
)  # fmt: skip
def test_every_answer_carries_the_policy(db: None, path: str, status: int) -> None:
    answer = Client().get(path)
    assert answer.status_code == status
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_refused_host_and_a_redirect_to_tls_carry_the_policy(settings: Any, db: None) -> None:
    assert Client().get("/", headers={"Host": "evil.example"})["Content-Security-Policy"]
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/mail/")
    assert answer.status_code == 301
    assert answer["Content-Security-Policy"]


def test_the_cookies_of_a_session_are_kept_from_scripts_and_other_sites(acme: Company) -> None:
    cookie = sign_in(acme.rui).cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"]


def seen(company: Company, forwarded: str) -> str:
    sign_in(company.rui).get(reverse("portal:mail"), headers={"X-Forwarded-For": forwarded})
    with company.work():
        event = AuditEvent.objects.filter(action="messages.searched").first()
        assert event is not None
        return event.source_address or ""


def test_what_a_stranger_says_of_his_address_is_not_believed(acme: Company) -> None:
    """ASVS 4.1.3."""
    assert seen(acme, "192.0.2.1") == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [("192.0.2.7", "192.0.2.7"), ("6.6.6.6, 192.0.2.7", "192.0.2.7"), ("<script>", "127.0.0.1"), ("", "127.0.0.1")],
)  # fmt: skip
def test_behind_the_proxy_the_trail_names_whom_the_proxy_saw(
    acme: Company, settings: Any, forwarded: str, address: str
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert seen(acme, forwarded) == address


def test_who_has_no_role_anywhere_is_refused_on_record(db: None) -> None:
    with context.system("tests"), unit():
        nobody = User.objects.create_user("nobody", name="No Body")
    assert sign_in(nobody).get(reverse("portal:mail")).status_code == 403
    with context.system("tests"):
        assert AuditEvent.objects.get(action="access.refused").reason == "no_tenant"
