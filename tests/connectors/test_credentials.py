"""Putting a secret into the store and taking it out is on record, and the secret itself is nowhere in it."""

import io
import json
import os
import shlex
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from audit.models import AuditEvent
from connectors.models import Credential, Mailbox
from tests.cast import Company
from tests.connectors.test_ledger_pages import signed_in
from zalion.tenancy import context
from zalion.vault import secrets

PURPOSE = secrets.SecretPurpose("acme", "imap", "mail.example.org", 993, "orders@example.org")


@pytest.fixture(autouse=True)
def secrets_folder(tmp_path: Path, settings: Any) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    settings.SECRETS_DIR = folder
    return folder


def put(
    name: str, monkeypatch: pytest.MonkeyPatch, value: str = "correct horse", tenant: str = "acme"
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(value))
    call_command("secret", "put", name, **{**asdict(PURPOSE), "tenant": tenant})


def recorded(company: Company) -> list[tuple[str, str, str]]:
    with company.work():
        events = AuditEvent.objects.filter(action__startswith="secret.").order_by("sequence")
        assert all(event.actor_kind == "command" for event in events)
        assert "horse" not in json.dumps([event.facts for event in events])
        return [(event.action, event.object_kind, event.facts["reference"]) for event in events]


def test_a_new_secret_is_on_record_by_its_name(
    acme: Company, borealis: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("acme-new", monkeypatch)
    assert recorded(acme) == [("secret.stored", "secret", "file:acme-new")]
    assert recorded(borealis) == []


def test_a_secret_that_is_replaced_stands_in_the_story_of_its_mailbox(
    acme: Company, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with acme.work():
        reference = Credential.objects.get(mailbox=mailbox).reference
    put(reference.removeprefix("file:"), monkeypatch, "battery horse")
    assert recorded(acme) == [("secret.stored", "mailbox", reference)]
    page = signed_in(acme.ada).get(f"/mailboxes/{mailbox.pk}/").content.decode()
    assert "Put a secret into the secret store" in page


def test_a_secret_that_is_removed_is_gone_and_on_record(
    acme: Company, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put("acme-new", monkeypatch)
    call_command("secret", "remove", "acme-new")
    assert recorded(acme)[1:] == [("secret.removed", "secret", "file:acme-new")]
    assert secrets.names(tenant="acme") == []
    with pytest.raises(secrets.SecretMissing):
        secrets.remove("acme-new")
    assert "file:acme-new is gone." in capsys.readouterr().out


def test_a_company_that_loses_a_secret_to_another_is_told(
    acme: Company, borealis: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("shared", monkeypatch)
    put("shared", monkeypatch, tenant="borealis")
    assert recorded(acme)[1:] == [("secret.removed", "secret", "file:shared")]
    assert recorded(borealis) == [("secret.stored", "secret", "file:shared")]


@pytest.mark.django_db
def test_a_secret_of_a_company_that_is_not_there_yet_is_on_the_systems_record(
    secrets_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("later", monkeypatch, tenant="not-yet")
    with context.system("tests"):
        event = AuditEvent.across_tenants.get(action="secret.stored")
        assert (event.tenant_id, event.object_id) == (None, "file:later")


def test_without_a_database_the_secret_is_put_and_the_console_says_that_nobody_wrote_it_down(
    secrets_folder: Path,
) -> None:
    given = {
        "DATABASE_URL": f"sqlite:///{secrets_folder / 'missing' / 'db.sqlite3'}",
        "ZALION_SECRETS_DIR": str(secrets_folder),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    words = shlex.split(secrets.provisioning_command("file:early", PURPOSE))[1:]
    done = subprocess.run(
        [sys.executable, *words], env=os.environ | given, input="correct horse", text=True, capture_output=True,
        cwd=Path(__file__).resolve().parents[2], check=True,
    )  # fmt: skip
    assert done.stdout == "file:early is there.\n"
    assert "not on record" in done.stderr
    assert secrets.resolve("file:early", purpose=PURPOSE).reveal() == "correct horse"
