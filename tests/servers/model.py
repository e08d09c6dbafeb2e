"""A language model's endpoint as OpenAI documents chat completions, with answers by script, good and bad."""

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

FAULTS = {
    "invalid": "answers with text that is no JSON",
    "half": "answers with half of a JSON",
    "nested": "answers with 100,000 opening brackets",
    "chatty": "has the model write prose",
    "refuses": "has the model refuse",
    "cut": "stops at the limit of tokens",
    "endless": "never ends its answer",
    "drip": "sends a byte at a time",
    "huge": "announces and sends 64 MiB",
    "hangs up": "ends the connection without a word",
    "500": "fails",
    "429": "is busy, and says for how long",
    "redirect": "sends its client to another host",
}


@dataclass
class Asked:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: datetime

    @property
    def text(self) -> str:
        """What the user's message says: the document."""
        return str(self.body["messages"][-1]["content"])


@dataclass
class ModelServer:
    """`answer` is what the model says, or a function of what it was asked; `heard` is called before it answers."""

    context: ssl.SSLContext | None = None
    key: str = ""
    answer: Any = field(default_factory=dict)
    fault: str = ""
    elsewhere: str = "https://elsewhere.example/v1/chat/completions"
    heard: Callable[[Asked], None] | None = None
    asked: list[Asked] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What in a request OpenAI's documentation does not allow."""

    def __enter__(self) -> Self:
        if self.fault and self.fault not in FAULTS:
            raise ValueError(f"no such fault: {self.fault}")
        self.ends = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.model = self
        if self.context:
            self._server.socket = self.context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ends.set()
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        scheme, host = ("https", "localhost") if self.context else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.port}/v1"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    model: ModelServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that lose patience, and refused handshakes, are what several tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.model.wrong.append("GET")
        self._say(
            405, {"error": {"message": "Only POST requests are accepted.", "type": "invalid_request_error"}}
        )

    def do_POST(self) -> None:
        model = self.server.model
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.path, headers, body, datetime.now(UTC))
        model.asked.append(asked)
        if model.heard:
            model.heard(asked)
        if model.key and headers.get("authorization") != f"Bearer {model.key}":
            self._say(401, {"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}})
            return
        if found := list(mistakes(asked)):
            model.wrong += found
            self._say(400, {"error": {"message": found[0], "type": "invalid_request_error"}})
            return
        self._answer(asked)

    def _answer(self, asked: Asked) -> None:
        model = self.server.model
        said = model.answer(asked.text) if callable(model.answer) else model.answer
        good = completion(json.dumps(said, ensure_ascii=False), asked.body["model"])
        match model.fault:
            case "invalid":
                self._bytes(200, b"<html>Not what you think</html>")
            case "half":
                self._bytes(200, json.dumps(good).encode()[:-40])
            case "nested":
                self._bytes(200, b"[" * 100_000)
            case "chatty":
                self._say(200, completion("Sure! The total is 1.", asked.body["model"]))
            case "refuses":
                good["choices"][0]["message"] |= {"content": None, "refusal": "I cannot help with that."}
                self._say(200, good)
            case "cut":
                good["choices"][0]["finish_reason"] = "length"
                self._say(200, good)
            case "endless":
                self._stream(b" " * 65536, 0)
            case "drip":
                self._stream(b" ", 0.02)
            case "huge":
                self._bytes(200, b" " * (64 << 20))
            case "hangs up":
                self.close_connection = True
            case "500":
                self._say(500, {"error": {"message": "The server had an error.", "type": "server_error"}})
            case "429":
                self._say(429, {"error": {"message": "Rate limit reached."}}, **{"Retry-After": "120"})
            case "redirect":
                self._say(307, {}, Location=model.elsewhere)
            case _:
                self._say(200, good)

    def _say(self, status: int, said: Any, **headers: str) -> None:
        self._bytes(status, json.dumps(said).encode(), **headers)

    def _bytes(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, piece: bytes, pause: float) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        while not self.server.model.ends.wait(pause):
            self.wfile.write(piece)

    def log_message(self, *_: object) -> None: ...


def completion(content: str, model: str) -> dict[str, Any]:
    """The chat completion object."""
    message = {"role": "assistant", "content": content, "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1764000000,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


KNOWN = {"model", "messages", "temperature", "seed", "stream", "max_completion_tokens", "response_format"}


def mistakes(asked: Asked) -> Any:
    """What the documentation of POST /chat/completions and of structured outputs does not allow."""
    body = asked.body
    if asked.path != "/v1/chat/completions":
        yield f"Unknown request URL: POST {asked.path}"
    if asked.headers.get("content-type") != "application/json":
        yield "The body is to be application/json"
    if unknown := body.keys() - KNOWN:
        yield f"Unrecognized request argument: {sorted(unknown)}"
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "you must provide a model parameter"
    messages = body.get("messages") or [{}]
    if any(
        item.get("role") not in {"system", "developer", "user"} or not isinstance(item.get("content"), str)
        for item in messages
    ):
        yield "Invalid value: 'messages'"
    if (
        not 0 <= body.get("temperature", 1) <= 2
        or type(body.get("seed", 1)) is not int
        or body.get("stream") is True
    ):
        yield "Invalid value: 'temperature', 'seed' or 'stream'"
    wanted = body.get("response_format", {})
    schema = wanted.get("json_schema", {})
    if (
        wanted.get("type") != "json_schema"
        or not schema.get("name", "").isidentifier()
        or schema.get("strict") is not True
    ):
        yield "Invalid value: 'response_format'"
    yield from _loose(schema.get("schema", {}), "schema")


def _loose(schema: dict[str, Any], path: str) -> Any:
    """Strict mode: every object lists all of its properties as required and allows no others."""
    kinds = schema.get("type")
    if kinds is None:
        yield f"{path}: schema must have a 'type' key"
    if kinds == "object":
        if schema.get("additionalProperties") is not False:
            yield f"{path}: 'additionalProperties' is required to be supplied and to be false"
        if set(schema.get("required", ())) != set(schema["properties"]):
            yield f"{path}: 'required' is required to be an array including every key in properties"
        for name, below in schema["properties"].items():
            yield from _loose(below, f"{path}.{name}")
    if kinds == "array":
        yield from _loose(schema["items"], f"{path}[]")
