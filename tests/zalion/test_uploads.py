"""Uploads: sealed before they reach a disk, taken from nobody who does not work for a tenant, and not without end."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from connectors.models import Mailbox, Message
from tests.cast import Company
from tests.zalion.tenancy.test_signin import sign_in

MARK = b"INVOICE-7731-SECRET"
MAIL = b"From: a@b.example\r\nSubject: x\r\n\r\n" + MARK + b" words\r\n" * 400_000


@pytest.fixture
def spools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """Every temporary file that is made, named so that it can be looked into."""
    made: list[Any] = []

    def named(*args: Any, **kwargs: Any) -> Any:
        file = open(tmp_path / f"spool-{len(made)}", "w+b")  # noqa: SIM115
        made.append(Path(file.name))
        return file

    monkeypatch.setattr(tempfile, "TemporaryFile", named)
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", named)
    return made


def upload(client: Client, mailbox: Any, content: bytes) -> Any:
    file = SimpleUploadedFile("mail.eml", content, "message/rfc822")
    return client.post(reverse("portal:upload"), {"mailbox": mailbox, "chosen": file})


def test_an_upload_reaches_the_ledger_and_no_disk_in_clear(
    acme: Company, mailbox: Mailbox, spools: list[Any]
) -> None:
    assert upload(sign_in(acme.rui), mailbox.pk, MAIL).status_code == 200
    with acme.work():
        assert Message.objects.get().size == len(MAIL)
    assert spools
    for spool in spools:
        content = spool.read_bytes()
        assert len(content) > len(MAIL)
        assert MARK not in content


def test_nobodys_upload_is_kept_for_a_moment(db: None, spools: list[Any]) -> None:
    client = Client(enforce_csrf_checks=True)
    assert upload(client, "x", MAIL).status_code == 403
    assert not spools


def test_an_upload_without_end_is_refused(acme: Company, mailbox: Mailbox, settings: Any) -> None:
    settings.UPLOAD_BYTES = 100_000
    assert upload(sign_in(acme.rui), mailbox.pk, MAIL).status_code == 400
    with acme.work():
        assert not Message.objects.exists()
    assert upload(sign_in(acme.rui), mailbox.pk, MAIL[:90_000]).status_code == 200


def test_an_upload_that_there_is_no_room_for_is_refused_in_words(
    acme: Company, mailbox: Mailbox, settings: Any
) -> None:
    settings.DISK_RESERVE = 1.0
    answer = upload(sign_in(acme.rui), mailbox.pk, MAIL)
    assert answer.status_code == 422
    assert "There is no room for it" in answer.content.decode()
    with acme.work():
        assert not Message.objects.exists()
