"""Answers that are not believed any more, after a pool has heard them."""

import asyncio
from collections import Counter

import pytest

from kvsync.model.errors import RejectedError
from kvsync.model.values import Ack, Action, Change, Expiry
from kvsync.push.delete import Deletion
from kvsync.push.put import Push
from tests.edgekv.raw import until
from tests.push.stores import FakeStore, GatedStore, kinds
from tests.push.test_put import FakeNamespace, changes_of, made
from tests.values import change, row


def doubted(push: Push | Deletion, *keys: str) -> None:
    """So it is found out once the last answer is there."""

    async def look() -> None:
        push.doubt(keys)

    push.look = look


def last_words(store: FakeStore) -> Counter[str]:
    """What the state has heard last of each key: how it ended, or that it is in doubt."""
    words: dict[str, str] = {}
    for marks, outcomes in store.calls:
        words |= {o.entry.key: "marked" if o.in_doubt else str(o.kind) for o in outcomes}
        words |= {one.entry.key: "marked" for one in marks}
    return Counter(words.values())


async def test_what_is_doubted_before_it_is_recorded_is_never_acknowledged() -> None:
    """It failed, in doubt, for the state as for the report; the others are done."""

    class Doubtful(FakeNamespace):
        async def put(self, key: str, value: bytes, expiry: Expiry) -> Ack:
            ack = await super().put(key, value, expiry)
            if key == "k1":
                push.doubt([key])
            return ack

    push = made(changes_of(3), Doubtful(), store := FakeStore())
    await push.run()
    assert store.settled == {"k0": "done", "k1": "failed", "k2": "done"}
    assert last_words(store) == {"done": 2, "marked": 1}
    (outcome,) = (o for o in push.outcomes if o.entry.key == "k1")
    assert (outcome.code, outcome.in_doubt, outcome.acknowledged) == ("BadAnswer", True, 0)
    assert kinds(push) == {"done": 2, "failed": 1}


async def test_what_is_doubted_after_it_is_recorded_is_marked_again() -> None:
    """With the row that it had before, so that a delete stays one of a key that is owned."""
    known = row("k0")
    changes = [change("k0", "w", known), *changes_of(300)[1:]]
    push = made(changes, FakeNamespace(), store := FakeStore())
    doubted(push, "k0")
    await push.run()
    marks, outcomes = store.calls[-1]
    assert marks == [changes[0]]
    assert marks[0].row == known
    assert "k0" not in {o.entry.key for o in outcomes}
    assert push.outcomes[0].in_doubt


async def test_a_doubt_is_recorded_though_nothing_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait for the next answer, which may be long in coming."""
    monkeypatch.setattr("kvsync.push.pool._COMMIT_S", 0)
    namespace, store = FakeNamespace(hang={"k1"}), GatedStore()
    store.gate.set()
    push = made(changes_of(2), namespace, store)
    running = asyncio.create_task(push.run())
    await store.heard.wait()
    push.doubt(["k0"])
    await until(lambda: store.marked == ["k0", "k1", "k0"])
    push.cut()
    await running
    assert kinds(push) == {"failed": 2}


async def test_a_refusal_that_is_doubted_is_none() -> None:
    """The key is not as it was before: it may have been written."""
    namespace = FakeNamespace({"k0": RejectedError("InvalidParameter", "no")})
    push = made(changes_of(2), namespace, store := FakeStore())
    doubted(push, "k0")
    await push.run()
    assert last_words(store) == {"marked": 1, "done": 1}
    assert push.outcomes[0].in_doubt


async def test_a_delete_that_is_doubted_is_none() -> None:
    """All keys of its request are in doubt."""

    class Deleting(FakeNamespace):
        async def delete(self, keys: list[str]) -> Ack:
            return Ack("r-1", 5.0, 1, 6.0)

    changes = [Change(Action.DELETE, one.entry, "because") for one in changes_of(30)]
    deletion = Deletion(changes, Deleting(), store := FakeStore())
    doubted(deletion, *(one.entry.key for one in changes[:20]))
    await deletion.run()
    assert kinds(deletion) == {"failed": 20, "done": 10}
    assert last_words(store) == {"marked": 20, "done": 10}


async def test_who_is_in_a_hurry_does_not_look() -> None:
    """A second Ctrl-C ends the run at once."""
    namespace = FakeNamespace(hang={"k0"})
    push = made(changes_of(1), namespace, FakeStore())
    looked = asyncio.Event()

    async def look() -> None:
        looked.set()

    push.look = look
    running = asyncio.create_task(push.run())
    await namespace.asked.wait()
    push.cut()
    await running
    assert not looked.is_set()
