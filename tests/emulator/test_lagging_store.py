"""The lagging store alone: held against a naive model, and measured."""

import tracemalloc
from contextlib import closing
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsync.emulator.actions import ACTIONS
from kvsync.emulator.lag import LaggingStore
from kvsync.emulator.store import Namespace
from tests.emulator.raw import ZONE, Clock

Pair: TypeAlias = tuple[str, int]

LAG = 10


def namespace_of(store: LaggingStore) -> Namespace:
    """The namespace ``ns`` as it is now."""
    namespace = store.namespace(ZONE, "ns")
    assert namespace is not None
    return namespace


def test_memory_is_held_only_for_writes_younger_than_the_lag() -> None:
    """Twenty times 100 kB are overwritten, one lag apart: never more than a few are kept."""
    clock = Clock(0)
    with closing(LaggingStore("", LAG, clock)) as store:
        store.create_namespace(ZONE, "ns", "", 0)
        tracemalloc.start()
        try:
            for _ in range(20):
                store.put(namespace_of(store), b"k", bytes(100_000), 0)
                clock.now += LAG
                store.sweep(0)
            assert tracemalloc.get_traced_memory()[1] < 500_000
        finally:
            tracemalloc.stop()


class Both:
    """A lagging store, and a naive model of it: every write with its moment, replayed to read."""

    def __init__(self, store: LaggingStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._writes: list[tuple[float, str, Pair | None]] = []
        self._act("CreateEdgeKVNamespace")

    def put(self, key: str, value: str, ttl: int) -> None:
        """Write a pair; a ``ttl`` of 0 is never."""
        more = {"ExpirationTTL": ttl} if ttl else {}
        self._act("EdgeKVPut", Key=key.encode(), Value=value.encode(), **more)
        self._writes.append((self._clock.now, key, (value, self._end(ttl))))

    def put_directly(self, key: str, value: str, ttl: int) -> None:
        """Write a pair as if long ago, so that nothing older is to be read."""
        namespace = namespace_of(self._store)
        self._store.put(namespace, key.encode(), value.encode(), self._end(ttl))
        self._store.settle(namespace, key.encode())
        self._writes = [write for write in self._writes if write[1] != key]
        self._writes.append((0, key, (value, self._end(ttl))))

    def delete(self, *keys: str) -> None:
        """Delete pairs."""
        self._act("EdgeKVDelete", Keys=[key.encode() for key in keys])
        self._writes += [(self._clock.now, key, None) for key in keys]

    def delete_namespace(self) -> None:
        """Delete the namespace, and create another of its name."""
        self._act("DeleteEdgeKVNamespace")
        self._act("CreateEdgeKVNamespace")
        self._writes = []

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self._clock.now += seconds

    def check(self, prefix: str, limit: int) -> None:
        """Hold what is read against the replay of all writes that are old enough."""
        now = self._clock.now
        replayed = {key: pair for at, key, pair in self._writes if at + LAG <= now}
        model = {
            key: pair for key, pair in replayed.items() if pair and (not pair[1] or pair[1] > now)
        }
        self._store.sweep(now)
        got = self._store.get(namespace_of(self._store), [key.encode() for key in MODEL_KEYS])
        read = zip(MODEL_KEYS, got, strict=True)
        assert {key: (value.decode(), end) for key, (value, end) in read if value} == model
        keys = sorted(key.encode() for key in model if key.startswith(prefix))
        first = self._store.keys(namespace_of(self._store), prefix.encode(), b"", limit)
        assert first == keys[:limit]
        pages = self._pages(prefix, limit)
        assert [key.encode() for page in pages for key in page] == keys
        assert all(len(page) == limit for page in pages[:-1])

    def _pages(self, prefix: str, limit: int) -> list[list[str]]:
        chosen = {"Prefix": prefix.encode()} if prefix else {}
        answer = self._act("EdgeKVList", Limit=limit, **chosen)
        pages = [answer["Keys"]]
        while answer["Cursor"]:
            answer = self._act("EdgeKVList", Limit=limit, Cursor=answer["Cursor"], **chosen)
            pages.append(answer["Keys"])
        return pages

    def _act(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Carry an action out as the service does."""
        self._store.sweep(self._clock.now)
        given = {"ZoneId": ZONE, "Namespace": "ns", **parameters}
        return ACTIONS[action](self._store, given, self._clock.now)

    def _end(self, ttl: int) -> int:
        return int(self._clock.now) + ttl if ttl else 0


MODEL_KEYS = ("a", "a-1", "ab", "b", "é", "éa", "\U0010ffff")
KEY = st.sampled_from(MODEL_KEYS)
WRITE = st.tuples(KEY, st.sampled_from("1234"), st.sampled_from([0, 3, LAG, 25]))
STEP = st.one_of(
    WRITE.map(lambda write: ("put", *write)),
    WRITE.map(lambda write: ("put_directly", *write)),
    st.lists(KEY, min_size=1, max_size=3).map(lambda keys: ("delete", *keys)),
    st.integers(1, LAG + 1).map(lambda seconds: ("wait", seconds)),
    st.just(("delete_namespace",)),
)


@pytest.mark.slow
@given(
    steps=st.lists(STEP, max_size=25),
    prefix=st.sampled_from(["", "a", "é"]),
    limit=st.integers(1, 4),
)
def test_what_is_read_is_the_replay_of_all_writes_older_than_the_lag(
    steps: list[tuple[Any, ...]], prefix: str, limit: int
) -> None:
    """Whatever is written, deleted or runs out, in Get and in every page of List."""
    clock = Clock(1000)
    with closing(LaggingStore("", LAG, clock)) as store:
        both = Both(store, clock)
        for step, *arguments in steps:
            getattr(both, step)(*arguments)
            both.check(prefix, limit)
