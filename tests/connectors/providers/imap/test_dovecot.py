"""The IMAP adapter against Dovecot: the contract over TLS and STARTTLS, folders, gaps, real mails."""

import ipaddress
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.adapters import Limits, Receiver
from connectors.errors import AccessDenied, ConfigurationError, FolderMissing
from connectors.providers.imap.adapter import ImapAdapter, ImapOptions
from tests.contracts.adapter import WHEN, Ground, ReceiverContract, mail
from tests.servers.dovecot import DovecotServer
from zalion.net import NetworkPolicy

LOOPBACK = NetworkPolicy((ipaddress.ip_network("127.0.0.0/8"),))


class DovecotGround(Ground):
    def __init__(self, server: DovecotServer, security: str = "tls", *, password: str | None = None) -> None:
        self.server = server
        self.user, self.secret = server.add_user(password=password)
        self.options = ImapOptions(
            host="localhost",
            port=server.port if security == "tls" else server.starttls_port,
            security=security,
            user=self.user,
            ca_pem=server.authority.pem,
        )

    def adapter(self, *, secret: Callable[[], str] | None = None, limits: Limits | None = None) -> Receiver:
        return ImapAdapter(
            self.options, secret=secret or (lambda: self.secret), policy=LOOPBACK, limits=limits
        )

    def deliver(self, raw: bytes, *, folder: str = "INBOX", when: datetime = WHEN, flags: str = "") -> None:
        self.server.deliver(self.user, folder, raw, when=when.timestamp(), flags=flags)

    def remove(self, folder: str, position: int) -> None:
        self.server.remove(self.user, folder, position)

    def forget_identities(self, folder: str) -> None:
        self.server.forget_identities(self.user, folder)

    def snapshot(self) -> object:
        return self.server.snapshot(self.user)


@pytest.fixture
def ground(dovecot: DovecotServer) -> DovecotGround:
    return DovecotGround(dovecot)


class TestImapOverTls(ReceiverContract):
    @pytest.fixture
    def ground(self, dovecot: DovecotServer) -> DovecotGround:
        return DovecotGround(dovecot)


class TestImapOverStarttls(ReceiverContract):
    @pytest.fixture
    def ground(self, dovecot: DovecotServer) -> DovecotGround:
        return DovecotGround(dovecot, "starttls")


def test_flags_of_any_kind_stay_as_they_were(ground: DovecotGround) -> None:
    for number, flags in enumerate(["", "S", "FRS", "T", ""]):
        ground.deliver(mail(number), flags=flags)
    before = ground.snapshot()
    with ground.adapter() as adapter:
        for page in adapter.changes("INBOX", None):
            for ref in page.refs:
                adapter.fetch(ref).body.close()
    assert ground.snapshot() == before


def test_folders_have_names_paths_roles_and_counts(ground: DovecotGround) -> None:
    """Field note 34: modified UTF-7, localised names, parents that hold no mail."""
    ground.server.create_folder(ground.user, "Aufträge/Über & unter")
    ground.deliver(mail(1), folder="Aufträge/Über & unter")
    with ground.adapter() as adapter:
        folders = {folder.path: folder for folder in adapter.folders()}
        deep = folders["Aufträge", "Über & unter"]
        assert (deep.name, deep.selectable, deep.message_count, deep.role) == ("Über & unter", True, 1, None)
        assert not folders[("Aufträge",)].selectable
        assert folders[("Aufträge",)].message_count is None
        assert folders[("Papierkorb",)].role == "trash"
        assert folders[("Sent",)].role == "sent"
        [page] = adapter.changes(deep.id, None)
        assert adapter.fetch(page.refs[0]).body.read() == mail(1)
        with pytest.raises((FolderMissing, AccessDenied)):
            next(adapter.changes(folders[("Aufträge",)].id, None))


def test_the_newest_message_does_not_come_again_and_again(ground: DovecotGround) -> None:
    """Field note 10: `UID n:*` returns the last message even when it is older than n."""
    ground.deliver(mail(1))
    with ground.adapter() as adapter:
        [page] = adapter.changes("INBOX", None)
        [again] = adapter.changes("INBOX", page.cursor)
        assert again.refs == ()


def test_gaps_in_the_numbering_are_crossed(ground: DovecotGround) -> None:
    """Field note 61: UID windows; an old mailbox begins at a high number."""
    ground.deliver(mail(1))
    with ground.adapter() as adapter:
        list(adapter.changes("INBOX", None))
    held = ground.server.path(ground.user, "INBOX") / "dovecot-uidlist"
    head, line = held.read_text().splitlines()
    version, validity, _, guid = head.split(" ")
    held.write_text(f"{version} {validity} N300001 {guid}\n" + line.replace("1 :", "300000 :", 1) + "\n")
    for stale in held.parent.glob("dovecot.index*"):
        stale.unlink()
    ground.deliver(mail(2))
    with ground.adapter() as adapter:
        [page] = adapter.changes("INBOX", None)
        assert [ref.id.partition(":")[2] for ref in page.refs] == ["300000", "300001"]


def test_mail_that_somebody_has_read_meanwhile_is_still_new(ground: DovecotGround) -> None:
    """Field note 11: the position is the numbering, never \\Seen nor the clock."""
    ground.deliver(mail(1))
    with ground.adapter() as adapter:
        [page] = adapter.changes("INBOX", None)
        ground.deliver(mail(2), flags="S", when=datetime(2001, 1, 1, tzinfo=UTC))
        ground.deliver(mail(3), when=WHEN)
        [news] = adapter.changes("INBOX", page.cursor)
        assert [adapter.fetch(ref).body.read() for ref in news.refs] == [mail(2), mail(3)]


def test_a_renamed_folder_is_known_by_its_numbering_and_its_last_message(ground: DovecotGround) -> None:
    """Field notes 34, 63: this Dovecot gives folders no lasting ids."""
    ground.server.create_folder(ground.user, "Orders")
    ground.deliver(mail(1), folder="Orders")
    with ground.adapter() as adapter:
        [page] = adapter.changes("Orders", None)
    old = ground.server.path(ground.user, "Orders")
    old.rename(old.with_name(".Orders 2025"))
    # Another folder of the old name is not taken for it, nor one of another numbering.
    ground.server.create_folder(ground.user, "Orders")
    ground.deliver(mail(7), folder="Orders")
    ground.deliver(mail(2), folder="Orders 2025")
    with ground.adapter() as adapter:
        [news] = adapter.changes("Orders", page.cursor)
        assert news.renamed_to == "Orders 2025"
        assert [adapter.fetch(ref).body.read() for ref in news.refs] == [mail(2)]
        assert len(list(adapter.inventory("Orders"))) == 2
        [again] = adapter.changes("Orders 2025", news.cursor)
        assert (again.refs, again.renamed_to) == ((), None)


def test_of_two_folders_that_could_be_the_renamed_one_none_is_read(ground: DovecotGround) -> None:
    """Only what was signed is read: a copy made on the server has the same numbering and the same last message."""
    ground.server.create_folder(ground.user, "Orders")
    ground.deliver(mail(1), folder="Orders")
    with ground.adapter() as adapter:
        [page] = adapter.changes("Orders", None)
    old = ground.server.path(ground.user, "Orders")
    copy = shutil.copytree(old, old.with_name(".Private"))
    for path in (copy, *copy.rglob("*")):
        os.chown(path, old.stat().st_uid, old.stat().st_gid)
    old.rename(old.with_name(".Orders 2025"))
    with ground.adapter() as adapter, pytest.raises(FolderMissing):
        next(adapter.changes("Orders", page.cursor))
    shutil.rmtree(copy)
    with ground.adapter() as adapter:
        [news] = adapter.changes("Orders", page.cursor)
        assert news.renamed_to == "Orders 2025"


def test_a_renamed_folder_that_nothing_identifies_is_said_to_be_missing(ground: DovecotGround) -> None:
    """Field notes 34, 63: it is that folder's own matter, the words say what to do, and others go on."""
    ground.server.create_folder(ground.user, "Orders")
    with ground.adapter() as adapter:
        [page] = adapter.changes("Orders", None)
    old = ground.server.path(ground.user, "Orders")
    old.rename(old.with_name(".Orders 2025"))
    with ground.adapter() as adapter:
        with pytest.raises(FolderMissing) as caught:
            next(adapter.changes("Orders", page.cursor))
        assert "renamed" in caught.value.what_to_do
        assert list(adapter.changes("INBOX", None))


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: bare\rreturn\r\n\r\na\rb\r\n",
        b"no headers at all\r\n",
        b"Subject: nul\r\n\r\n\0\xff\xfe\r\n",
    ],
    ids=["bare CR", "no headers", "NUL and 8-bit"],
)
def test_odd_bytes_arrive_as_they_are(ground: DovecotGround, raw: bytes) -> None:
    """Field notes 2, 4, 17, 59: byte-exact, whatever is in it."""
    ground.deliver(raw)
    with ground.adapter() as adapter:
        [page] = adapter.changes("INBOX", None)
        body = adapter.fetch(page.refs[0]).body.read()
    # Dovecot cannot hand out NUL over IMAP and puts 0x80 in its place (RFC 3501 forbids NUL in literals).
    assert body == raw.replace(b"\0", b"\x80")


def test_real_mails_arrive_as_they_are(ground: DovecotGround, shared: Path) -> None:
    samples = [path for path in sorted((shared / "data" / "mime").rglob("*")) if path.is_file()]
    samples = [path for path in samples if path.suffix in {".eml", ".msg", ".txt", ".mail"}][:200]
    assert len(samples) == 200
    # What Dovecot does with bare line ends and NUL is its own affair.
    mails = [path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for path in samples]
    mails = [raw for raw in mails if raw and b"\0" not in raw]
    for raw in mails:
        ground.deliver(raw)
    before = ground.snapshot()
    with ground.adapter() as adapter:
        refs = [ref for page in adapter.changes("INBOX", None) for ref in page.refs]
        assert [adapter.fetch(ref).body.read() for ref in refs] == mails
    assert ground.snapshot() == before


def test_a_certificate_for_another_name_is_refused_before_the_secret_is_asked_for(
    ground: DovecotGround,
) -> None:
    """Field note 69."""
    asked: list[bool] = []

    def secret() -> str:
        asked.append(True)
        return ground.secret

    stranger = replace(ground.options, ca_pem="")
    with pytest.raises(ConfigurationError) as caught:
        ImapAdapter(stranger, secret=secret, policy=LOOPBACK).open()
    assert caught.value.code == "certificate_unknown_authority"
    assert "cannot be switched off" in caught.value.what_to_do
    assert asked == []
    report = ImapAdapter(stranger, secret=secret, policy=LOOPBACK).check()
    assert [(step.key, step.outcome.value) for step in report.steps] == [
        ("resolve", "passed"),
        ("connect", "passed"),
        ("tls", "failed"),
        ("sign_in", "skipped"),
        ("folders", "skipped"),
        ("read_only", "skipped"),
    ]


def test_an_internal_host_is_refused_unless_the_deployment_allows_it(ground: DovecotGround) -> None:
    adapter = ImapAdapter(ground.options, secret=lambda: ground.secret, policy=NetworkPolicy())
    with pytest.raises(ConfigurationError) as caught:
        adapter.open()
    assert caught.value.code == "address_refused"


def test_the_check_tells_version_cipher_and_expiry(ground: DovecotGround) -> None:
    steps = {step.key: step for step in ground.adapter().check().steps}
    assert list(steps) == ["resolve", "connect", "tls", "sign_in", "folders", "read_only"]
    assert steps["tls"].detail.startswith("TLSv1.3, TLS_")
    assert "valid until 20" in steps["tls"].detail
    assert ground.secret not in repr(steps)


def test_a_password_beyond_ascii_signs_in(dovecot: DovecotServer) -> None:
    with DovecotGround(dovecot, password="Schlüssel \"mit\\allem'").adapter() as adapter:
        assert adapter.folders()


@pytest.mark.parametrize("text", ["a\r\nb", "a\nb", "a\rb", "a\0b"])
def test_line_breaks_and_nul_are_refused_in_every_argument(ground: DovecotGround, text: str) -> None:
    """Field note 70."""
    for options in ({"host": text}, {"user": text}):
        with pytest.raises(ConfigurationError):
            replace(ground.options, **options)
    with pytest.raises(ConfigurationError) as caught, ground.adapter(secret=lambda: text):
        pass
    assert text not in str(caught.value)
    with ground.adapter() as adapter, pytest.raises(ConfigurationError):
        next(adapter.changes(text, None))


@pytest.mark.parametrize(
    "options",
    [
        {"port": 0},
        {"port": 65536},
        {"security": "none"},
        {"host": ""},
        {"host": "a b"},
        {"user": ""},
        {"ca_pem": "rubbish"},
    ],
    ids=str,
)
def test_options_that_cannot_be_are_refused(ground: DovecotGround, options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        replace(ground.options, **options)
