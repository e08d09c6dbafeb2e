"""A file that the parser found to unpack without bound is not opened; what is beside it is read."""

import base64
import zlib

from connectors import parse, sync
from connectors.models import FolderMapping, Mailbox
from extraction import pipeline
from extraction.models import ExtractionRun
from tests.cast import Company
from tests.contracts.memory import MemoryMailbox


def bomb() -> bytes:
    packer = zlib.compressobj(9)
    content = b"".join(packer.compress(bytes(1 << 20)) for _ in range(257)) + packer.flush()
    return b"%%PDF-1.7\n1 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\n%%%%EOF\n" % (
        len(content),
        content,
    )


def test_a_pdf_that_unpacks_without_bound_kills_no_child(
    acme: Company, server: MemoryMailbox, mailbox: Mailbox
) -> None:
    server.deliver(
        b"From: s@nord.example\r\nSubject: Order\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\n\r\nHello\r\n--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename=a.pdf\r\n\r\n" + base64.encodebytes(bomb()) + b"--b--\r\n"
    )
    with acme.work():
        mapping = FolderMapping.objects.get(mailbox=mailbox)
        sync.sync_folder(mapping.pk)
        parse.parse_messages(mapping.pk)
        pipeline.run_due()
        run = ExtractionRun.objects.get()
        assert (run.state, run.attempts) == ("done", 1)
        told = {source["path"]: source["outcome"] for source in run.sources}
        assert told.pop("2") == "decompression_limit"
        assert list(told) == ["body"]
