"""The demo's mailbox receives every mail once, at its own time."""

import mailbox
from datetime import UTC, datetime, timedelta

import pytest

from zalion.demo.mailbox import DELIVERED, deliver, deliver_own
from zalion.demo.mails import make, make_borealis

NOW = datetime(2026, 11, 17, 15, 0, tzinfo=UTC)


def test_each_mail_lies_in_its_mailbox_byte_for_byte_at_its_time(tmp_path):
    mails = make_borealis(NOW)
    assert deliver(mails, root=tmp_path) == 3
    delivered = sorted((tmp_path / "orders@borealis.example" / "new").iterdir())
    assert [file.read_bytes() for file in delivered] == [mail.raw for mail in mails]
    assert [file.stat().st_mtime for file in delivered] == [mail.arrived.timestamp() for mail in mails]
    assert len(mailbox.Maildir(tmp_path / "orders@borealis.example", create=False)) == 3


def test_a_second_start_delivers_nothing_even_on_another_day(tmp_path):
    assert deliver(make(NOW), root=tmp_path) == 40
    assert deliver(make(NOW + timedelta(days=3)), root=tmp_path) == 0


def test_a_mail_that_was_deleted_does_not_come_back(tmp_path):
    deliver(make_borealis(NOW), root=tmp_path)
    for file in (tmp_path / "orders@borealis.example" / "new").iterdir():
        file.unlink()
    assert deliver(make_borealis(NOW), root=tmp_path) == 0


def test_a_start_killed_before_it_took_note_does_not_deliver_twice(tmp_path):
    deliver(make_borealis(NOW), root=tmp_path)
    (tmp_path / "orders@borealis.example" / DELIVERED).unlink()
    assert deliver(make_borealis(NOW), root=tmp_path) == 0
    assert len((tmp_path / "orders@borealis.example" / DELIVERED).read_text().split()) == 3


def test_own_mails_arrive_once_with_crlf_and_at_their_date(tmp_path):
    folder = tmp_path / "mine" / "deeper"
    folder.mkdir(parents=True)
    (folder / "one.eml").write_bytes(b"Date: Mon, 02 Nov 2026 08:00:00 +0100\nSubject: x\n\nbody\n")
    (folder / "notes.txt").write_bytes(b"not a mail")
    box = {"root": tmp_path / "boxes", "mailbox": "orders@acme.example", "now": NOW}
    assert deliver_own(tmp_path / "mine", **box) == 1
    assert deliver_own(folder / "one.eml", **box) == 0
    (delivered,) = (tmp_path / "boxes" / "orders@acme.example" / "new").iterdir()
    assert delivered.read_bytes().count(b"\r\n") == 4
    assert delivered.stat().st_mtime == datetime(2026, 11, 2, 7, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("date", [b"Date: yesterday\n", b"Date: Mon, 02 Nov 2099 08:00:00 +0100\n", b""])
def test_an_own_mail_without_a_believable_date_arrives_when_its_file_was_written(tmp_path, date):
    file = tmp_path / "one.eml"
    file.write_bytes(date + b"Subject: x\n\nbody\n")
    deliver_own(file, root=tmp_path, mailbox="box", now=NOW)
    (delivered,) = (tmp_path / "box" / "new").iterdir()
    assert delivered.stat().st_mtime == int(file.stat().st_mtime)


def test_an_empty_folder_or_a_wrong_path_is_said_aloud(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.eml"):
        with pytest.raises(FileNotFoundError, match=r"no \.eml file"):
            deliver_own(path, root=tmp_path / "boxes", mailbox="box", now=NOW)
