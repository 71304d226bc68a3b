"""Reading: twenty keys a request, in the order they were asked for, in bounded memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from kvsync.model.api import KEYS_PER_REQUEST
from kvsync.model.errors import FatalError, Interrupted, RejectedError, ServiceError
from kvsync.model.values import Pair
from kvsync.push.parcels import RemoteNamespace
from kvsync.push.sizing import Budget, Estimate, Most, size_of

_VAIN = 8
"""Calls in a row that failed, each after all its retries: the fault is not with the keys."""
_VAIN_KEYS = 50
"""Keys in a row that were refused."""

T = TypeVar("T")


class _Turn(NamedTuple):
    """A batch, what it may weigh (bytes), and its place in the order."""

    keys: Sequence[str]
    size: int
    before: asyncio.Event
    handed_on: asyncio.Event


@dataclass(slots=True)
class Vain:
    """How many calls in a row failed, and how many keys in a row were refused."""

    calls: int = 0
    keys: int = 0


@dataclass
class Fetch:
    """One run's reading of the keys that ``batches`` yields, 20 at most in each.

    ``received`` is given the pairs of each batch, in the order of the batches and one after the
    other; ``size_of`` says how many bytes a key's value will have, None if no one knows. Several
    that read the same namespace may share ``vain``.
    """

    namespace: RemoteNamespace
    received: Callable[[Sequence[Pair]], Awaitable[None]]
    size_of: Callable[[str], int | None] = lambda _: None
    workers: int = 64
    vain: Vain = field(default_factory=Vain)

    failures: list[tuple[str, ServiceError]] = field(default_factory=list, init=False)
    """Keys that could not be read, and why."""

    error: ServiceError | None = field(default=None, init=False)
    """What ended the run before its time."""

    def __post_init__(self) -> None:
        self._budget = Budget()
        self._estimate = Estimate()
        self._most = Most()
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
        """Do as `stop`: a read leaves nothing in doubt."""
        self.stop()

    def _stop_asking(self) -> None:
        self._stopping = True
        for task in self._asking:
            task.cancel()

    async def _work(self, batches: AsyncIterator[Sequence[str]]) -> None:
        # In a step of its own: a worker that waits for its next turn must not hold the last one's
        # values, whose bytes have been given to another one.
        while turn := await self._next(batches):
            await self._take(turn)

    async def _take(self, turn: _Turn) -> None:
        held = turn.size
        try:
            pairs = await self._read(turn.keys)
            beyond = max(0, size_of(pairs) - turn.size)
            dropped = not (turn.before.is_set() or self._budget.fits(beyond))
            if dropped:
                # Small values were expected: all that are under way may be as large.
                keys = [pair.key for pair in pairs]
                del pairs
                await turn.before.wait()
            self._budget.take(beyond)
            held += beyond
            if dropped:
                pairs = await self._read(keys)
            await turn.before.wait()
            if pairs and not self._stopping:
                await self.received(pairs)
        except BaseException:
            # A worker that waits for this batch must not hand on its own before it.
            self._stop_asking()
            raise
        finally:
            self._budget.release(held)
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
        """Return what the far side answers. Raises `Interrupted` as soon as nothing more is to be
        read.
        """
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
        """Return the pairs of these keys, as far as they can be had."""
        if self._stopping:
            return []
        if len(keys) > self._most.keys:
            return await self._in_parts(keys, self._most.keys)
        try:
            pairs = await self._asked(self.namespace.get(keys))
        except Interrupted:
            return []
        except ServiceError as error:
            return await self._failed(keys, error)
        self.vain.calls = self.vain.keys = 0
        self._estimate.learn(pairs)
        self._most.answered(len(keys))
        return pairs

    async def _in_parts(self, keys: Sequence[str], size: int) -> list[Pair]:
        pairs: list[Pair] = []
        for first in range(0, len(keys), size):
            pairs += await self._read(keys[first : first + size])
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
        pairs = await self._in_parts(keys, (len(keys) + 1) // 2)
        if len(pairs) == len(keys):
            # No key was at fault, so there were too many of them: the next need not learn it.
            self._most.too_many(len(keys))
        return pairs

    def _halt(self, error: ServiceError) -> None:
        self.error = self.error or error
        self.stop()


async def _following(batches: AsyncIterator[Sequence[str]]) -> Sequence[str] | None:
    """Return the next batch, None once there are no more."""
    return await anext(batches, None)


async def in_batches(keys: AsyncIterator[str]) -> AsyncIterator[Sequence[str]]:
    """Yield the keys, as many together as one request may ask for."""
    batch: list[str] = []
    async for key in keys:
        batch.append(key)
        if len(batch) == KEYS_PER_REQUEST:
            yield batch
            batch = []
    if batch:
        yield batch
