"""An emulator in a thread of its own, for tests whose client blocks or has another event loop."""

import asyncio
import json
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any, Self, TypeVar

import pytest

from kvsync.emulator.options import EmulatorOptions
from kvsync.emulator.server import Emulator

T = TypeVar("T")


class ServedEmulator:
    """Runs an `Emulator` in a background thread; every method is safe to call from outside it."""

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
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._emulator = Emulator(options, host=host, port=port, clock=clock, monotonic=monotonic)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._await(self._emulator.__aenter__())
        except BaseException:
            self._stop()
            raise
        self.url = self._emulator.url
        self.uuid = self._emulator.uuid
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._await(self._emulator.__aexit__(None, None, None))
        finally:
            self._stop()

    @property
    def arrivals(self) -> list[tuple[float, str]]:
        """When each request arrived (in monotonic seconds), and what it asked for."""
        return self._call(lambda: list(self._emulator.arrivals))

    def stats(self) -> dict[str, Any]:
        """What ``GET /_emulator/stats`` answers."""
        with urllib.request.urlopen(f"{self.url}/_emulator/stats", timeout=10) as answer:
            return json.load(answer)

    def pairs(self, zone: str, namespace: str) -> dict[str, tuple[str, int]]:
        """All stored pairs of a namespace: value, and expiry in Unix seconds or 0."""
        return self._call(lambda: self._emulator.pairs(zone, namespace))

    def fail(self, share: float) -> None:
        """From now on so many requests fail (0 to 1), in the ways that were said at the start."""
        self._emulator.faults.share = share

    def put(self, zone: str, namespace: str, key: str, value: str, expires: int = 0) -> None:
        """Write a pair behind everyone's back; it can be read at once."""
        self._call(lambda: self._emulator.put(zone, namespace, key, value, expires))

    def delete(self, zone: str, namespace: str, key: str) -> None:
        """Delete a pair behind everyone's back."""
        self._call(lambda: self._emulator.delete(zone, namespace, key))

    def _call(self, function: Callable[[], T]) -> T:
        async def called() -> T:
            return function()

        return self._await(called())

    def _await(self, awaitable: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(timeout=30)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def serve_emulator() -> Iterator[Callable[..., ServedEmulator]]:
    """Serve emulators: takes the fields of `EmulatorOptions`, and what `Emulator` takes.

    Unlike the command, they have the namespace ``ns``, next to no limit of pace, and take what one
    of the API's revisions takes: tests want no minutes.
    """
    with ExitStack() as stack:

        def serve(
            *,
            host: str = "127.0.0.1",
            port: int = 0,
            clock: Callable[[], float] = time.time,
            monotonic: Callable[[], float] = time.monotonic,
            **options: Any,
        ) -> ServedEmulator:
            usual = {"namespaces": ("ns",), "rate": 100000.0, "limits": "any"}
            chosen = EmulatorOptions(**usual | options)
            served = ServedEmulator(chosen, host=host, port=port, clock=clock, monotonic=monotonic)
            return stack.enter_context(served)

        yield serve


@pytest.fixture
def emulator(serve_emulator: Callable[..., ServedEmulator]) -> ServedEmulator:
    """An emulator in memory, with any zone and the namespace ``ns``."""
    return serve_emulator()
