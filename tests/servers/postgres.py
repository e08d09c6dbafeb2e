"""A private PostgreSQL from Debian's package, on a free port of loopback."""

import secrets
from pathlib import Path

import psycopg

from tests.servers.private import PrivateServer, free_port, required_binary, run_by_hand


class PostgresServer(PrivateServer):
    """`url` is what goes into DATABASE_URL. The account owns the cluster; it may make databases and roles."""

    def __init__(self) -> None:
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        self._bin = Path(
            required_binary("postgres", "postgresql", beside=str(binaries[-1]) if binaries else "")
        ).parent
        super().__init__()
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self.url = f"postgresql://zalion:{self.password}@127.0.0.1:{self.port}/zalion"

    def start(self) -> None:
        data = self.folder / "data"
        password = self.write("password", self.password)
        login = ["-U", "zalion", "--pwfile", str(password), "-A", "scram-sha-256"]
        text = ["-E", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        self.run([str(self._bin / "initdb"), "-D", str(data), *login, *text])
        # Durability is not what these tests are about; a lost data folder is the intended end.
        fast = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-c", f"unix_socket_directories={self.folder}"]
        self.spawn([str(self._bin / "postgres"), "-D", str(data), *where, *fast], ready=self._answers)
        with psycopg.connect(self.url, dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE zalion")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True


if __name__ == "__main__":
    server = PostgresServer()
    run_by_hand(server, lambda: server.url)
