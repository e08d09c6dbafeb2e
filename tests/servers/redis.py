"""A private Redis from Debian's package, on a free port of loopback, with a password."""

import secrets

from tests.servers.private import PrivateServer, free_port, listens, required_binary, run_by_hand


class RedisServer(PrivateServer):
    """`url` is what goes into REDIS_URL. Nothing is kept on disk: it forgets when it ends."""

    def __init__(self) -> None:
        self._binary = required_binary("redis-server", "redis-server")
        super().__init__()
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self.url = f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.password}",
            f"dir {self.folder}",
            'save ""',
            "appendonly no",
        ]
        configuration = self.write("redis.conf", "\n".join(lines) + "\n")
        self.spawn([self._binary, str(configuration)], ready=lambda: listens(self.port))


if __name__ == "__main__":
    server = RedisServer()
    run_by_hand(server, lambda: server.url)
