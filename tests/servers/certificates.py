"""A certificate authority of our own for the private servers, and certificates that must be refused."""

import datetime
import ssl
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


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


@dataclass
class Crooked:
    """Issues certificates as wrong as one likes, which no library does; `pem` is the CA's own certificate."""

    _key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    _name: ClassVar[x509.Name] = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Crooked CA")])

    @property
    def pem(self) -> str:
        builder = self._builder(self._name, -2, 2).public_key(self._key.public_key()).issuer_name(self._name)
        signed = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return (
            signed.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode("ascii")
        )

    def server_context(
        self,
        folder: Path,
        *,
        name: str | None = "localhost",
        common_name: str = "localhost",
        days: tuple[int, int] = (-2, 2),
        weak: bool = False,
        alone: bool = False,
    ) -> ssl.SSLContext:
        """A server's: `name` is the alternative one, None for none; `weak` is RSA 1024, `alone` self-signed."""
        key = rsa.generate_private_key(65537, 1024) if weak else ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = self._builder(subject, *days).public_key(key.public_key())
        builder = builder.issuer_name(subject if alone else self._name)
        if name is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        leaf = builder.sign(key if alone else self._key, hashes.SHA256())
        path = folder / f"{leaf.serial_number}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if weak:
            context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else the server itself would refuse its key
        context.load_cert_chain(path)
        return context

    def _builder(self, subject: x509.Name, start: int, end: int) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(serial_number=x509.random_serial_number()).subject_name(subject)
        builder = builder.not_valid_before(now + datetime.timedelta(days=start))
        return builder.not_valid_after(now + datetime.timedelta(days=end))


if __name__ == "__main__":
    target = Path(tempfile.mkdtemp(prefix="zalion-certificates-"))
    authority = Authority()
    (target / "ca.pem").write_text(authority.pem)
    authority.write(target, *(sys.argv[1:] or ["localhost", "127.0.0.1"]))
    print(target)
