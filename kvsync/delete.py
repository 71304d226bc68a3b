"""Deleting: twenty keys a request, and only ever keys that are named one by one."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from kvsync.errors import Interrupted, RejectedError, ServiceError
from kvsync.keys import KEYS_PER_REQUEST
from kvsync.model import Ack, Change, Outcome, OutcomeKind
from kvsync.pool import DEFAULTS, WINDOW, Pool, PoolOptions, Stoppable, Store
from kvsync.verdict import cut_off, unsuccessful

__all__ = ["Deletion", "Namespace"]


class Namespace(Stoppable, Protocol):
    """What a deletion asks of the far side."""

    async def delete(self, keys: Sequence[str]) -> Ack:
        """Delete these keys, 20 at most. Raises `ServiceError` or `Interrupted`."""


class _Batch(NamedTuple):
    changes: Sequence[Change]
    size: int = 0

    @property
    def marks(self) -> Sequence[Change]:
        # A mark is a row, and a row says whose a key is: one that is nobody's gets none.
        return [change for change in self.changes if change.row]

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
        namespace: Namespace,
        store: Store,
        options: PoolOptions = DEFAULTS,
    ) -> None:
        super().__init__(changes, namespace, store, options)
        self._delete = namespace.delete
        self._batches = _batches(changes)

    def _load(self) -> Sequence[_Batch]:
        window = [next(self._batches, None) for _ in range(WINDOW // KEYS_PER_REQUEST)]
        return [batch for batch in window if batch]

    async def _attempt(self, parcel: _Batch) -> list[Outcome]:
        try:
            ack = await self._delete([change.entry.key for change in parcel.changes])
        except RejectedError as error:
            if len(parcel.changes) > 1:
                # One key that the service does not take must not keep the others.
                first, second = parcel.halves()
                outcomes = await self._attempt(first) + await self._attempt(second)
                return [_doubted(outcome) for outcome in outcomes] if error.in_doubt else outcomes
            return [unsuccessful(change, change.entry, error) for change in parcel.changes]
        except (ServiceError, Interrupted) as error:
            self._refused(error)
            return [unsuccessful(change, change.entry, error) for change in parcel.changes]
        except asyncio.CancelledError:
            return [cut_off(change, change.entry) for change in parcel.changes]
        return [
            Outcome(OutcomeKind.DONE, change, change.entry, ack.at, ack.request_id, ack.attempts)
            for change in parcel.changes
        ]


def _doubted(outcome: Outcome) -> Outcome:
    """The outcome of a key that an unanswered attempt at more keys may have deleted."""
    if outcome.kind is OutcomeKind.DONE:
        return outcome
    skipped = outcome.kind is OutcomeKind.SKIPPED
    return outcome._replace(kind=OutcomeKind.FAILED if skipped else outcome.kind, in_doubt=True)


def _batches(changes: Sequence[Change]) -> Iterator[_Batch]:
    for start in range(0, len(changes), KEYS_PER_REQUEST):
        yield _Batch(changes[start : start + KEYS_PER_REQUEST])
