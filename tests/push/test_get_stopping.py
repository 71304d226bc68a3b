"""Reading that is stopped: it ends at once, whatever hangs, and leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from kvsync.model.values import Pair
from kvsync.push.get import in_batches
from tests.push.fetching import FATAL, REFUSED, FakeNamespace, Reading, batches_of, keys_of


def others() -> set[asyncio.Task[object]]:
    """Tasks that are still there, besides the test."""
    return asyncio.all_tasks() - {asyncio.current_task()}


@pytest.mark.parametrize("how", ["stop", "cut"])
async def test_stop_while_requests_hang(how):
    """What is in flight is not waited for, and no task is left behind."""
    gates = {f"k{n}": asyncio.Event() for n in range(20, 4000, 20)}
    namespace = FakeNamespace({}, {}, gates)
    reading = Reading(namespace, size_of=lambda _: 1, workers=7)
    running = asyncio.create_task(reading.run(keys_of(4000)))
    await namespace.until(lambda: len(namespace.asked) == 8)
    getattr(reading.fetch, how)()
    await running
    assert (reading.keys, reading.fetch.error, reading.failed) == (keys_of(20), None, {})
    assert (len(namespace.asked), namespace.stopped, others()) == (8, True, set())


async def test_stop_before_the_start():
    """A fetch that was stopped before it began asks nothing."""
    namespace = FakeNamespace()
    reading = Reading(namespace)
    reading.fetch.stop()
    await reading.run(keys_of(100))
    assert (namespace.asked, reading.batches) == ([], [])


async def test_stop_while_the_budget_is_exhausted():
    """Batches that wait for room end, too."""
    namespace = FakeNamespace({}, {}, {"k0": asyncio.Event()})
    reading = Reading(namespace, size_of=lambda _: 1 << 20)
    running = asyncio.create_task(reading.run(keys_of(400)))
    await namespace.until(lambda: bool(namespace.asked))
    reading.fetch.stop()
    await running
    assert (len(namespace.asked), reading.batches, others()) == (1, [], set())


async def test_stop_while_an_earlier_batch_is_waited_for():
    """Answers that wait for their turn are handed on no more: what was read has no gap."""
    namespace = FakeNamespace({}, {}, {"k20": asyncio.Event()})
    reading = Reading(namespace, size_of=lambda _: 1)
    running = asyncio.create_task(reading.run(keys_of(100)))
    await namespace.until(lambda: len(namespace.asked) == 5 and len(reading.batches) == 1)
    reading.fetch.stop()
    await running
    assert reading.keys == keys_of(20)


async def test_stop_while_a_batch_is_received():
    """What is just being received is received to its end, and nothing after it."""
    gate, done = asyncio.Event(), []

    class Slow(Reading):
        async def received(self, pairs: Sequence[Pair]) -> None:
            await gate.wait()
            done.extend(pairs)

    namespace = FakeNamespace()
    reading = Slow(namespace, size_of=lambda _: 1)
    running = asyncio.create_task(reading.run(keys_of(100)))
    await namespace.until(lambda: bool(reading.batches))
    reading.fetch.stop()
    for _ in range(10):
        await asyncio.sleep(0)
    gate.set()
    await running
    assert [pair.key for pair in done] == keys_of(20)
    assert others() == set()


async def test_stop_while_the_listing_hangs():
    """A page of keys that is on its way is not waited for, either."""
    closed = []

    async def pages() -> AsyncIterator[str]:
        try:
            for key in keys_of(30):
                yield key
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    namespace = FakeNamespace()
    reading = Reading(namespace)
    running = asyncio.create_task(reading.fetch.run(in_batches(pages())))
    await namespace.until(lambda: bool(reading.batches))
    reading.fetch.stop()
    async with asyncio.timeout(30):
        await running
    assert (reading.keys, reading.fetch.error) == (keys_of(20), None)
    assert (others(), closed) == (set(), [True])


async def test_stop_between_halves():
    """A batch that is being halved when the stop comes is not halved further."""

    class Halving(FakeNamespace):
        async def answering(self, keys: Sequence[str]) -> None:
            if len(keys) == 5:
                reading.fetch.stop()
                await asyncio.Event().wait()

    namespace = Halving({"k0": REFUSED})
    reading = Reading(namespace)
    await reading.run(keys_of(20))
    assert [len(keys) for keys in namespace.asked] == [20, 10, 5]
    assert (reading.batches, reading.failed, reading.fetch.error) == ([], {}, None)


async def test_fatal_does_not_wait_for_the_others():
    """A fatal answer ends requests that hang, as a stop does."""
    gates = {f"k{n}": asyncio.Event() for n in range(0, 100, 20) if n != 60}
    reading = Reading(FakeNamespace({"k70": FATAL}, {}, gates), size_of=lambda _: 1)
    await reading.run(keys_of(100))
    assert (reading.fetch.error, reading.batches, others()) == (FATAL, [], set())


@pytest.mark.parametrize("stopped", [False, True])
async def test_cancelled_from_outside(stopped):
    """A caller that cancels a fetch gets its cancellation, and no task is left behind."""
    namespace = FakeNamespace({}, {}, {"k20": asyncio.Event()})
    reading = Reading(namespace, size_of=lambda _: 1)
    running = asyncio.create_task(reading.fetch.run(batches_of(keys_of(100))))
    await namespace.until(lambda: len(namespace.asked) == 5)
    if stopped:
        reading.fetch.stop()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert others() == set()


async def test_receiver_fails_while_requests_hang():
    """An error of the receiver is raised at once, and no task is left behind."""

    class Broken(Reading):
        async def received(self, pairs: Sequence[Pair]) -> None:
            raise ZeroDivisionError

    namespace = FakeNamespace({}, {}, {"k20": asyncio.Event()})
    reading = Broken(namespace, size_of=lambda _: 1)
    with pytest.raises(ZeroDivisionError):
        await reading.run(keys_of(100))
    assert others() == set()
