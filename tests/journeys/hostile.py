"""Mails that mean harm to whoever looks at them: every shape of HTML, and what parts and charsets make of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

RUN: Final = "window.canary=1;alert(1);top.canary=1"
# One shape a line, by family. @OUT is an address that must not be asked, @RUN a script that must not run.
SHAPES: Final = Path(__file__).with_name("shapes.txt")


def families(out: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in SHAPES.read_text("utf-8").splitlines():
        if line.startswith("== "):
            family = found.setdefault(line.removeprefix("== "), [])
        else:
            for name, value in {"RUN": RUN, "OUT": out, "NUL": "\0", "VT": "\v", "FF": "\f"}.items():
                line = line.replace(f"@{name}", value)
            family.append(line)
    return found


def mail(name: str, content: bytes, *, kind: str = "text/html; charset=utf-8", headers: str = "") -> bytes:
    lines = [
        f'From: "{name} <script>{RUN}</script>" <sender@example.test>',
        "To: box@example.test",
        f"Subject: {name} <img src=x onerror={RUN}>",
        "Date: Mon, 02 Nov 2026 10:00:00 +0000",
        f"Message-ID: <{name}@shapes.test>",
        "MIME-Version: 1.0",
        f"Content-Type: {kind}",
        "Content-Transfer-Encoding: 8bit",
    ]
    return ("\r\n".join([*lines, *headers.splitlines()]) + "\r\n\r\n").encode() + content


def parts(*found: tuple[str, str]) -> bytes:
    """A multipart body of ``(headers, text)``."""
    return (
        "".join(f"--b\r\nContent-Type: {kind}\r\n\r\n{text}\r\n" for kind, text in found).encode()
        + b"--b--\r\n"
    )


def composed(out: str) -> Iterator[tuple[str, bytes]]:
    """Mails whose harm is in how their parts go together, or in what they say they are."""
    script, image, svg = (
        f"<script>{RUN}</script>",
        f"<img src={out}/part onerror={RUN}>",
        f"<svg onload={RUN}>",
    )
    html, namespace = "text/html", 'xmlns="http://www.w3.org/2000/svg"'
    together = {
        "split-attribute": ("mixed", (html, f'<p>a<img src="{out}/'), ("text/plain", "secret"), (html, '">')),
        "split-tag": ("mixed", (html, "<p>a<scr"), (html, f"ipt>{RUN}</script>")),
        "split-style": ("mixed", (html, f"<style>*{{background:url({out}/"), (html, ")}</style>")),
        "split-secret": (
            "mixed",
            (html, f'<img src="{out}/'),
            ("application/pkcs7-mime", "MIAG"),
            (html, '">'),
        ),
        "related": (
            "related",
            (
                html,
                f'<p>a<iframe src="cid:in@x"></iframe><img src="cid:s@x"><object data="cid:in@x">{script}',
            ),
            (f"{html}\r\nContent-ID: <in@x>\r\nContent-Location: {out}/in", script + image),
            ("image/svg+xml\r\nContent-ID: <s@x>", f"<svg {namespace}>{script}</svg>"),
        ),
        "alternative": ("alternative", ("text/plain", script), (html, f"<p>a{script}{image}")),
        "files": (
            "mixed",
            ("text/plain", script),
            (f'{html}; name="{script}.html"\r\nContent-Disposition: inline; filename="{image}.html"', script),
            ("image/svg+xml\r\nContent-Disposition: attachment; filename=a.svg", f"{svg}{image}</svg>"),
            ("application/xhtml+xml\r\nContent-Disposition: attachment; filename=a.xhtml", script),
        ),
    }
    for name, (subtype, *found) in together.items():
        yield name, mail(name, parts(*found), kind=f"multipart/{subtype}; boundary=b")
    whole = script + image
    jis = b'<p title="\x1b$B">a</p><p title="\x1b(B><img src=x onerror=1">'
    for name, kind, content in (
        ("utf-7", "text/html; charset=utf-7", whole.replace("<", "+ADw-").replace(">", "+AD4-").encode()),
        ("utf-16", "text/html; charset=utf-16", whole.encode("utf-16")),
        ("lying-utf-16", "text/html; charset=utf-8", whole.encode("utf-16-le")),
        ("iso-2022-jp", "text/html; charset=iso-2022-jp", jis),
        ("hz", "text/html; charset=hz-gb-2312", f"<p title='~{{'>~}}{whole}".encode()),
        (
            "xhtml",
            "application/xhtml+xml",
            f'<html xmlns="http://www.w3.org/1999/xhtml">{whole}</html>'.encode(),
        ),
        ("plain", "text/plain; charset=utf-8", whole.encode()),
        ("enriched", "text/enriched", f"<param>{out}/e</param>{whole}".encode()),
        ("svg", "image/svg+xml", f"<svg {namespace} onload={RUN!r}>{image}</svg>".encode()),
        ("deep", html, ("<div>" * 600 + f"<svg><style><a title='</style>{image}'>").encode()),
    ):
        yield name, mail(name, content, kind=kind)
    yield "unbroken", mail(3000 * "words", b"<p>a")
    answers = f"Content-Location: {out}/\nContent-Base: {out}/\nLink: <{out}/l>; rel=preload\nRefresh: 0;url={out}/r"
    yield "located", mail("located", b"<p>a<img src=relative><a href=relative>touch</a>", headers=answers)


def joined(shapes: list[str]) -> str:
    return "".join(f"<div>{shape}</div>" for shape in shapes)


def alone(out: str) -> dict[str, str]:
    """Every shape by itself, under its family's name and its place in it."""
    named = [(family, enumerate(shapes)) for family, shapes in families(out).items()]
    return {f"{family}-{number:02d}": shape for family, shapes in named for number, shape in shapes}
