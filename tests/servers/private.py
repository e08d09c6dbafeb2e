"""What all private servers share: free ports, an unprivileged owner, waiting, and an end by process id."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def required_binary(name: str, package: str, *, beside: str = "") -> str:
    """The path of a Debian program; the test that needs it skips, visibly, where it is absent."""
    found = shutil.which(name) or shutil.which(name, path=f"/usr/sbin:/sbin:{beside}")
    if found is None:
        pytest.skip(f"needs {name} (Debian: {package})", allow_module_level=True)
    return found


class PrivateServer:
    """A server in a temporary folder of its own, owned by somebody without privileges.

    Neither Dovecot's mail processes nor PostgreSQL run as root; started by root they run as `nobody`, started
    by anyone else as that person. A context manager: leaving it ends the process and removes the folder.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="zalion-server-"))
        account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.user, self.uid, self.gid = account.pw_name, account.pw_uid, account.pw_gid
        self.process: subprocess.Popen[bytes] | None = None
        self.give(self.folder)

    def start(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def give(self, *paths: Path) -> None:
        """Hand files that this process made to the account the server runs as."""
        if os.geteuid() == 0:
            for path in paths:
                os.chown(path, self.uid, self.gid)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        self.give(path)
        return path

    def as_owner(self, command: Sequence[str]) -> list[str]:
        if os.geteuid() != 0:
            return list(command)
        ids = ["--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups"]
        return [required_binary("setpriv", "util-linux"), *ids, *command]

    def run(self, command: Sequence[str]) -> None:
        """Run a preparing command as the owner, to its end."""
        subprocess.run(self.as_owner(command), check=True, capture_output=True, cwd=self.folder, timeout=120)

    def spawn(self, command: Sequence[str], *, ready: Callable[[], bool]) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.as_owner(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        deadline = time.monotonic() + 30
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"did not start: {(self.folder / 'server.log').read_text(errors='replace')}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def run_by_hand(server: PrivateServer, describe: Callable[[], str]) -> None:
    """Start `server`, say how to reach it, and keep it until Ctrl-C."""
    with server:
        print(describe(), flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print("stopped")
