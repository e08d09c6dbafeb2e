"""Wrong secrets: on record, slowed down, and no way to lock somebody else out; the ways in, on record too."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from tests.cast import Company
from tests.zalion.tenancy.test_signin import link, sign_in
from zalion.tenancy import context, people, signin, throttle
from zalion.tenancy.models import Role, User

API = "/api/v1/mailboxes/"


@pytest.fixture(autouse=True)
def _no_counts() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def token(company: Company) -> str:
    with company.work(company.people[Role.ADMINISTRATOR]):
        expires = timezone.now() + timedelta(days=1)
        ada = company.people[Role.ADMINISTRATOR]
        return signin.issue_token("ERP", scopes=["mailboxes:read"], created_by=ada, expires_at=expires)[1]


def bearer(shown: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {shown}"})


def system_events(action: str) -> list[tuple[str, str]]:
    with context.system("tests"):
        found = AuditEvent.objects.filter(action=action).order_by("sequence")
        return [(event.facts["permission"], event.reason) for event in found]


def test_a_refused_token_is_on_record(acme: Company) -> None:
    assert bearer("zal_000000000000_x").get(API).status_code == 401
    assert system_events("access.refused") == [("token", "token")]


def test_many_wrong_tokens_are_slowed_down_and_the_right_one_still_opens(acme: Company) -> None:
    right = token(acme)
    wrong = right[:-1] + ("x" if right[-1] != "x" else "y")
    answers = [bearer(wrong).get(API) for _ in range(throttle.PER_SECRET + 5)]
    assert [answer.status_code for answer in answers] == [401] * throttle.PER_SECRET + [429] * 5
    assert answers[-1]["Retry-After"]
    assert answers[-1]["Content-Type"] == "application/problem+json"
    reasons = [reason for _, reason in system_events("access.refused")]
    assert reasons == ["token"] * throttle.PER_SECRET + ["throttled"]
    assert bearer(right).get(API).status_code == 200


def test_ever_new_tokens_of_one_address_are_slowed_down_too(acme: Company) -> None:
    shown = (f"zal_{number:012d}_x" for number in range(throttle.PER_ADDRESS + 3))
    codes = [bearer(each).get(API).status_code for each in shown]
    assert codes == [401] * throttle.PER_ADDRESS + [429] * 3


def test_many_wrong_links_are_slowed_down_and_the_right_one_still_opens(acme: Company) -> None:
    codes = [
        Client().post(reverse("signin-redeem", args=[f"{number:016d}"])).status_code
        for number in range(throttle.PER_ADDRESS + 3)
    ]
    assert codes == [403] * throttle.PER_ADDRESS + [429] * 3
    assert len(system_events("signin.refused")) == throttle.PER_ADDRESS + 1
    assert sign_in(acme.rui).get(reverse("portal:index")).status_code == 200


def test_a_token_dies_with_the_account_of_who_made_it(acme: Company) -> None:
    right = token(acme)
    assert bearer(right).get(API).status_code == 200
    User.objects.filter(pk=acme.ada.pk).update(is_active=False)
    assert bearer(right).get(API).status_code == 401


def test_making_a_link_is_on_record_where_the_person_works(acme: Company) -> None:
    call_command("signin_link", "rui")
    with acme.work():
        event = AuditEvent.objects.get(action="signin.link_issued")
        assert (event.object_kind, event.object_id) == ("user", str(acme.rui.pk))
        assert (event.actor_kind, event.signed_in_by) == ("command", "console")


def test_going_over_to_another_tenant_is_on_record_in_both(acme: Company, borealis: Company) -> None:
    with borealis.work():
        people.grant_role(acme.rui, role=Role.OPERATOR)
    client = sign_in(acme.rui)
    client.post(reverse("switch"), {"tenant": str(borealis.tenant.pk)})
    for company in (acme, borealis):
        with company.work():
            event = AuditEvent.objects.get(action="tenant.switched")
            assert (event.actor_id, event.object_id) == (str(acme.rui.pk), str(borealis.tenant.pk))


def test_the_page_of_a_link_does_not_pass_its_address_on(acme: Company) -> None:
    address = reverse("signin-redeem", args=[link(acme.rui)])
    assert Client().get(address)["Referrer-Policy"] == "strict-origin"
    assert Client().post(reverse("signin-redeem", args=["x"]))["Referrer-Policy"] == "strict-origin"
