"""The demo's mail server, pymap with Maildirs behind TLS, as a server for tests."""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.servers.certificates import Authority
from zalion.demo import mailserver


class PymapServer:
    """IMAP without NAMESPACE, SPECIAL-USE, CONDSTORE or ESEARCH. Accounts are made before it starts."""

    host = "127.0.0.1"

    def __init__(self, authority: Authority | None = None, *, accounts: int = 60) -> None:
        self.authority = authority or Authority()
        self.folder = Path(tempfile.mkdtemp(prefix="zalion-pymap-"))
        self.users = {f"orders-{n}@acme.example": secrets.token_urlsafe(16) for n in range(accounts)}
        self._unused = list(self.users)
        self._number = 0
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        chain, key = self.authority.write(self.folder, "localhost", self.host)
        certificate = self.folder / "both.pem"
        certificate.write_bytes(key.read_bytes() + chain.read_bytes())
        self.process, self.port = mailserver.start(
            self.folder / "mail", self.users, host=self.host, port=0, certificate=certificate
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        with self.process as child:  # closes the pipes and waits
            child.terminate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def add_user(self) -> tuple[str, str]:
        """An account nobody has used yet: its name and password."""
        name = self._unused.pop()
        for part in ("cur", "new", "tmp"):
            (self._path(name) / part).mkdir(parents=True)
        return name, self.users[name]

    def deliver(self, user: str, raw: bytes, *, when: float | None = None) -> None:
        self._number += 1
        name = f"{1_700_000_000 + self._number}.P{os.getpid()}.acme"
        held = self._path(user) / "tmp" / name
        held.write_bytes(raw)
        stamp = when if when is not None else time.time()
        os.utime(held, (stamp, stamp))
        held.rename(self._path(user) / "new" / name)

    def remove(self, user: str, position: int) -> None:
        sorted((*(self._path(user) / "new").iterdir(), *(self._path(user) / "cur").iterdir()))[
            position
        ].unlink()

    def forget_identities(self, user: str) -> None:
        held = self._path(user) / "dovecot-uidlist"
        validity = int(held.read_text().split(" ", 2)[1].removeprefix("V")) + 17
        held.write_text(f"3 V{validity} N1 G{secrets.token_hex(16)}\r\n")

    def snapshot(self, user: str) -> dict[str, bytes]:
        """Message files by folder and name, which holds the flags."""
        root = self._path(user)
        return {
            str(path.relative_to(root)): path.read_bytes()
            for part in ("cur", "new")
            for path in (root / part).iterdir()
        }

    def _path(self, user: str) -> Path:
        return self.folder / "mail" / user


if __name__ == "__main__":
    with PymapServer() as server:
        name, password = server.add_user()
        print(f"imaps {server.port} {name} {password}, certificates in {server.folder}", flush=True)
        try:
            time.sleep(86400)
        except KeyboardInterrupt:
            print("stopped")
