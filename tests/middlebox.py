"""Something between client and server that does to answers what it likes."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias
from uuid import uuid4

from tests.closing import close_server

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_DATE = re.compile(rb"\r\ndate: [^\r]*\r\n", re.IGNORECASE)


class Exchange(NamedTuple):
    """A request and the server's answer to it, heads and bodies; ``number`` counts from 0."""

    number: int
    request: bytes
    answer: bytes


Tamper: TypeAlias = Callable[[Exchange], Iterable[tuple[float, bytes]]]
"""What the client gets instead, and after how many seconds each; empty bytes close."""


def as_it_is(exchange: Exchange) -> list[tuple[float, bytes]]:
    """The answer, at once."""
    return [(0.0, exchange.answer)]


def with_date(answer: bytes, date: str) -> bytes:
    """The answer with another ``Date``; empty: with none."""
    return _DATE.sub(f"\r\nDate: {date}\r\n".encode() if date else b"\r\n", answer)


def refusal(code: str, request_id: str) -> bytes:
    """A whole answer that says no."""
    error = {"Code": code, "Message": "no"}
    body = json.dumps({"Response": {"Error": error, "RequestId": request_id}}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@dataclass
class Middlebox:
    """What it does to answers, which requests it refuses instead of passing them on, where it
    listens, how many connections it took, and what was said.
    """

    tamper: Tamper
    refuses: Callable[[bytes], bool] = lambda _: False
    url: str = ""
    connections: int = 0
    exchanges: list[Exchange] = field(default_factory=list)


@contextmanager
def middlebox(behind: str, tamper: Tamper = as_it_is) -> Iterator[Middlebox]:
    """Serve in front of a server of plain HTTP, in a thread of its own."""
    box = Middlebox(tamper)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(_Passing(box, behind), "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    box.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield box
    finally:
        asyncio.run_coroutine_threadsafe(close_server(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Passing:
    """Serves one connection, request after request."""

    def __init__(self, box: Middlebox, behind: str) -> None:
        self._box = box
        self._host, _, self._port = behind.partition("://")[2].partition(":")

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._box.connections += 1
        ends = [writer]
        try:
            behind, there = await asyncio.open_connection(self._host, int(self._port))
            ends.append(there)
            with suppress(OSError, asyncio.IncompleteReadError):
                while await self._pass_on(reader, writer, behind, there):
                    pass
        finally:
            for end in ends:
                end.close()
            for end in ends:
                with suppress(OSError):
                    await end.wait_closed()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        behind: asyncio.StreamReader,
        there: asyncio.StreamWriter,
    ) -> bool:
        request = await _message(reader)
        if self._box.refuses(request):
            answer = refusal("InvalidParameter", uuid4().hex)
        else:
            there.write(request)
            answer = await _message(behind)
        exchange = Exchange(len(self._box.exchanges), request, answer)
        if request.startswith(b"GET "):
            # Who are you? That is no request of the API.
            writer.write(exchange.answer)
            return False
        self._box.exchanges.append(exchange)
        loop = asyncio.get_running_loop()
        for delay, answer in self._box.tamper(exchange):
            does = (writer.write, answer) if answer else (writer.close,)
            loop.call_later(delay, *does) if delay else does[0](*does[1:])
        return True


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head + await reader.readexactly(int(length[1]) if length else 0)
