"""A server that answers as it likes: raw sockets, each connection in a thread of its own."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, TypeAlias

Answer: TypeAlias = Callable[[socket.socket, str], None]
"""What is done to a connection once a request has been read, and which action it asked for."""


def bytes_of(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    """A whole HTTP answer."""
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def by_action(answers: Mapping[str, Any]) -> Answer:
    """Answers each action with this content of ``Response``; the others with nothing but an id."""
    numbers = count(1)

    def answer(connection: socket.socket, action: str) -> None:
        content = {"RequestId": "r-"} | answers.get(action, {})
        # Each answer has one of its own, whatever else is wrong with it.
        content["RequestId"] += str(next(numbers))
        connection.sendall(bytes_of(json.dumps({"Response": content}).encode()))

    return answer


class HostileServer:
    """``posts`` counts the requests that were answered, but for the recognition of an emulator."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"http://{self.host}"
        self.posts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections; those that are open end with their clients."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(20)
        with suppress(OSError), connection, connection.makefile("rb") as lines:
            while first := lines.readline():
                length, action = 0, ""
                while (line := lines.readline().strip()) != b"":
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                    action = value.decode().strip() if name.lower() == b"x-tc-action" else action
                lines.read(length)
                if first.startswith(b"GET "):
                    connection.sendall(bytes_of(b"not here", "404 Not Found"))
                    return
                self.posts += 1
                self._answer(connection, action)


@contextmanager
def hostile(answer: Answer | bytes) -> Iterator[HostileServer]:
    """Serve an answer to whoever asks."""

    def say(connection: socket.socket, _action: str) -> None:
        connection.sendall(answer)

    server = HostileServer(say if isinstance(answer, bytes) else answer)
    try:
        yield server
    finally:
        server.close()
