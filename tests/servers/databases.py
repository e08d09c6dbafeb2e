"""Runs a command beside a private PostgreSQL and Redis: `python -m tests.servers.databases COMMAND...`."""

import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack

import psycopg
import pytest

from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer


def own_database(server: PostgresServer) -> str:
    """The URL of a new, empty database, for a role that row-level security binds and that may make others."""
    name, password = f"portal_{secrets.token_hex(6)}", secrets.token_hex(16)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN CREATEDB PASSWORD '{password}'")
        connection.execute(f"CREATE DATABASE {name} OWNER {name}")
    return f"postgresql://{name}:{password}@127.0.0.1:{server.port}/{name}"


def run(command: Sequence[str]) -> int:
    """The command's exit code; 0, with a line that says why, where a server's package is not installed.

    Settings and tests find the two in DATABASE_URL and REDIS_URL. The broker stays the default: tests of the
    queue ask for Redis themselves, since processes that share one queue would take each other's work.
    """
    with ExitStack() as servers:
        try:
            postgres = servers.enter_context(PostgresServer())
            redis = servers.enter_context(RedisServer())
        except pytest.skip.Exception as missing:
            print(f"skipped, {missing}: {' '.join(command)}", flush=True)
            return 0
        environment = {**os.environ, "DATABASE_URL": own_database(postgres), "REDIS_URL": redis.url}
        process = subprocess.Popen(command, env=environment)
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # Ctrl-C reached the command as well; the servers end after it


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(__doc__)
    sys.exit(run(sys.argv[1:]))
