"""A private Cyrus: unpacked from its Debian packages, since these cannot be installed beside Dovecot's."""

import imaplib
import re
import secrets
import socket
import ssl
import subprocess
import threading
from datetime import datetime
from functools import cached_property
from pathlib import Path

from imapclient.imap_utf7 import encode as encode_utf7

from tests.servers.certificates import Authority
from tests.servers.fetched import fetched
from tests.servers.private import PrivateServer, free_port, listens, required_binary, run_by_hand

_PACKAGES = ("cyrus-imapd", "cyrus-common")
# Only Cyrus's own virus scanner and its chat notices want these.
_UNUSED = ("libclamav", "libzephyr")

_IMAPD = """
configdirectory: {folder}/state
proc_path: {folder}/state/proc
mboxname_lockpath: {folder}/state/lock
defaultpartition: default
partition-default: {folder}/spool
cyrus_user: {user}
admins: cyrus
virtdomains: off
altnamespace: yes
unixhierarchysep: yes
allowplaintext: no
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: {folder}/mux
sasl_mech_list: PLAIN
tls_server_cert: {folder}/server.pem
tls_server_key: {folder}/server.key
tls_versions: tls1_2 tls1_3
conversations: no
duplicatesuppression: no
delete_mode: immediate
specialusealways: yes
failedloginpause: 0
syslog_prefix: zalion
"""

_MASTER = """
START {{
  recover cmd="{bin}/ctl_cyrusdb -C {folder}/imapd.conf -r"
}}
SERVICES {{
  imaps cmd="{bin}/imapd -C {folder}/imapd.conf -s" listen="127.0.0.1:{port}" prefork=2 maxchild=100
}}
"""


def _download(place: Path) -> bool:
    """The .deb files of Cyrus, and of the libraries it needs that are not installed."""
    depends = subprocess.run(
        ["apt-cache", "depends", *_PACKAGES], capture_output=True, text=True, check=False
    )
    libraries = set(re.findall(r"^ +Depends: (lib[^\s:]+)$", depends.stdout, re.MULTILINE))
    wanted = [name for name in sorted(libraries) if not name.startswith(_UNUSED) and not _installed(name)]
    command = ["apt-get", "download", "-qq", *_PACKAGES, *wanted]
    return subprocess.run(command, cwd=place, capture_output=True, check=False).returncode == 0


def _installed(package: str) -> bool:
    command = ["dpkg-query", "-W", "-f", "${db:Status-Status}\n", package]
    known = subprocess.run(command, capture_output=True, text=True, check=False)
    return "installed" in known.stdout.split()


class CyrusServer(PrivateServer):
    """Special uses in lower case, OBJECTID, CONDSTORE; refuses NUL. Mail goes in by APPEND."""

    host = "127.0.0.1"

    def __init__(self, authority: Authority | None = None) -> None:
        unpack = required_binary("dpkg", "dpkg")
        required_binary("apt-get", "apt")
        packages = sorted(fetched("Cyrus", _download).glob("*.deb"))
        super().__init__()
        self.authority = authority or Authority()
        self.port = free_port()
        self.users = {"cyrus": secrets.token_urlsafe(16)}
        for package in packages:
            subprocess.run([unpack, "-x", package, self.folder / "system"], check=True)
        libraries = [*self.folder.glob("system/usr/lib/*-linux-*"), *self.folder.glob("system/lib/*-linux-*")]
        self._libraries = ":".join(map(str, libraries))
        self._passwords = socket.socket(socket.AF_UNIX)

    def start(self) -> None:
        binaries = self.folder / "system/usr/lib/cyrus/bin"
        for path in self.authority.write(self.folder, "localhost", self.host):
            self.give(path)
        for name in ("state", "state/proc", "state/lock", "state/db", "state/socket", "spool"):
            (self.folder / name).mkdir()
            self.give(self.folder / name)
        self.write("imapd.conf", _IMAPD.format(folder=self.folder, user=self.user))
        self.write("cyrus.conf", _MASTER.format(folder=self.folder, bin=binaries, port=self.port))
        self._passwords.bind(str(self.folder / "mux"))
        self.give(self.folder / "mux")
        self._passwords.listen()
        threading.Thread(target=self._answer, daemon=True).start()
        master = [str(binaries / "master"), "-C", str(self.folder / "imapd.conf")]
        master += ["-M", str(self.folder / "cyrus.conf"), "-p", str(self.folder / "master.pid")]
        self.spawn(["env", f"LD_LIBRARY_PATH={self._libraries}", *master], ready=lambda: listens(self.port))

    def stop(self) -> None:
        self._passwords.close()
        super().stop()

    def _answer(self) -> None:
        """Stand in for saslauthd: user, password, service and realm come counted; so does the answer."""
        while True:
            try:
                client, _ = self._passwords.accept()
            except OSError:
                return
            with client, client.makefile("rb") as asked:
                user, password, _, _ = (
                    asked.read(int.from_bytes(asked.read(2), "big")).decode() for _ in range(4)
                )
                answer = b"OK" if self.users.get(user) == password else b"NO"
                client.sendall(len(answer).to_bytes(2, "big") + answer)

    # --- accounts and mail ---------------------------------------------------------------------------

    def session(self, user: str) -> imaplib.IMAP4_SSL:
        """Another mail program that reads and writes the account; a context manager."""
        context = ssl.create_default_context(cadata=self.authority.pem)
        client = imaplib.IMAP4_SSL("localhost", self.port, ssl_context=context)
        client.login(user, self.users[user])
        return client

    @cached_property
    def admin(self) -> imaplib.IMAP4_SSL:
        """Stays signed in: Cyrus takes a process for every connection. Sees INBOX as user/NAME."""
        return self.session("cyrus")

    def add_user(self) -> tuple[str, str]:
        name = f"orders-{secrets.token_hex(4)}"
        self.users[name] = secrets.token_urlsafe(16)
        self._create_inbox(name)
        return name, self.users[name]

    def _create_inbox(self, user: str) -> None:
        done(self.admin.create(f"user/{user}"))
        done(self.admin.setacl(f"user/{user}", "cyrus", "lrswipkxtecda"))

    def create_folder(self, user: str, name: str, *, use: str = "") -> None:
        with self.session(user) as client:
            special = [f"(USE ({use}))"] if use else []
            done(client._simple_command("CREATE", f'"{wire(name)}"', *special))

    def rename_folder(self, user: str, old: str, new: str) -> None:
        with self.session(user) as client:
            done(client.rename(f'"{wire(old)}"', f'"{wire(new)}"'))

    def delete_folder(self, user: str, name: str) -> None:
        with self.session(user) as client:
            done(client.delete(f'"{wire(name)}"'))

    def deliver(
        self, user: str, folder: str, raw: bytes, *, flags: str = "", when: datetime | None = None
    ) -> None:
        date = imaplib.Time2Internaldate(when) if when else ""
        done(self.admin.append(self._path(user, folder), flags, date, raw))

    def remove(self, user: str, folder: str, position: int) -> None:
        done(self.admin.select(self._path(user, folder)))
        done(self.admin.store(str(position + 1), "+FLAGS", r"\Deleted"))
        done(self.admin.close())

    def forget_identities(self, user: str, folder: str = "INBOX") -> None:
        """Lose the INBOX with its numbers and put the same mail into a new one."""
        assert folder == "INBOX"
        held = [(raw, when) for _, _, when, raw in self.snapshot(user)]
        done(self.admin.delete(f"user/{user}"))
        self._create_inbox(user)
        for raw, when in held:
            done(self.admin.append(f"user/{user}", "", when, raw))

    def _path(self, user: str, folder: str) -> str:
        return f"user/{user}" if folder == "INBOX" else f'"user/{user}/{wire(folder)}"'

    def snapshot(self, user: str) -> list[tuple[str, str, str, bytes]]:
        """UID, flags as the account sees them, date and bytes of everything in the INBOX."""
        with self.session(user) as client:
            done(client.select("INBOX", readonly=True))
            lines = done(client.fetch("1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])"))
        found = []
        for head, raw in (line for line in lines if isinstance(line, tuple)):
            told = re.search(rb'FLAGS \((.*?)\) UID (\d+) INTERNALDATE ("[^"]*")', head)
            assert told is not None, head
            flags, uid, when = (part.decode() for part in told.groups())
            kept = " ".join(sorted({*flags.split()} - {r"\Recent"}))
            found.append((uid, kept, when, raw))
        return found


def wire(name: str) -> str:
    return encode_utf7(name).decode("ascii")


def done(answer: tuple[str, list[object]]) -> list[object]:
    """What the server said, which must have been OK."""
    kind, data = answer
    assert kind == "OK", data
    return data


if __name__ == "__main__":
    server = CyrusServer()

    def describe() -> str:
        name, password = server.add_user()
        (server.folder / "ca.pem").write_text(server.authority.pem)
        return f"imaps {server.port}, {name} {password}, {server.folder}/ca.pem"

    run_by_hand(server, describe)
