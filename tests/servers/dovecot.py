"""A private Dovecot from Debian: IMAP over TLS and with STARTTLS on free ports, mail in Maildirs."""

import grp
import itertools
import os
import secrets
import shutil
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from imapclient.imap_utf7 import encode as encode_utf7

from tests.servers.certificates import Authority
from tests.servers.private import PrivateServer, free_port, listens, required_binary, run_by_hand

_CONFIGURATION = """
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = {uid}
first_valid_gid = {gid}
listen = 127.0.0.1
ssl = required
ssl_min_protocol = TLSv1.2
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
disable_plaintext_auth = yes
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
mail_max_userip_connections = 100
mail_location = maildir:~/Maildir
mail_log_prefix = "%s: "
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN {folder}/users/%u
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Papierkorb {{
    special_use = \\Trash
    auto = create
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {starttls_port}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
"""

_TOKENS = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = email
scope = {scope}
"""

# What an access token has to be for.
SCOPE = "https://mail.acme.example/imap"

# Dovecot's own records beside the mail; they may change when somebody reads.
_BOOKKEEPING = ("dovecot", "subscriptions", "maildirfolder")


class DovecotServer(PrivateServer):
    """A mail server nobody here wrote. `users` maps name to password; folder names are Unicode with "/"."""

    host = "127.0.0.1"

    def __init__(self, authority: Authority | None = None) -> None:
        self._binary = required_binary("dovecot", "dovecot-imapd")
        super().__init__()
        self.authority = authority or Authority()
        self.port = free_port()
        self.starttls_port = free_port()
        self.users: dict[str, str] = {}
        self._numbers = itertools.count()
        self._token_key = ec.generate_private_key(ec.SECP256R1())

    def start(self) -> None:
        for path in self.authority.write(self.folder, "localhost", self.host):
            self.give(path)
        for name in ("mail", "users"):
            (self.folder / name).mkdir()
            self.give(self.folder / name)
        text = _CONFIGURATION.format(
            folder=self.folder,
            user=self.user,
            group=grp.getgrgid(self.gid).gr_name,
            uid=self.uid,
            gid=self.gid,
            port=self.port,
            starttls_port=self.starttls_port,
        )
        configuration = self.write("dovecot.conf", text)
        self.write("oauth2.conf", _TOKENS.format(folder=self.folder, scope=SCOPE))
        keys = self.folder / "keys" / "default" / "ES256"
        keys.mkdir(parents=True)
        public = self._token_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (keys / "default").write_bytes(public)
        self.give(keys.parent.parent, keys.parent, keys, keys / "default")
        self.spawn([self._binary, "-F", "-c", str(configuration)], ready=lambda: listens(self.port))

    def add_user(self, name: str | None = None, password: str | None = None) -> tuple[str, str]:
        """A new account with an empty INBOX: its name and password."""
        name = name or f"orders-{secrets.token_hex(4)}@acme.example"
        self.users[name] = password or secrets.token_urlsafe(16)
        # One file per account: Dovecot looks at a file it knows only once a second.
        self.write(f"users/{name}", f"{name}:{self.users[name]}\n")
        home = self.folder / "mail" / name
        home.mkdir()
        self.give(home)
        self._maildir(home / "Maildir")
        return name, self.users[name]

    def token(self, user: str, *, seconds: int = 3600, scope: str = SCOPE) -> str:
        """An access token for `user` as an identity provider issues it, good for `seconds`."""
        now = int(time.time())
        # Dovecot tells the time once in a round of its loop, and refuses a token of the second that has just begun.
        claims = {"sub": user, "email": user, "scope": scope, "iat": now - 5, "exp": now + seconds}
        return jwt.encode(claims, self._token_key, algorithm="ES256")

    def create_folder(self, user: str, name: str) -> None:
        path = self.path(user, name)
        self._maildir(path)
        (path / "maildirfolder").touch()
        self.give(path / "maildirfolder")

    def deliver(
        self, user: str, folder: str, raw: bytes, *, flags: str = "", when: float | None = None
    ) -> None:
        """Put a message into a folder as a delivery agent does; with `flags` ("S", "FS") into cur.

        Line ends become CRLF, which is how IMAP hands them out; `when` is its INTERNALDATE.
        """
        number = next(self._numbers)
        # Dovecot gives UIDs in the order of the number a file name begins with.
        name = f"{1_700_000_000 + number}.M{number}P{os.getpid()}.acme"
        target = (
            self.path(user, folder) / ("cur" if flags else "new") / (name + (f":2,{flags}" if flags else ""))
        )
        held = self.path(user, folder) / "tmp" / name
        held.write_bytes(raw)
        stamp = when if when is not None else time.time()
        os.utime(held, (stamp, stamp))
        self.give(held)
        held.rename(target)

    def remove(self, user: str, folder: str, position: int) -> None:
        """Delete the message at `position` (0 is the oldest), as another mail program would."""
        path = self.path(user, folder)
        files = sorted(
            [*(path / "new").iterdir(), *(path / "cur").iterdir()],
            key=lambda file: int(file.name.split(".")[0]),
        )
        files[position].unlink()

    def forget_identities(self, user: str, folder: str = "INBOX") -> None:
        """Lose the folder's UIDs, as a restored backup does: UIDVALIDITY changes at the next opening."""
        path = self.path(user, folder)
        before = (path / "dovecot-uidlist").read_text().split(" ", 2)
        for file in path.glob("dovecot*"):
            if file.is_file():
                file.unlink()
        shutil.rmtree(path.parent / "indexes", ignore_errors=True)
        # Dovecot makes the number from the clock, so within a second it would come out the same.
        validity = int(before[1].removeprefix("V")) + 17
        new = path / "dovecot-uidlist"
        new.write_text(f"3 V{validity} N1 G{secrets.token_hex(16)}\n")
        self.give(new)

    def snapshot(self, user: str) -> dict[str, bytes]:
        """Every message file of the account: its name, which holds the flags, and its bytes."""
        root = self.folder / "mail" / user / "Maildir"
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and not path.name.startswith(_BOOKKEEPING)
        }

    def path(self, user: str, folder: str) -> Path:
        root = self.folder / "mail" / user / "Maildir"
        if folder == "INBOX":
            return root
        return root / ("." + encode_utf7(folder).decode("ascii").replace("/", "."))

    def _maildir(self, path: Path) -> None:
        for part in (path, path / "cur", path / "new", path / "tmp"):
            part.mkdir(exist_ok=True)
            self.give(part)


if __name__ == "__main__":
    server = DovecotServer()

    def describe() -> str:
        name, password = server.add_user()
        server.deliver(name, "INBOX", b"From: a@supplier.example\r\nSubject: hello\r\n\r\nhello\r\n")
        (server.folder / "ca.pem").write_text(server.authority.pem)
        return (
            f"imaps {server.port}, starttls {server.starttls_port}, {name} {password}, {server.folder}/ca.pem"
        )

    run_by_hand(server, describe)
