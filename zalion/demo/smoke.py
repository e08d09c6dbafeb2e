"""The demo without a person: waits for the documents, decides one over REST, and looks whether all is as promised."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from audit import verify
from connectors.models import Mailbox
from extraction.models import Document, DocumentState
from zalion.demo import cast, leaks, outcomes, stage
from zalion.demo.leaks import Canary
from zalion.demo.stage import Stage
from zalion.demo.suppliers import ACME
from zalion.demo.visit import Visitor
from zalion.tenancy import context, signin
from zalion.tenancy.models import Scope, User

READING = 300.0  # seconds for all the mail; it takes about twenty
FEWEST_CANARIES = 200
FEWEST_FIELDS_RIGHT = 0.95
TOKEN_LIFE = timedelta(hours=1)
# Who opens what: each page by somebody whose work it is.
VISITS = (
    ("rui", ("index", "review", "mail", "mailboxes")),
    ("abe", ("index", "review", "mail", "trail")),
    ("ada", ("index", "mailboxes", "trail")),
)


class NotAsPromised(Exception):
    """A check that failed; the message says what was found."""


def expect(right: bool, words: str) -> None:
    if not right:
        raise NotAsPromised(words)


@dataclass
class Smoke:
    """One run: what was made up for it, and what each check has to tell."""

    stage: Stage
    secrets: list[Canary] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def check(self, words: str, look: Callable[[], str]) -> None:
        try:
            with self.stage.progress.step(words) as step:
                step.note = look()
        except NotAsPromised as failure:
            self.failures.append(f"{words}: {failure}")

    # --- the checks, each giving what it found in a few words -----------------------------------------

    def documents(self) -> str:
        found = outcomes.compare(self.stage.delivered)
        for words in found.wrong_fields:
            self.stage.progress.say(f"      {words}")
        expect(not found.misses, "\n      ".join(["", *found.misses]))
        expect(
            found.fields_right >= FEWEST_FIELDS_RIGHT * found.fields,
            f"only {found.fields_right} of {found.fields} fields are right",
        )
        return f"{found.documents}, {found.fields_right} of {found.fields} fields right"

    def rest(self) -> str:
        cleo = User.objects.get(username="cleo")
        with context.work(
            cast.tenant(ACME).pk, context.Actor("user", str(cleo.pk), cleo.username, "console")
        ):
            _, token = signin.issue_token(
                "Smoke run",
                scopes=(Scope.DOCUMENTS_READ, Scope.DOCUMENTS_WRITE),
                created_by=cleo,
                expires_at=timezone.now() + TOKEN_LIFE,
            )
        self.secrets += [Canary("API token", token), Canary("API token", token.split("_", 2)[2])]
        integrator = Visitor(self.stage.ground.base_url, token=token)
        listed = integrator.get("/api/v1/documents/?state=extracted")
        expect(listed.status == 200, f"the list answered {listed.status}")
        expect(bool(listed.json()["results"]), "the list is empty")
        address = f"/api/v1/documents/{listed.json()['results'][0]['id']}/"
        read = integrator.get(address)
        expect(
            read.status == 200 and bool(read.json()["document"]["lines"]), f"reading answered {read.status}"
        )
        blind = integrator.post_json(f"{address}approve/", {}, {})
        expect(blind.status == 428, f"approving without If-Match answered {blind.status}, not 428")
        approved = integrator.post_json(f"{address}approve/", {}, {"If-Match": str(read.headers["ETag"])})
        expect(approved.status == 200, f"approving answered {approved.status}: {approved.text[:200]}")
        state = integrator.get(address).json()["state"]
        expect(state == DocumentState.APPROVED, f"the document is {state}")
        stranger = integrator.get("/api/v1/messages/")
        expect(stranger.status == 403, f"mail without its scope answered {stranger.status}, not 403")
        return "listed, read, approved"

    def pages(self) -> str:
        opened = 0
        for username, names in VISITS:
            visitor = self._signed_in(username)
            for name in names:
                status = visitor.get(reverse(f"portal:{name}")).status
                expect(status == 200, f"{name} answered {status} to {username}")
                opened += 1
        with context.work(cast.tenant(ACME).pk, cast.ACTOR):
            document = Document.objects.order_by("created_at").values_list("pk", flat=True).first()
            mailbox = Mailbox.objects.values_list("pk", flat=True).first()
        rui, otto = self._signed_in("rui"), self._signed_in("otto")
        page = reverse("portal:document", args=[document])
        expect(rui.get(page).status == 200, f"the document answered {rui.get(page).status} to rui")
        for address in (page, reverse("portal:mailbox", args=[mailbox])):
            status = otto.get(address).status
            expect(status == 404, f"{address} of Acme answered {status} to Otto of Borealis, not 404")
        return f"{opened + 1} opened, 2 kept from Otto"

    def _signed_in(self, username: str) -> Visitor:
        base_url = self.stage.ground.base_url
        link = stage.sign_in_link(username, base_url=base_url)
        self.secrets.append(Canary("sign-in secret", link.rstrip("/").rpartition("/")[2]))
        visitor = Visitor(base_url)
        landed = visitor.sign_in(link)
        expect(landed.status == 200 and "signout" in landed.text, f"signing in answered {landed.status}")
        again = Visitor(base_url).sign_in(link)
        expect(again.status == 403, f"a used link answered {again.status}, not 403")
        return visitor

    def trail(self) -> str:
        reports = list(verify.verify_all())
        for report in reports:
            expect(report.ok, f"{report.chain}: {report.misfit or report.triggers}")
        expect(len(reports) == 3, f"{len(reports)} chains, not those of two tenants and the system")
        return f"{sum(report.events for report in reports)} events in {len(reports)} chains"

    def mailboxes(self) -> str:
        now = outcomes.on_server(self.stage.ground.mail)
        changed = sorted(self.stage.mailboxes.items() ^ now.items())
        expect(not changed, f"{len(changed)} files differ, the first is {changed[0][0] if changed else ''}")
        return f"{len(now)} mails, byte for byte and flag for flag"

    def traces(self) -> str:
        ground = self.stage.ground
        words = leaks.of_mails(self.stage.delivered)
        expect(len(words) >= FEWEST_CANARIES, f"only {len(words)} texts to look for")
        secrets = [*self.secrets, *(Canary("IMAP password", p) for p in self.stage.passwords.values())]
        # The mail server's own folder and the secret store hold what they are there to hold.
        besides = (ground.mail, ground.secrets, ground.data / "static")
        found = leaks.search(ground.root, [*words, *secrets], besides=besides)
        expect(not found, "; ".join(sorted({str(leak) for leak in found})))
        known = [word for word in words if word.kind == "Message-ID"]
        seen = len(leaks.search(ground.mail, known))
        expect(seen >= len(known), f"where they are, the search finds {seen} of {len(known)} Message-IDs")
        return f"none of {len(words) + len(secrets)} texts on disk"


def run(running: Stage) -> int:
    """0 when everything is as promised; else says what is not. Raises TimeoutError, ChildDied."""
    say = running.progress.say
    stage.wait_for_mail(running, seconds=READING)
    smoke = Smoke(running)
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("documents", smoke.documents),
        ("REST", smoke.rest),
        ("pages", smoke.pages),
        ("trail", smoke.trail),
        ("mailboxes", smoke.mailboxes),
        ("traces", smoke.traces),
    )
    for words, look in checks:
        smoke.check(words, look)
    with running.progress.step("end of the servers"):
        running.children.stop()
    say("\nSeconds")
    for words, seconds in running.progress.done:
        say(f"  {words:<58}{seconds:7.1f}")
    say(f"  {'all':<58}{sum(seconds for _, seconds in running.progress.done):7.1f}")
    for failure in smoke.failures:
        say(f"\nFAILED  {failure}")
    say("\nEverything is as promised." if not smoke.failures else f"\n{len(smoke.failures)} checks failed.")
    return 1 if smoke.failures else 0
