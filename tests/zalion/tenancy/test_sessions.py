"""Sessions: the table does not hold what a browser shows, and everything Django does with a session still works."""

from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from tests.cast import Company
from tests.zalion.tenancy.test_signin import sign_in


def test_the_key_of_a_session_is_nowhere_in_the_database(acme: Company) -> None:
    cookie = sign_in(acme.rui).cookies[settings.SESSION_COOKIE_NAME].value
    rows = list(Session.objects.values_list("session_key", "session_data"))
    assert rows
    assert not [row for row in rows if cookie in "".join(row)]


def test_what_the_table_holds_opens_no_session(acme: Company) -> None:
    sign_in(acme.rui)
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = Session.objects.get().session_key
    assert thief.get(reverse("portal:index")).status_code == 302


def test_signing_out_takes_the_row_and_a_new_sign_in_leaves_none_behind(acme: Company) -> None:
    client = sign_in(acme.rui)
    client.get(reverse("portal:index"))
    assert Session.objects.count() == 1
    client.post(reverse("signout"))
    assert Session.objects.count() == 0
