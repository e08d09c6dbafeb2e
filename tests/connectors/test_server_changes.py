"""What happens on a live server's side to folders and mail: state, words, event, and the line right after."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from django.utils import timezone

from connectors import onboarding, reconcile, sync
from connectors.models import Mailbox, MailboxState, Message, SyncState
from connectors.views import standing
from tests.cast import Company
from tests.connectors import live
from tests.connectors.live import WHEN, Live, mail
from tests.servers.broken import BrokenServer
from tests.servers.certificates import Authority
from tests.servers.dovecot import DovecotServer


@dataclass
class OnDovecot(Live):
    server: DovecotServer
    user: str

    def deliver(self, number: int, folder: str = "INBOX", *, size: int = 0) -> None:
        self.server.deliver(self.user, folder, mail(number, size), when=WHEN.timestamp() + number)

    def rename(self, folder: str, to: str) -> None:
        """As another mail program does."""
        self.server.path(self.user, folder).rename(self.server.path(self.user, to))


@pytest.fixture
def box(acme: Company, dovecot: DovecotServer) -> OnDovecot:
    """INBOX and Orders on Dovecot, three mails each, all taken in."""
    user, password = dovecot.add_user()
    dovecot.create_folder(user, "Orders")
    made = live.make(
        acme,
        port=dovecot.port,
        ca_pem=dovecot.authority.pem,
        user=user,
        password=password,
        folders=("INBOX", "Orders"),
    )
    found = OnDovecot(made.company, made.mailbox, dovecot, user)
    for number in range(3):
        found.deliver(number)
        found.deliver(10 + number, "Orders")
    with acme.work():
        found.read()
        found.read("Orders")
        assert (found.rows(), found.rows("Orders")) == (3, 3)
    return found


# --- UIDVALIDITY ---------------------------------------------------------------------------------------------


def test_a_uidvalidity_reset_is_an_incident_that_repairs_itself_and_doubles_nothing(
    acme: Company, box: OnDovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Field notes 9, 62: also mail of which nothing is stored keeps its row."""
    for flow in (sync, reconcile):
        monkeypatch.setattr(flow, "LIMITS", replace(flow.LIMITS, message_bytes=5_000))
    box.deliver(3, size=9_000)
    box.deliver(4, size=9_000)
    with acme.work():
        box.read()
        assert Message.objects.filter(reason="message_too_large").count() == 2
        before = set(Message.objects.values_list("pk", flat=True))
        box.server.forget_identities(box.user)
        box.deliver(5)
        assert box.line() == (6, 6, 0)
        assert box.rows() == 6
        assert len(before & set(Message.objects.values_list("pk", flat=True))) == len(before)
        assert box.mailbox.state == MailboxState.ACTIVE
        [incident] = box.told("folder.resynced")
        assert (incident.reason, incident.facts) == ("uidvalidity_changed", {"folder": "INBOX", "times": 1})
        [done] = box.told("folder.remapped")
        assert done.facts == {"folder": "INBOX", "known": 5, "new": 1}
        state = box.mapping().sync
        assert (state.error_code, state.resync_at, state.resets) == ("", None, 1)
        # Each too large one has kept its own row, told apart by the server's time.
        large = Message.objects.filter(reason="message_too_large").order_by("received_at")
        assert [int(row.identity.split(":")[1]) for row in large] == [4, 5]
    page = box.page()
    assert "Given other ids by the server" in page
    assert "6 on the server, 6 accounted for" in page


def test_a_server_that_numbers_a_folder_anew_time_and_again_is_left_alone(
    acme: Company, authority: Authority
) -> None:
    """Field note 9: endless resets are noticed."""
    with BrokenServer(authority, mails={n: mail(n) for n in range(1, 4)}) as server:
        box = live.make(acme, port=server.port, ca_pem=authority.pem, user="orders", password="canary")
        server.fault = "renumbers"
        with acme.work():
            for _ in range(5):
                box.read()
            assert box.rows() == 3
            assert len(box.told("folder.resynced")) == 3
            [event] = box.told("folder.needs_attention")
            assert (event.reason, event.outcome) == ("numbering_unstable", "failed")
            state = box.mapping().sync
            assert state.error_code == "numbering_unstable"
            assert (state.next_attempt_at - timezone.now()).total_seconds() > 20 * 3600
            assert box.mailbox.state == MailboxState.ACTIVE
            fetched = len(box.told("message.fetched"))
            box.read()
            assert len(box.told("message.fetched")) == fetched
        page = box.page()
        assert "Numbering unstable" in page
        assert "Ask whoever runs the mail server" in page
        server.fault = ""
        with acme.work():
            sync.sync_now(box.mailbox)
            assert box.line() == (3, 3, 0)
            assert [event.reason for event in box.told("folder.recovered")] == ["numbering_unstable"]
            assert box.rows() == 3


# --- folders -------------------------------------------------------------------------------------------------


def test_a_renamed_folder_is_followed_on_record_and_its_line_is_right(acme: Company, box: OnDovecot) -> None:
    """Field notes 34, 63."""
    box.rename("Orders", "Archiv/Aufträge 2025")
    box.deliver(13, "Archiv/Aufträge 2025")
    with acme.work():
        assert box.line("Orders") == (4, 4, 0)
        box.deliver(14, "Archiv/Aufträge 2025")
        box.read("Orders")
        assert box.rows("Orders") == 5
        assert box.line("Orders") == (5, 5, 0)
        assert box.told("folder.resynced") == box.told("ledger.incident") == []
        [event] = box.told("folder.renamed")
        assert event.facts == {
            "folder": "Orders",
            "before": "Orders",
            "now": "Archiv/Auftr&AOQ-ge 2025",
            "name_taken": False,
        }
        mapping = box.mapping("Orders")
        assert mapping.sync.error_code == ""
        # What was signed is what stays configured.
        assert (mapping.folder, box.mailbox.state) == ("Orders", MailboxState.ACTIVE)
    page = box.page()
    assert "renamed on the server: Archiv / Aufträge 2025" in page
    assert "5 on the server, 5 accounted for" in page
    box.rename("Archiv/Aufträge 2025", "Orders")
    with acme.work():
        assert box.line("Orders") == (5, 5, 0)
        assert [event.facts["now"] for event in box.told("folder.renamed")][1:] == ["Orders"]
    assert "renamed on the server:" not in box.page()


def test_a_renamed_folder_is_chosen_under_its_new_name_and_stays_signed(
    acme: Company, box: OnDovecot
) -> None:
    box.rename("Orders", "Archiv")
    box.server.create_folder(box.user, "Orders")
    with acme.work(acme.ada):
        box.read("Orders")
        onboarding.check_mailbox(box.mailbox.pk)
        box.mailbox.refresh_from_db()
        offered = {folder["name"]: folder["id"] for folder in standing.offered(box.mailbox)}
        assert (offered["Archiv"], offered["INBOX"], "Orders" in offered) == ("Orders", "INBOX", False)
        onboarding.map_folders(box.mailbox, folders=["INBOX", offered["Archiv"]])
        assert onboarding.is_approved(box.mailbox)
        [event] = box.told("folder.renamed")
        assert event.facts["name_taken"]
        assert box.line("Orders") == (3, 3, 0)


def test_a_renamed_folder_that_is_numbered_anew_too_is_read_where_it_is_now(
    acme: Company, box: OnDovecot
) -> None:
    box.rename("Orders", "Archiv")
    with acme.work():
        box.read("Orders")
        box.server.forget_identities(box.user, "Archiv")
        box.deliver(13, "Archiv")
        assert box.line("Orders") == (4, 4, 0)
        assert box.rows("Orders") == 4


def test_a_deleted_folder_stops_alone_and_goes_on_when_it_is_there_again(
    acme: Company, box: OnDovecot
) -> None:
    """Field notes 34, 63: its own state, the other folders go on; made anew, nothing is taken in twice."""
    kept = box.server.path(box.user, "Orders")
    shutil.rmtree(kept)
    box.deliver(3)
    with acme.work():
        for _ in range(2):
            box.read("Orders")
            box.read()
        assert box.line() == (4, 4, 0)
        state = box.mapping("Orders").sync
        assert state.error_code == "folder_missing"
        assert (box.mailbox.state, box.mailbox.error_code) == (MailboxState.ACTIVE, "")
        [event] = box.told("folder.needs_attention")
        assert (event.reason, event.facts) == ("folder_missing", {"folder": "Orders"})
    page = box.page()
    assert "Folder missing" in page
    assert "If it was renamed on the server, choose it again" in page
    box.server.create_folder(box.user, "Orders")
    box.deliver(10, "Orders")
    box.deliver(20, "Orders")
    with acme.work():
        assert box.line("Orders") == (2, 2, 2)
        assert box.rows("Orders") == 4
        assert [event.reason for event in box.told("folder.recovered")] == ["folder_missing"]
        assert [event.reason for event in box.told("folder.resynced")] == ["uidvalidity_changed"]
        assert box.mapping("Orders").sync.error_code == ""


# --- mail ----------------------------------------------------------------------------------------------------


@pytest.fixture
def server(authority: Authority) -> Iterator[BrokenServer]:
    with BrokenServer(authority, mails={n: mail(n) for n in range(1, 4)}) as server:
        yield server


def test_mail_moved_away_during_a_fetch_is_accounted_for_and_taken_once_when_it_is_back(
    acme: Company, authority: Authority, server: BrokenServer
) -> None:
    box = live.make(acme, port=server.port, ca_pem=authority.pem, user="orders", password="canary")
    with acme.work():
        box.read()
        server.mails[4] = mail(4)
        server.fault = "gone"  # listed, and not there when it is asked for
        box.read()
        row = Message.objects.get(identity="1000:4")
        assert (row.state, row.reason, row.raw_blob) == ("skipped", "message_gone", "")
        [event] = box.told("messages.gone")
        assert event.facts == {"folder": "INBOX", "ids": [str(row.pk)]}
        assert (box.mailbox.state, box.mapping().sync.error_code) == (MailboxState.ACTIVE, "")
        away, server.mails[5] = server.mails.pop(4), mail(5)
        server.fault = ""
        assert box.line() == (4, 4, 1)
    page = box.page()
    assert "1 had left before it could be fetched" in page
    assert "4 on the server, 4 accounted for" in page
    assert "1 more left the server" in page
    with acme.work():
        # Moved back, it has another number (RFC 6851), and is taken in once.
        server.mails[6] = away
        assert box.line() == (5, 5, 1)
        box.read()
        assert box.line() == (5, 5, 1)
        assert Message.objects.filter(state="stored").count() == 5
        assert box.told("folder.resynced") == []
        assert SyncState.objects.get(mapping=box.mapping()).error_code == ""
        assert box.told("ledger.incident") == []


def test_mail_moved_away_after_it_was_taken_in_and_back_is_stored_once(acme: Company, box: OnDovecot) -> None:
    box.server.remove(box.user, "INBOX", 1)
    with acme.work():
        assert box.line() == (2, 2, 1)
        box.deliver(1)
        assert box.line() == (3, 3, 1)
        again = Message.objects.exclude(copy_of=None).get()
        assert again.copy_of is not None
        assert again.copy_of.content_hmac == again.content_hmac
        assert Mailbox.objects.get().state == MailboxState.ACTIVE
