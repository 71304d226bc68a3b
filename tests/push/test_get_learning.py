"""What a fetch learns from answers: how many keys a request may have, and how large values are."""

import asyncio
from collections.abc import Sequence

import pytest

from kvsync.model.errors import RejectedError
from kvsync.model.values import Pair
from tests.push.fetching import REFUSED, FakeNamespace, Reading, keys_of

MIB = 1 << 20


class Narrow(FakeNamespace):
    """Refuses requests for more keys than this."""

    most = 5

    async def answering(self, keys: Sequence[str]) -> None:
        await asyncio.sleep(0)
        if len(keys) > self.most:
            raise REFUSED


@pytest.mark.slow
@pytest.mark.parametrize(("most", "requests"), [(5, 4_800), (1, 22_000), (19, 2_600)])
async def test_a_refusal_teaches_all_that_is_not_sent_yet(most: int, requests: int) -> None:
    """20,000 keys take hardly more requests than the refusals leave: no batch learns it anew."""
    namespace = Narrow()
    namespace.most = most
    reading = Reading(namespace)
    await reading.run(keys_of(20_000))
    assert (reading.keys, reading.failed) == (keys_of(20_000), {})
    assert len(namespace.asked) < requests


@pytest.mark.slow
async def test_what_was_refused_once_is_tried_again() -> None:
    """A service that has recovered gets full requests again before long."""
    namespace = Narrow()
    reading = Reading(namespace)

    class Recovering(Narrow):
        async def answering(self, keys: Sequence[str]) -> None:
            self.most = 5 if len(self.asked) < 100 else 20
            await super().answering(keys)

    namespace = Recovering()
    reading = Reading(namespace)
    await reading.run(keys_of(20_000))
    assert reading.keys == keys_of(20_000)
    assert len(namespace.asked) < 1_500


async def test_a_bad_key_is_no_lesson() -> None:
    """Where a key is at fault, the others are still asked for in twenties."""
    namespace = FakeNamespace({"k7": RejectedError("InvalidParameter", "no such thing")})
    reading = Reading(namespace, workers=1)
    await reading.run(keys_of(2_000))
    assert [len(keys) for keys in namespace.asked[-90:]] == [20] * 90


class Turning(FakeNamespace):
    """Small values, and after so many keys values of 1 MiB; notes what is held at most."""

    def __init__(self, small: int) -> None:
        super().__init__()
        self._small = small
        self._large = b"x" * MIB
        self.held_bytes = 0
        self.heaviest = 0

    async def get(self, keys: Sequence[str]) -> list[Pair]:
        self.asked.append(list(keys))
        # The last answers come first: all the others have to be held until their turn.
        for _ in range(800 - 5 * (len(self.asked) % 100)):
            await asyncio.sleep(0)
        return Held(self, [Pair(key, self._value(key)) for key in keys])

    def _value(self, key: str) -> bytes:
        return b"x" if int(key[1:]) < self._small else self._large


class Held(list[Pair]):
    """Pairs that weigh as long as they are there."""

    def __init__(self, namespace: Turning, pairs: list[Pair]) -> None:
        super().__init__(pairs)
        self._namespace = namespace
        self._size = sum(len(pair.value or b"") for pair in pairs)
        namespace.held_bytes += self._size
        namespace.heaviest = max(namespace.heaviest, namespace.held_bytes)

    def __del__(self) -> None:
        self._namespace.held_bytes -= self._size


@pytest.mark.slow
@pytest.mark.parametrize("small", [20, 2_000, 2_010])
async def test_small_values_and_then_large_ones(small: int) -> None:
    """What was thought to be small is let go and read again: no more than 72 MiB are ever held."""
    namespace = Turning(small)
    received: list[str] = []
    reading = Reading(namespace)

    async def take(pairs: Sequence[Pair]) -> None:
        received.extend(pair.key for pair in pairs)
        await asyncio.sleep(0)

    reading.fetch.received = take
    await reading.run(keys_of(small + 2_000))
    assert received == keys_of(small + 2_000)
    assert namespace.heaviest <= (32 + 20 + 20) * MIB
    assert len(namespace.asked) <= (small + 2_000) // 20 + 1 + 64
