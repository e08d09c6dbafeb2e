"""The demo's mail server ends with whoever started it, and a second start continues where the first was."""

import imaplib
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.certificates import Authority
from zalion.demo import mailserver

USERS = {"orders@acme.example": "a long random secret"}


@contextmanager
def running(folder: Path, authority: Authority) -> Iterator[tuple[subprocess.Popen[str], imaplib.IMAP4_SSL]]:
    chain, key = authority.write(folder, "127.0.0.1")
    both = folder / "both.pem"
    both.write_bytes(key.read_bytes() + chain.read_bytes())
    child, port = mailserver.start(folder / "mail", USERS, host="127.0.0.1", port=0, certificate=both)
    with child:
        context = ssl.create_default_context(cadata=authority.pem)
        with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=context) as client:
            client.login(*next(iter(USERS.items())))
            yield child, client
        child.terminate()


def put(folder: Path, name: str) -> None:
    new = folder / "mail" / "orders@acme.example" / "new"
    for part in ("new", "cur", "tmp"):
        (new.parent / part).mkdir(parents=True, exist_ok=True)
    (new / name).write_bytes(f"Subject: {name}\r\n\r\n{name}\r\n".encode())


def listing(client: imaplib.IMAP4_SSL) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    client.select("INBOX", readonly=True)
    validity = client.untagged_responses["UIDVALIDITY"][0]
    data = client.uid("FETCH", "1:*", "(UID BODY.PEEK[])")[1]
    return validity, [(part[0].split()[2], part[1]) for part in data if isinstance(part, tuple)]


def test_a_second_start_continues_where_the_first_was(tmp_path: Path, authority: Authority) -> None:
    for name in ("1700000003.c", "1700000001.a", "1700000002.b"):
        put(tmp_path, name)
    with running(tmp_path, authority) as (_, client):
        first = listing(client)
    assert [body.splitlines()[-1] for _, body in first[1]] == [
        b"1700000001.a",
        b"1700000002.b",
        b"1700000003.c",
    ]
    (tmp_path / "mail" / "orders@acme.example" / "dovecot-uidlist.lock").touch()
    put(tmp_path, "1600000000.late")
    with running(tmp_path, authority) as (_, client):
        second = listing(client)
    assert second[0] == first[0]
    assert second[1][:3] == first[1]
    assert second[1][3][0] == b"4"


def test_the_server_ends_when_its_starter_is_gone(tmp_path: Path, authority: Authority) -> None:
    put(tmp_path, "1700000001.a")
    with running(tmp_path, authority) as (child, _):
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(timeout=10) == 0
