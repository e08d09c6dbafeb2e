"""hoodiecrow-imap from npm: a bare IMAP server, to which extensions (Gmail's among them) are added by name."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from tests.servers.certificates import Authority
from tests.servers.fetched import fetched
from tests.servers.private import required_binary

# Versions are named here rather than in a lock file: npm writes addresses of registries into those.
_PACKAGE = "hoodiecrow-imap@2.1.0"

# One process holds any number of servers, each with one mailbox; a line of JSON asks, a line answers.
_PROGRAM = r"""
"use strict";
const fs = require("fs"), hoodiecrow = require("hoodiecrow-imap"), servers = [];
const credentials = {key: fs.readFileSync("server.key"), cert: fs.readFileSync("server.pem")};
const binary = (text) => Buffer.from(text, "base64").toString("binary");
// It writes strings as UTF-8 although it counts and keeps them as bytes.
const raw = (server) => server.connectionHandlers.push((connection) => {
    const write = connection.socket.write.bind(connection.socket);
    connection.socket.write = (data, ...rest) =>
        write(typeof data === "string" ? Buffer.from(data, "binary") : data, ...rest);
});
const folder = (asked) => servers[asked.server].getMailbox(asked.folder);
const commands = {
    start(asked, answer) {
        const server = hoodiecrow({credentials, secureConnection: true, plugins: asked.plugins,
            users: asked.users, storage: asked.storage});
        raw(server);
        // Its plugin brings Gmail's extension but forgets to announce it.
        if (asked.plugins.includes("X-GM-EXT-1")) server.registerCapability("X-GM-EXT-1");
        servers.push(server);
        server.listen(0, "127.0.0.1", () =>
            answer({server: servers.length - 1, port: server.server.address().port}));
    },
    deliver(asked, answer) {
        servers[asked.server].appendMessage(asked.folder, asked.flags, asked.when, binary(asked.raw));
        answer({});
    },
    remove(asked, answer) {
        folder(asked).messages.splice(asked.position, 1);
        answer({});
    },
    renumber(asked, answer) {
        const held = folder(asked);
        held.uidvalidity += 17;
        held.uidnext = 1;
        held.messages.forEach((message) => { message.uid = held.uidnext++; });
        answer({});
    },
    snapshot(asked, answer) {
        answer({messages: Object.values(servers[asked.server].folderCache).map((held) =>
            [held.path, held.messages.map((message) => [message.uid, message.flags, message.raw])])});
    },
};
require("readline").createInterface({input: process.stdin}).on("line", (line) => {
    const asked = JSON.parse(line);
    commands[asked.command](asked, (answer) => console.log(JSON.stringify(answer)));
});
"""


def _install(place: Path) -> bool:
    npm = required_binary("npm", "npm")
    command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    command += ["--prefix", str(place), _PACKAGE]
    return subprocess.run(command, cwd=place, capture_output=True, check=False).returncode == 0


@dataclass
class Hoodiecrow:
    """One mailbox. Without plugins: LOGIN only; no NAMESPACE, SPECIAL-USE, UIDPLUS, IDLE or CONDSTORE."""

    process: "HoodiecrowServer"
    number: int
    port: int
    user: str
    password: str

    def deliver(self, raw: bytes, *, folder: str, when: datetime, flags: Sequence[str] = ()) -> None:
        self._ask(
            "deliver",
            folder=folder,
            raw=base64.b64encode(raw).decode(),
            when=f"{when:%d-%b-%Y %H:%M:%S %z}",
            flags=list(flags),
        )

    def remove(self, folder: str, position: int) -> None:
        self._ask("remove", folder=folder, position=position)

    def forget_identities(self, folder: str) -> None:
        self._ask("renumber", folder=folder)

    def snapshot(self) -> object:
        return self._ask("snapshot")

    def _ask(self, command: str, **asked: object) -> Any:
        return self.process.ask(command, server=self.number, **asked)


class HoodiecrowServer:
    """The Node process; `mailbox` starts another server in it."""

    def __init__(self, authority: Authority | None = None) -> None:
        node = required_binary("node", "nodejs")
        modules = fetched("hoodiecrow", _install) / "node_modules"
        self.authority = authority or Authority()
        self.folder = Path(tempfile.mkdtemp(prefix="zalion-hoodiecrow-"))
        self.authority.write(self.folder, "localhost", "127.0.0.1")
        (self.folder / "serve.js").write_text(_PROGRAM)
        self._command = [node, "--no-deprecation", "serve.js"]
        self._environment = {**os.environ, "NODE_PATH": str(modules), "TZ": "UTC"}
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        with self._process as child:  # closes the pipes and waits
            child.terminate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, command: str, **asked: object) -> Any:
        with self._one_at_a_time:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps({"command": command, **asked}) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        assert answer, "hoodiecrow has died"
        return json.loads(answer)

    def mailbox(self, *, plugins: Sequence[str] = (), folders: dict[str, Any] | None = None) -> Hoodiecrow:
        """A server of its own with an empty INBOX; `folders` as hoodiecrow's storage describes them."""
        user, password = "orders@acme.example", base64.b32encode(os.urandom(10)).decode()
        users = {user: {"password": password, "xoauth2": {"accessToken": password}}}
        storage = {"INBOX": {}, "": {"separator": "/", "folders": folders or {}}}
        started = self.ask("start", plugins=list(plugins), users=users, storage=storage)
        return Hoodiecrow(self, started["server"], started["port"], user, password)


if __name__ == "__main__":
    with HoodiecrowServer() as running:
        made = running.mailbox()
        print(f"imaps {made.port} {made.user} {made.password}, certificates in {running.folder}", flush=True)
        threading.Event().wait()
