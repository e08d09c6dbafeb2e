"""The functions that children may run: they exist, and bring no Django with them."""

import importlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from reportlab.pdfgen import canvas

from zalion.sandbox import Pool
from zalion.sandbox.functions import FUNCTIONS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
MODULES = "misbehaving:modules"


@pytest.fixture(scope="module")
def pool():
    environment = {"PYTHONPATH": str(HERE / "misbehaving_path")}
    with Pool(1, environment=environment, functions=FUNCTIONS | {MODULES}) as pool:
        yield pool


def page(text):
    buffer = io.BytesIO()
    paper = canvas.Canvas(buffer)
    paper.drawString(72, 700, text)
    paper.save()
    return buffer.getvalue()


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_listed_function_exists(name):
    module, _, attribute = name.partition(":")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_a_child_that_has_done_all_its_work_knows_no_django(pool):
    raw = b"Subject: x\r\nContent-Type: text/html\r\n\r\n<p>Order AB-4711</p>"
    parsed = pool.call("connectors.mime:parse", {"raw": raw})
    assert pool.call("connectors.mime:sanitise", {"html": parsed["html"]}) == "<p>Order AB-4711</p>"
    assert pool.call("connectors.mime:content", {"raw": raw, "path": "1"}) == b"<p>Order AB-4711</p>"
    assert pool.call("connectors.mime:contents", {"raw": raw, "paths": ["1"]}) == [b"<p>Order AB-4711</p>"]
    payload = {"name": "order.pdf", "content": page("Order AB-4711")}
    assert pool.call("extraction.reader:read_plain", {"payload": payload})["extractor"]
    picture = {"content": payload["content"], "number": 1, "scale": 1.0}
    assert pool.call("extraction.reader:page_image", picture).startswith(b"\x89PNG")
    foreign = {"django", "rest_framework", "auditlog", "django_q", "requests", "exchangelib", "msal"}
    assert foreign.isdisjoint(pool.call(MODULES, {}))


def test_the_pool_itself_brings_no_django():
    script = "import sys, zalion.sandbox; print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert not re.search(r"'(django|connectors|extraction)'", loaded.stdout)
