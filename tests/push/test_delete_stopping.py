"""Deleting that is stopped, cut off, or cannot go on."""

import asyncio
from collections.abc import Sequence

import pytest

from kvsync.model.errors import RejectedError, StateError
from kvsync.model.values import Ack, OutcomeKind
from tests.push.deleting import REFUSED, FakeNamespace, doubts, keys_of, made
from tests.push.stores import FakeStore, GatedStore, kinds


async def test_soft_stop():
    """After a stop no further batch is sent, what is in flight finishes, all marks are settled."""
    namespace, store = FakeNamespace(), FakeStore()
    deletion = made(300, namespace, store, workers=2)
    deletion.settled = lambda _: deletion.stop()
    await deletion.run()
    assert 1 <= len(namespace.asked) <= 2
    assert kinds(deletion)["done"] == len(namespace.gone) == 20 * len(namespace.asked)
    assert set(store.settled) == set(store.marked)


async def test_cut():
    """A batch that is cut off stays in doubt, all of it; marks of what was not sent are undone."""
    namespace, store = FakeNamespace(hang=frozenset({"k3"})), FakeStore()
    deletion = made(60, namespace, store, workers=1, grace=3600)
    running = asyncio.create_task(deletion.run())
    await namespace.asking.wait()
    deletion.stop()
    deletion.cut()
    await running
    assert (doubts(deletion), kinds(deletion)) == (keys_of(20), {"failed": 20})
    assert [key for key, kind in store.settled.items() if kind is OutcomeKind.SKIPPED] == (
        keys_of(60)[20:]
    )


async def test_cut_between_halves():
    """A half that is cut off is in doubt; the one after it was never sent."""

    class Hanging(FakeNamespace):
        async def delete(self, keys: Sequence[str]) -> Ack:
            if len(keys) == 2:
                self.hang = frozenset(keys)
                asyncio.get_running_loop().call_soon(deletion.cut)
            return await super().delete(keys)

    hanging = Hanging({"k0": REFUSED})
    deletion = made(4, hanging, FakeStore(), workers=1)
    await deletion.run()
    assert [len(keys) for keys in hanging.asked] == [4, 2]
    assert [(str(o.kind), o.in_doubt) for o in deletion.outcomes] == [
        ("failed", True), ("failed", True), ("skipped", False), ("skipped", False),
    ]  # fmt: skip


class Waiting(FakeNamespace):
    """Refuses the two batches of a deletion, and hangs where the first is halved."""

    def __init__(self, refusals: dict[str, Exception]) -> None:
        super().__init__(refusals)
        self.halving = asyncio.Event()
        self.go_on = asyncio.Event()

    async def delete(self, keys: Sequence[str]) -> Ack:
        if len(keys) == 10 and not self.stopped:
            self.halving.set()
            await self.go_on.wait()
        return await super().delete(keys)


def lost_refusal() -> RejectedError:
    """A refusal after an attempt that nobody answered."""
    error = RejectedError("InvalidParameter", "no such key", "r0")
    error.in_doubt = True
    return error


async def test_soft_stop_while_a_batch_waits_to_be_halved():
    """What is in flight ends, and neither its other half nor the batch that waits is tried; the
    refusal of the latter was definite, so it is not in doubt."""
    namespace, store = Waiting({"k5": REFUSED, "k25": REFUSED}), FakeStore()
    deletion = made(40, namespace, store)
    running = asyncio.create_task(deletion.run())
    await namespace.halving.wait()
    deletion.stop()
    namespace.stopped = False
    namespace.go_on.set()
    await running
    assert [len(keys) for keys in namespace.asked] == [20, 20, 10]
    assert (kinds(deletion), doubts(deletion)) == ({"skipped": 40}, [])
    assert set(store.settled) == set(store.marked) == set(keys_of(40))


async def test_soft_stop_while_a_doubtful_batch_waits_to_be_halved():
    """A batch that may have been carried out before it was refused stays in doubt."""
    namespace = Waiting({"k5": REFUSED, "k25": lost_refusal()})
    deletion = made(40, namespace, FakeStore())
    running = asyncio.create_task(deletion.run())
    await namespace.halving.wait()
    deletion.stop()
    namespace.go_on.set()
    await running
    assert doubts(deletion) == keys_of(40)[20:]


@pytest.mark.parametrize("doubtful", [False, True])
async def test_cut_while_a_batch_waits_to_be_halved(doubtful):
    """The half in flight is in doubt; the batch that waits has nothing in flight, and is in doubt
    only if an attempt before its refusal was never answered."""
    namespace = Waiting({"k5": REFUSED, "k25": lost_refusal() if doubtful else REFUSED})
    store = FakeStore()
    deletion = made(40, namespace, store, grace=3600)
    running = asyncio.create_task(deletion.run())
    await namespace.halving.wait()
    deletion.stop()
    deletion.cut()
    deletion.cut()
    await running
    assert doubts(deletion) == keys_of(10) + (keys_of(40)[20:] if doubtful else [])
    assert len(deletion.outcomes) == 40
    assert set(store.settled) == set(store.marked)


async def test_cut_while_marking():
    """A cut while a window is being marked takes the marks back: nothing of it was sent."""
    namespace, store = FakeNamespace(), GatedStore()
    deletion = made(100, namespace, store)
    running = asyncio.create_task(deletion.run())
    await store.begun.wait()
    deletion.cut()
    await asyncio.sleep(0)
    store.gate.set()
    await running
    assert (namespace.asked, len(store.marked)) == ([], 60)
    assert set(store.settled) == set(store.marked)


@pytest.mark.parametrize("full", [0, 1])
async def test_state_that_cannot_be_written(full):
    """When the state cannot be written, nothing more is deleted."""
    namespace = FakeNamespace()
    deletion = made(200, namespace, FakeStore(full))
    await deletion.run()
    assert isinstance(deletion.error, StateError)
    assert len(namespace.gone) <= 60 * full


async def test_bug_is_not_hidden():
    """An exception that is not ours comes out of the deletion."""
    deletion = made(30, FakeNamespace({"k0": ZeroDivisionError()}), FakeStore())
    with pytest.raises(ZeroDivisionError):
        await deletion.run()
