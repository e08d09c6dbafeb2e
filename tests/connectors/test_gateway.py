"""The one door: what was not granted is refused before a byte leaves, and on record; the back-off is shared."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from connectors import errors, gateway, onboarding
from connectors.adapters import MessageRef
from connectors.models import AccessScope, Mailbox, MailboxState, Operation
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox


def refusals() -> list[tuple[str, str, str]]:
    events = AuditEvent.objects.filter(action="scope.refused").order_by("sequence")
    return [(event.scope, event.reason, event.facts["folder"]) for event in events]


def fresh() -> Mailbox:
    return Mailbox.objects.get()


@pytest.mark.parametrize("operation", ["changes", "fetch"])
def test_an_operation_that_was_not_granted_is_refused_recorded_and_never_sent(
    acme: Company, server: MemoryMailbox, mailbox: Mailbox, operation: str
) -> None:
    server.deliver(b"Subject: x\r\n\r\n", folder="Private")
    server.failures[operation] = [errors.ProtocolError("The server was asked.")]
    with acme.work(), gateway.open_mailbox(mailbox) as opened:
        arguments = {"changes": None, "fetch": [MessageRef("Private", "1:1")]}
        with pytest.raises(errors.ScopeViolation) as caught:
            list(getattr(opened, operation)("Private", arguments[operation]))
        assert caught.value.code == "not_granted"
        assert refusals() == [("read", "not_granted", "Private")]
    assert server.failures[operation], "the provider was not asked"


def test_a_refusal_does_not_count_as_a_failing_connection(acme: Company, mailbox: Mailbox) -> None:
    with acme.work():
        with pytest.raises(errors.ScopeViolation), gateway.open_mailbox(mailbox) as opened:
            list(opened.changes("Private", None))
        assert (fresh().state, fresh().failures, fresh().back_off_until) == (MailboxState.ACTIVE, 0, None)


@pytest.mark.parametrize("operation", [Operation.MODIFY, Operation.SEND])
def test_read_grants_neither_modify_nor_send(acme: Company, mailbox: Mailbox, operation: Operation) -> None:
    with acme.work():
        with pytest.raises(errors.ScopeViolation):
            gateway.require_scope(mailbox, operation, "INBOX")
        assert refusals() == [(operation, "not_granted", "INBOX")]


def test_a_scope_on_the_whole_mailbox_covers_its_folders_and_one_on_a_folder_no_other(
    acme: Company, mailbox: Mailbox
) -> None:
    with acme.work():
        gateway.require_scope(mailbox, Operation.READ, "INBOX")
        with pytest.raises(errors.ScopeViolation):
            gateway.require_scope(mailbox, Operation.READ, "INBOX/Sub")
        with pytest.raises(errors.ScopeViolation):
            gateway.require_scope(mailbox, Operation.READ)
        AccessScope.objects.update(folder="")
        gateway.require_scope(mailbox, Operation.READ, "INBOX/Sub")


def test_a_scope_taken_away_while_the_mailbox_is_open_holds_at_the_next_call(
    acme: Company, server: MemoryMailbox, mailbox: Mailbox
) -> None:
    server.deliver(b"Subject: x\r\n\r\n")
    with acme.work(), gateway.open_mailbox(mailbox) as opened:
        [page] = opened.changes("INBOX", None)
        AccessScope.objects.all().delete()
        with pytest.raises(errors.ScopeViolation):
            list(opened.fetch("INBOX", page.refs))
        assert not AuditEvent.objects.filter(action="message.fetched").exists()


def test_a_mailbox_that_is_not_active_is_refused_whatever_was_granted(
    acme: Company, server: MemoryMailbox, mailbox: Mailbox
) -> None:
    with acme.work(acme.ada):
        onboarding.pause(mailbox)
        with pytest.raises(errors.ScopeViolation) as caught:
            gateway.require_scope(mailbox, Operation.READ, "INBOX")
        assert caught.value.code == "not_active"
        with pytest.raises(errors.ScopeViolation), gateway.open_mailbox(mailbox) as opened:
            list(opened.changes("INBOX", None))
        assert [reason for _, reason, _ in refusals()] == ["not_active", "not_active"]


def test_another_tenants_mailbox_is_not_opened(
    acme: Company, borealis: Company, server: MemoryMailbox, mailbox: Mailbox
) -> None:
    opened = server.opened
    with borealis.work(), pytest.raises(errors.ConnectorError), gateway.open_mailbox(mailbox):
        pass
    assert server.opened == opened


def test_everything_listed_and_fetched_is_on_record_by_its_ids(
    acme: Company, server: MemoryMailbox, mailbox: Mailbox
) -> None:
    ids = [server.deliver(f"Subject: {n}\r\n\r\n".encode()) for n in range(3)]
    with acme.work(), gateway.open_mailbox(mailbox) as opened:
        [page] = opened.changes("INBOX", None)
        for _, raw in opened.fetch("INBOX", page.refs):
            raw.body.close()
        for action in ("messages.listed", "message.fetched"):
            event = AuditEvent.objects.get(action=action)
            assert (event.facts["ids"], event.scope, event.outcome) == (ids, "read", "done")


def test_one_message_that_cannot_be_had_does_not_stop_the_page(
    acme: Company, server: MemoryMailbox, mailbox: Mailbox
) -> None:
    for number in range(3):
        server.deliver(f"Subject: {number}\r\n\r\n".encode())
    server.failures["fetch"] = [errors.MessageGone("Gone.")]
    with acme.work(), gateway.open_mailbox(mailbox) as opened:
        [page] = opened.changes("INBOX", None)
        results = [result for _, result in opened.fetch("INBOX", page.refs)]
        assert [type(result).__name__ for result in results] == ["MessageGone", "RawMessage", "RawMessage"]
        for result in results[1:]:
            result.body.close()


def test_a_failure_holds_every_worker_back_until_its_time_is_over(
    acme: Company, server: MemoryMailbox, mailbox: Mailbox
) -> None:
    """Field notes rows 1 and 18: the back-off is shared, since it is on the mailbox's row."""
    server.failures["open"] = [errors.ProviderUnavailable("Down.")]
    with acme.work():
        before = timezone.now()
        with pytest.raises(errors.ProviderUnavailable), gateway.open_mailbox(fresh()):
            pass
        row = fresh()
        assert row.back_off_until is not None
        wait = row.back_off_until - before
        assert gateway.FIRST_BACK_OFF * 0.7 <= wait <= gateway.FIRST_BACK_OFF * 1.1
        opened = server.opened
        with pytest.raises(errors.RateLimited) as caught, gateway.open_mailbox(fresh()):
            pass
        assert caught.value.code == "backing_off"
        assert (server.opened, fresh().failures) == (opened, 1), "waiting is no further failure"
        Mailbox.objects.update(back_off_until=timezone.now())
        with gateway.open_mailbox(fresh()):
            pass
        row = fresh()
        assert (row.failures, row.error_code, row.back_off_until) == (0, "", None)


def test_what_the_server_asked_for_is_obeyed(acme: Company, server: MemoryMailbox, mailbox: Mailbox) -> None:
    """Field notes row 1: Retry-After beats our own doubling."""
    server.failures["open"] = [errors.RateLimited("Slow down.", retry_after=1234)]
    with acme.work():
        with pytest.raises(errors.RateLimited), gateway.open_mailbox(fresh()):
            pass
        assert fresh().back_off_until is not None
        assert abs(fresh().back_off_until - timezone.now() - timedelta(seconds=1234)) < timedelta(seconds=60)


def test_the_back_off_doubles_up_to_an_hour() -> None:
    down = errors.ProviderUnavailable("Down.")
    waits = [gateway.back_off(failures, down) for failures in range(1, 40)]
    assert all(a <= gateway.FIRST_BACK_OFF * 2**n for n, a in enumerate(waits))
    assert all(wait >= gateway.LONGEST_BACK_OFF * 0.75 for wait in waits[10:])
    assert max(waits) <= gateway.LONGEST_BACK_OFF


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (errors.ProviderUnavailable("Down."), MailboxState.ACTIVE),
        (errors.AuthenticationError("Refused."), MailboxState.ACTIVE),
        (errors.AccessDenied("Not yours."), MailboxState.NEEDS_ATTENTION),
        (errors.ConfigurationError("No such host."), MailboxState.NEEDS_ATTENTION),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_only_what_a_person_must_put_right_stops_the_mailbox(
    acme: Company, server: MemoryMailbox, mailbox: Mailbox, failure: errors.ConnectorError, state: str
) -> None:
    server.failures["open"] = [failure]
    with acme.work():
        with pytest.raises(errors.ConnectorError), gateway.open_mailbox(fresh()):
            pass
        assert (fresh().state, fresh().error_code) == (state, failure.code)
        event = AuditEvent.objects.get(action="mailbox.needs_attention")
        assert (event.outcome, event.reason) == ("failed", failure.code)
        assert event.facts["stopped"] is (state == MailboxState.NEEDS_ATTENTION)


def test_a_folder_that_is_gone_is_that_folders_matter(acme: Company, mailbox: Mailbox) -> None:
    """Field notes row 34: the other folders continue."""
    with acme.work():
        AccessScope.objects.update(folder="")
        with pytest.raises(errors.FolderMissing), gateway.open_mailbox(fresh()) as opened:
            list(opened.changes("Gone", None))
        assert (fresh().state, fresh().failures) == (MailboxState.ACTIVE, 0)


def test_the_check_is_on_record_also_when_it_fails(
    acme: Company, server: MemoryMailbox, mailbox: Mailbox
) -> None:
    with acme.work():
        before = AuditEvent.objects.filter(action="mailbox.tested").count()
        server.password = "changed"
        report, folders = gateway.check(mailbox)
        assert (report.passed, folders) == (False, [])
        assert AuditEvent.objects.filter(action="mailbox.tested").count() == before + 1


def test_refusals_of_several_folders_at_once_are_all_counted(acme: Company, mailbox: Mailbox) -> None:
    with acme.work():
        loaded = [fresh() for _ in range(gateway.MAX_REFUSALS)]
        for each in loaded:
            gateway.note_failure(each, errors.AuthenticationError("Wrong."), now=timezone.now())
        assert (fresh().refusals, fresh().state) == (gateway.MAX_REFUSALS, MailboxState.NEEDS_ATTENTION)


def test_a_failure_that_comes_late_does_not_wake_a_paused_mailbox(acme: Company, mailbox: Mailbox) -> None:
    with acme.work():
        loaded = fresh()
        onboarding.pause(mailbox)
        gateway.note_failure(loaded, errors.ConfigurationError("Wrong.", code="options"), now=timezone.now())
        assert fresh().state == MailboxState.PAUSED
