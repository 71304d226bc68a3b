"""States that only remember what a pool told them, and what came of it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from kvsync.model.errors import StateError
from kvsync.model.values import Change, Outcome, OutcomeKind
from kvsync.push.pool import Pool


class FakeStore:
    """Remembers what it was told, in order; refuses from the ``full``-th call on."""

    def __init__(self, full: int = 10**9):
        self.calls: list[tuple[list[Change], list[Outcome]]] = []
        self.full = full
        self.heard = asyncio.Event()

    async def record(self, marks: Sequence[Change], outcomes: Sequence[Outcome]) -> None:
        if len(self.calls) >= self.full:
            raise StateError("the disk is full")
        self.calls.append((list(marks), list(outcomes)))
        if outcomes:
            self.heard.set()
        await asyncio.sleep(0)

    @property
    def marked(self) -> list[str]:
        return [c.entry.key for marks, _ in self.calls for c in marks]

    @property
    def settled(self) -> dict[str, OutcomeKind]:
        return {o.entry.key: o.kind for _, outcomes in self.calls for o in outcomes}


class GatedStore(FakeStore):
    """A store whose calls wait for a gate, as for a slow disk."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()

    async def record(self, marks: Sequence[Change], outcomes: Sequence[Outcome]) -> None:
        self.begun.set()
        await self.gate.wait()
        await super().record(marks, outcomes)


def kinds(pool: Pool[Any]) -> Counter[str]:
    """How many outcomes of each kind."""
    return Counter(str(outcome.kind) for outcome in pool.outcomes)
