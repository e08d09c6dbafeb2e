"""Sets the demo up, a line for each step, and starts its three servers: mail, web and worker."""

import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from connectors.models import Message, MessageState
from extraction import review
from extraction.models import ExtractionRun, RunState
from zalion.demo import cast, mails, outcomes
from zalion.demo.children import Children
from zalion.demo.ground import HOST, PROJECT, Ground, GroundError
from zalion.demo.mailbox import deliver, deliver_own
from zalion.demo.mails import DemoMail
from zalion.demo.progress import Progress
from zalion.demo.suppliers import ACME, Company
from zalion.demo.visit import Visitor
from zalion.models import Heartbeat
from zalion.tenancy import context, signin
from zalion.tenancy.models import User

STARTING = 60.0  # seconds within which a server must answer


@dataclass(frozen=True, slots=True)
class Stage:
    """A demo that runs: what was delivered, the mailboxes before anybody read them, the mail server's passwords."""

    ground: Ground
    children: Children
    progress: Progress
    delivered: tuple[DemoMail, ...]
    mailboxes: dict[str, tuple[str, int]]
    passwords: dict[str, str]


def set_up(
    ground: Ground, children: Children, progress: Progress, *, own: Path | None, now: datetime
) -> Stage:
    """From an empty folder, or one that a demo left, to servers that answer. ``own`` are mails of the person's.

    Raises GroundError, ChildDied, TimeoutError, CommandError.
    """
    with progress.step("database"):
        call_command("migrate", interactive=False, verbosity=0)
    with progress.step("style and script") as step:
        if not _static_is_new():
            call_command("collectstatic", interactive=False, verbosity=0)
        else:
            step.note = "as they were"
    with progress.step("mails") as step:
        written = (*mails.make(now), *mails.make_borealis(now))
        new = deliver(written, root=ground.mail)
        step.note = f"{new} delivered" if new else f"{len(written)} were delivered before"
        if own is not None:
            step.note += f", {_deliver_own(own, ground, now)} of your own"
    mailboxes = outcomes.on_server(ground.mail)
    with progress.step("mail server (IMAP over TLS)") as step:
        step.note = f"port {ground.mail_port}"
        passwords = cast.passwords()
        _start_mail_server(ground, children, passwords)
    for company in cast.COMPANIES:
        with progress.step(f"{company.name}: people, mailbox, two signatures"):
            cast.provision(company, password=passwords[company.order_mailbox], port=ground.mail_port)
            cast.set_up(company, ground)
    cast.add_platform_operator()
    _start_portal(ground, children, progress)
    return Stage(ground, children, progress, written, mailboxes, passwords)


def _deliver_own(own: Path, ground: Ground, now: datetime) -> int:
    try:
        return deliver_own(own, root=ground.mail, mailbox=ACME.order_mailbox, now=now)
    except FileNotFoundError as error:
        raise GroundError(str(error)) from error


def _start_mail_server(ground: Ground, children: Children, passwords: dict[str, str]) -> None:
    children.start(
        "mail server",
        "zalion.demo.mailserver",
        str(ground.mail),
        HOST,
        str(ground.mail_port),
        str(ground.certificate),
        told=json.dumps(passwords) + "\n",
    )
    log = ground.logs / "mail-server.log"
    children.wait_for(
        lambda: f"ready {ground.mail_port}" in log.read_text("utf-8"),
        seconds=STARTING,
        words="The start of the mail server",
    )


def _start_portal(ground: Ground, children: Children, progress: Progress) -> None:
    """Web and worker, side by side; the worker has started when it has done its first round."""
    started = timezone.now()
    with progress.step("web and worker"):
        connections.close_all()
        bound = ("--bind", f"{HOST}:{ground.web_port}")
        size = ("--workers", "1", "--threads", "8", "--graceful-timeout", "5")
        children.start("web", "gunicorn", "zalion.wsgi", *bound, *size, "--no-control-socket")
        children.start("worker", str(PROJECT / "manage.py"), "work")
        children.wait_for(lambda: _answers(ground.base_url), seconds=STARTING, words="The start of the web")
        children.wait_for(
            lambda: Heartbeat.objects.filter(name="tick", at__gte=started).exists(),
            seconds=STARTING,
            words="The start of the worker",
        )


def _answers(base_url: str) -> bool:
    try:
        return Visitor(base_url).get("/healthz").status == 200
    except OSError:
        return False


def _static_is_new() -> bool:
    """Whether what was collected is newer than every file it was collected from."""
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if not manifest.exists():
        return False
    made = datetime.fromtimestamp(manifest.stat().st_mtime, tz=timezone.get_current_timezone())
    return all(
        storage.get_modified_time(name) <= made
        for finder in get_finders()
        for name, storage in finder.list([])
    )


def sign_in_link(username: str, *, base_url: str) -> str:
    """The address that signs this person in: once, within ten minutes."""
    with context.system("sign-in link", cast.ACTOR):
        secret = signin.issue_link(User.objects.get(username=username))
    return f"{base_url}/signin/{secret}/"


@dataclass(frozen=True, slots=True)
class Intake:
    """How far a company's mail has come: on the server, in the ledger, not yet read, documents that wait."""

    there: int
    taken: int
    unread: int
    waiting: int

    @property
    def done(self) -> bool:
        return self.taken >= self.there and not self.unread


def intake(company: Company, ground: Ground) -> Intake:
    folder = cast.mailbox_folder(ground, company)
    there = sum(1 for part in ("new", "cur") for _ in (folder / part).iterdir())
    with context.work(cast.tenant(company).pk, cast.ACTOR):
        unparsed = Message.objects.filter(parse_due_at__isnull=False, state=MessageState.STORED).count()
        unread = ExtractionRun.objects.filter(state__in=(RunState.QUEUED, RunState.RUNNING)).count()
        return Intake(there, Message.objects.count(), unparsed + unread, review.waiting().count())


def wait_for_mail(stage: Stage, *, seconds: float) -> None:
    """Until every mail on the server is in the ledger and has been read; raises TimeoutError, ChildDied."""
    with stage.progress.step("mail") as step:
        ends = time.monotonic() + seconds
        while True:
            stage.children.watch()
            found = [intake(company, stage.ground) for company in cast.COMPANIES]
            there, taken, waiting = (
                sum(getattr(one, name) for one in found) for name in ("there", "taken", "waiting")
            )
            step.update(f"{taken} of {there} in the ledger, {waiting} documents wait for review")
            if all(one.done for one in found):
                return
            if time.monotonic() >= ends:
                raise TimeoutError(f"The mail was not taken in and read within {seconds:.0f} seconds.")
            time.sleep(0.5)
