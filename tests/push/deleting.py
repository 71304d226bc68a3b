"""A far side to delete from, and deletions from it: for tests of `kvsync.push.delete`."""

import asyncio
from collections.abc import Mapping, Sequence

from kvsync.model.errors import Interrupted, RejectedError
from kvsync.model.values import NEVER, Ack, Action, Change, Entry
from kvsync.push.delete import Deletion
from kvsync.push.pool import PoolOptions
from tests.push.stores import FakeStore
from tests.values import entry, row

REFUSED = RejectedError("InvalidParameter", "no such key", "r0")


class FakeNamespace:
    """Holds keys; refuses what has a key in ``wrong``; a request with a key in ``hang`` hangs."""

    def __init__(
        self, wrong: Mapping[str, Exception] | None = None, hang: frozenset[str] = frozenset()
    ) -> None:
        self.wrong = wrong or {}
        self.hang = hang
        self.asked: list[list[str]] = []
        self.gone: list[str] = []
        self.stopped = False
        self.asking = asyncio.Event()

    async def delete(self, keys: Sequence[str]) -> Ack:
        if self.stopped:
            raise Interrupted
        self.asked.append(list(keys))
        self.asking.set()
        await (asyncio.Event().wait() if self.hang & set(keys) else asyncio.sleep(0))
        for key in keys:
            if key in self.wrong:
                raise self.wrong[key]
        self.gone += keys
        return Ack(f"r{len(self.asked)}", 5.0, 2, 6.0)

    def stop(self) -> None:
        self.stopped = True


def delete(key: str) -> Change:
    """The delete of an orphan."""
    return Change(Action.DELETE, entry(key), "no longer in the source", row(key))


def stray(key: str) -> Change:
    """The delete of a key that the state never had."""
    return Change(Action.DELETE, Entry(key, b"", 0, NEVER, ""), "unmanaged")


def keys_of(count: int) -> list[str]:
    """So many keys."""
    return [f"k{n}" for n in range(count)]


def made(count: int, namespace: FakeNamespace, store: FakeStore, **options: float) -> Deletion:
    """A deletion of so many orphans."""
    changes = [delete(key) for key in keys_of(count)]
    return Deletion(changes, namespace, store, PoolOptions(**options))


def doubts(deletion: Deletion) -> list[str]:
    """The keys that are in doubt."""
    return [outcome.entry.key for outcome in deletion.outcomes if outcome.in_doubt]
