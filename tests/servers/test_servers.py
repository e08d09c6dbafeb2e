"""The private databases start, answer and are gone afterwards."""

import psycopg
import pytest
import redis

from tests.servers.postgres import PostgresServer
from tests.servers.private import listens
from tests.servers.redis import RedisServer


def test_postgres_answers_and_leaves_nothing_behind() -> None:
    with PostgresServer() as server:
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url.replace(server.password, "wrong"))
    assert not listens(server.port)
    assert not server.folder.exists()


def test_redis_answers_and_leaves_nothing_behind() -> None:
    with RedisServer() as server:
        with redis.Redis.from_url(server.url) as client:
            assert client.ping()
        with redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
    assert not listens(server.port)
    assert not server.folder.exists()
