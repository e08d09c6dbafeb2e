"""Which parts of a mail are what its sender wrote, and their text."""

import re

from connectors.mime import containers, limits
from connectors.mime.charsets import decode
from connectors.mime.containers import Member
from connectors.mime.html import is_deep, plain_text
from connectors.mime.parts import Index, Part

SNIPPET = 200
SPACE = re.compile(r"\s+")
# What no browser shows, since its end is missing.
IN_A_TAG = re.compile(r"<[a-zA-Z!/][^>]*\Z")
PGP = "-----BEGIN PGP MESSAGE-----"


class Bodies:
    """The text and HTML bodies of the outer mail. Every other part is an attachment."""

    def __init__(self, index: Index) -> None:
        self.flags: set[str] = set()
        self.parts: set[Part] = set()
        self._found: dict[str, list[tuple[re.Match[bytes], Member]]] = {}
        texts: list[str] = []
        self.html = ""
        self.text_path: str | None = None
        self.html_path: str | None = None
        for part in self._candidates(index.root):
            if part.type == "text/html":
                if self.html_path is None:
                    self.parts.add(part)
                    self.html, self.html_path = self._decode(part), part.path
            else:
                self.parts.add(part)
                texts.append(self._decode(part).replace("\r\n", "\n"))
                self.text_path = self.text_path or part.path
        self.text = "\n".join(texts)[: limits.TEXT]
        if is_deep(self.html):
            self.flags.add("html_limit")
        if "body_limit" not in self.flags and IN_A_TAG.match(self.html, max(0, self.html.rfind("<"))):
            self.flags.add("truncated")
        if PGP in self.text:
            self.flags.add("encrypted")

    def snippet(self) -> str:
        """The first words, for lists."""
        text = self.text
        if not text.strip():
            text = plain_text(self.html[: limits.TEXT // 8])
        return SPACE.sub(" ", text[: 20 * SNIPPET]).strip()[:SNIPPET]

    def uuencoded(self, part: Part) -> list[tuple[re.Match[bytes], Member]]:
        """The files that stand uuencoded in a text body."""
        return self._found.get(part.path, [])

    def _candidates(self, part: Part) -> list[Part]:
        if part.is_multipart:
            return [found for child in part.children for found in self._candidates(child)]
        opaque = part.type.startswith("multipart/")
        if part.type not in ("text/plain", "text/html") and not opaque:
            return []
        return [] if part.disposition.main == "attachment" or part.name() else [part]

    def _decode(self, part: Part) -> str:
        data = part.content(limits.INSPECTED)
        if part.type != "text/html" and b"begin " in data:
            blocks = self._found[part.path] = containers.uuencoded(data)
            ends = [0, *(block.end() for block, _ in blocks)]
            starts = [*(block.start() for block, _ in blocks), len(data)]
            data = b"".join(data[end:start] for end, start in zip(ends, starts, strict=True))
            if blocks:
                self.flags.add("uuencoded")
        if len(data) > limits.TEXT:
            self.flags.add("body_limit")
        text, flag = decode(data[: limits.TEXT], part.content_type.token("charset") or None)
        self.flags |= part.flags | ({flag} if flag else set())
        return text
