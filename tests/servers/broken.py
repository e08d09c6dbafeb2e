"""A small scripted IMAP server that lies, hangs and cheats, one fault at a time."""

import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from tests.servers.certificates import Authority

FAULTS = {
    "preauth": "greets as if nobody had to sign in",
    "bye": "turns the client away in the greeting",
    "busy": "turns the client away for too many connections",
    "not imap": "speaks SMTP",
    "silent": "accepts and says nothing",
    "no starttls": "does not offer STARTTLS",
    "injected": "sends an answer along with the go-ahead for TLS",
    "login disabled": "offers no way to sign in",
    "only login": "offers LOGIN and no SASL mechanism",
    "echoes": "repeats the password in its refusal",
    "later": "refuses the sign-in for the moment",
    "hang": "never answers a FETCH",
    "drip": "answers a FETCH a byte at a time",
    "half literal": "hangs up in the middle of a body",
    "huge literal": "announces a body of 10 GiB",
    "absurd literal": "announces a body whose size has 5,000 digits",
    "negative literal": "announces a body of minus five bytes",
    "endless line": "sends a line without an end",
    "endless answer": "sends untagged lines for ever",
    "nested": "sends 100,000 opening brackets",
    "too much": "sends more of a body than was asked for",
    "uninvited": "sends another message's body as well, and one without UID",
    "wrong size": "announces a tenth of each message's size",
    "gone": "lists messages that it cannot fetch",
    "renumbers": "changes UIDVALIDITY at every opening",
    "goes back": "UIDNEXT is below what it has handed out",
    "no uids": "tells no UIDVALIDITY",
    "writes": "opens folders for writing although asked not to",
    "always the last": "names the newest message in every SEARCH, as n:* does",
    "odd dates": "gives dates that do not exist",
    "phantoms": "lists folders named NIL and with raw 8-bit names",
    "hangs up": "says BYE instead of opening a folder",
    "token ran out": "says BYE as Exchange does when a token ends",
    "not connected": "takes the sign-in and then has no mailbox, as Exchange does",
    "condstore": "no fault: tells HIGHESTMODSEQ",
    "idles": "no fault: takes IDLE, and never has anything to tell",
    "refuses idle": "offers IDLE and answers NO",
    "idle ends": "says BYE while the client idles",
    "idle breaks": "hangs up while the client idles",
    "idle hangs": "does not answer IDLE",
    "idle floods": "sends a line without an end to a client that idles",
    "idle times out": "ends each IDLE by itself",
    "cuts": "hangs up after `cut_after` bytes of an answer with a body",
}


@dataclass
class BrokenServer:
    """INBOX holds `mails` by UID. `heard` is every line of every client, to see what was given away."""

    authority: Authority = field(default_factory=Authority)
    fault: str = ""
    starttls: bool = False
    mails: dict[int, bytes] = field(default_factory=dict)
    heard: list[bytes] = field(default_factory=list)
    validity: int = 1000
    modseq: int = 1
    date: bytes = b"04-Mar-2025 05:06:07 +0000"
    cut_after: int = 0
    port: int = 0

    def __enter__(self) -> Self:
        if self.fault and self.fault not in FAULTS:
            raise ValueError(f"no such fault: {self.fault}")
        self._context = self.authority.server_context("localhost", "127.0.0.1")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._ends = threading.Event()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the client was faster
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while not self._ends.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if not self.starttls:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            session = Session(self, connection, self._ends)
            try:
                session.run()
            finally:
                session.close()
        except OSError:
            pass  # clients under test hang up on purpose
        finally:
            connection.close()


class Session:
    def __init__(self, server: BrokenServer, connection: socket.socket, ends: threading.Event) -> None:
        self.server = server
        self.connection = connection
        self.file = connection.makefile("rb")
        self.ends = ends
        self.protected = not server.starttls
        self.tag = b""

    def fault(self, *names: str) -> bool:
        return self.server.fault in names

    def say(self, *lines: bytes) -> None:
        self.connection.sendall(b"".join(line + b"\r\n" for line in lines))

    def done(self, *lines: bytes) -> None:
        self.say(*lines, self.tag + b" OK done")

    def close(self) -> None:
        self.file.close()
        self.connection.close()

    def hang(self) -> None:
        self.ends.wait(60)
        raise ConnectionAbortedError

    def greeting(self) -> None:
        greetings = {
            "preauth": b"* PREAUTH welcome back",
            "bye": b"* BYE closed for today",
            "busy": b"* BYE [LIMIT] too many connections",
            "not imap": b"220 mail.example ESMTP",
        }
        if self.fault("silent"):
            self.hang()
        self.say(greetings.get(self.server.fault, b"* OK ready"))

    def run(self) -> None:
        self.greeting()
        commands: dict[bytes, Callable[[bytes], None]] = {
            b"CAPABILITY": lambda _: self.done(b"* CAPABILITY " + self.capabilities()),
            b"STARTTLS": lambda _: self.start_tls(),
            b"AUTHENTICATE": lambda _: self.authenticate(),
            b"LOGIN": self.sign_in,
            b"LIST": lambda _: self.list_folders(),
            b"STATUS": lambda _: self.done(b'* STATUS "INBOX" (MESSAGES %d)' % len(self.server.mails)),
            b"EXAMINE": lambda _: self.examine(),
            b"UID": self.uid,
            b"IDLE": lambda _: self.idle(),
        }
        while line := self.file.readline():
            self.server.heard.append(line)
            self.tag, _, rest = line.rstrip(b"\r\n").partition(b" ")
            name, _, arguments = rest.partition(b" ")
            if name == b"LOGOUT":
                self.done(b"* BYE")
                return
            commands[name](arguments)

    def capabilities(self) -> bytes:
        base = b"IMAP4rev1"
        if not self.protected:
            return base if self.fault("no starttls") else base + b" STARTTLS LOGINDISABLED"
        if self.fault("login disabled"):
            return base + b" LOGINDISABLED AUTH=GSSAPI"
        if "idle" in self.server.fault:
            base += b" IDLE"
        return base if self.fault("only login") else base + b" AUTH=PLAIN"

    def idle(self) -> None:
        if self.fault("refuses idle"):
            self.say(self.tag + b" NO not today")
            return
        if self.fault("idle hangs"):
            self.hang()
        self.say(b"+ idling")
        if self.fault("idle ends"):
            self.say(b"* BYE going down")
        if self.fault("idle ends", "idle breaks"):
            raise ConnectionAbortedError
        while self.fault("idle floods") and not self.ends.is_set():
            self.connection.sendall(b"x" * 65536)
        if not self.fault("idle times out"):
            line = self.file.readline()
            self.server.heard.append(line)
            assert line == b"DONE\r\n" or not line
        self.done()

    def start_tls(self) -> None:
        ready = self.tag + b" OK go ahead\r\n"
        if self.fault("injected"):
            ready += b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"
        self.connection.sendall(ready)
        self.file.close()
        self.connection = self.server._context.wrap_socket(self.connection, server_side=True)
        self.server._open.append(self.connection)
        self.file = self.connection.makefile("rb")
        self.protected = True

    def authenticate(self) -> None:
        self.say(b"+ ")
        self.sign_in(self.file.readline())

    def sign_in(self, arguments: bytes) -> None:
        self.server.heard.append(arguments)
        if self.fault("echoes"):
            self.say(self.tag + b" NO [AUTHENTICATIONFAILED] wrong: " + arguments.strip())
        elif self.fault("later"):
            self.say(self.tag + b" NO [UNAVAILABLE] directory is down")
        else:
            self.done()

    def list_folders(self) -> None:
        lines = [b'* LIST () "/" INBOX']
        if self.fault("phantoms"):
            lines += [
                b'* LIST () "/" NIL',
                b'* LIST () "/" "M\xfcll"',
                b'* LIST () NIL "a&b"',
                b'* LIST () "/" 2024',
                b'* LIST () "/" "' + b"x" * 501 + b'"',
            ]
        self.done(*lines)

    def examine(self) -> None:
        server = self.server
        if self.fault("hangs up", "token ran out"):
            self.say(
                b"* BYE shutting down"
                if self.fault("hangs up")
                else b"* BYE Session invalidated - AccessTokenExpired"
            )
            raise ConnectionAbortedError
        if self.fault("not connected"):
            self.say(self.tag + b" BAD User is authenticated but not connected.")
            return
        if self.fault("renumbers"):
            server.validity += 1
        upper = max(server.mails, default=0) + 1
        next_uid = 2 if self.fault("goes back") else upper
        validity = [] if self.fault("no uids") else [b"* OK [UIDVALIDITY %d]" % server.validity]
        mode = b"READ-WRITE" if self.fault("writes") else b"READ-ONLY"
        counts = [b"* %d EXISTS" % len(server.mails), b"* OK [UIDNEXT %d]" % next_uid]
        if self.fault("condstore"):
            counts.append(b"* OK [HIGHESTMODSEQ %d]" % server.modseq)
        self.say(*counts, *validity, self.tag + b" OK [" + mode + b"] opened")

    def uid(self, arguments: bytes) -> None:
        name, _, rest = arguments.partition(b" ")
        window = re.search(rb"(\d+)(?::(\d+))?", rest)
        assert window is not None
        first, last = int(window[1]), int(window[2] or window[1])
        mails = self.server.mails
        if last - first < len(mails):
            asked = [uid for uid in range(first, last + 1) if uid in mails]
        else:
            asked = sorted(uid for uid in mails if first <= uid <= last)
        if name == b"SEARCH":
            if self.fault("always the last") and mails:
                asked = sorted({*asked, max(mails)})
            self.done(b"* SEARCH " + b" ".join(b"%d" % uid for uid in asked))
        elif b"BODY.PEEK" in rest:
            part = re.search(rb"<(\d+)\.(\d+)>", rest)
            assert part is not None
            self.body(asked, int(part[1]), int(part[2]))
        else:
            self.describe(asked)

    def describe(self, asked: list[int]) -> None:
        date = b"31-Feb-2024 25:61:00 +9999" if self.fault("odd dates") else self.server.date
        share = 10 if self.fault("wrong size") else 1
        answer = b'* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE "%s")'
        mails = self.server.mails
        self.done(*(answer % (n, uid, len(mails[uid]) // share, date) for n, uid in enumerate(asked, 1)))

    def body(self, asked: list[int], start: int, length: int) -> None:
        announced = {
            "huge literal": b"10737418240",
            "absurd literal": b"9" * 5000,
            "negative literal": b"-5",
        }
        if self.fault("hang"):
            self.hang()
        if self.fault("gone") or not asked:
            self.done()
            return
        uid = asked[0]
        piece = self.server.mails[uid][start : start + length + (1 if self.fault("too much") else 0)]
        head = b"* %d FETCH (UID %d BODY[]<%d> {" % (uid, uid, start)
        if self.server.fault in announced:
            self.connection.sendall(head + announced[self.server.fault] + b"}\r\n")
            self.done()
            return
        if self.fault("half literal"):
            self.connection.sendall(head + b"%d}\r\n" % len(piece) + piece[: len(piece) // 2])
            raise ConnectionAbortedError
        if self.fault("endless line", "endless answer", "nested"):
            self.flood()
        answer = head + b"%d}\r\n" % len(piece) + piece + b")\r\n"
        if self.fault("drip"):
            for byte in answer:
                self.connection.sendall(bytes([byte]))
                time.sleep(0.05)
        if self.fault("uninvited"):
            answer = (
                b"* 7 FETCH (UID 777 BODY[]<0> {3}\r\nbad)\r\n* 8 FETCH (BODY[]<0> {3}\r\nbad)\r\n"
                + answer
                + b"* 9 FETCH (FLAGS (\\Seen))\r\n"
            )
        if self.fault("cuts"):
            self.connection.sendall(answer[: self.server.cut_after])
            raise ConnectionAbortedError
        self.connection.sendall(answer)
        self.done()

    def flood(self) -> None:
        if self.fault("nested"):
            self.say(b"* 1 FETCH (" + b"(" * 100_000)
            self.done()
            raise ConnectionAbortedError
        chunk = b"x" * 65536 if self.fault("endless line") else b"* 1 EXISTS\r\n" * 5000
        while not self.ends.is_set():
            self.connection.sendall(chunk)


if __name__ == "__main__":
    import sys

    chosen = " ".join(sys.argv[1:])
    if chosen not in FAULTS:
        sys.exit("choose a fault:\n" + "\n".join(f"  {name}: it {text}" for name, text in FAULTS.items()))
    with BrokenServer(fault=chosen, mails={1: b"Subject: one\r\n\r\none\r\n"}) as running:
        print(f"imaps {running.port}: it {FAULTS[chosen]}", flush=True)
        try:
            time.sleep(86400)
        except KeyboardInterrupt:
            print("stopped")
