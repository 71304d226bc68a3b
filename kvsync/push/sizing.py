"""The size of a fetch: its bounds, and estimates from the answers so far."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kvsync.model.api import KEYS_PER_REQUEST, MAX_VALUE_SIZE
from kvsync.model.values import Pair

_HELD_BYTES = 32 << 20
"""Bytes of value held at a time, as far as that is known before an answer is there."""
_MEMORY = 0.9
"""What an answer leaves of the estimate before it, where it was smaller."""
_TRUSTED = 50
"""Requests after which it is tried again whether twice as many keys can be asked for."""


class Budget:
    """Bytes that may be on their way or be held; one answer may always be, however large."""

    def __init__(self) -> None:
        self._used = 0
        self._freed = asyncio.Event()

    async def reserve(self, size: int) -> None:
        """Wait until there is room for so many bytes, and take it."""
        while self._used and self._used + size > _HELD_BYTES:
            self._freed.clear()
            await self._freed.wait()
        self._used += size

    def fits(self, size: int) -> bool:
        """Return whether there is room for so many bytes more."""
        return self._used + size <= _HELD_BYTES

    def take(self, size: int) -> None:
        """Count bytes that are there, whether they fit or not."""
        self._used += size

    def release(self, size: int) -> None:
        """So many bytes are gone."""
        self._used -= size
        self._freed.set()


def size_of(pairs: Sequence[Pair]) -> int:
    """Bytes that their values take."""
    return sum(len(pair.value or b"") for pair in pairs)


@dataclass(slots=True)
class Estimate:
    """How large an answer will be: what is known of its keys, and at least what the last ones were.

    It follows at once where values become larger, and slowly where they become smaller.
    """

    mean: float | None = None
    """Bytes of a value."""

    def learn(self, pairs: Sequence[Pair]) -> None:
        """Look at what an answer had."""
        if pairs:
            mean = size_of(pairs) / len(pairs)
            before = mean if self.mean is None else self.mean
            self.mean = max(mean, _MEMORY * before + (1 - _MEMORY) * mean)

    def of(self, keys: Sequence[str], known: Callable[[str], int | None]) -> int:
        """Bytes that the values of these keys are expected to take; ``known`` is told of some."""
        total = 0.0
        for key in keys:
            told = known(key)
            if told is None:
                total += MAX_VALUE_SIZE if self.mean is None else self.mean
            else:
                total += max(told, self.mean or 0)
        return int(total)


@dataclass(slots=True)
class Most:
    """Keys that a request may ask for, as far as the service's refusals teach it."""

    keys: int = KEYS_PER_REQUEST
    good: int = 0
    """Requests in a row that asked for as many, and were answered."""

    def answered(self, keys: int) -> None:
        """Note that a request for so many keys was answered."""
        if keys < self.keys:
            return
        self.good += 1
        if self.good >= _TRUSTED:
            self.keys = min(2 * self.keys, KEYS_PER_REQUEST)
            self.good = 0

    def too_many(self, keys: int) -> None:
        """Note that a request for so many keys was refused, and each half of them was not."""
        self.keys = min(self.keys, max(1, keys // 2))
        self.good = 0
