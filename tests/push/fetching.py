"""A far side to read from, and a reader that remembers: for tests of `kvsync.push.get`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from itertools import islice

from kvsync.model.errors import FatalError, Interrupted, PassingError, RejectedError, ServiceError
from kvsync.model.values import Pair
from kvsync.push.get import Fetch

REFUSED = RejectedError("InvalidParameter", "no such thing")
SILENCE = PassingError("Timeout", "silence")
FATAL = FatalError("AuthFailure", "wrong secret")


class FakeNamespace:
    """Holds one byte for each key, or what ``held`` says.

    A request with a key in ``wrong`` fails with its error; one that begins with a key in ``gates``
    is answered once that is set.
    """

    def __init__(
        self,
        wrong: Mapping[str, Exception] | None = None,
        held: Mapping[str, bytes | None] | None = None,
        gates: Mapping[str, asyncio.Event] | None = None,
    ) -> None:
        self.wrong = wrong or {}
        self.held = held or {}
        self.gates = gates or {}
        self.asked: list[list[str]] = []
        self.stopped = False
        self.changed = asyncio.Event()

    async def until(self, ready: Callable[[], bool]) -> None:
        """Returns once that is so, of what is asked and received."""
        async with asyncio.timeout(30):
            while not ready():
                self.changed.clear()
                await self.changed.wait()

    async def get(self, keys: Sequence[str]) -> list[Pair]:
        if self.stopped:
            raise Interrupted
        self.asked.append(list(keys))
        self.changed.set()
        await self.answering(keys)
        for key in keys:
            if key in self.wrong:
                raise self.wrong[key]
        return [Pair(key, self.held.get(key, b"x")) for key in keys]

    async def answering(self, keys: Sequence[str]) -> None:
        """What an answer takes."""
        if gate := self.gates.get(keys[0]):
            await gate.wait()
        else:
            await asyncio.sleep(0)

    def stop(self) -> None:
        self.stopped = True


class Reading:
    """A fetch from ``namespace``, and what it has handed on.

    ``overlaps`` counts the batches that were handed on while another was being received.
    """

    def __init__(
        self,
        namespace: FakeNamespace,
        *,
        size_of: Callable[[str], int | None] = lambda _: None,
        workers: int = 64,
    ) -> None:
        self.namespace = namespace
        self.fetch = Fetch(namespace, self._received, size_of, workers)
        self.batches: list[list[str]] = []
        self.overlaps = 0
        self._receiving = False

    @property
    def keys(self) -> list[str]:
        """The keys received, in order."""
        return [key for batch in self.batches for key in batch]

    @property
    def failed(self) -> dict[str, ServiceError]:
        """The keys that could not be read."""
        return dict(self.fetch.failures)

    async def run(self, keys: Iterable[str]) -> None:
        """Read these keys."""
        async with asyncio.timeout(30):
            await self.fetch.run(batches_of(keys))

    async def received(self, pairs: Sequence[Pair]) -> None:
        """What receiving a batch takes."""
        await asyncio.sleep(0)

    async def _received(self, pairs: Sequence[Pair]) -> None:
        self.overlaps += self._receiving
        self._receiving = True
        self.batches.append([pair.key for pair in pairs])
        self.namespace.changed.set()
        try:
            await self.received(pairs)
        finally:
            self._receiving = False


def keys_of(count: int) -> list[str]:
    """So many keys."""
    return [f"k{n}" for n in range(count)]


class _Batches:
    """The keys in twenties: no generator, of which an unread rest would have to be closed."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = iter(keys)

    def __aiter__(self) -> "_Batches":
        return self

    async def __anext__(self) -> Sequence[str]:
        if batch := list(islice(self._keys, 20)):
            return batch
        raise StopAsyncIteration


def batches_of(keys: Iterable[str]) -> AsyncIterator[Sequence[str]]:
    """The keys as a fetch takes them."""
    return _Batches(keys)
