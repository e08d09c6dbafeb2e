"""The IMAP adapter against Cyrus, which nobody here wrote: the contract, and what only Cyrus does."""

import ipaddress
from collections.abc import Callable
from datetime import datetime

import pytest

from connectors.adapters import FolderInfo, Limits, Receiver
from connectors.errors import CursorExpired, FolderMissing, ProviderUnavailable
from connectors.providers.imap.adapter import ImapAdapter, ImapOptions
from tests.contracts.adapter import WHEN, Ground, ReceiverContract, mail
from tests.servers.cyrus import CyrusServer
from zalion.net import NetworkPolicy

# Debian's Cyrus, unpacked rather than installed, now and then ends a session without a word when the machine is busy.
pytestmark = pytest.mark.soak

LOOPBACK = NetworkPolicy((ipaddress.ip_network("127.0.0.0/8"),))


class CyrusGround(Ground):
    def __init__(self, server: CyrusServer) -> None:
        self.server = server
        self.user, self.secret = server.add_user()

    def adapter(self, *, secret: Callable[[], str] | None = None, limits: Limits | None = None) -> Receiver:
        options = ImapOptions(
            host="localhost", port=self.server.port, user=self.user, ca_pem=self.server.authority.pem
        )
        return ImapAdapter(options, secret=secret or (lambda: self.secret), policy=LOOPBACK, limits=limits)

    def deliver(self, raw: bytes, *, folder: str = "INBOX", when: datetime = WHEN, flags: str = "") -> None:
        self.server.deliver(self.user, folder, raw, when=when, flags=flags)

    def remove(self, folder: str, position: int) -> None:
        self.server.remove(self.user, folder, position)

    def forget_identities(self, folder: str) -> None:
        self.server.forget_identities(self.user, folder)

    def snapshot(self) -> object:
        return self.server.snapshot(self.user)


@pytest.fixture
def ground(cyrus: CyrusServer) -> CyrusGround:
    return CyrusGround(cyrus)


class TestImapOverCyrus(ReceiverContract):
    @pytest.fixture
    def ground(self, cyrus: CyrusServer) -> CyrusGround:
        return CyrusGround(cyrus)


def ids(adapter: Receiver) -> dict[tuple[str, ...], FolderInfo]:
    return {folder.path: folder for folder in adapter.folders()}


def read(adapter: Receiver, folder: str, cursor: str | None = None) -> tuple[list[bytes], str]:
    pages = list(adapter.changes(folder, cursor))
    found = [adapter.fetch(ref).body.read() for page in pages for ref in page.refs]
    return found, pages[-1].cursor


def test_special_uses_in_lower_case_are_roles(ground: CyrusGround) -> None:
    """Field note 34: localised names are bound by special use."""
    ground.server.create_folder(ground.user, "Gesendete Objekte", use=r"\sent")
    ground.server.create_folder(ground.user, "Gelöschte Elemente", use=r"\Trash")
    with ground.adapter() as adapter:
        roles = {folder.name: folder.role for folder in adapter.folders()}
    assert roles == {"INBOX": "inbox", "Gesendete Objekte": "sent", "Gelöschte Elemente": "trash"}


def test_a_renamed_folder_is_followed_by_its_lasting_id(ground: CyrusGround) -> None:
    """Field notes 34, 63: bind to the folder's id; a rename loses nothing and repeats nothing."""
    ground.server.create_folder(ground.user, "Aufträge")
    ground.deliver(mail(1), folder="Aufträge")
    with ground.adapter() as adapter:
        folder = ids(adapter)[("Aufträge",)]
        assert folder.message_count == 1
        found, cursor = read(adapter, folder.id)
        assert found == [mail(1)]
        ref = next(adapter.inventory(folder.id))
    ground.server.rename_folder(ground.user, "Aufträge", "Aufträge 2025")
    with ground.adapter() as adapter:
        [page] = adapter.changes(folder.id, cursor)
        assert page.refs == ()
        assert page.renamed_to == ids(adapter)[("Aufträge 2025",)].id
        ground.deliver(mail(2), folder="Aufträge 2025")
        assert read(adapter, folder.id, page.cursor)[0] == [mail(2)]
        assert adapter.fetch(ref).body.read() == mail(1)
    with ground.adapter() as adapter:
        [again] = adapter.changes(folder.id, page.cursor)
        assert again.renamed_to == page.renamed_to
        assert read(adapter, page.renamed_to, page.cursor)[0] == [mail(2)]


def test_a_folder_that_took_a_renamed_ones_name_is_not_taken_for_it(ground: CyrusGround) -> None:
    """Field note 63: also while a session goes on."""
    ground.server.create_folder(ground.user, "Orders")
    ground.deliver(mail(1), folder="Orders")
    with ground.adapter() as adapter:
        found, cursor = read(adapter, "Orders")
        assert found == [mail(1)]
        ground.server.rename_folder(ground.user, "Orders", "Old orders")
        ground.server.create_folder(ground.user, "Orders")
        ground.deliver(mail(7), folder="Orders")
        ground.deliver(mail(2), folder="Old orders")
        assert read(adapter, "Orders", cursor)[0] == [mail(2)]


def test_a_folder_made_anew_under_its_name_is_read_anew_as_an_incident(ground: CyrusGround) -> None:
    ground.server.create_folder(ground.user, "Orders")
    with ground.adapter() as adapter:
        _, cursor = read(adapter, "Orders")
    ground.server.delete_folder(ground.user, "Orders")
    ground.server.create_folder(ground.user, "Orders")
    ground.deliver(mail(1), folder="Orders")
    with ground.adapter() as adapter:
        with pytest.raises(CursorExpired) as caught:
            read(adapter, "Orders", cursor)
        assert caught.value.code == "folder_replaced"
        assert read(adapter, "Orders")[0] == [mail(1)]


def test_a_deleted_folder_is_said_to_be_deleted_and_the_others_go_on(ground: CyrusGround) -> None:
    """Field note 34: a missing folder is that mapping's own matter."""
    ground.server.create_folder(ground.user, "Orders")
    ground.deliver(mail(1))
    with ground.adapter() as adapter:
        _, cursor = read(adapter, "Orders")
        ground.server.delete_folder(ground.user, "Orders")
        # Cyrus ends a session whose open folder is deleted; what happened shows in the next.
        with pytest.raises(ProviderUnavailable):
            read(adapter, "Orders", cursor)
    with ground.adapter() as adapter:
        with pytest.raises(FolderMissing) as caught:
            read(adapter, "Orders", cursor)
        assert caught.value.code == "folder_deleted"
        assert "deleted" in str(caught.value)
        assert read(adapter, "INBOX")[0] == [mail(1)]


def test_bytes_beyond_ascii_come_as_cyrus_holds_them(ground: CyrusGround) -> None:
    """Cyrus puts X in the place of 8-bit bytes in headers (June 2026, Cyrus 3.6); bodies stay exact."""
    ground.deliver("Subject: Aufträge\r\n\r\nAufträge\r\n".encode())
    with ground.adapter() as adapter:
        [raw] = read(adapter, "INBOX")[0]
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head == b"Subject: AuftrXXge"
    assert body == "Aufträge\r\n".encode()
