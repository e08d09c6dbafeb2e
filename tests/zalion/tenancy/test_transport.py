"""What stands round every answer, whoever gives it: the policy for browsers, and nothing for tokens sent in clear."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.cast import Company
from tests.zalion.tenancy.test_signin import sign_in


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
    cookie = sign_in(acme.rui).get(reverse("portal:index")).cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
