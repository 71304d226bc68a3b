"""Deleting that is stopped, cut off, or cannot go on."""

import asyncio
from collections.abc import Sequence

import pytest

from kvsync.errors import StateError
from kvsync.model import Ack, OutcomeKind
from tests.deleting import REFUSED, FakeNamespace, doubts, keys_of, made
from tests.stores import FakeStore, GatedStore, kinds


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
