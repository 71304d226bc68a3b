"""Deleting in batches, against fakes that implement its two Protocols."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.model.errors import (
    FatalError,
    PassingError,
    RejectedError,
    ServiceError,
)
from kvsync.model.values import Ack, OutcomeKind
from kvsync.push.delete import Deletion
from kvsync.push.pool import PoolOptions
from tests.push.deleting import REFUSED, FakeNamespace, delete, doubts, keys_of, made, stray
from tests.push.stores import FakeStore, kinds


@pytest.mark.parametrize("count", [0, 1, 20, 21, 60, 61, 130])
async def test_all_done(count):
    """Twenty keys go with a request, each marked before and settled after."""
    namespace, store = FakeNamespace(), FakeStore()
    deletion = made(count, namespace, store, workers=1)
    await deletion.run()
    keys = keys_of(count)
    assert namespace.asked == [keys[n : n + 20] for n in range(0, count, 20)]
    assert (namespace.gone, store.marked, list(store.settled)) == (keys, keys, keys)
    assert (deletion.error, kinds(deletion)["done"]) == (None, count)
    assert all((o.at, o.answered, o.attempts) == (5.0, 6.0, 2) for o in deletion.outcomes)


async def test_windows():
    """No more than 64 changes are marked at a time, and none is sent before its mark."""
    store = FakeStore()
    await made(130, FakeNamespace(), store).run()
    assert [len(marks) for marks, _ in store.calls if marks] == [60, 60, 10]
    seen: set[str] = set()
    for marks, outcomes in store.calls:
        assert {outcome.entry.key for outcome in outcomes} <= seen
        seen |= {change.entry.key for change in marks}


async def test_strays_are_marked():
    """A key that the state never had is marked as any other."""
    changes = [stray("a"), delete("b"), stray("c")]
    namespace, store = FakeNamespace(), FakeStore()
    deletion = Deletion(changes, namespace, store)
    await deletion.run()
    assert (store.marked, namespace.asked) == (["a", "b", "c"], [["a", "b", "c"]])
    assert kinds(deletion) == {"done": 3}


@pytest.mark.parametrize("bad", ["k0", "k7", "k19", "k20"])
async def test_one_key_that_is_refused(bad):
    """A batch that is refused is halved until the bad key stands alone; all others go."""
    namespace, store = FakeNamespace({bad: REFUSED}), FakeStore()
    deletion = made(41, namespace, store)
    await deletion.run()
    assert sorted(namespace.gone) == sorted(set(keys_of(41)) - {bad})
    assert (kinds(deletion), deletion.error) == ({"done": 40, "rejected": 1}, None)
    assert store.settled[bad] is OutcomeKind.REJECTED
    assert doubts(deletion) == []
    assert len(namespace.asked) <= 3 + 2 * 5


async def test_refused_after_a_doubtful_attempt():
    """A batch whose first attempt went unanswered may have been carried out: whatever its halves
    are answered, only a done delete settles a key."""
    lost = RejectedError("InvalidParameter", "no such key", "r0")
    lost.in_doubt = True

    class Doubtful(FakeNamespace):
        async def delete(self, keys: Sequence[str]) -> Ack:
            if len(keys) == 4:
                raise lost
            return await super().delete(keys)

    deletion = made(4, Doubtful({"k1": REFUSED}), FakeStore())
    await deletion.run()
    assert kinds(deletion) == {"done": 3, "rejected": 1}
    assert doubts(deletion) == ["k1"]


async def test_stopped_between_halves_of_a_doubtful_batch():
    """Nor does a stop settle what may have been carried out."""
    lost = RejectedError("InvalidParameter", "no such key", "r0")
    lost.in_doubt = True

    class Stopping(FakeNamespace):
        async def delete(self, keys: Sequence[str]) -> Ack:
            if not self.asked:
                self.asked.append(list(keys))
                deletion.stop()
                raise lost
            return await super().delete(keys)

    store = FakeStore()
    deletion = made(4, Stopping(), store)
    await deletion.run()
    assert doubts(deletion) == keys_of(4)
    assert set(kinds(deletion)) == {"failed"}


async def test_silence_leaves_a_batch_in_doubt():
    """A request that nobody answers leaves all its keys in doubt, and is not halved."""
    silence = PassingError("Timeout", "silence", in_doubt=True)
    namespace, store = FakeNamespace({"k25": silence}), FakeStore()
    deletion = made(50, namespace, store, workers=1)
    await deletion.run()
    assert kinds(deletion) == {"done": 30, "failed": 20}
    assert doubts(deletion) == keys_of(40)[20:]
    assert len(namespace.asked) == 3
    assert deletion.error is None


async def test_throttled_to_the_end_is_not_in_doubt():
    """A failure of which the service said that nothing was done leaves no doubt."""
    deletion = made(3, FakeNamespace({"k1": PassingError("InternalError", "")}), FakeStore())
    await deletion.run()
    assert (kinds(deletion), doubts(deletion)) == ({"failed": 3}, [])


@pytest.mark.parametrize("workers", [1, 64])
async def test_fatal_stops(workers):
    """A fatal answer stops the run: its keys are skipped, all other marks taken back."""
    fatal = FatalError("AuthFailure", "wrong secret")
    namespace, store = FakeNamespace({"k25": fatal}), FakeStore()
    deletion = made(500, namespace, store, workers=workers)
    await deletion.run()
    assert deletion.error is fatal
    assert set(kinds(deletion)) == {"done", "skipped"}
    assert set(store.settled) == set(store.marked)
    assert len(namespace.asked) <= 3
    assert [key for key, kind in store.settled.items() if kind is OutcomeKind.DONE] == (
        namespace.gone
    )


async def test_fatal_in_one_half():
    """A fatal answer to one half keeps the other from being sent."""

    class Fatal(FakeNamespace):
        async def delete(self, keys: Sequence[str]) -> Ack:
            if len(keys) == 2 and not self.stopped:
                self.asked.append(list(keys))
                raise FatalError("AuthFailure", "")
            return await super().delete(keys)

    namespace, store = Fatal({"k0": REFUSED}), FakeStore()
    deletion = made(4, namespace, store)
    await deletion.run()
    assert [len(keys) for keys in namespace.asked] == [4, 2]
    assert (kinds(deletion), doubts(deletion)) == ({"skipped": 4}, [])


@pytest.mark.parametrize(
    ("error", "exit_code", "asked"),
    [(REFUSED, 7, 1 + 38), (PassingError("Timeout", "silence", in_doubt=True), 5, 1)],
)
async def test_first_twenty_alike(error: ServiceError, exit_code, asked):
    """If the first twenty keys are refused or fail alike, the rest is not tried."""
    namespace = FakeNamespace(dict.fromkeys(keys_of(300), error))
    deletion = made(300, namespace, FakeStore(), workers=1)
    await deletion.run()
    assert deletion.error
    assert (deletion.error.exit_code, len(namespace.asked)) == (exit_code, asked)
    assert "(20 keys in a row; the rest was not tried)" in str(deletion.error)


@pytest.mark.parametrize("workers", [1, 64])
async def test_rejected_deletes_do_not_storm(workers):
    """If every one of 1,000 deletes is refused, that is seen in fewer than 100 requests: the 50
    batches, and what it takes to halve one of them."""
    namespace, store = FakeNamespace(dict.fromkeys(keys_of(1000), REFUSED)), FakeStore()
    deletion = made(1000, namespace, store, workers=workers)
    await deletion.run()
    assert len(namespace.asked) <= min(workers, 50) + 38
    assert kinds(deletion)["rejected"] == 20
    assert set(kinds(deletion)) <= {"rejected", "skipped"}
    assert (deletion.error and deletion.error.exit_code, doubts(deletion)) == (7, [])
    assert set(store.settled) == set(store.marked)


async def test_batches_are_halved_one_after_the_other():
    """While one refused batch is halved, the others wait: no more than one half is in flight."""
    flying: list[int] = []
    most = 0

    class Counting(FakeNamespace):
        async def delete(self, keys: Sequence[str]) -> Ack:
            nonlocal most
            if len(keys) == 20:
                return await super().delete(keys)
            flying.append(1)
            most = max(most, len(flying))
            try:
                return await super().delete(keys)
            finally:
                flying.pop()

    namespace = Counting({f"k{n}": REFUSED for n in range(7, 200, 20)})
    deletion = made(200, namespace, FakeStore())
    await deletion.run()
    assert (most, kinds(deletion)) == (1, {"done": 190, "rejected": 10})


async def test_fifty_alike_in_a_row():
    """After a success it takes fifty alike in a row."""
    wrong = dict.fromkeys(keys_of(300)[20:], PassingError("Timeout", "silence"))
    namespace = FakeNamespace(wrong)
    deletion = made(300, namespace, FakeStore(), workers=1)
    await deletion.run()
    assert kinds(deletion) == {"done": 20, "failed": 60}
    assert len(namespace.asked) == 4


KEYS = st.sets(st.integers(0, 99), max_size=15)


@pytest.mark.slow
@given(st.integers(1, 100), KEYS, KEYS, st.sampled_from([1, 3, 64]))
def test_whatever_is_refused_or_lost(count, refused, lost, workers):
    """Each key ends once; done is what is gone; what is marked is settled."""
    silence = PassingError("Timeout", "silence", in_doubt=True)
    wrong = {f"k{n}": REFUSED for n in refused} | {f"k{n}": silence for n in lost}
    changes = [delete(key) if n % 3 else stray(key) for n, key in enumerate(keys_of(count))]

    async def run() -> tuple[Deletion, FakeNamespace, FakeStore]:
        namespace, store = FakeNamespace(wrong), FakeStore()
        deletion = Deletion(changes, namespace, store, PoolOptions(workers=workers))
        await deletion.run()
        return deletion, namespace, store

    deletion, namespace, store = asyncio.run(run())
    settled = [outcome.entry.key for outcome in deletion.outcomes]
    assert len(settled) == len(set(settled))
    done = {o.entry.key for o in deletion.outcomes if o.kind is OutcomeKind.DONE}
    assert done == set(namespace.gone)
    assert done.isdisjoint(wrong)
    rejected = {o.entry.key for o in deletion.outcomes if o.kind is OutcomeKind.REJECTED}
    assert rejected <= {f"k{n}" for n in refused}
    assert set(store.marked) <= set(store.settled)
    assert deletion.error or set(settled) == set(keys_of(count))
