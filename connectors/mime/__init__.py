"""One parser for the mail of every provider: raw bytes in, plain data out, never an exception."""

from connectors.mime.html import sanitise
from connectors.mime.message import PartMissing, content, contents, parse

__all__ = ["PartMissing", "content", "contents", "parse", "sanitise"]
