"""The XML tree by local names, with the path of every element as evidence."""

from collections.abc import Container, Iterator
from typing import Any, Final

from lxml import etree

from extraction.extractor import UnreadableError
from extraction.schemas import DATE_FIELDS, NUMBER_FIELDS, Evidence, date_of, decimal_of

MAX_BYTES: Final = 32 * 1024 * 1024
_NAMESPACE: Final = "urn:oasis:names:specification:ubl:schema:"


class Node:
    """An element seen by local names, and its path from the document's root."""

    __slots__ = ("_element", "name", "path")

    def __init__(self, element: etree._Element, path: str) -> None:
        self._element = element
        self.name = _local(element)
        self.path = path

    @property
    def text(self) -> str:
        return " ".join((self._element.text or "").split())

    def attribute(self, name: str) -> str | None:
        value = self._element.get(name)
        return str(value).strip() or None if value is not None else None

    def all(self, path: str) -> Iterator["Node"]:
        """Every element on the path of local names below this one; `*` stands for any name."""
        name, _, rest = path.partition("/")
        counts: dict[str, int] = {}
        for child in self._element:
            local = _local(child)
            if not local:
                continue
            counts[local] = counts.get(local, 0) + 1
            if name in {local, "*"}:
                node = Node(child, f"{self.path}/{local}[{counts[local]}]")
                if rest:
                    yield from node.all(rest)
                else:
                    yield node

    def first(self, path: str) -> "Node | None":
        return next(self.all(path), None)

    def joined(self) -> str:
        """All text below, in order, separated by commas."""
        parts = (" ".join(text.split()) for text in self._element.itertext() if isinstance(text, str))
        return ", ".join(part for part in parts if part)


class Fields:
    """Collects values and their evidence below one prefix of field paths."""

    def __init__(self, node: Node, prefix: str = "", evidence: dict[str, Evidence] | None = None) -> None:
        self.node = node
        self.prefix = prefix
        self.values: dict[str, Any] = {}
        self.evidence: dict[str, Evidence] = {} if evidence is None else evidence

    def below(self, node: Node, prefix: str) -> "Fields":
        return Fields(node, prefix, self.evidence)

    def take_all(self, table: dict[str, tuple[str, ...]]) -> None:
        for name, paths in table.items():
            self.take(name, paths)

    def take(self, name: str, paths: tuple[str, ...]) -> None:
        """The first of the paths that gives a value, unless the field has one."""
        for node in (node for path in paths for node in self.node.all(path)):
            if name in self.values:
                return
            self.put(name, node)

    def put(self, name: str, node: Node, text: str | None = None) -> None:
        self._put(name, node.text if text is None else text, node.path)

    def put_attribute(self, name: str, node: Node, attribute: str) -> None:
        self._put(name, node.attribute(attribute) or "", f"{node.path}/@{attribute}")

    def note(self, path: str, node: Node) -> None:
        self.evidence[self.prefix + path] = Evidence(text=node.text, path=node.path)

    def _put(self, name: str, text: str, path: str) -> None:
        value: object = text or None
        if name in NUMBER_FIELDS:
            value = decimal_of(text)
        elif name in DATE_FIELDS:
            value = date_of(text)
        if value is not None:
            self.values[name] = value
            self.evidence[self.prefix + name] = Evidence(text=text, path=path)


def parse(content: bytes) -> etree._Element:
    """The root element. Nothing is fetched, no DTD is loaded, no entity is expanded; a document that declares
    entities of its own is refused, because no supplier's system writes one and every bomb does."""
    if len(content) > MAX_BYTES:
        raise UnreadableError("too_large", "The XML is larger than 32 MiB.")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableError(
            "xml_broken", "The XML is not well-formed; ask the sender for the file again."
        ) from error
    dtd: Any = root.getroottree().docinfo.internalDTD
    if dtd is not None and any(True for _ in dtd.iterentities()):
        raise UnreadableError("xml_entities", "The XML declares entities of its own, which is not accepted.")
    return root


def documents(root: etree._Element, names: Container[str], depth: int = 3) -> list[Node]:
    """The UBL documents in the tree: the root itself, or those in an envelope (SBDH) around them."""
    return list(_documents(Node(root, f"/{_local(root)}"), root, names, depth))


def _documents(node: Node, element: etree._Element, names: Container[str], depth: int) -> Iterator[Node]:
    namespace = etree.QName(element).namespace or ""
    if node.name in names and namespace.startswith(_NAMESPACE):
        yield node
    elif depth:
        for index, child in enumerate(element):
            if _local(child):
                yield from _documents(Node(child, f"{node.path}/*[{index + 1}]"), child, names, depth - 1)


def _local(element: etree._Element) -> str:
    # Comments, processing instructions and unresolved entities have a function where elements have a name.
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
