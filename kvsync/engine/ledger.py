"""The state as a push sees it: kept off the event loop."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from kvsync.model.values import Change, Outcome, Target
from kvsync.state import State


class Ledger:
    """Records one run's changes and outcomes, in the order of the calls.

    A commit waits for the disk, and a request that waits for a commit is late: all writing is done
    in one thread of its own.
    """

    def __init__(self, state: State, target: Target, owner: str) -> None:
        self._state = state
        self._target = target
        self._owner = owner
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kvsync-state")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    async def record(self, marks: Sequence[Change], outcomes: Sequence[Outcome]) -> None:
        """Settle the outcomes and mark the changes in doubt, durably. Raises `StateError`."""
        await asyncio.get_running_loop().run_in_executor(
            self._thread, self._state.record, self._target, self._owner, marks, outcomes
        )
