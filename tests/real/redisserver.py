"""A real Redis server, in memory alone, on a socket in a folder of its own."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.real.tools import tool


@contextmanager
def serving_redis(*options: str, password: str | None = None) -> Iterator[tuple[str, redis.Redis]]:
    """Start a server with these options (``--name value …``); yields its URL and a client.

    Nothing is written to disk, and nobody else can reach it.
    """
    # Debian keeps the server's program in redis-tools, and redis-server is another name for it.
    program = tool("redis-server", "redis-check-rdb")
    # A socket's path may have about 100 bytes, and pytest's own folders have long names.
    with tempfile.TemporaryDirectory(prefix="kvsync-") as folder:
        path = str(Path(folder, "socket"))
        command = ["redis-server", "--unixsocket", path, "--port", "0", "--dir", folder]
        command += ["--save", "", "--appendonly", "no", *options]
        with subprocess.Popen(
            command, executable=program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as server:
            try:
                _await_readiness(server)
                with redis.Redis(unix_socket_path=path, password=password) as client:
                    yield f"unix://{path}", client
            finally:
                server.terminate()


def _await_readiness(server: subprocess.Popen[str]) -> None:
    """Read the log up to the line that says so. Raises `AssertionError` with it if none does."""
    assert server.stdout
    lines = []
    for line in server.stdout:
        if "eady to accept connections" in line:
            return
        lines.append(line)
    raise AssertionError("".join(lines))
