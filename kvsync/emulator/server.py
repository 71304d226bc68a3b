"""EdgeKV over HTTP or HTTPS on loopback, inside the running event loop."""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from email.utils import formatdate
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web

from kvsync.emulator.actions import ACTIONS
from kvsync.emulator.authorization import secret_id
from kvsync.emulator.certificate import serving_context
from kvsync.emulator.faults import Faults, deliver_fault
from kvsync.emulator.lag import LaggingStore
from kvsync.emulator.limits import SlidingWindow
from kvsync.emulator.options import EmulatorOptions
from kvsync.emulator.service import MAX_BODY, Request, Service
from kvsync.model.errors import UsageError

_REMEMBERED_ARRIVALS = 200_000
_SHUTDOWN_SECONDS = 0.5


class Emulator:
    """EdgeKV, served for as long as the context lasts.

    ``port`` 0 takes a free one. ``clock`` gives the service's time in Unix seconds; pace and lag
    are counted on ``monotonic`` (seconds). ``url``, ``uuid`` and the direct ways into the data
    exist inside the context only.

    Raises `StateError` if the data file cannot be used, `UsageError` if the port or the
    certificate cannot.
    """

    url: str
    uuid: str

    def __init__(
        self,
        options: EmulatorOptions,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.arrivals: deque[tuple[float, str]] = deque(maxlen=_REMEMBERED_ARRIVALS)
        self._options = options
        self._host = host
        self._port = port
        self._clock = clock
        self._monotonic = monotonic
        self._tls = serving_context(options.tls) if options.tls else None
        self._window = SlidingWindow(options.rate)
        self.faults = Faults(options)
        self._way = random.Random(options.seed)  # noqa: S311 - no secret depends on it
        self._requests: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._closing = asyncio.Event()
        self._store: LaggingStore
        self._service: Service
        self._runner: web.ServerRunner

    async def __aenter__(self) -> Self:
        self._closing.clear()
        self._store = LaggingStore(self._options.data, self._options.lag, self._monotonic)
        self._service = Service(self._store, self._options, self._clock)
        self.uuid = self._store.uuid
        try:
            await self._listen()
        except BaseException:
            self._store.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        try:
            await self._runner.cleanup()
        finally:
            self._store.close()

    def pairs(self, zone: str, namespace: str) -> dict[str, tuple[str, int]]:
        """Return all pairs of a namespace as they are stored, past pace, signature, faults and lag.

        Each with its value and its expiry (Unix seconds, 0 for never). Raises `LookupError` if
        the namespace does not exist.
        """
        found = self._service.namespace(zone, namespace)
        return {
            key.decode(): (value.decode(), expires)
            for key, value, expires in self._store.pairs(found)
        }

    def put(self, zone: str, namespace: str, key: str, value: str, expires: int = 0) -> None:
        """Write a pair directly, as another one would have long ago: it can be read at once.

        ``expires`` is in Unix seconds, 0 for never.
        """
        found = self._service.namespace(zone, namespace)
        if self._store.put(found, key.encode(), value.encode(), expires):
            self._store.settle(found, key.encode())

    def delete(self, zone: str, namespace: str, key: str) -> None:
        """Delete a pair directly, as another one would have done long ago."""
        found = self._service.namespace(zone, namespace)
        self._store.delete(found, [key.encode()])
        self._store.settle(found, key.encode())

    async def _listen(self) -> None:
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, self._host, self._port, backlog=1024, ssl_context=self._tls
        )
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise UsageError(
                f"cannot listen on {self._host}, port {self._port}: {error.strerror}; "
                "choose another --port"
            ) from error
        host = f"[{self._host}]" if ":" in self._host else self._host
        scheme = "https" if self._tls else "http"
        self.url = f"{scheme}://{host}:{self._runner.addresses[0][1]}"

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        method = (request.method, request.path)
        if method == ("POST", "/"):
            response = await self._post(request)
        elif method == ("GET", "/"):
            response = web.Response(text=f"kvsync emulator {self.uuid}\n")
        elif method == ("GET", "/_emulator/stats"):
            response = _json(self._stats())
        elif request.path in {"/", "/_emulator/stats"}:
            response = web.Response(status=405, headers={"Allow": "GET, POST"})
        else:
            response = web.Response(status=404, text="There is nothing here; POST to /\n")
        if not response.prepared:
            response.headers["Date"] = formatdate(self._clock(), usegmt=True)
        return response

    async def _post(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._options.jitter:
            await asyncio.sleep(self._way.uniform(0, 2 * self._options.jitter))
        # Nothing was awaited since the whole head was there, but a way that is longer for some.
        admitted = self._arrive(request)
        fault = self.faults.draw()
        body = await _body(request)
        answer = b""
        if self.faults.is_carried_out(fault):
            answer = self._service.answer(Request(request.headers, body, admitted))
        if self._options.latency:
            await asyncio.sleep(self._options.latency)
        if fault:
            self._failed[fault] += 1
            return await deliver_fault(fault, request, answer, self._closing)
        return _json(answer)

    def _arrive(self, request: web.BaseRequest) -> bool:
        """Note a request, and say whether it keeps the pace."""
        now = self._monotonic()
        named = request.headers.get("X-TC-Action", "")
        action = named if named in ACTIONS else "unknown"
        self.arrivals.append((now, action))
        self._requests[action] += 1
        admitted = self._window.admit((secret_id(request.headers), action), now)
        if not admitted:
            self._refused[action] += 1
        return admitted

    def _stats(self) -> bytes:
        return msgspec.json.encode(
            {
                "requests": self._requests,
                "refused": self._refused,
                "faults": self._failed,
                "arrivals": list(self.arrivals),
            }
        )


async def _body(request: web.BaseRequest) -> bytes | None:
    """Return the request's body, or None if it is longer than the service takes."""
    if (request.content_length or 0) > MAX_BODY:
        return None
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def _json(body: bytes) -> web.Response:
    """Return an answer that the vendor's SDK reads: it wants this type exactly, without a
    charset.
    """
    return web.Response(body=body, headers={"Content-Type": "application/json"})
