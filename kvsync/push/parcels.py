"""Parcels of a pool, its options, and its protocols."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kvsync.model.values import Ack, Change, Expiry, Outcome, Pair


class RemoteNamespace(Protocol):
    """The namespace as pools and fetches see it.

    Its requests raise `ServiceError` or `Interrupted`, and name 20 keys at most.
    """

    async def put(self, key: str, value: bytes, expiry: Expiry) -> Ack:
        """Write one pair."""

    async def get(self, keys: Sequence[str]) -> list[Pair]:
        """Return the pairs of these keys, in this order."""

    async def delete(self, keys: Sequence[str]) -> Ack:
        """Delete these keys."""

    def stop(self) -> None:
        """Send nothing more: calls that wait for their turn raise `Interrupted`."""


class Store(Protocol):
    """The state as a pool needs it."""

    async def record(self, marks: Sequence[Change], outcomes: Sequence[Outcome]) -> None:
        """Settle the outcomes and mark the changes in doubt, durably. Raises `StateError`."""


class Parcel(Protocol):
    """The content of one request."""

    @property
    def marks(self) -> Sequence[Change]:
        """The changes to be marked in doubt before it is sent."""

    @property
    def size(self) -> int:
        """Bytes of value."""

    def skipped(self) -> list[Outcome]:
        """Return what becomes of its changes if it is never sent."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """``grace`` is in seconds: what requests in flight get to finish once the run is stopping."""

    workers: int = 64
    grace: float = 10.0


DEFAULTS = PoolOptions()
