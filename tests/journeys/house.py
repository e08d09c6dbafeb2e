"""A whole portal in a process of its own, with a worker beside it, driven by lines of JSON: for browsers to visit."""

import json
import socketserver
import sys
import threading
import time
import wsgiref.simple_server
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
MAILS = 16


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return None


def populate() -> None:
    from connectors import importing, parse, reconcile, sync
    from connectors.models import FolderMapping, Message
    from extraction import pipeline
    from tests.cast import SET_UP, make_company, make_mailbox
    from tests.contracts.memory import MemoryMailbox
    from tests.extraction.paper import Paper
    from tests.extraction.test_profiles import mail as letter
    from tests.journeys import troubled
    from zalion.demo import mails
    from zalion.tenancy import context, people
    from zalion.tenancy.models import Role

    cast = {
        Role.ADMINISTRATOR: ("ada", "Ada Brandt"),
        Role.COMPLIANCE: ("cleo", "Cleo Marin"),
        Role.OPERATOR: ("rui", "Rui Costa"),
        Role.AUDITOR: ("abe", "Abe Lund"),
    }
    acme = make_company("acme", "Acme Maschinenbau GmbH", cast)
    others = {
        Role.ADMINISTRATOR: ("bea", "Bea Holm"),
        Role.COMPLIANCE: ("bo", "Bo Strand"),
        Role.OPERATOR: ("otto", "Otto Vik"),
    }
    borealis = make_company("borealis", "Borealis Yachts Ltd", others)
    make_mailbox(borealis, MemoryMailbox())
    with context.system("tests", SET_UP):
        people.add_person("pat", name="Pat Reyes", platform_operator=True)
    with borealis.work():
        people.grant_role(acme.rui, role=Role.OPERATOR)
    server = MemoryMailbox()
    mailbox = make_mailbox(acme, server)
    with acme.work():
        made = mails.make(NOW)
        # Wrong sums and broken mails come later in the story than the first days.
        wanted = made[:MAILS] + [mail for mail in made[MAILS:] if mail.expected == "finding"]
        found = [importing.FoundMail(mail.raw, mail.arrived) for mail in wanted]
        # A paper that nobody here can open.
        found.append(importing.FoundMail(letter(Paper(password="x").pdf()), wanted[0].arrived))
        importing.import_mail(mailbox, mails=found)
        # Some of them lie in the mailbox's folder as well: copies there, and a completeness line.
        for mail in wanted[2:5]:
            server.deliver(mail.raw, received_at=mail.arrived + timedelta(seconds=1))
        folder = FolderMapping.objects.get(mailbox=mailbox, kind="folder")
        sync.sync_folder(folder.pk)
        reconcile.reconcile_now(mailbox)
        reconcile.reconcile_folder(folder.pk)
        for mapping in FolderMapping.objects.filter(mailbox=mailbox):
            parse.parse_messages(mapping.pk)
        pipeline.run_due()
        held = Message.objects.order_by("received_at").last()
        assert held is not None
        Message.objects.filter(pk=held.pk).update(state="quarantined", reason="parser_died")
        read_twice()
        teach()
    troubled.fill(acme, wanted[1].arrived)


def read_twice() -> None:
    """The newest document, as if an older version had read it otherwise, and its mail read again."""
    from extraction import pipeline
    from extraction.models import Document

    stored = Document.objects.filter(media_type="application/pdf", message__state="stored")
    document = stored.order_by("created_at", "pk").last()
    assert document is not None
    lines = [
        *document.machine["lines"][:-1],
        {**document.machine["lines"][-1], "description": "Bolt", "gtin": "1"},
    ]
    older = {**document.machine, "incoterm": None, "net_total": "17.00", "lines": lines, "confidence": 0.61}
    document.machine = document.current = older
    document.extractor_version = "0"
    document.save()
    run = document.run
    run.readings = [{**reading, "document": older, "extractor_version": "0"} for reading in run.readings]
    run.save()
    pipeline.rerun(document.message)
    pipeline.run_due()


def teach() -> None:
    """A lesson about the layout of a document."""
    from extraction import profiles
    from extraction.layout.taught.profile import Profile
    from extraction.models import Document

    document = Document.objects.filter(media_type="application/pdf").order_by("created_at", "pk").first()
    assert document is not None
    profiles.keep(document, taught=Profile(absent=frozenset({"incoterm"})).to_json(), base=None)


def work() -> None:
    """The queue, worked off by the real runner, until the process ends."""
    from tests.background import run_waiting

    while True:
        run_waiting()
        time.sleep(0.2)


def take_in(folder: Path) -> dict[str, dict[str, Any]]:
    """Borealis's mailbox with the mails of a folder in it; what each is called there, by its file's name."""
    from connectors import importing
    from connectors.models import Attachment, Mailbox, Message
    from tests.cast import SET_UP
    from zalion.tenancy import context
    from zalion.tenancy.models import Tenant
    from zalion.vault import index

    with context.work(Tenant.objects.get(slug="borealis").pk, SET_UP):
        importing.import_mail(Mailbox.objects.get(), mails=importing.find(folder))
        # The worker reads them meanwhile, as it would.
        while Message.objects.filter(parse_due_at__isnull=False).exists():
            time.sleep(0.1)
        rows = {row.identity: row for row in Message.objects.all()}
        found = {}
        for file in sorted(folder.glob("*.eml")):
            row = rows[index.content_hmac(file.read_bytes())]
            nodes = Attachment.objects.filter(message=row).values_list("path", flat=True)
            found[file.stem] = {"key": str(row.pk), "state": row.state, "attachments": list(nodes)}
        return found


def answer(asked: dict[str, Any]) -> Any:
    from connectors.models import FolderMapping, Mailbox, Message
    from extraction.models import Document, SupplierProfile
    from tests.cast import SET_UP
    from zalion.tenancy import context, signin
    from zalion.tenancy.models import Tenant, User
    from zalion.vault import secrets

    if asked["what"] == "link":
        with context.system("tests", SET_UP):
            return signin.issue_link(User.objects.get(username=asked["who"]))
    if asked["what"] == "take in":
        return take_in(Path(asked["folder"]))
    if asked["what"] == "secret":
        purpose = secrets.SecretPurpose(**asked["purpose"])
        return str(secrets.put(asked["name"], asked["value"], purpose))
    with context.work(Tenant.objects.get(slug="acme").pk, SET_UP):
        if asked["what"] == "document":
            row = Document.objects.get(pk=asked["key"])
            return {
                "state": row.state,
                "version": row.version,
                "current": row.current,
                "machine": row.machine,
            }
        return {
            "documents": [
                {
                    "key": str(row.pk),
                    "number": row.number,
                    "media_type": row.media_type,
                    "path": row.source_path,
                }
                | {"state": row.state, "lines": len(row.current["lines"])}
                | {"serious": sum(found["severity"] != "info" for found in row.current["findings"])}
                for row in Document.objects.order_by("created_at", "pk")
            ],
            "twice": [
                str(key)
                for key in Document.objects.filter(extractor_version="0").values_list("pk", flat=True)
            ],
            "messages": [str(key) for key in Message.objects.values_list("pk", flat=True)],
            "held": [
                str(key) for key in Message.objects.filter(state="quarantined").values_list("pk", flat=True)
            ],
            "copies": [
                str(key) for key in Message.objects.filter(reason="copy").values_list("pk", flat=True)
            ],
            "learned": str(SupplierProfile.objects.values_list("layout", flat=True)[0]),
            "folder": str(FolderMapping.objects.get(kind="folder", mailbox__name="Orders").pk),
            "refused": str(Message.objects.get(reason="sender_failed").pk),
            "empty": str(Message.objects.get(reason="empty").pk),
            "left": str(Message.objects.filter(left_server_at__isnull=False)[0].pk),
            "mailboxes": {row.name: str(row.pk) for row in Mailbox.objects.all()},
        }


def main() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    from django.conf import settings
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.wsgi import get_wsgi_application

    from connectors.registry import PROVIDERS

    PROVIDERS["memory"] = "tests.contracts.memory.MemoryAdapter"
    settings.SECRETS_DIR.mkdir(mode=0o700, exist_ok=True)
    call_command("migrate", verbosity=0)
    populate()
    threading.Thread(target=work, daemon=True).start()
    server = wsgiref.simple_server.make_server(
        "127.0.0.1", 0, StaticFilesHandler(get_wsgi_application()), server_class=Server, handler_class=Quiet
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told(server.server_port)
    for line in sys.stdin:
        told(answer(json.loads(line)))


def told(what: Any) -> None:
    sys.__stdout__.write(f"> {json.dumps(what)}\n")
    sys.__stdout__.flush()


if __name__ == "__main__":
    main()
