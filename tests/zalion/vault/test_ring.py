"""The master key ring: read or refused, never replaced."""

import os
from base64 import b64encode
from pathlib import Path

import pytest

from zalion.vault.checks import master_keys_are_readable
from zalion.vault.errors import KeyRingError
from zalion.vault.ring import LocalRing, Wrapped, master_ring, parse_ring


def test_the_newest_key_is_the_first_line(ring_line) -> None:
    ring = LocalRing(parse_ring("# made in May\n\n" + ring_line("two") + ring_line("one")))
    assert ring.newest == "two"


def test_a_wrapped_key_opens_only_under_its_words(ring_line) -> None:
    ring = LocalRing(parse_ring(ring_line("one")))
    wrapped = ring.wrap(b"k" * 32, context=b"acme")
    assert ring.unwrap(wrapped, context=b"acme") == b"k" * 32
    with pytest.raises(KeyRingError, match="does not open"):
        ring.unwrap(wrapped, context=b"borealis")


def test_a_key_of_a_master_that_left_the_ring_says_which(ring_line) -> None:
    wrapped = LocalRing(parse_ring(ring_line("old"))).wrap(b"k" * 32, context=b"")
    with pytest.raises(KeyRingError, match="'old' is not in the ring"):
        LocalRing(parse_ring(ring_line("new"))).unwrap(wrapped, context=b"")


def test_another_master_of_the_same_name_does_not_open(ring_line) -> None:
    wrapped = LocalRing(parse_ring(ring_line("one"))).wrap(b"k" * 32, context=b"")
    other = LocalRing(parse_ring(ring_line("one")))
    for broken in (wrapped, Wrapped("one", b""), Wrapped("one", wrapped.data[:-1])):
        with pytest.raises(KeyRingError, match="does not open"):
            other.unwrap(broken, context=b"")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing here\n",
        "one",
        "one:",
        "one:not base64",
        f"one:{b64encode(bytes(range(31))).decode()}",
        f"one:{b64encode(bytes(range(33))).decode()}",
        f"one:{b64encode(bytes(32)).decode()}",
        f"o|e:{b64encode(bytes(range(32))).decode()}",
        f":{b64encode(bytes(range(32))).decode()}",
        f"one:{b64encode(bytes(range(32))).decode()}\none:{b64encode(bytes(range(1, 33))).decode()}",
    ],
)
def test_what_is_no_ring_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(KeyRingError) as caught:
        parse_ring(text)
    assert "AAEC" not in str(caught.value)


@pytest.mark.parametrize("reference", ["", "ring", "file:", "env:", "vault:a", "env:ZALION_NOT_SET_ANYWHERE"])
def test_without_a_ring_nothing_stands_in_for_it(settings, reference: str) -> None:
    settings.MASTER_KEYS = reference
    with pytest.raises(KeyRingError):
        master_ring()
    assert [error.id for error in master_keys_are_readable(None)] == ["vault.E001"]


def test_a_readable_ring_passes_the_check() -> None:
    assert master_keys_are_readable(None) == []


def test_a_ring_file_is_private_and_no_link(ring_file: Path, settings) -> None:
    assert master_ring().newest == "test"
    ring_file.chmod(0o640)
    with pytest.raises(KeyRingError, match="chmod 600"):
        master_ring()
    ring_file.chmod(0o400)
    master_ring()
    link = ring_file.with_name("link")
    link.symlink_to(ring_file)
    settings.MASTER_KEYS = f"file:{link}"
    with pytest.raises(KeyRingError, match="symbolic link"):
        master_ring()


def test_a_ring_that_is_a_pipe_or_gone_is_refused_at_once(tmp_path: Path, settings) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("pipe", "gone", "."):
        settings.MASTER_KEYS = f"file:{tmp_path / name}"
        with pytest.raises(KeyRingError):
            master_ring()
