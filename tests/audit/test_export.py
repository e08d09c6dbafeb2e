"""An export can be checked by somebody who has nothing of ours but the verifier."""

import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

import audit.verifier
from audit import actions, checkpoints, verifier
from audit.export import export
from audit.models import AuditEvent
from zalion.tenancy import context
from zalion.vault import keys

from .conftest import ADA
from .tampering import TABLE, tampered

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.fixture
def lines(ten_events) -> list[bytes]:
    return list(export(NOW))


def test_an_export_is_an_event_and_the_last_in_itself(lines):
    assert AuditEvent.objects.latest().action == actions.TRAIL_EXPORTED
    assert json.loads(lines[-2])["event"]["action"] == actions.TRAIL_EXPORTED
    assert len(lines) == 1 + 11 + 1


def test_an_export_shows_what_is_sealed(lines):
    opened = json.loads(lines[3])["opened"]
    assert opened == {"actor_name": "ada", "source_address": "192.0.2.7", "facts": {"subject": "Order 2"}}


def test_an_export_fits(lines):
    chain, hashes, _ = verifier.check_export(lines, checkpoints.public_key())
    assert chain == str(AuditEvent.objects.first().tenant_id)
    assert hashes[11] == AuditEvent.objects.latest().hash


def test_the_systems_chain_is_exported_and_fits(acme):
    with context.system("test"):
        verifier.check_export(export(NOW))


def test_an_export_after_shredding_fits_and_shows_nothing(ten_events):
    lines = list(export(NOW))
    keys.shred(ten_events.pk)
    assert "Order 2" in lines[3].decode()
    # What a shredded tenant's chain holds is read from the system's side, where nothing can be opened.
    from audit.export import _event

    event = AuditEvent.across_tenants.get(tenant_id=ten_events.pk, sequence=3)
    line = _event(event)
    assert line["opened"] is None
    assert verifier.event_hash(line["event"]) == event.hash


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines.pop(4), "event 4 is missing"),
        (lambda lines: lines.pop(), "cut off"),
        (
            lambda lines: lines.__setitem__(4, lines[4].replace(b'"reason":""', b'"reason":"x"')),
            "event 4 was changed",
        ),
        (lambda lines: lines.__setitem__(4, lines[4].replace(b"Order 3", b"Order 8")), "outside the hashed"),
        (lambda lines: lines.insert(5, lines[4]), "event 5 is missing"),
        (lambda lines: lines.append(lines[4]), "behind the end"),
        (lambda lines: lines.__setitem__(-1, lines[-1].replace(b'"events":11', b'"events":12')), "signature"),
        (lambda lines: lines.__setitem__(0, b"nonsense"), "not JSON"),
    ],
)
def test_a_changed_export_does_not_fit(lines, change, words):
    change(lines)
    with pytest.raises(verifier.DoesNotFit, match=words):
        verifier.check_export(lines)


def test_an_export_signed_by_somebody_else_does_not_fit(lines):
    with pytest.raises(verifier.DoesNotFit, match="another public key"):
        verifier.check_export(lines, "A" * 43 + "=")


def test_the_verifier_compares_with_the_checkpoints(ten_events, checkpoint_file):
    checkpoints.checkpoint(NOW)
    lines = list(export(NOW))
    chain, hashes, key = verifier.check_export(lines)
    signed = checkpoint_file.read_bytes().splitlines()
    assert verifier.check_checkpoints(signed, chain, hashes, key) == 1
    with pytest.raises(verifier.DoesNotFit, match="is not the one that was signed"):
        verifier.check_checkpoints(signed, chain, {10: "0" * 64}, key)


def test_the_verifier_runs_alone(lines, tmp_path: Path):
    """A process of its own in another folder: it needs no Django and nothing else of the project."""
    source = Path(audit.verifier.__file__).read_text()
    assert len(source.splitlines()) < 200
    assert "django" not in source.lower()
    (tmp_path / "verifier.py").write_text(source)
    (tmp_path / "export.jsonl").write_bytes(b"".join(lines))
    command = [sys.executable, "-I", "verifier.py", "export.jsonl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "11 events" in done.stdout
    (tmp_path / "export.jsonl").write_bytes(b"".join(lines[:-1]))
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cut off" in done.stderr


def test_the_command_exports_to_a_new_private_file(ten_events, tmp_path: Path):
    file = tmp_path / "acme.jsonl"
    call_command("audit", "export", "--tenant", "acme", "--output", str(file))
    verifier.check_export(file.read_bytes().splitlines(keepends=True))
    assert file.stat().st_mode & 0o077 == 0
    with context.work(ten_events.pk, ADA):
        assert AuditEvent.objects.latest().actor_kind == "command"
    with pytest.raises(CommandError, match="there already"):
        call_command("audit", "export", "--tenant", "acme", "--output", str(file))


def test_the_command_verifies_and_names_what_does_not_fit(ten_events):
    out = io.StringIO()
    call_command("audit", "verify", stdout=out)
    assert "acme: 10 events fit" in out.getvalue()
    tampered(f"UPDATE {TABLE} SET reason = 'x' WHERE tenant_id = %s AND sequence = 4", ten_events.pk)
    with pytest.raises(CommandError):
        call_command("audit", "verify", "--tenant", "acme", stdout=out)
    assert "acme: edited. Event 4 was changed" in out.getvalue()


def test_the_command_prints_the_public_key(db):
    out = io.StringIO()
    call_command("audit", "key", stdout=out)
    assert out.getvalue().strip() == checkpoints.public_key()
