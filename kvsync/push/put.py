"""Pushing: one change a request, each value read when its turn comes."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kvsync.model.errors import Interrupted, ServiceError
from kvsync.model.values import Change, Entry, Loaded, Lost, Outcome, OutcomeKind
from kvsync.push.outcomes import cut_off, done, unsuccessful
from kvsync.push.parcels import DEFAULTS, PoolOptions, RemoteNamespace, Store
from kvsync.push.pool import WINDOW, WINDOW_BYTES, Pool


class _Item(NamedTuple):
    change: Change
    entry: Entry
    value: bytes | Lost

    @property
    def marks(self) -> Sequence[Change]:
        return (self.change,)

    @property
    def size(self) -> int:
        return len(self.value) if isinstance(self.value, bytes) else 0

    def skipped(self) -> list[Outcome]:
        return [Outcome(OutcomeKind.SKIPPED, self.change, self.entry)]


class Push(Pool[_Item]):
    """One run's pushing. ``values`` yields the changes' values, each read when it is asked for."""

    def __init__(
        self,
        changes: Sequence[Change],
        values: Iterator[Loaded],
        namespace: RemoteNamespace,
        store: Store,
        options: PoolOptions = DEFAULTS,
    ) -> None:
        super().__init__(changes, namespace, store, options)
        self._values = values
        self._waiting = iter(changes)

    def _load(self) -> Sequence[_Item]:
        items: list[_Item] = []
        size = 0
        while len(items) < WINDOW and size < WINDOW_BYTES:
            loaded = next(self._values, None)
            if loaded is None:
                break
            # Both come in the source's order, and a value may be missing, but never a change.
            key = loaded[0].key
            change = next(change for change in self._waiting if change.entry.key == key)
            if loaded[0] == change.entry:
                # Outcomes are kept until all is told: one entry is enough for what did not change.
                loaded = change.entry, loaded[1]
            items.append(_Item(change, *loaded))
            size += items[-1].size
        return items

    async def _attempt(self, parcel: _Item) -> list[Outcome]:
        change, entry, value = parcel
        if isinstance(value, Lost):
            code, message = value.code, value.message
            return [Outcome(OutcomeKind.FAILED, change, entry, code=code, message=message)]
        try:
            ack = await self._namespace.put(entry.key, value, entry.expiry)
        except (ServiceError, Interrupted) as error:
            self._refused(error)
            return [unsuccessful(change, entry, error)]
        except asyncio.CancelledError:
            # Only `cut` cancels a worker: the loop ends here, and the key stays in doubt.
            return [cut_off(change, entry)]
        return [done(change, entry, ack)]
