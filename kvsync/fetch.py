"""Reading: twenty keys a request, in the order they were asked for, in bounded memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from kvsync.errors import FatalError, Interrupted, RejectedError, ServiceError
from kvsync.keys import KEYS_PER_REQUEST
from kvsync.model import Pair
from kvsync.pool import Stoppable

__all__ = ["Fetch", "Namespace", "Vain", "in_batches"]

_HELD_BYTES = 32 << 20
"""Bytes of value held at a time, as far as that is known before an answer is there."""
_LARGEST = 1 << 20
"""Bytes of the largest value."""
_VAIN = 8
"""Calls in a row that failed, each after all its retries: the fault is not with the keys."""
_VAIN_KEYS = 50
"""Keys in a row that were refused."""

T = TypeVar("T")


class Namespace(Stoppable, Protocol):
    """What a fetch asks of the far side."""

    async def get(self, keys: Sequence[str]) -> list[Pair]:
        """The pairs of these keys, 20 at most. Raises `ServiceError` or `Interrupted`."""


class _Budget:
    """Bytes that may be on their way; one answer may always be, however large."""

    def __init__(self) -> None:
        self._used = 0
        self._freed = asyncio.Event()

    async def reserve(self, size: int) -> None:
        while self._used and self._used + size > _HELD_BYTES:
            self._freed.clear()
            await self._freed.wait()
        self._used += size

    def release(self, size: int) -> None:
        self._used -= size
        self._freed.set()


class _Turn(NamedTuple):
    """A batch, what it may weigh (bytes), and its place in the order."""

    keys: Sequence[str]
    size: int
    before: asyncio.Event
    handed_on: asyncio.Event


@dataclass(slots=True)
class _Estimate:
    """How large an answer will be: what is known of its keys, and at least what the others were."""

    keys: int = 0
    size: int = 0

    def learn(self, pairs: Sequence[Pair]) -> None:
        self.keys += len(pairs)
        self.size += sum(len(pair.value or b"") for pair in pairs)

    def of(self, keys: Sequence[str], known: Callable[[str], int | None]) -> int:
        mean = self.size / self.keys if self.keys else None
        total = 0.0
        for key in keys:
            told = known(key)
            if told is None:
                total += _LARGEST if mean is None else mean
            else:
                total += max(told, mean or 0)
        return int(total)


@dataclass(slots=True)
class Vain:
    """How many calls in a row failed, and how many keys in a row were refused."""

    calls: int = 0
    keys: int = 0


@dataclass
class Fetch:
    """One run's reading of the keys that ``batches`` yields, 20 at most in each.

    ``received`` is given the pairs of each batch, in the order of the batches and one after the
    other; ``size_of`` says how many bytes a key's value will have, None if nobody knows. Several
    that read the same namespace may share ``vain``.
    """

    namespace: Namespace
    received: Callable[[Sequence[Pair]], Awaitable[None]]
    size_of: Callable[[str], int | None] = lambda _: None
    workers: int = 64
    vain: Vain = field(default_factory=Vain)

    failures: list[tuple[str, ServiceError]] = field(default_factory=list, init=False)
    """Keys that could not be read, and why."""

    error: ServiceError | None = field(default=None, init=False)
    """What ended the run before its time."""

    def __post_init__(self) -> None:
        self._budget = _Budget()
        self._estimate = _Estimate()
        self._taking = asyncio.Lock()
        self._last = asyncio.Event()
        self._last.set()
        self._asking: set[asyncio.Task[Any]] = set()
        self._stopping = False

    async def run(self, batches: AsyncIterator[Sequence[str]]) -> None:
        """Read until all batches are read, or until something stops it.

        A `ServiceError` out of ``batches`` ends it as one of its own does; anything else that
        ``batches`` or ``received`` raise is raised.
        """
        workers = [asyncio.create_task(self._work(batches)) for _ in range(self.workers)]
        try:
            await asyncio.gather(*workers)
        finally:
            self._stop_asking()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def stop(self) -> None:
        """Read nothing more: what is in flight is not waited for."""
        self.namespace.stop()
        self._stop_asking()

    def cut(self) -> None:
        """As `stop`: a read leaves nothing in doubt."""
        self.stop()

    def _stop_asking(self) -> None:
        self._stopping = True
        for task in self._asking:
            task.cancel()

    async def _work(self, batches: AsyncIterator[Sequence[str]]) -> None:
        # In a step of its own: a worker that waits for its next turn must not hold the last one's
        # values, whose bytes have been given to somebody else.
        while turn := await self._next(batches):
            await self._take(turn)

    async def _take(self, turn: _Turn) -> None:
        try:
            pairs = await self._read(turn.keys)
            await turn.before.wait()
            if pairs and not self._stopping:
                await self.received(pairs)
        except BaseException:
            # Whoever waits for this batch must not hand on its own as if this one were there.
            self._stop_asking()
            raise
        finally:
            self._budget.release(turn.size)
            turn.handed_on.set()

    async def _next(self, batches: AsyncIterator[Sequence[str]]) -> _Turn | None:
        # Room is taken in the order of the batches, too: a later one must not keep it from one
        # that it will have to wait for.
        async with self._taking:
            if self._stopping:
                return None
            try:
                keys = await self._asked(_following(batches))
            except Interrupted:
                return None
            except ServiceError as error:
                self._halt(error)
                return None
            if keys is None:
                return None
            size = self._estimate.of(keys, self.size_of)
            await self._budget.reserve(size)
            before, self._last = self._last, asyncio.Event()
            return _Turn(keys, size, before, self._last)

    async def _asked(self, question: Coroutine[Any, Any, T]) -> T:
        """What the far side answers. Raises `Interrupted` as soon as nothing more is to be read."""
        asking = asyncio.create_task(question)
        self._asking.add(asking)
        try:
            return await asking
        except asyncio.CancelledError:
            if self._stopping:
                raise Interrupted from None
            raise
        finally:
            self._asking.discard(asking)

    async def _read(self, keys: Sequence[str]) -> list[Pair]:
        """The pairs of these keys, as far as they can be had."""
        if self._stopping:
            return []
        try:
            pairs = await self._asked(self.namespace.get(keys))
        except Interrupted:
            return []
        except ServiceError as error:
            return await self._failed(keys, error)
        self.vain.calls = self.vain.keys = 0
        self._estimate.learn(pairs)
        return pairs

    async def _failed(self, keys: Sequence[str], error: ServiceError) -> list[Pair]:
        """Halve a batch: it may be one key, or the size of them all, that the service minds."""
        if isinstance(error, FatalError):
            self._halt(error)
            return []
        if isinstance(error, RejectedError):
            # A refusal is an answer: nothing is wrong with the way there.
            self.vain.calls, self.vain.keys = 0, self.vain.keys + (len(keys) == 1)
        else:
            self.vain.calls += 1
        if self.vain.calls >= _VAIN or self.vain.keys >= _VAIN_KEYS:
            self._halt(error)
            return []
        if len(keys) == 1:
            self.failures.append((keys[0], error))
            return []
        middle = len(keys) // 2
        return await self._read(keys[:middle]) + await self._read(keys[middle:])

    def _halt(self, error: ServiceError) -> None:
        self.error = self.error or error
        self.stop()


async def _following(batches: AsyncIterator[Sequence[str]]) -> Sequence[str] | None:
    """The next batch, None once there are no more."""
    return await anext(batches, None)


async def in_batches(keys: AsyncIterator[str]) -> AsyncIterator[Sequence[str]]:
    """The keys, as many together as one request may ask for."""
    batch: list[str] = []
    async for key in keys:
        batch.append(key)
        if len(batch) == KEYS_PER_REQUEST:
            yield batch
            batch = []
    if batch:
        yield batch
