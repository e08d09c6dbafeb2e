"""Listening: one connection per mailbox, a hint wakes a sync, and a server that cannot tell is polled."""

import re
from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from connectors import claims, errors, listening, onboarding, sync
from connectors.listener import Listener
from connectors.models import AccessScope, FolderMapping, Listening, Mailbox, MailboxState, Message, SyncState
from tests.background import run_waiting
from tests.cast import Company
from tests.connectors.test_onboarding import settings_of, signed
from tests.connectors.test_sync import mail
from tests.contracts.memory import MemoryMailbox
from tests.zalion.tenancy.test_signin import sign_in
from zalion.models import Heartbeat
from zalion.tasks import OrmBroker
from zalion.tenancy.models import Tenant


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "STEP", 0.01)
    monkeypatch.setattr(listening, "BURST", 0.0)


@pytest.fixture
def mapping(acme: Company, mailbox: Mailbox) -> FolderMapping:
    """Of a mailbox that is listened to, read a moment ago, and not due for hours."""
    with acme.work():
        Mailbox.objects.update(push=True)
        later = timezone.now() + timedelta(hours=9)
        SyncState.objects.update(last_started_at=timezone.now(), next_attempt_at=later)
        run_waiting()
        SyncState.objects.update(next_attempt_at=later)
        return FolderMapping.objects.get(mailbox=mailbox)


class Steps:
    """Ends listening after some steps, and acts between them."""

    def __init__(self, *acts: Callable[[], Any]) -> None:
        self.acts = list(acts)
        self.ended = Event()

    def __call__(self) -> None:
        if self.acts:
            self.acts.pop(0)()
        else:
            self.ended.set()


def listen(mapping: FolderMapping, *acts: Callable[[], Any]) -> Listening:
    steps = Steps(*acts)
    listening.listen(mapping.mailbox_id, ended=steps.ended, progress=steps)
    return Listening.objects.get()


def subjects() -> list[str | None]:
    return [row.subject for row in Message.objects.order_by("received_at")]


def test_a_mail_is_in_the_ledger_without_any_poll_due(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    """Field notes 5 and 14: what is heard is a hint that wakes a sync."""
    with acme.work():
        listen(mapping, run_waiting, lambda: server.deliver(mail(1)), lambda: None)
        run_waiting()
        assert subjects() == ["Order 1"]


def test_what_came_while_nobody_listened_is_looked_for_at_once(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.deliver(mail(1))
    with acme.work():
        listen(mapping)
        run_waiting()
        assert subjects() == ["Order 1"]


def test_hints_that_come_while_a_folder_waits_are_one(acme: Company, mapping: FolderMapping) -> None:
    with acme.work():
        for _ in range(5):
            sync.wake(mapping.pk)
        assert OrmBroker("zalion").queue_size() == 1


def test_a_hint_that_comes_while_the_folder_is_read_is_followed_afterwards(
    acme: Company, mapping: FolderMapping
) -> None:
    with acme.work():
        SyncState.objects.update(next_attempt_at=timezone.now())
        held = claims.claim(mapping.pk, now=timezone.now())
        later = timezone.now() + timedelta(hours=1)
        sync.wake(mapping.pk)
        claims.release(held, next_attempt_at=later, now=timezone.now())
        assert claims.next_due(mapping.mailbox_id, now=timezone.now()) == mapping.pk
        held = claims.claim(mapping.pk, now=timezone.now())
        claims.release(held, next_attempt_at=later, now=timezone.now())
        assert claims.next_due(mapping.mailbox_id, now=timezone.now()) is None
        assert SyncState.objects.get().next_attempt_at == later
        held = claims.claim(mapping.pk, now=timezone.now())
        sync.wake(mapping.pk)
        claims.release(held, next_attempt_at=later, error_code="unavailable", now=timezone.now())
        assert SyncState.objects.get().next_attempt_at == later, "a failure's wait is kept"


def test_one_listener_per_mailbox(acme: Company, server: MemoryMailbox, mapping: FolderMapping) -> None:
    with acme.work():
        opened = server.opened
        listen(mapping, lambda: listen(mapping))
        assert server.opened == opened + 1
        listening.take(mapping.mailbox, mapping, now=timezone.now())
        with pytest.raises(claims.ClaimLost):
            listening.take(mapping.mailbox, mapping, now=timezone.now())


def test_one_whose_lease_was_taken_over_ends(
    acme: Company, mapping: FolderMapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "RENEWED_EVERY", 0.0)

    def another() -> None:
        Listening.objects.update(lease_until=timezone.now())
        listening.take(mapping.mailbox, mapping, now=timezone.now())

    with acme.work():
        row = listen(mapping, another, lambda: pytest.fail("it went on"))
        assert row.fence == 2
        assert row.lease_until is not None, "and takes nothing away from the other"


def test_every_connection_is_on_record_and_within_the_scope(acme: Company, mapping: FolderMapping) -> None:
    with acme.work():
        listen(mapping, lambda: None, lambda: None)
        event = AuditEvent.objects.get(action="mailbox.listened")
        assert (event.scope, event.facts["folder"]) == ("read", "INBOX")
        AccessScope.objects.all().delete()
        assert listen(mapping).error_code == "not_granted"
        assert AuditEvent.objects.filter(action="mailbox.listened").count() == 1
        assert AuditEvent.objects.filter(action="scope.refused").count() == 1


def test_the_row_says_since_when_and_when_something_was_heard(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "RENEWED_EVERY", 0.0)
    rows: list[Listening] = []

    def look() -> None:
        rows.append(Listening.objects.get())

    with acme.work():
        after = listen(mapping, look, lambda: server.deliver(mail(1)), look)
    first, second = rows
    assert first.since == second.since is not None
    assert first.heard_at is not None
    assert second.heard_at is not None
    assert first.heard_at < second.heard_at
    assert first.mapping_id == mapping.pk
    assert (after.since, after.lease_until) == (None, None)


def test_a_server_that_cannot_tell_is_polled_and_has_not_failed(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.failures["listen"] = [errors.UnsupportedOperation("It does not tell.", code="idle_missing")]
    with acme.work():
        row = listen(mapping)
        assert (row.error_code, row.since, row.lease_until) == ("idle_missing", None, None)
        assert row.next_attempt_at > timezone.now() + timedelta(hours=1)
        box = Mailbox.objects.get()
        assert (box.state, box.failures, box.error_code) == (MailboxState.ACTIVE, 0, "")
        sync.sync_now(box)
        assert Listening.objects.get().next_attempt_at <= timezone.now(), "somebody may have switched it on"


def test_a_lost_connection_holds_back_workers_and_listener_alike(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    server.failures["listen"] = [errors.ProviderUnavailable("The server hung up.", code="hung_up")]
    with acme.work():
        assert listen(mapping).error_code == "hung_up"
        box = Mailbox.objects.get()
        assert (box.failures, box.error_code) == (1, "hung_up")
        assert box.back_off_until is not None
        opened = server.opened
        assert listen(mapping).error_code == "backing_off"
        assert server.opened == opened
        Mailbox.objects.update(back_off_until=timezone.now())
        assert listen(mapping).error_code == ""
        assert Mailbox.objects.get().failures == 0


def test_push_is_part_of_what_is_signed(acme: Company, mailbox: Mailbox) -> None:
    with acme.work():
        before = onboarding.configuration_hash(mailbox)
        onboarding.configure(mailbox, **settings_of(mailbox, push=True))
        mailbox.refresh_from_db()
        assert (mailbox.push, mailbox.state) == (True, MailboxState.TESTED)
        assert onboarding.configuration_hash(mailbox) != before
        assert onboarding.configuration(mailbox)["push"] is True
        signed(acme, mailbox)
        onboarding.configure(mailbox, **settings_of(mailbox))
        assert onboarding.configuration_hash(mailbox) == before, "signatures from before there was push hold"


# --- the process: what each round starts and ends --------------------------------------------------


class Recorder(Listener):
    """A listener whose threads are only noted down."""

    def __init__(self, most: int = 9) -> None:
        super().__init__(most=most)
        self.started: list[Any] = []

    def _start(self, mailbox: Any, tenant: Any, setup: Any) -> None:
        self.started.append(mailbox)


def test_a_round_starts_whoever_wants_it_and_has_nobody(acme: Company, mapping: FolderMapping) -> None:
    listener = Recorder()
    assert listener.round()
    assert listener.started == [mapping.mailbox_id]
    assert Heartbeat.objects.filter(name="listener").exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"push": False},
        {"state": MailboxState.PAUSED},
        {"back_off_until": timezone.now() + timedelta(hours=1)},
    ],
)
def test_a_round_leaves_others_alone(acme: Company, mapping: FolderMapping, changed: dict[str, Any]) -> None:
    with acme.work():
        Mailbox.objects.update(**changed)
    listener = Recorder()
    listener.round()
    assert listener.started == []


def test_a_round_starts_no_more_than_it_may(acme: Company, mapping: FolderMapping) -> None:
    listener = Recorder(most=0)
    listener.round()
    assert listener.started == []


def test_a_round_leaves_alone_whom_another_listens_to_until_the_lease_is_over(
    acme: Company, mapping: FolderMapping
) -> None:
    with acme.work():
        listening.take(mapping.mailbox, mapping, now=timezone.now())
    listener = Recorder()
    listener.round()
    assert listener.started == []
    with acme.work():
        Listening.objects.update(lease_until=timezone.now())
    listener.round()
    assert listener.started == [mapping.mailbox_id]


def test_a_suspended_company_is_not_listened_to(acme: Company, mapping: FolderMapping) -> None:
    Tenant.objects.update(suspended_at=timezone.now())
    listener = Recorder()
    listener.round()
    assert listener.started == []


# --- what the mailbox's page says ------------------------------------------------------------------


def told(acme: Company, mapping: FolderMapping) -> str:
    page = sign_in(acme.ada).get(reverse("portal:mailbox", args=[mapping.mailbox_id])).content.decode()
    found = re.search(r'<dd id="listening">(.*?)</dd>', page)
    return re.sub(r"<[^>]+>", "", found[1]) if found else ""


def test_the_page_says_whether_somebody_listens_and_when_something_was_heard(
    acme: Company, server: MemoryMailbox, mapping: FolderMapping
) -> None:
    assert told(acme, mapping).startswith("nobody listens just now")
    seen: list[str] = []
    with acme.work():
        listen(mapping, lambda: seen.append(told(acme, mapping)))
    assert re.fullmatch(r"listening to INBOX since .+, last heard .+", seen[0])
    assert told(acme, mapping).startswith("nobody listens just now")
    server.failures["listen"] = [errors.UnsupportedOperation("It does not tell.", code="idle_missing")]
    with acme.work():
        listen(mapping)
    assert told(acme, mapping) == "the server does not tell (IDLE): read every 10 min only"
    with acme.work():
        Mailbox.objects.update(push=False)
    assert told(acme, mapping) == ""


def test_set_up_offers_push_where_the_connector_can_listen(acme: Company, mailbox: Mailbox) -> None:
    page = sign_in(acme.ada).get(reverse("portal:mailbox-new")).content.decode()
    assert re.search(r'<input[^>]*name="push"[^>]*checked', page)
