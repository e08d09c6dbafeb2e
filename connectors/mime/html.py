"""HTML of a mail made safe to show: an allow list, nothing remote, nothing that acts, bounded depth."""

import re
from html import escape

import nh3
from lxml import etree
from lxml import html as lxml_html

from connectors.mime import limits
from connectors.mime.charsets import clean

TAGS = re.findall(
    r"\S+",
    """address article aside blockquote caption center col colgroup dd details div dl dt figcaption figure footer h1 h2
    h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul a abbr b bdi bdo
    big br cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup time tt u var wbr""",
)
TABLE = {"align", "valign", "bgcolor", "width", "height"}
ATTRIBUTES = {
    "*": {"dir", "lang", "title", "align"},
    "a": {"href"},
    "font": {"color", "size", "face"},
    "ol": {"start", "type"},
    "table": TABLE | {"border", "cellpadding", "cellspacing"},
    "td": TABLE | {"colspan", "rowspan", "nowrap"},
    "th": TABLE | {"colspan", "rowspan", "nowrap"},
    "tr": TABLE,
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
}
# Their text is not for reading; most of them are also read differently by different parsers.
DROPPED = re.findall(
    r"\S+",
    """script style template iframe frame frameset object embed applet math svg title meta link base input
    textarea select option button video audio source track canvas area xmp plaintext noembed dialog""",
)
UNWRAPPED = ("form", "noscript", "noframes", "map")
SPACE = re.compile(r"\s+")
LINK = re.compile(r"(https?|mailto|tel):(.*)", re.IGNORECASE | re.DOTALL)
# What a browser takes for the authority: it reads backslashes as slashes and drops any number of them.
AUTHORITY = re.compile(r"[/\\]*([^/\\?#]*)")
OWN_LINK = re.compile(r"#address-[0-9]+")
PLACEHOLDER, LINKED = "image-placeholder", "linked"


def sanitise(html: str) -> str:
    """A fragment without scripts, styles, forms, frames, remote content; images become their text.

    No link leads out: behind its words stands where it would lead, and that points to the whole address in a list
    below the text, to be read and copied. Only words that are the address itself stand alone.

    Depth is cut at `limits.HTML_DEPTH` before the allow list runs: nh3 needs 20 CPU-seconds for 100,000 nested
    elements. Input past `limits.TEXT` characters is not shown.
    """
    root = _tree(html)
    if root is None:
        return ""
    _flatten(root)
    addresses = _links(root)
    shown = nh3.clean(
        lxml_html.tostring(root, encoding="unicode"),
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        allowed_classes={"span": {PLACEHOLDER, LINKED}},
        attribute_filter=_filtered,
        link_rel=None,
        strip_comments=True,
    )
    return shown + _listed(addresses)


def plain_text(html: str) -> str:
    """The readable text of an HTML body, on one line."""
    root = _tree(html)
    return "" if root is None else SPACE.sub(" ", _text(root)).strip()


def is_deep(html: str) -> bool:
    """Whether `sanitise` will cut its depth."""
    root = _tree(html)
    return root is not None and _depth(root) > limits.HTML_DEPTH


def _depth(root: etree._Element) -> int:
    depth = deepest = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


def _tree(html: str) -> etree._Element | None:
    """The parsed body without what is never shown; at most 2,048 levels deep, as libxml2 stops there."""
    data = clean(html[: limits.TEXT]).encode()
    if not data.strip():
        return None
    parser = lxml_html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True, remove_pis=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.ParserError:
        return None
    if root is None:
        return None
    etree.strip_elements(root, etree.Comment, etree.Entity, *DROPPED, with_tail=False)
    etree.strip_tags(root, *UNWRAPPED)
    return root


def _flatten(root: etree._Element) -> None:
    """Turns images into their text, and what lies too deep into plain text."""
    for image in list(root.iter("img", "image")):
        image.tag, image.text = "span", SPACE.sub(" ", image.get("alt") or "")
        image.attrib.clear()
        image.set("class", PLACEHOLDER)
    deep = []
    depth = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if event == "start" and depth == limits.HTML_DEPTH and len(element):
            deep.append(element)
    for element in deep:
        text = _text(element)
        del element[:]
        element.text = text


def _links(root: etree._Element) -> list[str]:
    """Turns links into their words and a sign of where they lead; the addresses, each once, in their order."""
    numbers: dict[str, int] = {}
    for link in list(root.iter("a")):
        address = SPACE.sub("", link.get("href") or "")
        words = SPACE.sub("", _text(link))
        link.tag = "span"
        link.attrib.clear()
        found = LINK.fullmatch(address)
        if found is None or (address.isascii() and words in {address, found[2], found[2].strip("/")}):
            continue
        link.set("class", LINKED)
        if len(numbers) < limits.LINKS:
            numbers.setdefault(address, len(numbers) + 1)
        sign = etree.Element("a")
        if address in numbers:
            sign.set("href", f"#address-{numbers[address]}")
        sign.text, sign.tail, link.tail = _target(found[1].lower(), found[2]), link.tail, None
        link.addnext(sign)
    return list(numbers)


def _target(scheme: str, rest: str) -> str:
    """The host, the mail address or the number that a link leads to; never in letters that only look like others."""
    if scheme in {"http", "https"}:
        found = AUTHORITY.match(rest)
        rest = found[1].rpartition("@")[2] if found else rest
    else:
        rest = rest.partition("?")[0]
    labels = rest[: limits.HOST].split(".")
    return ".".join(one if one.isascii() else f"xn--{one.encode('punycode').decode()}" for one in labels)


def _filtered(tag: str, name: str, value: str) -> str | None:
    return value if (tag, name) != ("a", "href") or OWN_LINK.fullmatch(value) else None


def _listed(addresses: list[str]) -> str:
    rows = "".join(
        f'<li id="address-{number}">{escape(address[: limits.ADDRESS])}</li>'
        for number, address in enumerate(addresses, 1)
    )
    words = "Where the links of this message lead. They do not open from here; copy an address to follow it."
    return f'<section class="addresses"><p>{words}</p><ol>{rows}</ol></section>' if rows else ""


def _text(root: etree._Element) -> str:
    return " ".join(str(piece) for piece in root.itertext())
