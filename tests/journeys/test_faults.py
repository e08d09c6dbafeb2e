"""Twelve faults of the line at ten places of a session: every mail once, and what a lying server can do at most."""

import importlib.util
import itertools
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from tests.journeys.account import Account
from tests.journeys.installation import Installation
from tests.servers.dovecot import DovecotServer
from tests.servers.faultproxy import Fault, FaultProxy
from tests.servers.private import free_port

GROUNDS = [("sqlite", "orm"), ("postgresql", "redis")]
MAILS = 2000
PAGE = 107  # more than the adapter lists at once, so that there is a place between two pages
BATCH = 6
INJECTED = "\r\n* 1 EXPUNGE\r\n* 7 EXISTS\r\nA9 OK done\r\n"
PATIENCE = 1800.0

# The shared generator leaves files of its cache to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*mailgen-cache:ResourceWarning")

Attempts = list[list[Fault]]


@dataclass(frozen=True)
class Trouble:
    """A fault by name: what goes wrong at each try when `at` bytes have passed `way`, before the line is well.

    `inside` has the proxy end TLS, so that it reaches what is said. One that `lies` changes what is said.
    """

    name: str
    attempts: Callable[[int], Attempts]
    way: str = "down"
    inside: bool = False
    lies: bool = False


@dataclass(frozen=True)
class Place:
    """A place of a session: `share` of the bytes between two steps of its rehearsal, and what is said there."""

    name: str
    share: float
    between: Callable[[list[str]], tuple[int, int]]
    said: str
    injected: str = INJECTED


def cut(at: int, **more: object) -> Fault:
    return {"cut_after": at, **more}


def reset(at: int) -> Fault:
    return {"reset_after": at}


TROUBLES = (
    Trouble("cut", lambda at: [[cut(at)]]),
    Trouble("reset", lambda at: [[reset(at)]]),
    Trouble("cut upwards", lambda at: [[cut(at, dir="up")]], way="up"),
    Trouble("stall", lambda at: [[{"stall_after": at}]]),
    Trouble("jitter", lambda at: [[{"latency_ms": 5, "jitter_ms": 20}, reset(at)]]),
    Trouble("slow line", lambda at: [[{"rate": 1_000_000}, cut(at)]]),
    Trouble("refused", lambda at: [[cut(at)], [{"refuse": True}]]),
    Trouble("black hole", lambda at: [[reset(at)], [{"blackhole": True}]]),
    Trouble("damaged TLS", lambda at: [[{"flip_every": at + 1}]]),
    Trouble("one-byte chunks", lambda at: [[{"chunk": 1}, cut(at)]], inside=True),
    Trouble("damaged text", lambda at: [[{"flip_every": at + 1}]], inside=True, lies=True),
    Trouble("injected text", lambda at: [], inside=True, lies=True),
)


def steps(before: str, after: str, *, nth: int = 0) -> Callable[[list[str]], tuple[int, int]]:
    """The span from the nth step `before` to the step `after` that follows."""

    def find(names: list[str]) -> tuple[int, int]:
        start = [i for i, name in enumerate(names) if name == before][nth]
        return start, names.index(after, start + 1)

    return find


def second_page(names: list[str]) -> tuple[int, int]:
    listed = [i for i, name in enumerate(names) if name == "listed"]
    return listed[1] - 1, listed[1]


PLACES = (
    Place("greeting", 0.01, steps("start", "open"), "ready.\r\n"),
    Place("handshake", 0.5, steps("start", "open"), "OK Pre-login"),
    Place("sign-in", 0.95, steps("start", "open"), "Logged in\r\n"),
    Place("EXAMINE", 0.3, steps("open", "listed"), "UIDs valid\r\n"),
    Place("listing", 0.9, steps("open", "listed"), "* SEARCH", " 4294967290"),
    Place("literal's start", 0.02, steps("listed", "fetched"), "BODY[]<0> {", "9"),
    Place("literal's middle", 0.5, steps("fetched", "fetched", nth=1), "Message-ID:"),
    Place("literal's end", 0.99, steps("fetched", "fetched", nth=2), "\r\n)\r\n", "* BYE gone\r\n"),
    Place("between pages", 0.5, second_page, "FETCH (UID {last} "),
    Place("LOGOUT", 0.5, steps("ended", "closed"), "* BYE"),
)


@dataclass
class Post:
    """Business mails by the shared generator, in piles: plain ones, those with HTML, those with papers.

    Left out are spreadsheets, for which the generator needs a package that nothing else does.
    """

    tool: ModuleType
    numbers: Iterator[int] = field(default_factory=itertools.count)
    piles: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    def take(self, **counts: int) -> list[bytes]:
        taken: list[bytes] = []
        for kind, count in counts.items():
            while len(self.piles[kind]) < count:
                number = next(self.numbers)
                made = self.tool.head_of("1", number)["kind"]
                if made != "office":
                    self.piles[made].append(self.tool.message("1", number)[0])
            taken += [self.piles[kind].pop(0) for _ in range(count)]
        return taken


@dataclass
class Line:
    """An account whose installation reads it through the fault proxy, and how often which failure was met."""

    account: Account
    tool: Path
    folder: Path
    outcomes: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.installation, self.dovecot = self.account.installation, self.account.dovecot
        self.ends = self.dovecot.authority.write(self.folder, "localhost", "127.0.0.1")

    @contextmanager
    def proxy(self, *, inside: bool = False) -> Iterator[FaultProxy]:
        target = self.dovecot.starttls_port if inside else self.dovecot.port
        tls = self.ends if inside else None
        with FaultProxy(self.tool, port=self.account.port, target=target, tls=tls) as proxy:
            yield proxy

    def meet(self, trouble: Trouble, place: Place, mails: Sequence[bytes], proxy: FaultProxy) -> None:
        """Have one fault strike at one place while new mail is taken in, then be over."""
        batch = self.account.deliver(mails)
        case = f"{trouble.name} at {place.name}"
        # Dovecot says how long a command took, so that the end of a session is not always at the same byte.
        assert any(self._strike(trouble, place, proxy, case) for _ in range(3)), f"{case}: nothing was struck"
        proxy.set()
        self._recover(trouble, batch, case)

    def _strike(self, trouble: Trouble, place: Place, proxy: FaultProxy, case: str) -> bool:
        proxy.set()
        attempts, before, struck = self._attempts(trouble, place, proxy), proxy.struck(), False
        for faults in attempts:
            proxy.set(*faults)
            answer = self.installation.ask("visit")
            struck = struck or proxy.struck() > before
            self.outcomes[answer["error"] or "none"] += 1
            wrong = self.account.violations()
            if trouble.lies:
                wrong = [text for text in wrong if not LIE.search(text)]
            else:
                assert answer["mailbox"] == "active", f"{case}: {answer}"
            assert wrong == [], case
            self.installation.ask("later")
        return struck

    def _attempts(self, trouble: Trouble, place: Place, proxy: FaultProxy) -> Attempts:
        marks = [("start", 0, 0), *self.installation.ask("rehearse", control=proxy.control)]
        if trouble.name == "injected text":
            said = place.said.replace("{last}", str(len(self.account.truth)))
            return [[{"inject_after": [said, place.injected]}]]
        start, end = place.between([name for name, *_ in marks])
        way = 1 if trouble.way == "up" else 2
        low, high = int(marks[start][way]), int(marks[end][way])
        return trouble.attempts(low + max(1, int((high - low) * place.share)))

    def _recover(self, trouble: Trouble, batch: set[str], case: str) -> None:
        """The line is well again: one visit takes in what is left. After lies it may take a person and a few."""
        for _ in range(4 if trouble.lies else 1):
            answer = self.installation.ask("visit")
            if answer["mailbox"] == "needs_attention":
                self.outcomes["resumed by a person"] += 1
                self.installation.ask("resume")
                answer = self.installation.ask("visit")
            compared = self.installation.ask("reconcile")
            wrong = self.installation.ask("lacking", truth=self.account.truth)
            if not wrong and not answer["error"]:
                break
            self.installation.ask("later")
        assert (wrong, answer, compared["error_code"]) == ([], {"mailbox": "active", "error": ""}, ""), case
        if trouble.lies:
            self._believe(batch)
        assert self.account.violations() == [], case

    def _believe(self, batch: set[str]) -> None:
        """What was changed before it reached us is stored as it came: IMAP has no sum to see it by, TLS has.

        It is a mail of this batch, it stays what it was then, and a folder that is read anew brings the other.
        """
        stored = self.installation.ask("digests", identities=sorted(batch))
        altered = {digest for identity, digest in stored.items() if self.account.truth[identity] != digest}
        self.outcomes["altered mails"] += len(altered)
        self.account.altered |= altered

    def come_to_rest(self) -> None:
        """Let a worker parse and read all that was taken in, and look at everything once more."""
        with self.proxy():
            self.installation.start_worker()
            ends = time.monotonic() + PATIENCE
            while not self.account.at_rest():
                assert time.monotonic() < ends, f"work did not end\n{self.installation.told()[-3000:]}"
                time.sleep(1)
            assert self.installation.stop_worker() == 0
        assert self.account.violations(rest=True) == []


# What may be wrong while a server lies, until it does not any more.
LIE = re.compile(r"is not on the server|does not open to the server's bytes|the cursor is past")


def generator(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("mailgen", shared / "tools" / "mailgen.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def line(installation: Installation, dovecot: DovecotServer, shared: Path, tmp_path: Path) -> Line:
    account = Account(installation, dovecot, port=free_port())
    return Line(account, shared / "tools" / "faultproxy.py", tmp_path)


def through(line: Line, cells: Sequence[tuple[Trouble, Place]], mails: Callable[..., list[bytes]]) -> None:
    """Meet every fault at its place: first those of the wire, then those that get at what is said, liars last."""
    for inside in (False, True):
        with line.proxy(inside=inside) as proxy:
            if not inside:
                line.account.set_up()
            for trouble, place in cells:
                if trouble.inside == inside:
                    line.meet(trouble, place, mails(trouble, place), proxy)


def test_faults_of_the_line_lose_no_mail_and_double_none(line: Line, shared: Path) -> None:
    post = Post(generator(shared))
    slow = {"stall", "black hole"}  # which cost a minute each
    through(
        line,
        [
            (trouble, PLACES[number % 8])
            for number, trouble in enumerate(TROUBLES)
            if trouble.name not in slow
        ],
        lambda *_: post.take(plain=3, pdf=1),
    )
    print(dict(line.outcomes))


@pytest.mark.soak
@pytest.mark.parametrize("ground", GROUNDS, ids="-".join, indirect=True)
def test_twelve_faults_at_ten_places_lose_none_of_two_thousand_mails(line: Line, shared: Path) -> None:
    post = Post(generator(shared))

    def mails(trouble: Trouble, place: Place) -> list[bytes]:
        if trouble.name == "one-byte chunks":
            return post.take(plain=PAGE if place.name == "between pages" else BATCH)
        return post.take(html=PAGE) if place.name == "between pages" else post.take(html=2, pdf=BATCH - 2)

    cells = list(itertools.product(TROUBLES, PLACES))
    line.account.deliver(post.take(plain=MAILS - 12 * PAGE - 108 * BATCH))
    through(line, cells, mails)
    assert len(line.account.truth) == MAILS
    line.come_to_rest()
    print(dict(line.outcomes), line.installation.ask("outcomes"))
