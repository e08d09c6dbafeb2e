"""The IMAP adapter against hoodiecrow: the contract on a bare server, and Gmail's extension."""

import ipaddress
from collections.abc import Callable
from datetime import datetime

import pytest

from connectors.adapters import FolderInfo, FolderRole, Limits, MessageRef, Receiver
from connectors.errors import ConfigurationError, CursorExpired, MessageGone
from connectors.hosts import require_one_view
from connectors.providers.imap.adapter import ImapAdapter, ImapOptions
from tests.contracts.adapter import WHEN, Ground, ReceiverContract, mail
from tests.servers.hoodiecrow import Hoodiecrow, HoodiecrowServer
from zalion.net import NetworkPolicy

LOOPBACK = NetworkPolicy((ipaddress.ip_network("127.0.0.0/8"),))


class HoodiecrowGround(Ground):
    def __init__(self, server: Hoodiecrow, *, auth: str = "password") -> None:
        self.server = server
        self.secret = server.password
        self.options = ImapOptions(
            host="localhost",
            port=server.port,
            user=server.user,
            ca_pem=server.process.authority.pem,
        )

    def adapter(self, *, secret: Callable[[], str] | None = None, limits: Limits | None = None) -> Receiver:
        return ImapAdapter(
            self.options, secret=secret or (lambda: self.secret), policy=LOOPBACK, limits=limits
        )

    def deliver(self, raw: bytes, *, folder: str = "INBOX", when: datetime = WHEN) -> None:
        self.server.deliver(raw, folder=folder, when=when)

    def remove(self, folder: str, position: int) -> None:
        self.server.remove(folder, position)

    def forget_identities(self, folder: str) -> None:
        self.server.forget_identities(folder)

    def snapshot(self) -> object:
        return self.server.snapshot()


class TestImapOverHoodiecrow(ReceiverContract):
    """LOGIN, no extension at all, and BAD where others say NO."""

    @pytest.fixture
    def ground(self, hoodiecrow: HoodiecrowServer) -> HoodiecrowGround:
        return HoodiecrowGround(hoodiecrow.mailbox())


def gmail(hoodiecrow: HoodiecrowServer) -> HoodiecrowGround:
    """A mailbox with Gmail's extension and its folders."""
    labels = {
        "Orders": {},
        "[Gmail]": {
            "flags": [r"\Noselect"],
            "folders": {"All Mail": {"special-use": r"\All"}, "Trash": {"special-use": r"\Trash"}},
        },
    }
    plugins = ["SPECIAL-USE", "X-GM-EXT-1"]
    return HoodiecrowGround(hoodiecrow.mailbox(plugins=plugins, folders=labels))


class TestImapOverGmailsExtension(ReceiverContract):
    """Identities do not hang on the numbering here, so a lost numbering only ends the cursor."""

    @pytest.fixture
    def ground(self, hoodiecrow: HoodiecrowServer) -> HoodiecrowGround:
        return gmail(hoodiecrow)

    def test_identities_that_were_lost_expire_the_cursor(self, ground: Ground, adapter: Receiver) -> None:
        mails = self.filled(ground, 3)
        refs, cursor = self.refs(adapter)
        ground.forget_identities(self.folder)
        with self.made(ground) as later:
            with pytest.raises(CursorExpired):
                self.refs(later, cursor)
            assert self.bodies(later, refs) == mails
            assert self.refs(later)[0] == refs


def test_gmails_identity_is_the_same_under_every_label_and_numbering(hoodiecrow: HoodiecrowServer) -> None:
    """Field note 33: labels are not folders; the identity is X-GM-MSGID."""
    ground = gmail(hoodiecrow)
    ground.deliver(mail(1))
    with ground.adapter() as adapter:
        [page] = adapter.changes("INBOX", None)
        [ref] = page.refs
        assert ref.id.startswith("gm:1278455344230334")
        assert [named.id for named in adapter.inventory("INBOX")] == [ref.id]
    with ground.adapter() as adapter:
        # Not listed in this session, so that its number is searched for.
        assert adapter.fetch(MessageRef("INBOX", ref.id)).body.read() == mail(1)
        with pytest.raises(MessageGone):
            adapter.fetch(MessageRef("INBOX", "gm:17"))


def test_one_label_or_all_mail_but_never_both(hoodiecrow: HoodiecrowServer) -> None:
    """Field note 33: All Mail holds what the labels show a second time."""
    with gmail(hoodiecrow).adapter() as adapter:
        listed = adapter.folders()
    folders = {folder.name: folder for folder in listed}
    assert folders["All Mail"].role == "all"
    for names in (["INBOX"], ["Orders"], ["All Mail"], ["All Mail", "Trash"], []):
        require_one_view([folders[name] for name in names], listed)
    for names in (["INBOX", "All Mail"], ["All Mail", "Orders"], ["INBOX", "Orders"]):
        with pytest.raises(ConfigurationError) as caught:
            require_one_view([folders[name] for name in names], listed)
        assert caught.value.code == "folders_overlap"
        assert "All Mail" in caught.value.what_to_do


def test_a_folder_of_all_mail_stands_alone_anywhere() -> None:
    def folder(name: str, role: FolderRole | None = None) -> FolderInfo:
        return FolderInfo(name, name, (name,), role, True, None)

    everything, one, two = folder("Everything", "all"), folder("One"), folder("Two")
    listed = [everything, one, two]
    require_one_view([one, two], listed)
    with pytest.raises(ConfigurationError):
        require_one_view([everything, one], listed)
