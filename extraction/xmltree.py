"""The XML tree by local names, with the path of every element as evidence."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from lxml import etree

from extraction import media
from extraction.collecting import Collector, stated_number
from extraction.extractor import UnreadableError
from extraction.schemas import Evidence

MAX_BYTES: Final = 32 * 1024 * 1024
# Tags and attributes; each costs the tree about a hundred bytes, whatever it cost in the file.
MAX_MARKS: Final = 800_000
# libxml2's own limit of one text.
_LONGEST_TEXT: Final = 10_000_000
# How much of a file is looked at for what format it is.
_OPENING: Final = 65536
_DECLARATION: Final = re.compile(r"<\?xml[^>]*\?>")
# What mail programs and file transfers leave around a file.
_MARGIN: Final = "\ufeff\0\x1a \t\r\n"

Paths = Mapping[str, tuple[str, ...]]


_NONE: Final[dict[str, list["Node"]]] = {}


class Node:
    """An element, or an attribute of one, seen by local names, and its path from the document's root."""

    __slots__ = ("_children", "_element", "_named", "_number", "_parent", "name")

    def __init__(
        self, element: etree._Element, parent: "Node | None" = None, number: int = 1, name: str = ""
    ) -> None:
        self._element = element
        self._parent = parent
        self._number = number
        self._children: list[Node] | None = [] if name else None
        self._named = _NONE
        self.name = name or _local(element)

    @property
    def path(self) -> str:
        if self._parent is None:
            return f"/{self.name}"
        number = "" if self.name.startswith("@") else f"[{self._number}]"
        return f"{self._parent.path}/{self.name}{number}"

    @property
    def namespace(self) -> str:
        return str(self._element.tag).rpartition("}")[0].removeprefix("{")

    @property
    def text(self) -> str:
        if self.name.startswith("@"):
            return self.attribute(self.name[1:]) or ""
        return " ".join((self._element.text or "").split())

    def attribute(self, name: str) -> str | None:
        """The attribute's value, by its local name where it has a namespace."""
        found = (str(value) for key, value in self._element.items() if _bare(key) == name)
        return next(found, "").strip() or None

    def children(self) -> list["Node"]:
        if self._children is None:
            self._children, self._named = [], {}
            for element in self._element:
                local = _local(element)
                if local:
                    same = self._named.setdefault(local, [])
                    same.append(Node(element, self, len(same) + 1))
                    self._children.append(same[-1])
        return self._children

    def all(self, path: str) -> Iterator["Node"]:
        """Every element on the path of local names below this one; `*` stands for any name, `a|b` for either, `@a`
        at the end for an attribute."""
        name, _, rest = path.partition("/")
        if name.startswith("@"):
            yield Node(self._element, self, name=name)
            return
        children = self.children()
        if name == "*":
            found = children
        elif "|" in name:
            either = [part for part in name.split("|") if part in self._named]
            found = self._named[either[0]] if len(either) == 1 else []
            if len(either) > 1:
                found = [child for child in children if child.name in either]
        else:
            found = self._named.get(name, [])
        for node in found:
            if rest:
                yield from node.all(rest)
            else:
                yield node

    def first(self, path: str) -> "Node | None":
        return next(self.all(path), None)

    def value(self, path: str) -> str:
        """The text of the first element on the path; empty where there is none."""
        node = self.first(path)
        return node.text if node is not None else ""

    def joined(self, separator: str = ", ") -> str:
        """All text below, in order."""
        parts = (" ".join(text.split()) for text in self._element.itertext() if isinstance(text, str))
        return separator.join(part for part in parts if part)


class Fields(Collector):
    """Collects the values that stand at paths below a node."""

    def __init__(self, node: Node, prefix: str = "", evidence: dict[str, Evidence] | None = None) -> None:
        super().__init__(prefix, evidence)
        self.node = node

    def below(self, node: Node, prefix: str) -> "Fields":
        return Fields(node, prefix, self.evidence)

    def take_all(self, table: Paths) -> None:
        for name, paths in table.items():
            self.take(name, paths)

    def take(self, name: str, paths: tuple[str, ...]) -> None:
        """The first of the paths that gives a value, unless the field has one."""
        for node in (node for path in paths for node in self.node.all(path)):
            if name in self.values:
                return
            self.put(name, node)

    def put(self, name: str, node: Node, text: str | None = None) -> None:
        """The value that the node's text, or the one given for it, has in this field, if any."""
        place = Evidence(text=node.text if text is None else text, path=node.path)
        self.put_text(name, place, node.attribute("format") or "")

    def references(self, nodes: Iterable[Node]) -> None:
        self.put_orders(Evidence(text=node.text, path=node.path) for node in nodes)

    def sum(self, name: str, nodes: Iterable[Node]) -> None:
        self.put_sum(
            name, [(stated_number(node.text), Evidence(text=node.text, path=node.path)) for node in nodes]
        )


def opening(content: bytes) -> str:
    """The beginning of the file as text, to see what format it is."""
    return media.decode(content[:_OPENING])


def parse(content: bytes) -> Node:
    """The root. Nothing is fetched, no DTD is loaded, no entity is expanded; a document that declares entities of
    its own is refused, because no supplier's system writes one and every bomb does. Raises UnreadableError."""
    if len(content) > MAX_BYTES or content.count(b"<") + content.count(b"=") > MAX_MARKS:
        raise UnreadableError("too_large", "The XML is larger than order documents are.")
    try:
        root = etree.fromstring(content.removeprefix(b"\xef\xbb\xbf").lstrip(), _parser(content))
    except etree.XMLSyntaxError:
        root = _mended(media.decode(content))
    dtd: Any = root.getroottree().docinfo.internalDTD
    if dtd is not None and any(True for _ in dtd.iterentities()):
        raise UnreadableError("xml_entities", "The XML declares entities of its own, which is not accepted.")
    return Node(root)


def _parser(content: bytes, *, recover: bool = False) -> etree.XMLParser:
    # An embedded file can be a longer text than the parser takes by default; what that default also guards against
    # needs a document type declaration.
    longer = len(content) > _LONGEST_TEXT and b"DOCTYPE" not in content.replace(b"\0", b"")
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=longer,
        remove_comments=True,
        remove_pis=True,
        recover=recover,
    )


def _mended(text: str) -> etree._Element:
    """The tree of a file that states another encoding than it is in, has a margin, or does not declare a prefix."""
    content = _DECLARATION.sub("", text.strip(_MARGIN), count=1).encode()
    parser = _parser(content)
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        if any(entry.domain_name != "NAMESPACE" for entry in parser.error_log):
            message = "The XML is not well-formed; ask the sender for the file again."
            raise UnreadableError("xml_broken", message) from error
        return etree.fromstring(content, _parser(content, recover=True))


def documents(root: Node, is_document: Callable[[Node], bool], depth: int = 4) -> Iterator[Node]:
    """The documents in the tree: the root itself, or those in an envelope around them (SBDH, SOAP)."""
    if is_document(root):
        yield root
    elif depth:
        for child in root.children():
            yield from documents(child, is_document, depth - 1)


def _local(element: etree._Element) -> str:
    # Comments, processing instructions and unresolved entities have a function where elements have a name.
    return _bare(element.tag) if isinstance(element.tag, str) else ""


def _bare(name: str | bytes) -> str:
    """The local name; a prefix that is not declared is still a part of it."""
    return str(name).rpartition("}")[2].rpartition(":")[2]
