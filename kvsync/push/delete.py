"""Deleting: twenty keys a request, and only ever keys that are named one by one."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kvsync.model.api import KEYS_PER_REQUEST
from kvsync.model.errors import Interrupted, RejectedError, ServiceError
from kvsync.model.values import Change, Outcome, OutcomeKind
from kvsync.push.outcomes import cut_off, done, unsuccessful
from kvsync.push.parcels import DEFAULTS, PoolOptions, RemoteNamespace, Store
from kvsync.push.pool import WINDOW, Pool


class _Batch(NamedTuple):
    changes: Sequence[Change]
    size: int = 0

    @property
    def marks(self) -> Sequence[Change]:
        return self.changes

    def skipped(self) -> list[Outcome]:
        return [Outcome(OutcomeKind.SKIPPED, change, change.entry) for change in self.changes]

    def halves(self) -> "tuple[_Batch, _Batch]":
        middle = len(self.changes) // 2
        return _Batch(self.changes[:middle]), _Batch(self.changes[middle:])


class Deletion(Pool[_Batch]):
    """One run's deleting of the keys that ``changes`` name."""

    def __init__(
        self,
        changes: Sequence[Change],
        namespace: RemoteNamespace,
        store: Store,
        options: PoolOptions = DEFAULTS,
    ) -> None:
        super().__init__(changes, namespace, store, options)
        self._batches = _batches(changes)
        self._halving = asyncio.Lock()

    def _load(self) -> Sequence[_Batch]:
        window = [next(self._batches, None) for _ in range(WINDOW // KEYS_PER_REQUEST)]
        return [batch for batch in window if batch]

    async def _attempt(self, parcel: _Batch) -> list[Outcome]:
        try:
            return await self._send(parcel)
        except RejectedError as error:
            refusal = error
        try:
            # One batch at a time: where every key is refused, twenty are enough to see it, and what
            # would be halved beside them is asked in vain.
            async with self._halving:
                return await self._halve(parcel, refusal)
        except asyncio.CancelledError:
            # It came while waiting for the others: nothing of this batch was in flight.
            return _weighed(parcel.skipped(), refusal)

    async def _send(self, batch: _Batch) -> list[Outcome]:
        """Return how the changes of one request ended. Raises `RejectedError` if it has several."""
        try:
            ack = await self._namespace.delete([change.entry.key for change in batch.changes])
        except (ServiceError, Interrupted) as error:
            if isinstance(error, RejectedError) and len(batch.changes) > 1:
                raise
            self._refused(error)
            return [unsuccessful(change, change.entry, error) for change in batch.changes]
        except asyncio.CancelledError:
            return [cut_off(change, change.entry) for change in batch.changes]
        return [done(change, change.entry, ack) for change in batch.changes]

    async def _halve(self, batch: _Batch, refusal: RejectedError) -> list[Outcome]:
        """Send what was refused in two: one key that the service minds must not keep the others."""
        outcomes: list[Outcome] = []
        for half in batch.halves():
            if self._stop_asked():
                outcomes += half.skipped()
                continue
            try:
                outcomes += await self._send(half)
            except RejectedError as error:
                outcomes += await self._halve(half, error)
        return _weighed(outcomes, refusal)


def _weighed(outcomes: list[Outcome], refusal: RejectedError) -> list[Outcome]:
    """Return how keys ended that were refused together first; that may have been after a lost
    answer.
    """
    return [_doubted(outcome) for outcome in outcomes] if refusal.in_doubt else outcomes


def _doubted(outcome: Outcome) -> Outcome:
    """Return the outcome of a key that an unanswered attempt at more keys may have deleted."""
    if outcome.kind is OutcomeKind.DONE:
        return outcome
    skipped = outcome.kind is OutcomeKind.SKIPPED
    return outcome._replace(kind=OutcomeKind.FAILED if skipped else outcome.kind, in_doubt=True)


def _batches(changes: Sequence[Change]) -> Iterator[_Batch]:
    for start in range(0, len(changes), KEYS_PER_REQUEST):
        yield _Batch(changes[start : start + KEYS_PER_REQUEST])
