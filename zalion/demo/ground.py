"""The folder a demo lives in: its lock, ports, keys, certificate and environment file, made once and kept."""

import base64
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import Any

import trustme

PROJECT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
WEB_PORT, MAIL_PORT = 8000, 10993
PATIENCE = 30.0  # seconds until what an earlier demo started must have ended
# What a person's own shell may configure is not the demo's: it never works on another database.
FOREIGN = ("ZALION_", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")


class GroundError(Exception):
    """The demo cannot stand there; the message says what to do."""


class Ground:
    """One demo's folder. ``claim`` first; it is let go when the process ends."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.data, self.logs = self.root / "data", self.root / "logs"
        self.mail, self.secrets = self.root / "mail", self.root / "secrets"
        self.environment_file = self.root / "zalion.env"
        self.master_keys = self.root / "master.keys"
        self.authority, self.certificate = self.root / "ca.pem", self.root / "server.pem"
        self._lock, self._children_lock = self.root / "demo.lock", self.root / "children.lock"
        self._state = self.root / "demo.json"
        self.children_lock = -1
        self.web_port = self.mail_port = 0

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.web_port}"

    # --- one demo at a time ----------------------------------------------------------------------

    def claim(self, *, reset: bool) -> None:
        """Take the folder for this process; with ``reset`` end the demo that has it, and empty it.

        Raises GroundError where another demo runs, or where the folder holds something else.
        """
        if self.root.exists() and any(self.root.iterdir()) and not self._lock.exists():
            raise GroundError(f"{self.root} holds something that is not a demo; nothing was touched.")
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        own = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        if not _locks(own):
            running = self._lock.read_text("ascii").strip()
            if not reset:
                raise GroundError(
                    f"The demo runs already (process {running}). End it with Ctrl-C there, or start with RESET=1."
                )
            os.kill(int(running), signal.SIGTERM)
            _wait_for(own)
        # The children of a demo that was killed hold this one until they have ended.
        self.children_lock = os.open(self._children_lock, os.O_RDWR | os.O_CREAT, 0o600)
        _wait_for(self.children_lock)
        os.ftruncate(own, 0)
        os.pwrite(own, f"{os.getpid()}\n".encode(), 0)
        if reset:
            self._clear()

    def _clear(self) -> None:
        for entry in self.root.iterdir():
            if entry in (self._lock, self._children_lock):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    # --- made once -------------------------------------------------------------------------------

    def choose_ports(self, *, web: int = WEB_PORT, mail: int = MAIL_PORT) -> None:
        """The ports of the last time where they are free, else the preferred ones, else any (0)."""
        kept = self.recall("ports") or [0, 0]
        self.web_port = _free_port(kept[0], web)
        self.mail_port = _free_port(kept[1], mail)
        self.remember("ports", [self.web_port, self.mail_port])

    def make_keys(self) -> None:
        """The master key ring and the environment file that web, worker and command line share."""
        if not self.master_keys.exists():
            key = base64.b64encode(secrets.token_bytes(32)).decode()
            _write_private(self.master_keys, f"demo-1:{key}\n")
        made = self.environment_file.exists() and re.search(
            r"^ZALION_SECRET_KEY='(.+)'$", self.environment_file.read_text("utf-8"), re.MULTILINE
        )
        signing = made[1] if made else secrets.token_urlsafe(50)
        settings = {
            "ZALION_SECRET_KEY": signing,
            "ZALION_MASTER_KEYS": f"file:{self.master_keys}",
            "ZALION_DATA_DIR": str(self.data),
            "ZALION_SECRETS_DIR": str(self.secrets),
            "ZALION_BASE_URL": self.base_url,
            "ZALION_PLAIN_HTTP": "1",
            "ZALION_ALLOWED_NETWORKS": f"{HOST}/32",
        }
        _write_private(
            self.environment_file, "".join(f"{name}='{value}'\n" for name, value in settings.items())
        )
        self.data.mkdir(exist_ok=True, mode=0o700)

    def make_certificate(self) -> None:
        """An authority of the demo's own, which nothing else trusts, and the mail server's certificate."""
        if self.authority.exists() and self.certificate.exists():
            return
        authority = trustme.CA(organization_name="Zalion demo")
        leaf = authority.issue_cert(HOST, "localhost", organization_name="Zalion demo")
        _write_private(self.certificate, leaf.private_key_and_cert_chain_pem.bytes().decode("ascii"))
        _write_private(self.authority, authority.cert_pem.bytes().decode("ascii"))

    def environment(self) -> dict[str, str]:
        """The environment of the demo's processes, without what the person's shell says about Zalion."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return kept | {
            "DJANGO_SETTINGS_MODULE": "zalion.settings",
            "ZALION_ENV_FILE": str(self.environment_file),
            "PYTHONPATH": str(PROJECT),
            "PYTHONUNBUFFERED": "1",
            "TZ": "UTC",  # the mail server's idea of local time, which it puts into INTERNALDATE
        }

    # --- what one start tells the next -----------------------------------------------------------

    def recall(self, name: str) -> Any:
        return self._read().get(name)

    def remember(self, name: str, value: Any) -> None:
        _write_private(self._state, json.dumps(self._read() | {name: value}, indent=1) + "\n")

    def _read(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._state.read_text("utf-8")) if self._state.exists() else {}
        return found


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_for(descriptor: int) -> None:
    ends = time.monotonic() + PATIENCE
    while not _locks(descriptor):
        if time.monotonic() >= ends:
            raise GroundError(
                "Processes of an earlier demo do not end; look for gunicorn and `manage.py work`."
            )
        time.sleep(0.1)


def _free_port(*wanted: int) -> int:
    for port in (*(port for port in wanted if port), 0):
        with socket.socket() as probe:
            # A server does the same, and is not kept out by connections that have just ended.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise GroundError(f"No port is free on {HOST}.")


def _write_private(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with open(
        temporary, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)
    ) as file:
        file.write(text)
    temporary.replace(path)
