"""Eventual consistency: a write is carried out at once, and readable some time later."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from kvsync.emulator.store import Namespace, Store

_Place: TypeAlias = tuple[int, bytes]
"""A namespace's id and a key."""


class _Version(NamedTuple):
    """A value (empty: none) and its expiry that were replaced, yet are readable until then."""

    value: bytes
    expires: int
    until: float


class LaggingStore(Store):
    """A store whose pairs are read as they were ``lag`` seconds ago; 0: as they are.

    `get` and `keys` lag behind `put` and `delete`; `pairs` and all that concerns namespaces do
    not. Time passes at each `sweep`, so call it before each action. What is still readable lies
    in memory, and only while it is. ``monotonic`` gives seconds and never goes back.

    Raises `StateError` as `Store` does.
    """

    def __init__(self, path: str, lag: float, monotonic: Callable[[], float]) -> None:
        super().__init__(path)
        self._lag = lag
        self._monotonic = monotonic
        self._now = 0.0
        # The oldest version of a place is the one that is readable. A namespace that is deleted
        # leaves its versions to their time: no other one ever gets its id.
        self._versions: dict[_Place, deque[_Version]] = {}
        self._ends: deque[tuple[float, _Place]] = deque()

    def sweep(self, now: float) -> None:
        """Remove what ran out by ``now`` (Unix seconds), and let readers see what is old enough."""
        super().sweep(now)
        self._now = now
        if not self._ends:
            return
        moment = self._monotonic()
        while self._ends and self._ends[0][0] <= moment:
            _, place = self._ends.popleft()
            versions = self._versions.get(place, deque())
            while versions and versions[0].until <= moment:
                versions.popleft()
            if not versions:
                self._versions.pop(place, None)

    def settle(self, namespace: Namespace, key: bytes) -> None:
        """Let readers see at once what is stored under a key."""
        self._versions.pop((namespace.id, key), None)

    def put(self, namespace: Namespace, key: bytes, value: bytes, expires: int) -> bool:
        """Write a pair, as `Store.put` does; it can be read once the lag has passed."""
        if not self._lag:
            return super().put(namespace, key, value, expires)
        replaced = super().get(namespace, [key])
        written = super().put(namespace, key, value, expires)
        if written:
            self._keep_readable(namespace, [key], replaced)
        return written

    def delete(self, namespace: Namespace, keys: Sequence[bytes]) -> None:
        """Delete these keys; until the lag has passed they can still be read."""
        if not self._lag:
            super().delete(namespace, keys)
            return
        replaced = super().get(namespace, keys)
        super().delete(namespace, keys)
        self._keep_readable(namespace, keys, replaced)

    def get(self, namespace: Namespace, keys: Iterable[bytes]) -> list[tuple[bytes, int]]:
        """Value and expiry of each key, as `Store.get` tells them, once the lag has passed."""
        if not self._versions:
            return super().get(namespace, keys)
        wanted = list(keys)
        stored = super().get(namespace, wanted)
        return [
            self._readable((namespace.id, key), pair)
            for key, pair in zip(wanted, stored, strict=True)
        ]

    def keys(self, namespace: Namespace, prefix: bytes, after: bytes, limit: int) -> list[bytes]:
        """At most ``limit`` keys that can be read, chosen as `Store.keys` does."""
        if not self._versions:
            return super().keys(namespace, prefix, after, limit)
        lagging = {key for id_, key in self._versions if id_ == namespace.id}
        # As many more as may turn out to be lagging: among them are `limit` that are not.
        stored = super().keys(namespace, prefix, after, limit + len(lagging))
        readable = [
            key
            for key in lagging
            if key > after
            and key.startswith(prefix)
            and self._readable((namespace.id, key), (b"", 0))[0]
        ]
        return sorted([key for key in stored if key not in lagging] + readable)[:limit]

    def _readable(self, place: _Place, stored: tuple[bytes, int]) -> tuple[bytes, int]:
        """Return what a reader gets where ``stored`` is stored."""
        if place not in self._versions:
            return stored
        value, expires, _ = self._versions[place][0]
        return (b"", 0) if 0 < expires <= self._now else (value, expires)

    def _keep_readable(
        self, namespace: Namespace, keys: Sequence[bytes], replaced: list[tuple[bytes, int]]
    ) -> None:
        """Remember what a write has just replaced."""
        until = self._monotonic() + self._lag
        for key, pair in zip(keys, replaced, strict=True):
            place = (namespace.id, key)
            self._versions.setdefault(place, deque()).append(_Version(*pair, until))
            self._ends.append((until, place))
