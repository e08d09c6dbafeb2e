"""Files made to harm: each ends within its budget and says why, the next is read, and no address is asked."""

import socket

import pytest

from tests.extraction import hostile_files
from tests.extraction.paper import Paper
from zalion.sandbox import Pool, SandboxError

# What each ends with: a finding of the file, or the end of the child that read it.
OUTCOMES = {
    "flate.pdf": "crashed",
    "flate-twice.pdf": "crashed",
    "tree.pdf": "pdf_broken",
    "form.pdf": "no_document",
    "10000-pages.pdf": "too_many_pages",
    "words.pdf": "crashed",
    "vast.pdf": "no_text_layer",
    "flood.png": "image_too_large",
    "loop.tif": "no_extractor",
    "laughs.xml": "xml_broken",
    "deep.xml": "no_extractor",
    "bomb.xlsx": "too_large",
    "macros.xlsm": "no_document",
    "members.xlsx": "too_large",
    "far.xlsx": "too_large",
    "deep.html": "no_document",
    "wide.html": "no_document",
    "endless.csv": "too_large",
    "quote.csv": "too_large",
    "endless.edi": "too_large",
    "letters.txt": "no_document",
}
CALLING = {
    "acting.pdf": "no_text_layer",
    "outer.xml": "xml_entities",
    "entities.xlsx": "sheet_broken",
    "loading.html": None,
}
# Seconds of work each, for whoever makes them or whoever reads them.
LONG = {
    "flate-twice.pdf",
    "form.pdf",
    "words.pdf",
    "vast.pdf",
    "bomb.xlsx",
    "members.xlsx",
    "wide.html",
    "endless.edi",
    "letters.txt",
}


@pytest.fixture(scope="module")
def pool():
    with Pool(1) as pool:
        yield pool


def read(pool, name, content):
    """The code the file ends with, None where it gives a document."""
    try:
        result = pool.call("extraction.reader:read_plain", {"payload": {"name": name, "content": content}})
    except SandboxError as error:
        return error.code
    return None if result["documents"] else result["findings"][0]["code"]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.soak if name in LONG else ()) for name in hostile_files.FILES],
)
def test_it_ends_within_its_budget_and_the_next_file_is_read(pool, name):
    assert read(pool, name, hostile_files.FILES[name]()) == OUTCOMES[name]
    assert read(pool, "order.pdf", Paper().pdf()) is None


@pytest.mark.parametrize("name", hostile_files.CALLING)
def test_what_it_names_is_not_fetched(pool, name):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        assert read(pool, name, hostile_files.CALLING[name](listener.getsockname()[1])) == CALLING[name]
        with pytest.raises(BlockingIOError):
            listener.accept()
