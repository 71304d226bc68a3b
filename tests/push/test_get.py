"""Reading in batches: what is asked, in which order it arrives, and what becomes of failures."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from kvsync.model.errors import (
    FatalError,
    Interrupted,
    OutputError,
    ServiceError,
)
from kvsync.model.values import Pair
from kvsync.push.get import Vain, in_batches
from tests.push.fetching import FATAL, REFUSED, SILENCE, FakeNamespace, Reading, keys_of


@pytest.mark.parametrize("count", [0, 1, 19, 20, 21, 40, 61])
async def test_batches_of_twenty(count):
    """Twenty keys are asked for at a time, the rest with the last request, none with no request."""
    namespace = FakeNamespace()
    reading = Reading(namespace)
    keys = keys_of(count)
    await reading.run(keys)
    assert namespace.asked == [keys[n : n + 20] for n in range(0, count, 20)]
    assert reading.batches == namespace.asked
    assert (reading.failed, reading.fetch.error) == ({}, None)


async def test_answers_out_of_order():
    """Batches are handed on in order and one after the other, in whatever order answers come."""
    gates = {f"k{n}": asyncio.Event() for n in range(0, 200, 20)}
    namespace = FakeNamespace({}, {}, gates)
    # What an answer will weigh is known, so that all may be on their way at once.
    reading = Reading(namespace, size_of=lambda _: 1)
    running = asyncio.create_task(reading.run(keys_of(200)))
    await namespace.until(lambda: len(namespace.asked) == 10)
    for gate in reversed(gates.values()):
        assert reading.batches == []
        gate.set()
        await asyncio.sleep(0)
    await running
    assert (reading.keys, reading.overlaps) == (keys_of(200), 0)


async def test_workers_bound_the_requests():
    """No more requests are under way than there are workers."""
    flying = [0, 0]

    class Counting(FakeNamespace):
        async def answering(self, keys: Sequence[str]) -> None:
            flying[0] += 1
            flying[1] = max(flying)
            for _ in range(20):
                await asyncio.sleep(0)
            flying[0] -= 1

    reading = Reading(Counting(), size_of=lambda _: 1, workers=3)
    await reading.run(keys_of(400))
    assert (flying[1], reading.keys) == (3, keys_of(400))


@pytest.mark.parametrize("bad", ["k0", "k7", "k19"])
@pytest.mark.parametrize("error", [REFUSED, SILENCE])
async def test_one_bad_key(bad, error):
    """A batch that fails is halved until the bad key stands alone; all others are read."""
    namespace = FakeNamespace({bad: error})
    reading = Reading(namespace)
    await reading.run(keys_of(45))
    assert reading.keys == [key for key in keys_of(45) if key != bad]
    assert reading.fetch.failures == [(bad, error)]
    assert reading.fetch.error is None
    assert len(namespace.asked) <= 3 + 2 * 5


async def test_every_key_of_a_batch_is_bad():
    """A batch without a single good key is nothing to hand on, and keeps no other from it."""
    namespace = FakeNamespace(dict.fromkeys(keys_of(20), REFUSED))
    reading = Reading(namespace)
    await reading.run(keys_of(40))
    assert (reading.keys, list(reading.failed)) == (keys_of(40)[20:], keys_of(20))
    assert reading.fetch.error is None


async def test_an_answer_that_is_too_large():
    """A batch that is refused for its size alone is read in halves."""

    class Small(FakeNamespace):
        async def answering(self, keys: Sequence[str]) -> None:
            if len(keys) > 5:
                raise REFUSED

    reading = Reading(Small())
    await reading.run(keys_of(60))
    assert (reading.keys, reading.failed, reading.fetch.error) == (keys_of(60), {}, None)


async def test_eight_calls_in_vain():
    """Eight calls in a row that nobody answers end it: the fault is not with the keys."""
    namespace = FakeNamespace(dict.fromkeys(keys_of(400), SILENCE))
    reading = Reading(namespace, workers=1)
    await reading.run(keys_of(400))
    assert (reading.fetch.error, reading.keys, len(namespace.asked)) == (SILENCE, [], 8)


async def test_calls_in_vain_are_counted_together():
    """Fetches that share the count end as one that reads all would."""
    namespace = FakeNamespace(dict.fromkeys(keys_of(400), SILENCE))
    vain = Vain()
    fetches = []
    for _ in range(8):
        reading = Reading(namespace)
        reading.fetch.vain = vain
        fetches.append(reading)
    await asyncio.gather(*(reading.run(keys_of(20)) for reading in fetches))
    assert SILENCE in [reading.fetch.error for reading in fetches]
    assert len(namespace.asked) < 2 * 8


async def test_calls_in_vain_with_successes_between():
    """However many single keys fail, it goes on as long as others can be read."""
    bad = keys_of(2000)[::20]
    reading = Reading(FakeNamespace(dict.fromkeys(bad, SILENCE)), workers=1)
    await reading.run(keys_of(2000))
    assert (list(reading.failed), reading.fetch.error) == (bad, None)
    assert len(reading.keys) == 1900


async def test_fifty_keys_refused():
    """Fifty keys in a row that are refused end it."""
    namespace = FakeNamespace(dict.fromkeys(keys_of(400), REFUSED))
    reading = Reading(namespace, workers=1)
    await reading.run(keys_of(400))
    assert (reading.fetch.error, list(reading.failed)) == (REFUSED, keys_of(49))


async def test_refused_keys_are_no_calls_in_vain():
    """One call that nobody answers among many keys that are refused ends nothing."""
    wrong = {**dict.fromkeys(keys_of(40), REFUSED), "k30": SILENCE}
    reading = Reading(FakeNamespace(wrong), workers=1)
    await reading.run(keys_of(60))
    assert (reading.fetch.error, reading.keys) == (None, keys_of(60)[40:])
    assert reading.failed == wrong


@pytest.mark.parametrize("workers", [1, 64])
async def test_fatal_stops(workers):
    """A fatal answer ends it: it is the error, no key's failure, and nothing more is asked."""
    namespace = FakeNamespace({"k25": FATAL})
    reading = Reading(namespace, workers=workers)
    await reading.run(keys_of(4000))
    assert (reading.fetch.error, reading.failed) == (FATAL, {})
    assert namespace.stopped
    assert len(namespace.asked) <= 1 + workers
    assert reading.batches in ([], [keys_of(20)])


async def test_first_error_stands():
    """Of several fatal answers the first is told."""
    second = FatalError("AuthFailure", "another")
    namespace = FakeNamespace({"k0": FATAL, "k20": second})
    reading = Reading(namespace, size_of=lambda _: 1)
    await reading.run(keys_of(40))
    assert reading.fetch.error is FATAL


async def test_bug_in_the_namespace():
    """An exception that is not ours comes out as itself."""
    reading = Reading(FakeNamespace({"k30": ZeroDivisionError()}))
    with pytest.raises(ZeroDivisionError):
        await reading.run(keys_of(100))


@pytest.mark.parametrize("error", [OutputError("the disk is full"), ZeroDivisionError()])
async def test_receiver_that_fails(error):
    """What the receiver raises comes out as itself, and it is not called again."""

    class Full(Reading):
        async def received(self, pairs: Sequence[Pair]) -> None:
            if len(self.batches) == 3:
                raise error

    reading = Full(FakeNamespace(), size_of=lambda _: 1)
    with pytest.raises(type(error)) as caught:
        await reading.run(keys_of(400))
    assert caught.value is error
    assert reading.keys == keys_of(60)


async def failing_after(keys: list[str], error: Exception) -> AsyncIterator[str]:
    """These keys, and then the error."""
    for key in keys:
        yield key
    raise error


@pytest.mark.parametrize("error", [SILENCE, FATAL])
async def test_keys_that_cannot_be_listed(error: ServiceError):
    """When the keys themselves cannot be had, that is the error, and the reading ends."""
    namespace = FakeNamespace()
    reading = Reading(namespace)
    await reading.fetch.run(in_batches(failing_after(keys_of(50), error)))
    assert reading.fetch.error is error
    assert namespace.stopped
    assert reading.keys == keys_of(len(reading.keys))


async def test_listing_that_is_interrupted():
    """Keys that are listed no more because the run is stopping are no error."""
    reading = Reading(FakeNamespace())
    await reading.fetch.run(in_batches(failing_after(keys_of(45), Interrupted())))
    assert (reading.fetch.error, reading.keys) == (None, keys_of(40))


async def test_bug_in_the_listing():
    """An exception of the key iterator that is not ours comes out as itself."""
    with pytest.raises(ZeroDivisionError):
        await Reading(FakeNamespace()).fetch.run(
            in_batches(failing_after(keys_of(45), ZeroDivisionError()))
        )


@pytest.mark.parametrize("count", [0, 1, 20, 41])
async def test_in_batches(count):
    """Keys come together in twenties, whatever is left over at the end."""

    async def each() -> AsyncIterator[str]:
        for key in keys_of(count):
            yield key

    found = [batch async for batch in in_batches(each())]
    assert found == [keys_of(count)[n : n + 20] for n in range(0, count, 20)]
