"""Visits the running portal over HTTP on loopback: as a person with a link, and as an integrator with a token."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode

TIMEOUT = 60.0  # seconds for one answer


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    def json(self) -> Any:
        return json.loads(self.body)


class Visitor:
    """A browser without a screen: it keeps cookies and asks no proxy."""

    def __init__(self, base_url: str, *, token: str = "") -> None:
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )

    def get(self, path: str) -> Answer:
        return self._send(path, None, {})

    def post(self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        return self._send(path, urlencode(form).encode(), headers or {})

    def post_json(self, path: str, content: Any, headers: Mapping[str, str]) -> Answer:
        return self._send(path, json.dumps(content).encode(), {**headers, "Content-Type": "application/json"})

    def sign_in(self, link: str) -> Answer:
        """Open a one-time link and press its button; the page behind it."""
        page = self.get(link.removeprefix(self._base_url))
        mark = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        form = {"csrfmiddlewaretoken": mark[1] if mark else ""}
        return self.post(link.removeprefix(self._base_url), form)

    def _send(self, path: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Raises OSError when nobody answers; a refusal is an answer."""
        request = urllib.request.Request(  # noqa: S310 - our own address
            self._base_url + path, data=data, headers={**self._headers, **headers}
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Answer(refusal.code, refusal.headers, refusal.read())
