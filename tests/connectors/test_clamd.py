"""The client of clamd: a verdict, or an exception that says whose fault it is that there is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors import clamd
from connectors.clamd import ScanFailed, ScannerDown, TooLargeToScan
from tests.servers.clamd import EICAR, NAME, Clamd, nobody


@pytest.fixture
def server() -> Iterator[Clamd]:
    with Clamd() as server:
        yield server


def scan(server: Clamd, *pieces: bytes, seconds: float = 30.0) -> str:
    return clamd.scan(pieces, at=clamd.address(server.address), seconds=seconds)


def test_clean_content_arrives_as_it_is_and_has_no_name(server: Clamd) -> None:
    content = bytes(range(256)) * 1000
    assert scan(server, content[:7], b"", content[7:]) == ""
    assert server.scanned == [content]
    assert server.commands == ["zINSTREAM"]


def test_what_is_found_is_named(server: Clamd) -> None:
    assert scan(server, b"before", EICAR[:30], EICAR[30:]) == NAME


def test_a_socket_serves_as_well_as_a_port(tmp_path: Path) -> None:
    with Clamd(path=tmp_path / "clamd.sock") as server:
        assert scan(server, EICAR) == NAME


def test_content_past_the_scanners_limit_is_told_from_a_failure(server: Clamd) -> None:
    server.longest = 1 << 20
    with pytest.raises(TooLargeToScan):
        scan(server, *[bytes(1 << 20)] * 20)


@pytest.mark.parametrize("fault", ["error", "endless", "hangs up"])
def test_a_scanner_that_is_well_but_fails_on_content_is_told_from_one_that_is_down(
    server: Clamd, fault: str
) -> None:
    server.fault = fault
    with pytest.raises(ScanFailed):
        scan(server, b"content")
    assert server.commands == ["zINSTREAM", "zPING"]


def test_a_scanner_too_slow_over_content_is_told_from_one_that_is_down(server: Clamd) -> None:
    server.fault, server.slowness = "slow", 5.0
    with pytest.raises(ScanFailed):
        scan(server, b"content", seconds=0.2)


def test_something_else_on_its_port_is_a_scanner_that_is_down(server: Clamd) -> None:
    server.fault = "garbage"
    with pytest.raises(ScannerDown):
        scan(server, b"content")


@pytest.mark.parametrize("at", [nobody(), "/nowhere/clamd.sock"], ids=["port", "socket"])
def test_nobody_there_is_a_scanner_that_is_down(at: str) -> None:
    with pytest.raises(ScannerDown):
        clamd.scan([b"content"], at=clamd.address(at), seconds=30)


def test_an_address_is_a_socket_or_host_and_port() -> None:
    assert clamd.address("/run/clamav/clamd.ctl") == "/run/clamav/clamd.ctl"
    assert clamd.address("scanner.acme.example:3310") == ("scanner.acme.example", 3310)
    assert clamd.address("[::1]:3310") == ("::1", 3310)
    for wrong in ("scanner", "scanner:", ":3310", "scanner:x", "scanner:0", "scanner:70000", "run/clamd.ctl"):
        with pytest.raises(ValueError, match="Neither"):
            clamd.address(wrong)
