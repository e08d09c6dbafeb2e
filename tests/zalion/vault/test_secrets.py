"""References to secrets: found where they say, private, and only for what they were provisioned for."""

import copy
import io
import json
import os
import pickle
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from zalion.vault import secrets
from zalion.vault.secrets import SecretMissing, SecretPurpose, SecretRef, SecretUnbound, SecretUnsafe

PURPOSE = SecretPurpose("acme", "imap", "mail.example.org", 993, "orders@example.org")


@pytest.fixture
def put(secrets_folder: Path) -> Path:
    secrets.put("acme-imap", "correct horse", PURPOSE)
    return secrets_folder


def test_a_secret_is_found_for_what_it_was_put_there_for(put: Path) -> None:
    assert secrets.resolve("file:acme-imap", purpose=PURPOSE).reveal() == "correct horse"
    same = replace(PURPOSE, host="MAIL.Example.org.")
    assert secrets.resolve("file:acme-imap", purpose=same).reveal() == "correct horse"
    assert {path.stat().st_mode & 0o777 for path in put.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "change",
    [
        {"host": "evil.example.org"},
        {"user": "x"},
        {"port": 143},
        {"protocol": "smtp"},
        {"tenant": "borealis"},
    ],
)
def test_a_changed_host_or_user_voids_the_secret(put: Path, change: dict) -> None:
    with pytest.raises(SecretUnbound) as caught:
        secrets.resolve("file:acme-imap", purpose=replace(PURPOSE, **change))
    assert "correct horse" not in str(caught.value) + caught.value.what_to_do
    assert "secret put acme-imap" in caught.value.what_to_do


@pytest.mark.parametrize(
    "meta",
    [
        None,
        "",
        "[]",
        "{",
        "{}",
        json.dumps({"tenant": "acme"}),
        PURPOSE.as_json().replace("993", '"993"'),
        PURPOSE.as_json().replace("993", "true"),
        PURPOSE.as_json().replace('"tenant"', '"more": 1, "tenant"'),
        PURPOSE.as_json().replace('"acme"', "null"),
    ],
)
def test_a_secret_without_a_valid_binding_goes_nowhere(put: Path, meta: str | None) -> None:
    (put / "acme-imap.meta").unlink()
    if meta is not None:
        (put / "acme-imap.meta").write_text(meta)
        (put / "acme-imap.meta").chmod(0o600)
    with pytest.raises(SecretUnbound):
        secrets.resolve("file:acme-imap", purpose=PURPOSE)


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "hunter2",
        "file:",
        "file:../acme-imap",
        "file:/etc/passwd",
        "file:a/b",
        "file:.hidden",
        "file:..",
        "file:acme-imap.meta",
        "file:acme\x00imap",
        "file:acme-imap\n",
        "file:" + "a" * 64,
        "env:PATH",
        "env:ZALION_SECRET_",
        "env:ZALION_SECRET_KEY",
        "env:ZALION_SECRET_x",
        "env:ZALION_SECRET_A__BOUND",
        "env:ZALION_MASTER_KEYS",
        "vault:a/b#c",
        "FILE:acme-imap",
    ],
)
def test_what_is_no_reference_is_refused_and_not_repeated(put: Path, reference: str) -> None:
    with pytest.raises(SecretMissing) as caught:
        secrets.resolve(reference, purpose=PURPOSE)
    assert "hunter2" not in str(caught.value) + caught.value.what_to_do


def test_links_are_not_followed(put: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("root's secret")
    outside.chmod(0o600)
    (put / "acme-imap").unlink()
    (put / "acme-imap").symlink_to(outside)
    with pytest.raises(SecretUnsafe, match="symbolic link"):
        secrets.resolve("file:acme-imap", purpose=PURPOSE)
    (put / "acme-imap").unlink()
    os.link(outside, put / "acme-imap")
    with pytest.raises(SecretUnsafe, match="second name"):
        secrets.resolve("file:acme-imap", purpose=PURPOSE)


def test_a_folder_that_is_a_link_is_not_followed(put: Path, tmp_path: Path, settings) -> None:
    (tmp_path / "link").symlink_to(put)
    settings.SECRETS_DIR = tmp_path / "link"
    with pytest.raises(SecretUnsafe):
        secrets.resolve("file:acme-imap", purpose=PURPOSE)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o660, 0o700])
@pytest.mark.parametrize("name", ["acme-imap", "acme-imap.meta"])
def test_a_file_that_others_may_read_or_write_is_refused(put: Path, mode: int, name: str) -> None:
    (put / name).chmod(mode)
    with pytest.raises(SecretUnsafe, match="chmod 600"):
        secrets.resolve("file:acme-imap", purpose=PURPOSE)


def test_a_folder_that_others_may_write_to_is_refused(put: Path) -> None:
    put.chmod(0o777)
    with pytest.raises(SecretUnsafe, match="chmod 700"):
        secrets.resolve("file:acme-imap", purpose=PURPOSE)


def test_folders_pipes_and_large_files_are_no_secrets(put: Path) -> None:
    (put / "acme-imap").unlink()
    (put / "acme-imap").mkdir(mode=0o700)
    with pytest.raises(SecretUnsafe):
        secrets.resolve("file:acme-imap", purpose=PURPOSE)
    (put / "acme-imap").rmdir()
    os.mkfifo(put / "acme-imap", 0o600)
    with pytest.raises(SecretUnsafe, match="regular"):
        secrets.resolve("file:acme-imap", purpose=PURPOSE)
    (put / "acme-imap").unlink()
    (put / "acme-imap").write_bytes(b"x" * 70_000)
    (put / "acme-imap").chmod(0o600)
    with pytest.raises(SecretUnsafe, match="64 KiB"):
        secrets.resolve("file:acme-imap", purpose=PURPOSE)


def test_what_does_not_exist_is_missing_with_the_command_that_makes_it(secrets_folder: Path) -> None:
    with pytest.raises(SecretMissing) as caught:
        secrets.resolve("file:acme-imap", purpose=PURPOSE)
    command = secrets.provisioning_command("file:acme-imap", PURPOSE)
    assert command in caught.value.what_to_do
    assert "orders@example.org" not in str(caught.value)


def test_a_secret_taken_away_is_gone_at_once(put: Path) -> None:
    secrets.resolve("file:acme-imap", purpose=PURPOSE)
    (put / "acme-imap").unlink()
    with pytest.raises(SecretMissing):
        secrets.resolve("file:acme-imap", purpose=PURPOSE)


def test_a_variable_needs_its_binding_too(monkeypatch) -> None:
    with pytest.raises(SecretMissing):
        secrets.resolve("env:ZALION_SECRET_ACME", purpose=PURPOSE)
    monkeypatch.setenv("ZALION_SECRET_ACME", "correct horse")
    with pytest.raises(SecretUnbound):
        secrets.resolve("env:ZALION_SECRET_ACME", purpose=PURPOSE)
    monkeypatch.setenv("ZALION_SECRET_ACME__BOUND", PURPOSE.as_json())
    assert secrets.resolve("env:ZALION_SECRET_ACME", purpose=PURPOSE).reveal() == "correct horse"
    with pytest.raises(SecretUnbound):
        secrets.resolve("env:ZALION_SECRET_ACME", purpose=replace(PURPOSE, host="evil.example.org"))


def test_a_secret_shows_itself_to_reveal_alone(put: Path) -> None:
    secret = secrets.resolve("file:acme-imap", purpose=PURPOSE)
    assert {repr(secret), str(secret), f"{secret}", f"{secret:>20}"} == {"***"}
    for act in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            act(secret)
    assert not hasattr(secret, "__dict__")


def test_a_final_line_break_is_not_part_of_the_secret(put: Path) -> None:
    (put / "acme-imap").write_text(" correct\nhorse \r\n")
    assert secrets.resolve("file:acme-imap", purpose=PURPOSE).reveal() == " correct\nhorse "


def test_putting_again_moves_the_binding_and_never_leaves_the_old_pair_mixed(put: Path, monkeypatch) -> None:
    elsewhere = replace(PURPOSE, host="new.example.org")
    real = os.rename
    seen = []

    def killed_after(times: int):
        def rename(*args, **kwargs):
            if len(seen) == times:
                raise KeyboardInterrupt
            seen.append(args)
            real(*args, **kwargs)

        return rename

    for times in (0, 1):
        seen.clear()
        monkeypatch.setattr(os, "rename", killed_after(times))
        with pytest.raises(KeyboardInterrupt):
            secrets.put("acme-imap", "new horse", elsewhere)
        for purpose in (PURPOSE, elsewhere):
            with pytest.raises(SecretUnbound):
                secrets.resolve("file:acme-imap", purpose=purpose)
    monkeypatch.setattr(os, "rename", real)
    secrets.put("acme-imap", "new horse", elsewhere)
    assert secrets.resolve("file:acme-imap", purpose=elsewhere).reveal() == "new horse"
    assert sorted(os.listdir(put)) == ["acme-imap", "acme-imap.meta"]


def test_names_are_those_of_one_tenant(put: Path, monkeypatch) -> None:
    secrets.put("borealis-imap", "x", replace(PURPOSE, tenant="borealis"))
    (put / "unbound").write_text("x")
    monkeypatch.setenv("ZALION_SECRET_ACME", "x")
    monkeypatch.setenv("ZALION_SECRET_ACME__BOUND", PURPOSE.as_json())
    assert secrets.names(tenant="acme") == ["env:ZALION_SECRET_ACME", "file:acme-imap"]
    assert secrets.names(tenant="borealis") == ["file:borealis-imap"]
    put.chmod(0o777)
    assert secrets.names(tenant="borealis") == []


@pytest.mark.django_db
def test_the_command_shown_puts_the_secret_where_the_reference_finds_it(
    secrets_folder: Path, monkeypatch, capsys
) -> None:
    odd = replace(PURPOSE, user="o'rder $(reboot)@example.org")
    words = shlex.split(secrets.provisioning_command("file:acme-imap", odd))
    assert words[:3] == ["python", "manage.py", "secret"]
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    call_command(*words[2:])
    assert "correct horse" not in capsys.readouterr().out
    assert secrets.resolve("file:acme-imap", purpose=odd).reveal() == "correct horse"
    call_command("secret", "list", "--tenant=acme")
    assert capsys.readouterr().out == "file:acme-imap\n"


@pytest.mark.django_db
def test_an_empty_secret_or_a_bad_name_is_not_written(secrets_folder: Path, monkeypatch) -> None:
    words = shlex.split(secrets.provisioning_command("file:acme-imap", PURPOSE))[2:]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    with pytest.raises(CommandError):
        call_command(*words)
    monkeypatch.setattr("sys.stdin", io.StringIO("x"))
    with pytest.raises(CommandError):
        call_command("secret", "put", "../x", *words[3:])
    assert list(secrets_folder.iterdir()) == []


def test_a_reference_reads_back_as_it_was_written() -> None:
    for reference in ("file:acme-imap", "env:ZALION_SECRET_ACME"):
        assert str(SecretRef.parse(reference)) == reference
    command = secrets.provisioning_command("env:ZALION_SECRET_ACME", PURPOSE)
    assert command.startswith("read -rs ZALION_SECRET_ACME && export ")
