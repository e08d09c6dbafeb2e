"""Mail bodies of unseen suppliers, plain and HTML."""

import random

from tests.extraction.unseen_files.htmls import HtmlMail
from tests.extraction.unseen_files.orders import Order, Specimen
from tests.extraction.unseen_files.texts import TextMail


def body(seed: int) -> Specimen:
    """The body of one mail."""
    rng = random.Random(f"body {seed}")
    order = Order(rng)
    kind = rng.choice(["html", "txt"])
    page = HtmlMail(order) if kind == "html" else TextMail(order)
    content = page.made()
    encoding = "utf-8" if kind == "html" or rng.random() < 0.8 else "cp1252"
    content = content.replace("\u202f", "\u00a0") if encoding == "cp1252" else content
    return Specimen(f"body.{kind}", content.encode(encoding, errors="replace"), order.truth(), order.traits)
