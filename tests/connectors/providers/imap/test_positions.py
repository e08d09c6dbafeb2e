"""Following a folder over IMAP where numbering, dates and lists cannot be trusted."""

import tracemalloc
from collections.abc import Iterator
from itertools import islice

import pytest

from connectors.adapters import Limits
from connectors.errors import (
    ConnectorError,
    CursorExpired,
    IdentitiesReused,
    ProtocolError,
    ProviderUnavailable,
    UnsupportedOperation,
)
from connectors.providers.imap.adapter import ImapAdapter
from tests.connectors.providers.imap.conftest import LOOPBACK, SECRET, Broken
from tests.contracts.adapter import mail


def test_an_unchanged_folder_is_known_without_a_search(broken: Broken) -> None:
    """CONDSTORE (RFC 7162): HIGHESTMODSEQ and UIDNEXT as they were."""
    server, adapter = broken("condstore")
    server.mails[9] = server.mails.pop(4)
    with adapter:
        *_, page = adapter.changes("INBOX", None)
        del server.mails[9]
        server.mails[20] = mail(20)
        server.modseq = 7
        *_, page = adapter.changes("INBOX", page.cursor)
        server.heard.clear()
        [again] = adapter.changes("INBOX", page.cursor)
        assert (again.refs, again.cursor, again.done) == ((), page.cursor, True)
        assert [line.split()[1] for line in server.heard] == [b"EXAMINE"]
        # A server that forgets to count up is not believed when UIDNEXT says otherwise.
        server.mails[21] = mail(21)
        [news] = adapter.changes("INBOX", page.cursor)
        assert [ref.id for ref in news.refs] == ["1000:21"]


def test_an_unfinished_reading_is_never_taken_for_a_finished_one(broken: Broken) -> None:
    _, adapter = broken("condstore")
    with adapter:
        first = next(adapter.changes("INBOX", None))
        assert not first.done
        [rest] = adapter.changes("INBOX", first.cursor)
        assert [ref.id for ref in rest.refs] == ["1000:4"]


def test_uids_given_to_other_messages_are_noticed(broken: Broken) -> None:
    """Field notes 9, 63: a backup played back reuses UIDs under the same UIDVALIDITY."""
    server, adapter = broken()
    with adapter:
        *_, page = adapter.changes("INBOX", None)
        server.date = b"05-Mar-2025 06:07:08 +0000"
        server.mails[5] = mail(5)
        with pytest.raises(IdentitiesReused) as caught:
            next(adapter.changes("INBOX", page.cursor))
    assert caught.value.code == "uid_reused"
    assert isinstance(caught.value, CursorExpired)


def test_a_position_from_an_earlier_release_still_holds(broken: Broken) -> None:
    _, adapter = broken()
    with adapter:
        [page] = adapter.changes("INBOX", '{"uidvalidity": 1000, "last_uid": 3}')
        assert [ref.id for ref in page.refs] == ["1000:4"]


class ManyMails(dict[int, bytes]):
    """A mailbox of one mail, a million times over."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        return iter(range(1, self.count + 1))

    def __contains__(self, uid: object) -> bool:
        return isinstance(uid, int) and 1 <= uid <= self.count

    def __getitem__(self, uid: int) -> bytes:
        return b"Subject: one\r\n\r\none\r\n"


def read_all(broken: Broken, count: int) -> None:
    server, adapter = broken()
    server.mails = ManyMails(count)
    many = ImapAdapter(adapter.options, secret=lambda: SECRET, policy=LOOPBACK, limits=Limits(page_size=1000))
    with many:
        seen, cursor = 0, ""
        for page in islice(many.changes("INBOX", None), 3):
            seen, cursor, total = seen + len(page.refs), page.cursor, page.total
        assert (seen, total) == (3000, count)
    with many:
        tracemalloc.start()
        for page in many.changes("INBOX", cursor):
            seen += len(page.refs)
            server.heard.clear()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert seen == count
    assert peak < 32 * 1024 * 1024


def test_a_large_mailbox_is_read_in_windows_resumed_and_counted(broken: Broken) -> None:
    """Field note 61: bounded memory, resumable, progress shown."""
    read_all(broken, 5_000)


@pytest.mark.soak
def test_a_mailbox_of_a_million_messages_is_read(broken: Broken) -> None:
    """Field note 61."""
    read_all(broken, 1_000_000)


def test_renumbering_expires_cursor_and_references(broken: Broken) -> None:
    """Field notes 9, 62: the key is mailbox, folder, UIDVALIDITY and UID."""
    _, adapter = broken("renumbers")
    with adapter:
        page = next(adapter.changes("INBOX", None))
        with pytest.raises(CursorExpired) as caught:
            next(adapter.changes("INBOX", page.cursor))
        assert caught.value.code == "uidvalidity_changed"
        with pytest.raises(CursorExpired):
            adapter.fetch(page.refs[0])


def test_a_numbering_that_goes_back_is_noticed(broken: Broken) -> None:
    """Field note 63: UIDNEXT goes back, UIDs are given out twice, UIDVALIDITY stays."""
    server, adapter = broken()
    with adapter:
        *_, page = adapter.changes("INBOX", None)
        server.fault = "goes back"
        with pytest.raises(CursorExpired) as caught:
            next(adapter.changes("INBOX", page.cursor))
        assert caught.value.code == "uidnext_went_back"


@pytest.mark.parametrize("cursor", ["", "{}", "[]", "null", '{"uidvalidity": "x", "last_uid": 1}', "12"])
def test_a_cursor_that_cannot_be_read_means_reading_anew(broken: Broken, cursor: str) -> None:
    _, adapter = broken()
    with adapter, pytest.raises(CursorExpired) as caught:
        next(adapter.changes("INBOX", cursor))
    assert caught.value.code == "cursor_unreadable"


@pytest.mark.parametrize(
    ("fault", "error"),
    [("no uids", UnsupportedOperation), ("writes", ProtocolError), ("hangs up", ProviderUnavailable)],
)
def test_a_folder_that_cannot_be_followed_is_not_opened(
    broken: Broken, fault: str, error: type[ConnectorError]
) -> None:
    _, adapter = broken(fault)
    with adapter, pytest.raises(error):
        next(adapter.changes("INBOX", None))


def test_the_newest_message_is_not_taken_for_a_new_one(broken: Broken) -> None:
    """Field note 10: the answer to a window beyond the end names the last message."""
    server, adapter = broken("always the last")
    with adapter:
        *_, page = adapter.changes("INBOX", None)
        server.mails[9] = mail(9)
        [news] = adapter.changes("INBOX", page.cursor)
        assert [ref.id for ref in news.refs] == ["1000:9"]
    assert not any(b" 0" in line.split(b"UID", 2)[-1] for line in server.heard if b"SEARCH" in line)


def test_dates_that_do_not_exist_are_no_dates(broken: Broken) -> None:
    """Field note 13: the time of receipt may be missing."""
    _, adapter = broken("odd dates")
    with adapter:
        assert next(adapter.changes("INBOX", None)).refs[0].received_at is None


def test_phantom_folders_are_listed_only_as_far_as_they_can_be_opened(broken: Broken) -> None:
    """Field note 34: NIL phantom folders, raw 8-bit names, names that are numbers, names without end."""
    _, adapter = broken("phantoms")
    with adapter:
        folders = {folder.id: folder for folder in adapter.folders()}
    assert [folder.selectable for folder in folders.values()] == [True, False, True, True, False]
    assert {"INBOX", "2024", "a&b"} <= set(folders)
