"""Fixtures for the private servers: one of each per test process, started when first asked for."""

from collections.abc import Iterator

import pytest

from tests.servers.certificates import Authority
from tests.servers.cyrus import CyrusServer
from tests.servers.dovecot import DovecotServer
from tests.servers.hoodiecrow import HoodiecrowServer
from tests.servers.postgres import PostgresServer
from tests.servers.pymap import PymapServer
from tests.servers.redis import RedisServer


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def dovecot(authority: Authority) -> Iterator[DovecotServer]:
    with DovecotServer(authority) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def pymap_server(authority: Authority) -> Iterator[PymapServer]:
    with PymapServer(authority) as server:
        yield server


@pytest.fixture(scope="session")
def cyrus(authority: Authority) -> Iterator[CyrusServer]:
    with CyrusServer(authority) as server:
        yield server


@pytest.fixture(scope="session")
def hoodiecrow(authority: Authority) -> Iterator[HoodiecrowServer]:
    with HoodiecrowServer(authority) as server:
        yield server
