"""A certificate authority of our own for the private servers, and certificates that must be refused."""

import datetime
import ssl
import sys
import tempfile
from pathlib import Path

import trustme


class Authority:
    """A CA that nobody else trusts; `pem` is what a mailbox is given as its CA certificate."""

    def __init__(self) -> None:
        self._ca = trustme.CA()
        self.pem = self._ca.cert_pem.bytes().decode("ascii")

    def issue(self, *names: str, days: int = 30) -> trustme.LeafCert:
        """A certificate for host names or addresses; negative `days` make one that has run out."""
        now = datetime.datetime.now(datetime.UTC)
        start = now - datetime.timedelta(days=abs(days) + 1)
        return self._ca.issue_cert(*names, not_before=start, not_after=now + datetime.timedelta(days=days))

    def server_context(self, *names: str, days: int = 30) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.issue(*names, days=days).configure_cert(context)
        return context

    def write(self, folder: Path, *names: str) -> tuple[Path, Path]:
        """Certificate chain and key as two PEM files in `folder`."""
        leaf = self.issue(*names)
        chain, key = folder / "server.pem", folder / "server.key"
        chain.write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
        key.write_bytes(leaf.private_key_pem.bytes())
        key.chmod(0o600)
        return chain, key


if __name__ == "__main__":
    target = Path(tempfile.mkdtemp(prefix="zalion-certificates-"))
    authority = Authority()
    (target / "ca.pem").write_text(authority.pem)
    authority.write(target, *(sys.argv[1:] or ["localhost", "127.0.0.1"]))
    print(target)
