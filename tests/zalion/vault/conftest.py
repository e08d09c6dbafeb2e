"""Two tenants with keys, and folders for blobs and secrets that only this test has."""

import os
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zalion.tenancy.context import Actor, system, work
from zalion.tenancy.models import Tenant
from zalion.tenancy.people import create_tenant
from zalion.vault import keys

ADA = Actor("user", "ada")
OTTO = Actor("user", "otto")


@pytest.fixture(autouse=True)
def no_opened_keys() -> Iterator[None]:
    """Opened keys outlive a test's transaction, tenants do not."""
    keys.forget_opened_keys()
    yield
    keys.forget_opened_keys()


@pytest.fixture
def acme(db: None) -> Tenant:
    with system("tests", ADA):
        return create_tenant("Acme", slug="acme", actor=ADA)


@pytest.fixture
def borealis(db: None) -> Tenant:
    with system("tests", OTTO):
        return create_tenant("Borealis", slug="borealis", actor=OTTO)


@pytest.fixture
def at_acme(acme: Tenant) -> Iterator[Tenant]:
    """The test runs as Acme's work."""
    with work(acme.pk, ADA):
        yield acme


@pytest.fixture
def blob_folder(tmp_path: Path, settings) -> Path:
    folder = tmp_path / "blobs"
    blobs = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": folder, "file_permissions_mode": 0o600},
    }
    settings.STORAGES = {**settings.STORAGES, "blobs": blobs}
    return folder


@pytest.fixture
def secrets_folder(tmp_path: Path, settings) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    settings.SECRETS_DIR = folder
    return folder


@pytest.fixture
def ring_line() -> Callable[[str], str]:
    """A new line of a master key ring."""
    return lambda key_id: f"{key_id}:{b64encode(secrets.token_bytes(32)).decode()}\n"


@pytest.fixture
def ring_file(tmp_path: Path, settings) -> Path:
    """A ring file that holds the key this test process was started with."""
    path = tmp_path / "ring"
    path.write_text(os.environ[settings.MASTER_KEYS.removeprefix("env:")] + "\n")
    path.chmod(0o600)
    settings.MASTER_KEYS = f"file:{path}"
    return path
