"""Memory at its highest while one large mail is taken in, parsed and handed out, in the worker and in its child.

Run it with `python bench/memory.py [MIB]` (100 unless told); it needs no configuration and leaves nothing behind. Each
shape of mail meets a process of its own. The floor is the same process over a mail of one line; `x` is what was needed
above it, in sizes of the mail.
"""

import base64
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

HEAD = b"From: Ada <ada@nord.example>\r\nSubject: Order\r\nMIME-Version: 1.0\r\n"
BLOCK = 57 << 10
FLOOR = "one line"
Pieces = Iterator[bytes]


def base64_lines(size: int) -> Pieces:
    block = base64.encodebytes(os.urandom(BLOCK)).replace(b"\n", b"\r\n")
    for _ in range(size // len(block)):
        yield block


def text_lines(size: int) -> Pieces:
    block = b"%s\r\n" % (b"A line of a long report. " * 3) * 1000
    for _ in range(size // len(block)):
        yield block


def shape(name: str, size: int) -> Pieces:
    """A mail of about `size` bytes in pieces."""
    parts = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee attachment\r\n--b\r\n"
    file = b"Content-Type: application/octet-stream; name=a.bin\r\nContent-Transfer-Encoding: %s\r\n\r\n"
    yield HEAD
    if name == FLOOR:
        yield b"\r\nhello\r\n"
    elif name == "attachment":
        yield parts + file % b"base64"
        yield from base64_lines(size)
        yield b"--b--\r\n"
    elif name == "quoted-printable":
        yield parts + file % b"quoted-printable"
        yield from text_lines(size)
        yield b"--b--\r\n"
    elif name == "uuencoded part":
        yield parts + file % b"x-uuencode" + b"begin 644 a.bin\r\n"
        line = b"M" + b"86)C" * 15 + b"\r\n"
        for _ in range(size // (len(line) * 1000)):
            yield line * 1000
        yield b"`\r\nend\r\n--b--\r\n"
    elif name == "mail in a mail":
        yield parts + b"Content-Type: message/rfc822\r\n\r\n" + HEAD + file % b"base64" + b""
        yield from base64_lines(size)
        yield b"--b--\r\n"
    elif name == "mail in base64":
        yield parts + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        yield base64.encodebytes((HEAD + file % b"base64").ljust(228)).replace(b"\n", b"\r\n")
        yield from base64_lines(size)
        yield b"--b--\r\n"
    else:
        yield b"\r\n"
        yield from text_lines(size)


SHAPES = (
    "attachment", "quoted-printable", "uuencoded part", "mail in a mail", "mail in base64", "long text",
)  # fmt: skip


def peak(pid: int | str = "self") -> int:
    """The most memory the process ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return int(found[1]) << 10 if found else 0


def take_in(path: Path) -> None:
    """What a worker does with a mail, then what a person asks for; prints the peaks of worker and child."""
    from audit import retention
    from connectors import importing, onboarding, parse, reading
    from connectors.models import Attachment, FolderMapping, Message
    from zalion import sandbox
    from zalion.tenancy import context
    from zalion.tenancy.people import create_tenant

    actor = context.Actor("command", name="bench")
    with context.system("bench", actor):
        tenant = create_tenant("Bench", slug="bench", actor=actor)
    with context.work(tenant.pk, actor):
        policy = retention.create_policy("Year", raw_mail_days=365, attachment_days=365, document_days=365)
        mailbox = onboarding.create_mailbox(
            "Orders", provider="imap", address="orders@acme.example", reference="env:ZALION_SECRET_BENCH",
            options={"host": "127.0.0.1", "user": "orders@acme.example"},
            retention=policy,
        )  # fmt: skip
        sandbox.capability()
        importing.import_mail(mailbox, mails=importing.find(path))
        parse.parse_messages(FolderMapping.objects.get().pk)
        message = Message.objects.get()
        (child,) = sandbox._default().pids()
        told = [message.state, message.reason, str(peak()), str(peak(child))]
        for row in Attachment.objects.filter(message=message):
            reading.attachment(message, path=row.path)
        children = sandbox._default().pids()
        print("|".join([*told, str(peak()), str(max(map(peak, children), default=0))]))


def measured(name: str, size: int) -> tuple[str, list[int], int]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mail.eml"
        with path.open("wb") as file:
            file.writelines(shape(name, size))
        os.utime(path, (datetime.now(UTC).timestamp(),) * 2)
        answer = subprocess.run(
            [sys.executable, __file__, "--worker", folder, str(path)],
            check=True, text=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        state, reason, *peaks = answer.stdout.strip().splitlines()[-1].split("|")
        return f"{state} {reason}".strip(), [int(peak) for peak in peaks], path.stat().st_size


def main(size: int) -> None:
    print(
        f"{'a mail of':<18}{'MiB':>6}  {'parsed: worker':>18}{'child':>16}  {'downloaded: worker':>20}{'child':>16}"
    )
    _, floor, _ = measured(FLOOR, 0)
    print(f"{FLOOR:<18}{'':>6}  " + "".join(f"{peak / (1 << 20):>11.0f} MiB   " for peak in floor))
    for name in SHAPES:
        state, peaks, real = measured(name, size)
        cells = (
            f"{peak / (1 << 20):.0f} MiB {(peak - low) / real:.1f}x"
            for peak, low in zip(peaks, floor, strict=True)
        )
        print(
            f"{name:<18}{real / (1 << 20):>6.0f}  " + "".join(f"{cell:>18}" for cell in cells) + f"  {state}",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        from sealing import configure

        configure(Path(sys.argv[2]))
        take_in(Path(sys.argv[3]))
    else:
        main(int(sys.argv[1] if sys.argv[1:] else 100) << 20)
