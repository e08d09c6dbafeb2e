"""The demo's mail server: pymap over implicit TLS on Maildirs, run as a child process."""

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pymap.backend.maildir
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.maildir import Config, Login
from pymap.backend.maildir.mailbox import Maildir
from pymap.backend.maildir.users import PasswordsFile, UsersFile
from pymap.imap import IMAPServer
from pysasl.hashing import BuiltinHash


class ExactMaildir(Maildir):
    """A Maildir that hands out the bytes on disk, and numbers new mail by file name.

    pymap would send what Python's email package makes of a message, which is not always the same, and for
    broken ones nothing; and it would number mail in the order in which the disk lists it.
    """

    def get_message(self, key: str) -> bytes:  # type: ignore[override]  # pymap only takes its bytes()
        return (Path(self._join(self._lookup(key)))).read_bytes()

    def keys(self) -> list[str]:
        return sorted(super().keys())

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # mailbox.Maildir iterates over messages
        return iter(self.keys())


async def serve(
    maildir_root: Path, users: Mapping[str, str], host: str, port: int, certificate: Path
) -> None:
    """Serve the Maildir `maildir_root`/<user> of each user (name to password) until cancelled.

    `certificate` is a PEM file with the private key and the chain. Says "ready PORT" once it listens; with port
    0 the system chooses one.
    """
    pymap.backend.maildir.Maildir = ExactMaildir  # type: ignore[attr-defined]  # no other place for it
    maildir_root.mkdir(parents=True, exist_ok=True)
    # A server that was killed leaves its lock files, and pymap would wait minutes for their owner.
    for stale in maildir_root.rglob("*.lock"):
        stale.unlink(missing_ok=True)
    # The passwords are long and random, so a slow hash at each sign-in would protect nothing.
    hashing = BuiltinHash(hash_name="sha256", salt_len=16, rounds=1000)
    async with (
        UsersFile.with_write(str(maildir_root)) as names,
        PasswordsFile.with_write(str(maildir_root)) as passwords,
    ):
        for name, password in users.items():
            names.set(UsersFile.build_record(name, name))
            passwords.set(PasswordsFile.build_record(name, hashing.copy().hash(password)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    config = Config.from_args(_arguments(maildir_root, host, port), hash_context=hashing, ssl_context=context)
    config.apply_context()
    connected = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(Login(config), config))
    async with AsyncExitStack() as stack:
        server = await asyncio.start_server(connected, host, port, ssl=context)
        await stack.enter_async_context(server)
        print(f"ready {server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()


def _arguments(maildir_root: Path, host: str, port: int) -> Namespace:
    """What pymap expects of its command line. Its own TLS is STARTTLS, which is not offered inside TLS."""
    return Namespace(
        base_dir=str(maildir_root),
        colon=None,
        concurrency=2,
        cert=None,
        debug=False,
        host=host,
        key=None,
        layout="++",
        passlib_cfg=None,
        port=port,
        proxy_protocol=None,
        tls=False,
    )


def start(
    maildir_root: Path, users: Mapping[str, str], *, host: str, port: int, certificate: Path
) -> tuple[subprocess.Popen[str], int]:
    """Run `serve` in a child process; return it with its port once it listens.

    The child ends when it is terminated, and by itself when the process that started it is gone.
    """
    command = [sys.executable, "-m", "zalion.demo.mailserver", str(maildir_root), host, str(port)]
    child = subprocess.Popen(  # noqa: S603 - our own module, with paths we made
        [*command, str(certificate)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    said: list[str] = []
    if child.stdin is not None and child.stdout is not None:
        child.stdin.write(json.dumps(dict(users)) + "\n")
        child.stdin.flush()
        said = child.stdout.readline().split()
    if said[:1] != ["ready"]:
        child.kill()
        raise RuntimeError("the mail server did not start")
    return child, int(said[1])


async def _serve_while_wanted(arguments: Namespace) -> None:
    # Passwords come over the pipe, not on the command line, where any user of the machine could read them.
    users = json.loads(await asyncio.to_thread(sys.stdin.readline))
    serving = asyncio.create_task(
        serve(arguments.maildir_root, users, arguments.host, arguments.port, arguments.certificate)
    )
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, lambda: None if sys.stdin.read(1) else serving.cancel())
    await serving


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("maildir_root", type=Path)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("certificate", type=Path)
    try:
        asyncio.run(_serve_while_wanted(parser.parse_args()))
    except (asyncio.CancelledError, KeyboardInterrupt):
        pass  # Whoever started it has gone, or wants it to end.


if __name__ == "__main__":
    main()
