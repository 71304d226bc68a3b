"""Reading in bounded memory: what is on its way, and that waiting for room never waits for ever."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.values import Pair
from tests.push.fetching import REFUSED, SILENCE, FakeNamespace, Reading, keys_of

MIB = 1 << 20
LARGE = b"x" * MIB
BOUND = 32 * MIB


class Weighing(FakeNamespace):
    """Knows how many bytes are held: from the moment they are asked for until they are received.

    ``delays`` says how many steps of the event loop an answer takes.
    """

    def __init__(self, *args: object, delays: Sequence[int] = (0,)) -> None:
        super().__init__(*args)
        self.delays = delays
        self.weight = 0
        self.heaviest = 0
        self.flying = 0
        self.most_flying = 0

    async def answering(self, keys: Sequence[str]) -> None:
        self.flying += 1
        self.most_flying = max(self.flying, self.most_flying)
        if len(keys) == 20:
            # A half was weighed with its whole.
            self.weight += sum(len(self.held.get(key, b"x")) for key in keys)
            self.heaviest = max(self.weight, self.heaviest)
        try:
            for _ in range(self.delays[len(self.asked) % len(self.delays)]):
                await asyncio.sleep(0)
            await super().answering(keys)
        finally:
            self.flying -= 1

    def received(self, pairs: Sequence[Pair]) -> None:
        """These pairs are held no more."""
        self.weight -= sum(len(pair.value or b"") for pair in pairs)


class WeighedReading(Reading):
    """Lets go of what it receives."""

    async def received(self, pairs: Sequence[Pair]) -> None:
        await super().received(pairs)
        self.namespace.received(pairs)


@pytest.mark.parametrize("known", [MIB, None])
async def test_values_of_a_mebibyte(known):
    """Of values of 1 MiB no more than 32 MiB are on their way, whether that is known or not."""
    keys = keys_of(200)
    namespace = Weighing({}, dict.fromkeys(keys, LARGE), delays=(3, 0, 5))
    reading = WeighedReading(namespace, size_of=lambda _: known)
    await reading.run(keys)
    assert (reading.keys, namespace.weight) == (keys, 0)
    assert 20 * MIB <= namespace.heaviest <= BOUND


async def test_the_first_answer_is_waited_for():
    """As long as nothing is known each key counts as 1 MiB: one batch is on its way, no two."""
    namespace = Weighing({}, {}, {"k0": asyncio.Event()}, delays=(40,))
    reading = WeighedReading(namespace)
    running = asyncio.create_task(reading.run(keys_of(2000)))
    await namespace.until(lambda: bool(namespace.asked))
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(namespace.asked) == 1
    namespace.gates["k0"].set()
    await running
    assert reading.keys == keys_of(2000)
    assert namespace.most_flying > 1, "small values are read side by side once that is known"


async def test_small_values_told_to_be_large():
    """A size that turned out too large holds back others only until its batch is received."""
    namespace = Weighing()
    reading = WeighedReading(namespace, size_of=lambda _: 100 * MIB)
    await reading.run(keys_of(100))
    assert (reading.keys, namespace.most_flying) == (keys_of(100), 1)


async def test_room_that_an_early_batch_needs():
    """A slow batch whose followers fill the room does not keep them, or itself, for ever."""
    namespace = Weighing({}, {}, {"k0": asyncio.Event()})
    reading = WeighedReading(namespace, size_of=lambda _: MIB // 2)
    running = asyncio.create_task(reading.run(keys_of(400)))
    await namespace.until(lambda: len(namespace.asked) == 3)
    for _ in range(50):
        await asyncio.sleep(0)
    assert (len(namespace.asked), reading.batches) == (3, []), "10 MiB each, 32 in all"
    namespace.gates["k0"].set()
    await running
    assert reading.keys == keys_of(400)


SIZES = st.sampled_from([1, 1000, MIB // 2, MIB])
VALUES = {size: b"x" * size for size in (1, 1000, MIB // 2, MIB)}


@st.composite
def readings(draw: st.DrawFn) -> tuple[WeighedReading, list[str]]:
    """A reading of some keys; their sizes, delays, failures, and what is known of them."""
    keys = keys_of(draw(st.integers(0, 20)) * 20)
    batches = draw(st.lists(SIZES, min_size=1, max_size=8))
    sizes = {key: batches[n // 20 % len(batches)] for n, key in enumerate(keys)}
    delays = draw(st.lists(st.integers(0, 30), min_size=1, max_size=8))
    bad = draw(st.sets(st.sampled_from(keys), max_size=7)) if keys else set()
    wrong: dict[str, Exception] = dict.fromkeys(bad, REFUSED)
    if bad:
        # A second one could make eight calls in vain, and end it.
        wrong[draw(st.sampled_from(sorted(bad)))] = SILENCE
    held = {key: VALUES[size] for key, size in sizes.items()}
    namespace = Weighing(wrong, held, {}, delays=delays)
    workers = draw(st.sampled_from([1, 2, 5, 64]))
    return WeighedReading(namespace, size_of=sizes.get, workers=workers), keys


@pytest.mark.slow
@given(readings())
def test_whatever_is_slow_large_or_refused(drawn):
    """Every key is received once and in order, or has failed; memory is bounded; it ends."""
    reading, keys = drawn
    namespace = reading.namespace
    asyncio.run(reading.run(keys))
    assert reading.fetch.error is None
    assert set(reading.failed) == set(namespace.wrong)
    assert reading.keys == [key for key in keys if key not in namespace.wrong]
    assert reading.overlaps == 0
    lost = sum(len(namespace.held[key]) for key in namespace.wrong)
    assert namespace.heaviest <= BOUND + lost
