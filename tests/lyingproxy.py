"""A proxy between a client and its service that answers as it likes, drawing lots.

It speaks HTTP/1.1 to both sides, to the client over TLS if it has a certificate. What it does to a
request is a word (`DEEDS`); to most it does nothing. It lies in every way that can be found out:
nobody could tell if it gave two requests each other's fresh answers, one an acknowledgement and
one a refusal, so it exchanges only those of one kind; and what it replays, the same client has
heard before.
"""

import asyncio
import json
import random
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from email.utils import formatdate
from typing import NamedTuple, Self

from tests.closing import close_server

CUTS = ("cut-before", "cut-after", "cut-head", "cut-body")
REFUSED = "refused"
"""A refusal that is true: the service never hears of the request."""
DEEDS = (
    "twice", "twice-later", "late", "exchanged", "replayed", "replayed-instead", "dated",
    "unknown-code", *CUTS, REFUSED,
)  # fmt: skip

_LATER_S = 0.015
_LATE_S = 0.5
"""Longer than the client waits, who must be told to wait for less."""
_PARTNER_S = 0.03
_REMEMBERED = 1000
_HOUR = 3600
DATES = (-72, -20, -5, -0.1, 0.1, 5, 20, 72)
"""Hours by which a foreign ``Date`` may be wrong."""
_CODES = ("ResourceUnavailable", "Weird.Code", "Unheard", "LimitExceeded2")
_REFUSALS = ("LimitExceeded", "UnsupportedOperation", "InvalidParameterValue")


class _Message(NamedTuple):
    """An HTTP request or answer."""

    head: bytes
    body: bytes

    @property
    def whole(self) -> bytes:
        return self.head + self.body

    def with_body(self, body: bytes) -> "_Message":
        """The same with another body, and what its head says of that."""
        return self.with_header(b"Content-Length", str(len(body)).encode())._replace(body=body)

    def with_header(self, name: bytes, value: bytes | None) -> "_Message":
        """The same with this header, or without it."""
        lines = [
            line
            for line in self.head[:-4].split(b"\r\n")
            if not line.lower().startswith(name.lower() + b":")
        ]
        lines += [name + b": " + value] if value is not None else []
        return self._replace(head=b"\r\n".join(lines) + b"\r\n\r\n")

    @property
    def acknowledges(self) -> bool:
        """Whether it is an answer of the service, and no error."""
        return b'"Error"' not in self.body and b'"RequestId"' in self.body


class Dice:
    """Draws what befalls each request: one of ``kinds`` for a ``share`` of them."""

    def __init__(self, kinds: Iterable[str], share: float, seed: int) -> None:
        self._kinds = tuple(kinds)
        self._share = share
        self.random = random.Random(seed)

    def draw(self) -> str:
        """The deed of the next request; empty for most."""
        return self.random.choice(self._kinds) if self.random.random() < self._share else ""


class LyingProxy:
    """Serves in a thread, in front of the server at ``behind``, for as long as the context lasts.

    ``draw`` says what befalls the next request; ``done`` counts that, and ``withheld`` the requests
    that the server never saw. ``shift`` is by how many hours each foreign ``Date`` is wrong, None
    for another one each time. ``context`` is what it serves TLS with.
    """

    def __init__(
        self, behind: str, context: ssl.SSLContext | None = None, *, seed: int = 0
    ) -> None:
        self.draw: Callable[[], str] = str
        self.shift: float | None = None
        self.done: Counter[str] = Counter()
        self.withheld = 0
        self._random = random.Random(seed)
        self._host, _, self._port = behind.partition("://")[2].partition(":")
        self._context = context
        self._told: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._waiting: list[tuple[_Message, asyncio.Future[_Message]]] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._context else 'http'}://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def settle(self) -> None:
        """Return once the client has left, and what it sent was carried out; another may come."""
        asyncio.run_coroutine_threadsafe(self._settle(), self._loop).result(30)

    async def _settle(self) -> None:
        while self._serving:
            await asyncio.wait(self._serving)
        self._told.clear()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self._context, backlog=1024
        )

    async def _close(self) -> None:
        await close_server(self._server)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        # Cancelled when all is over; the streams would tell of that.
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            behind, there = await asyncio.open_connection(self._host, int(self._port))
            try:
                client, service = _Side(reader, writer), _Side(behind, there)
                while await self._pass_on(client, service):
                    pass
            finally:
                there.close()
        writer.close()

    async def _pass_on(self, client: "_Side", service: "_Side") -> bool:
        """One request and its answer; returns whether another may follow."""
        request = await client.read()
        if not request.head.startswith(b"POST"):
            client.write((await service.ask(request)).whole)
            return b"HTTP/1.0" not in request.head
        deed = self.draw()
        if deed in {"replayed", "replayed-instead"} and not self._told:
            deed = ""
        self.done[deed] += bool(deed)
        if deed in {"cut-before", REFUSED, "replayed-instead"}:
            self.withheld += 1
            return self._without_service(deed, client)
        answer = await service.ask(request)
        return await self._deliver(deed, answer, client)

    def _without_service(self, deed: str, client: "_Side") -> bool:
        if deed == "cut-before":
            return client.cut(self._random)
        if deed == REFUSED:
            client.write(_answer(_error(self._random.choice(_REFUSALS))).whole)
        else:
            client.write(_answer(self._random.choice(self._told)).whole)
        return True

    async def _deliver(self, deed: str, answer: _Message, client: "_Side") -> bool:
        if deed in CUTS:
            kept = {
                "cut-after": b"",
                "cut-head": answer.head[: self._random.randrange(1, len(answer.head))],
                "cut-body": answer.head + answer.body[: self._random.randrange(len(answer.body))],
            }
            client.write(kept[deed])
            return client.cut(self._random)
        if deed == "late":
            await asyncio.sleep(_LATE_S)
        if deed == "unknown-code" and answer.acknowledges:
            answer = answer.with_body(_error(self._random.choice(_CODES)))
        if deed == "dated":
            answer = answer.with_header(b"Date", self._date())
        if deed == "exchanged":
            answer = await self._exchanged(answer)
        if deed == "replayed":
            answer = answer.with_body(self._random.choice(self._told))
        elif deed != "late" and answer.acknowledges:
            self._told.append(answer.body)
        client.write(answer.whole)
        if deed == "twice":
            client.write(answer.whole)
        if deed == "twice-later":
            self._loop.call_later(_LATER_S, client.write, answer.whole)
        return True

    def _date(self) -> bytes | None:
        shift = self.shift
        if shift is None:
            if self._random.random() < 0.2:
                return self._random.choice([None, b"yesterday", b"Thu, 01 Jan 1970 00:00:00 GMT"])
            shift = self._random.choice(DATES)
        return formatdate(time.time() + shift * _HOUR, usegmt=True).encode()

    async def _exchanged(self, answer: _Message) -> _Message:
        """Another request's answer of the same kind, if there is one soon; that gets this one."""
        for pair in self._waiting:
            other, future = pair
            if other.acknowledges == answer.acknowledges and not future.done():
                self._waiting.remove(pair)
                future.set_result(answer)
                return other
        mine = answer, self._loop.create_future()
        self._waiting.append(mine)
        with suppress(TimeoutError):
            return await asyncio.wait_for(mine[1], _PARTNER_S)
        if mine in self._waiting:
            self._waiting.remove(mine)
        return answer


class _Side:
    """A connection, to the client or to the service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> _Message:
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return _Message(head, await self._reader.readexactly(length))

    def write(self, content: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(content)

    async def ask(self, request: _Message) -> _Message:
        self.write(request.whole)
        return await self.read()

    def cut(self, chance: random.Random) -> bool:
        """End the connection, with or without a word."""
        if chance.random() < 0.5:
            self._writer.transport.abort()
        return False


def _answer(body: bytes) -> _Message:
    head = f"HTTP/1.1 200 OK\r\nDate: {formatdate(usegmt=True)}\r\n".encode()
    return _Message(head + b"Content-Type: application/json\r\n\r\n", b"").with_body(body)


def _error(code: str) -> bytes:
    identity = f"{random.getrandbits(128):032x}"
    error = {"Code": code, "Message": "The proxy says so."}
    return json.dumps({"Response": {"Error": error, "RequestId": identity}}).encode()
