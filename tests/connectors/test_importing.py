"""Mail that comes by hand: single files, mbox, Maildir and folders, each mail once however often it comes."""

import mailbox as mailboxes
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email import message_from_bytes
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.models import AuditEvent
from connectors import importing, ingest, parse
from connectors.models import FolderMapping, Mailbox, MappingKind, Message
from tests.cast import Company
from zalion.vault import index

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def mail(number: int) -> bytes:
    return f"From: s@nord.example\nSubject: Order {number}\n\nFrom here on: hello {number}\n".encode()


def one_file(folder: Path) -> Path:
    path = folder / "one.eml"
    path.write_bytes(mail(0))
    os.utime(path, (WHEN.timestamp(), WHEN.timestamp()))
    return path


def a_folder(folder: Path) -> Path:
    (folder / "in" / "deep").mkdir(parents=True)
    for number, name in enumerate(["in/a.eml", "in/deep/b.eml", "c.eml"]):
        (folder / name).write_bytes(mail(number))
    (folder / "readme.txt").write_text("This is no mail.")
    return folder


def an_mbox(folder: Path) -> Path:
    path = folder / "box"
    box = mailboxes.mbox(path)
    for number in range(3):
        message = mailboxes.mboxMessage(message_from_bytes(mail(number)))
        message.set_from("s@nord.example", WHEN.timetuple())
        box.add(message)
    box.close()
    return path


def a_maildir(folder: Path) -> Path:
    box = mailboxes.Maildir(folder / "maildir")
    for number in range(3):
        key = box.add(mail(number))
        if number == 0:
            message = box[key]
            message.set_subdir("cur")
            message.set_flags("S")
            box[key] = message
    box.close()
    return folder / "maildir"


def run(path: Path, tenant: str = "acme", mailbox: str = "Orders") -> str:
    out = StringIO()
    call_command("import_mail", path, tenant=tenant, mailbox=mailbox, stdout=out)
    return out.getvalue().strip()


@pytest.mark.parametrize(
    ("make", "count"),
    [(one_file, 1), (a_folder, 3), (an_mbox, 3), (a_maildir, 3)],
    ids=["file", "folder", "mbox", "Maildir"],
)
def test_every_container_gives_its_mails_once_and_byte_for_byte(
    acme: Company, mailbox: Mailbox, tmp_path: Path, make, count: int
) -> None:
    path = make(tmp_path)
    assert run(path) == f"{count} taken in, 0 known already."
    assert run(path) == f"0 taken in, {count} known already."
    with acme.work():
        rows = list(Message.objects.all())
        assert sorted(ingest.read_raw(row) for row in rows) == [mail(number) for number in range(count)]
        mapping = FolderMapping.objects.get(kind=MappingKind.UPLOAD)
        assert {row.mapping_id for row in rows} == {mapping.pk}
        assert {row.identity for row in rows} == {index.content_hmac(mail(number)) for number in range(count)}
        parse.parse_messages(mapping.pk)
        assert {row.subject for row in Message.objects.all()} == {f"Order {n}" for n in range(count)}
        imports = AuditEvent.objects.filter(action="messages.imported")
        assert {event.actor_kind for event in imports} == {"command"}
        assert imports.count() == 2


def test_the_same_mail_in_another_container_is_known(acme: Company, mailbox: Mailbox, tmp_path: Path) -> None:
    for name in ("folder", "maildir"):
        (tmp_path / name).mkdir()
    assert run(a_folder(tmp_path / "folder")) == "3 taken in, 0 known already."
    assert run(a_maildir(tmp_path / "maildir")) == "0 taken in, 3 known already."


def test_a_mail_twice_in_one_container_is_taken_in_once(
    acme: Company, mailbox: Mailbox, tmp_path: Path
) -> None:
    for name in ("a.eml", "b.eml"):
        (tmp_path / name).write_bytes(mail(1))
    assert run(tmp_path) == "1 taken in, 1 known already."


def test_a_container_knows_when_its_mails_came(acme: Company, mailbox: Mailbox, tmp_path: Path) -> None:
    (tmp_path / "mbox").mkdir()
    run(one_file(tmp_path))
    run(an_mbox(tmp_path / "mbox"))
    with acme.work():
        assert set(Message.objects.values_list("received_at", flat=True)) == {WHEN}


def test_an_empty_file_is_a_quarantined_row(acme: Company, mailbox: Mailbox, tmp_path: Path) -> None:
    (tmp_path / "empty.eml").touch()
    assert run(tmp_path / "empty.eml") == "1 taken in, 0 known already."
    with acme.work():
        row = Message.objects.get()
        assert (row.state, row.reason) == ("quarantined", "empty")


def test_the_mailbox_is_named_or_addressed(acme: Company, mailbox: Mailbox, tmp_path: Path) -> None:
    assert run(one_file(tmp_path), mailbox="orders@acme.example") == "1 taken in, 0 known already."


@pytest.mark.parametrize(
    ("path", "tenant", "mailbox_name", "words"),
    [
        ("absent.eml", "acme", "Orders", "No such file"),
        ("one.eml", "acme", "Invoices", "no mailbox Invoices"),
        ("one.eml", "borealis", "Orders", "no mailbox Orders"),
        ("one.eml", "nobody", "Orders", "no tenant called nobody"),
    ],
)
def test_what_is_not_there_is_said_and_nothing_is_taken_in(
    acme: Company,
    borealis: Company,
    mailbox: Mailbox,
    tmp_path: Path,
    path: str,
    tenant: str,
    mailbox_name: str,
    words: str,
) -> None:
    one_file(tmp_path)
    with pytest.raises(CommandError, match=words):
        run(tmp_path / path, tenant=tenant, mailbox=mailbox_name)
    with acme.work():
        assert not Message.objects.exists()


def test_an_upload_in_the_portal_is_known_by_its_bytes(acme: Company, mailbox: Mailbox) -> None:
    with acme.work(acme.ada):
        assert importing.upload(mailbox, content=mail(1)) == importing.ImportReport(1, 0)
        assert importing.upload(mailbox, content=mail(1)) == importing.ImportReport(0, 1)
        assert AuditEvent.objects.filter(action="messages.imported", actor_id=str(acme.ada.pk)).count() == 2


def test_more_than_a_page_comes_in_whole(acme: Company, mailbox: Mailbox, tmp_path: Path) -> None:
    for number in range(importing.PAGE + 5):
        (tmp_path / f"{number}.eml").write_bytes(mail(number))
    assert run(tmp_path) == f"{importing.PAGE + 5} taken in, 0 known already."


@pytest.mark.database
def test_two_who_upload_the_same_at_once_take_it_in_once(
    acme: Company, mailbox: Mailbox, transactional_db: None
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets one write at a time")
    with acme.work():
        ingest.upload_mapping(mailbox)
    both = threading.Barrier(2)

    def upload() -> list[importing.ImportReport]:
        made = []
        with acme.work():
            for number in range(20):
                both.wait(30)
                made.append(importing.upload(mailbox, content=mail(number)))
        connection.close()
        return made

    with ThreadPoolExecutor(2) as threads:
        first, second = [running.result() for running in [threads.submit(upload) for _ in range(2)]]
    with acme.work():
        assert Message.objects.count() == 20
    # Who looked before the other's was there counts it as taken in, but has stored nothing.
    assert all({one.taken_in, other.taken_in} == {0, 1} for one, other in zip(first, second, strict=True))
