"""Hostile HTML mail in the operator's browser: nothing runs, nothing is asked for, nothing leaves its frame."""

import shutil
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Error, Request

from tests.journeys import hostile
from tests.journeys.conftest import FLAGS, WIDE, House, Visitor

pytestmark = pytest.mark.browser
INSPECT_BODY = (Path(__file__).parent / "inspect_body.js").read_text("utf-8")
# Elements as the page has them, and as the portal sent them: what is more, came out of the frame.
GROWN = """(sent) => {
  const names = (root) => [...root.querySelectorAll(":not(noscript *)")].map((element) => element.localName).join(" ");
  return names(document) !== names(new DOMParser().parseFromString(sent, "text/html"));
}"""
# Where the frame lies, how wide the page is, and whether the frame covers anything beside itself.
BOUNDS = """() => {
  const box = document.querySelector("iframe.mail-frame").getBoundingClientRect();
  const around = [[box.left - 3, box.top + 9], [box.right + 3, box.top + 9], [box.left + 9, box.top - 3], [9, 9]];
  const covered = around.some(([x, y]) => document.elementFromPoint(x, y)?.localName === "iframe");
  return [box.left, box.width, box.height, document.documentElement.scrollWidth, covered];
}"""
TOUCHED = 4  # links and the like of a mail that are clicked
COMPOSED = {"files", "iso-2022-jp", "related", "split-attribute", "unbroken"}  # those that every run looks at


@dataclass
class Watch:
    """A browser of which everything is seen: dialogs, requests, connections, names it looked up."""

    address: str
    context: BrowserContext
    seen: list[str] = field(default_factory=list)
    connections: int = 0
    log: str = ""

    def notice(self, house: str) -> None:
        def requested(request: Request) -> None:
            if not request.url.startswith((f"{house}/", "data:")):
                self.seen.append(f"request {request.url}")

        def asked(dialog: Dialog) -> None:
            self.seen.append(f"dialog {dialog.message}")
            with suppress(Error):  # A page that goes away takes its dialog along.
                dialog.dismiss()

        self.context.on("request", requested)
        self.context.on("dialog", asked)

    def taken(self) -> list[str]:
        """What was noticed since the last time."""
        found, self.seen = self.seen, []
        return found

    def looked_up(self) -> list[str]:
        """What the browser's own log, complete once it is closed, has of the listener and of names that lead to it."""
        return [line for line in self.log.splitlines() if self.address in line or ".test" in line]


@contextmanager
def watching(browser: Browser, house: House, folder: Path) -> Iterator[Watch]:
    """A window of a browser that takes every name of .test for a listener's on loopback."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            watch.connections += 1
            if line := self.rfile.readline(200).decode("latin-1").strip():
                watch.seen.append(f"answered {line}")
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok")

    log = folder / "net.json"
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listener:
        address = f"127.0.0.1:{listener.server_address[1]}"
        own = [f"--log-net-log={log}", f"--host-resolver-rules=MAP *.test {address}"]
        opened = browser.browser_type.launch(executable_path=shutil.which("chromium"), args=[*FLAGS, *own])
        watch = Watch(address, opened.new_context(viewport=WIDE))
        watch.notice(house.address)
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        try:
            yield watch
        finally:
            opened.close()
            listener.shutdown()
    # The log begins with constants, among them the command line with the rule above.
    watch.log = log.read_text("utf-8").partition('"events"')[2]


@dataclass
class Reader:
    """Otto, who looks at mails one after the other, touches what they hold, and says what should not have been."""

    visitor: Visitor
    watch: Watch
    bounds: list[float] = field(default_factory=list)

    def read(self, key: str, *, sanitised: bool = True) -> list[str]:
        page = self.visitor.page
        answer = self.visitor.open(f"/mail/{key}/")
        frame = page.frames[1]
        wrong = frame.evaluate(INSPECT_BODY) if sanitised else []
        for number in range(TOUCHED):
            spots = frame.locator("a:visible, :text-is('touch'):visible")
            if spots.count() > number:
                spots.nth(number).click(force=True, no_wait_after=True)
        found = page.evaluate(BOUNDS) if page.url == answer.url else []
        self.bounds = self.bounds or found
        wrong += [] if found == self.bounds else [f"the frame lies at {found}, not at {self.bounds}"]
        return wrong + self.unmoved(answer)

    def keep(self, path: str) -> list[str]:
        """A file of a mail is never a page: it is downloaded, or, where it cannot be unpacked, not there."""
        page = self.visitor.page
        if page.request.get(self.visitor.house.address + path).status == 404:
            return []
        try:
            self.visitor.open(path)
        except Error as error:
            return [] if "Download is starting" in error.message else [error.message]
        return [f"{path} is shown"]

    def unmoved(self, answer: Any) -> list[str]:
        """What came of the page besides what the portal sent."""
        page = self.visitor.page
        wrong = [] if answer.status == 200 else [f"answered {answer.status}"]
        if page.url != answer.url:
            wrong += [f"the window went to {page.url}"]
        elif page.evaluate(GROWN, answer.text()):
            wrong += ["the page has grown"]
        wrong += ["a script ran in the page"] if page.evaluate("window.canary === 1") else []
        wrong += [f"another window: {other.url}" for other in self.watch.context.pages if other is not page]
        return wrong + self.watch.taken()


def store(house: House, folder: Path, mails: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    folder.mkdir()
    for name, raw in mails.items():
        (folder / f"{name}.eml").write_bytes(raw)
    found: dict[str, dict[str, Any]] = house.ask("take in", folder=str(folder))
    return found


def read_all(
    house: House, browser: Browser, folder: Path, make: Callable[[str], Mapping[str, bytes]]
) -> None:
    """Every mail of ``make(address)`` into the ledger and before Otto's eyes; then its files, and its lists."""
    with watching(browser, house, folder) as watch:
        stored = store(house, folder / "mails", make(watch.address))
        otto = Reader(Visitor(house, watch.context).sign_in("otto"), watch)
        wrong = {name: otto.read(row["key"]) for name, row in stored.items() if row["state"] != "quarantined"}
        for row in stored.values():
            for path in row["attachments"][:3]:
                wrong[f"{row['key']} {path}"] = otto.keep(f"/mail/{row['key']}/attachments/{path}/")
        for path in ("/mail/", "/mail/?q=script", "/review/"):
            wrong[path] = otto.unmoved(otto.visitor.open(path))
    assert {name: found for name, found in wrong.items() if found} == {}
    assert otto.visitor.complaints == []
    assert watch.connections == 0
    assert watch.looked_up() == []


def hold_all(
    house: House, browser: Browser, folder: Path, shapes: Callable[[str], Mapping[str, str]]
) -> None:
    """The same without the sanitiser: the frame and its policy alone have to hold.

    Nothing may be asked for; connections are not counted, for hints to the browser are under no policy.
    """
    with watching(browser, house, folder) as watch:
        key = store(house, folder / "mails", {"plain": hostile.mail("plain", b"x")})["plain"]["key"]
        otto = Reader(Visitor(house, watch.context).sign_in("otto"), watch)
        page = otto.visitor.page
        headers = page.request.get(f"{house.address}/mail/{key}/body/").headers
        wrong = {}
        bodies = shapes(watch.address)
        names = iter(bodies)
        page.route("**/body/", lambda route: route.fulfill(headers=headers, body=bodies[next(names)]))
        for name in bodies:
            found = otto.read(key, sanitised=False)
            # The browser tells of requests that the policy then stops; what reaches the listener counts.
            wrong[name] = [one for one in found if not one.startswith("request ")]
    assert {name: found for name, found in wrong.items() if found} == {}


def test_mail_of_every_family_only_shows_its_words(house: House, browser: Browser, tmp_path: Path) -> None:
    def make(address: str) -> dict[str, bytes]:
        families, composed = hostile.families(f"http://{address}"), hostile.composed(f"http://{address}")
        joined = {
            name: hostile.mail(name, hostile.joined(shapes).encode()) for name, shapes in families.items()
        }
        return joined | {name: raw for name, raw in composed if name in COMPOSED}

    read_all(house, browser, tmp_path, make)


def test_the_frame_and_its_policy_hold_where_the_sanitiser_does_not(
    house: House, browser: Browser, tmp_path: Path
) -> None:
    def shapes(address: str) -> dict[str, str]:
        families = hostile.families(f"http://{address}")
        return {name: hostile.joined(families[name]) for name in ("scripts", "loads", "links")}

    hold_all(house, browser, tmp_path, shapes)


def test_the_watch_sees_what_a_careless_viewer_lets_through(
    house: House, browser: Browser, tmp_path: Path
) -> None:
    with watching(browser, house, tmp_path) as watch:
        page = watch.context.new_page()
        families = hostile.families(f"http://{watch.address}")
        page.set_content(hostile.joined(families["scripts"]), wait_until="commit")
        ran = page.evaluate("window.canary === 1")
        with page.expect_request("**/refresh"):
            for html in (
                *families["styles"][:1],
                "<img src=http://name.test/>",
                hostile.joined(families["loads"]),
            ):
                page.set_content(html)
        watch.context.close()
        seen = watch.taken()
    assert ran
    assert {"dialog 1", f"request http://{watch.address}/img", "answered GET /import.css HTTP/1.1"} <= set(
        seen
    )
    assert watch.connections > 5
    for name in ("http://name.test/", f"http://{watch.address}/srcset"):
        assert any(name in line for line in watch.looked_up())


@pytest.mark.soak
def test_every_shape_by_itself_only_shows_its_words(house: House, browser: Browser, tmp_path: Path) -> None:
    def make(address: str) -> dict[str, bytes]:
        alone = hostile.alone(f"http://{address}")
        return {name: hostile.mail(name, shape.encode()) for name, shape in alone.items()} | dict(
            hostile.composed(f"http://{address}")
        )

    read_all(house, browser, tmp_path, make)


@pytest.mark.soak
def test_the_frame_and_its_policy_hold_every_shape(house: House, browser: Browser, tmp_path: Path) -> None:
    hold_all(house, browser, tmp_path, lambda address: hostile.alone(f"http://{address}"))


@pytest.mark.soak
def test_the_generated_pack_only_shows_its_words(
    house: House, browser: Browser, tmp_path: Path, hostile_pack: Path
) -> None:
    mails = {file.stem: file.read_bytes() for file in hostile_pack.glob("*.eml")}
    assert len(mails) == 183

    def make(address: str) -> dict[str, bytes]:
        return {name: raw.replace(b"tracker.test", address.encode()) for name, raw in mails.items()}

    read_all(house, browser, tmp_path, make)
