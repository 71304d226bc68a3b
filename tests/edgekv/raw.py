"""A server of raw bytes on loopback, for what happens below HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kvsync.edgekv.throttle import Throttle
from tests.closing import close_server

BODY = b'{"Response": {"RequestId": "r-1"}}'


def answer(number: int) -> bytes:
    """The success with this number in its RequestId."""
    body = BODY.replace(b"r-1", b"r-%d" % number)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


OK = answer(1)

Talk: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """Where it listens, how many connections it took, how many answers of its own it has given, and
    the head of each request.
    """

    url: str = ""
    connections: int = 0
    answers: int = 0
    heads: list[bytes] = field(default_factory=list)

    async def read_request(self, reader: asyncio.StreamReader) -> None:
        """Reads one request to its end. Raises `asyncio.IncompleteReadError` at a closed end."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        await reader.readexactly(int(length or 0))

    def ok(self) -> bytes:
        """A success of its own."""
        self.answers += 1
        return answer(self.answers)

    async def answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers every request of a connection with success."""
        while True:
            await self.read_request(reader)
            writer.write(self.ok())


@asynccontextmanager
async def raw_server(
    talk: Callable[[RawServer], Talk] = lambda server: server.answer_all,
) -> AsyncIterator[RawServer]:
    """Serves each connection by ``talk``, and closes it after that."""
    served = RawServer()
    conversation = talk(served)
    serving: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        serving.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            await conversation(reader, writer)
        writer.transport.abort() if writer.is_closing() else writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        await close_server(server, serving)


class HeldThrottle(Throttle):
    """Gives permits only when the test says so."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.asked = 0
        self.go = asyncio.Event()

    async def permit(self, action: str) -> None:
        self.asked += 1
        with self.until_stopped():
            await self.go.wait()


async def until(condition: Callable[[], bool]) -> None:
    """Lets the loop run until something is so, for 5 s at most."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a server's lists raise no event
            await asyncio.sleep(0.001)
