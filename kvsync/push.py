"""The worker pool: changes in, outcomes out.

Workers take changes from one window. Whoever finds it empty loads the next one and has it marked in
doubt before any of it may be sent. What the service answers is made durable every half second. A
stop, whatever its cause, lets requests in flight finish and sends nothing more.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from kvsync.errors import FatalError, Interrupted, KvsyncError, ServiceError
from kvsync.model import Ack, Change, Entry, Expiry, Loaded, Lost, Outcome, OutcomeKind
from kvsync.verdict import Streak, hopeless, unsuccessful

__all__ = ["Namespace", "Push", "PushOptions", "Store"]

_WINDOW = 64
"""Changes marked in doubt by one transaction."""

_WINDOW_BYTES = 8 << 20
_FLIGHT_BYTES = 32 << 20
"""Bytes of value held at a time, in the window and in flight."""

_COMMIT_S = 0.5
_COMMIT_ROWS = 200


class Namespace(Protocol):
    """What a push asks of the far side."""

    async def put(self, key: str, value: bytes, expiry: Expiry) -> Ack:
        """Write one pair. Raises `ServiceError` or `Interrupted`."""

    def stop(self) -> None:
        """Send nothing more: calls that wait for their turn raise `Interrupted`."""


class Store(Protocol):
    """What a push asks of the state."""

    async def record(self, marks: Sequence[Change], outcomes: Sequence[Outcome]) -> None:
        """Settle the outcomes and mark the changes in doubt, durably. Raises `StateError`."""


@dataclass(frozen=True, slots=True)
class PushOptions:
    """``grace`` is in seconds: what requests in flight get to finish once the run is stopping."""

    workers: int = 64
    grace: float = 10.0


class _Item(NamedTuple):
    change: Change
    entry: Entry
    value: bytes | Lost

    @property
    def size(self) -> int:
        return len(self.value) if isinstance(self.value, bytes) else 0


@dataclass
class Push:
    """One run's pushing. ``values`` yields the changes' values; ``settled`` hears each outcome."""

    changes: Sequence[Change]
    values: Iterator[Loaded]
    namespace: Namespace
    store: Store
    options: PushOptions = field(default_factory=PushOptions)
    settled: Callable[[Outcome], None] = lambda _: None

    outcomes: list[Outcome] = field(default_factory=list, init=False)
    """How each change ended that was taken up."""

    error: KvsyncError | None = field(default=None, init=False)
    """What ended the run before its time."""

    def __post_init__(self) -> None:
        self._by_key = {change.entry.key: change for change in self.changes}
        self._window: deque[_Item] = deque()
        self._marking: list[_Item] = []
        self._exhausted = False
        self._refilling = asyncio.Lock()
        self._bytes = 0
        self._freed = asyncio.Event()
        self._streak = Streak()
        self._unrecorded: list[Outcome] = []
        self._commit_timer: asyncio.TimerHandle | None = None
        self._commits: set[asyncio.Task[None]] = set()
        self._workers: list[asyncio.Task[None]] = []
        self._cut_timer: asyncio.TimerHandle | None = None
        self._stopping = False

    async def run(self) -> None:
        """Push until all changes have an outcome, or until something stops it.

        Afterwards `outcomes` has what was tried, and `error` what stopped it, if anything.
        """
        count = min(self.options.workers, len(self.changes))
        self._workers = [asyncio.create_task(self._work()) for _ in range(count)]
        try:
            await asyncio.gather(*self._workers, return_exceptions=True)
        except asyncio.CancelledError:
            self.cut()
            await asyncio.gather(*self._workers, return_exceptions=True)
            raise
        finally:
            await self._finish()
        for worker in self._workers:
            if not worker.cancelled() and (bug := worker.exception()):
                raise bug

    def stop(self) -> None:
        """Send nothing more; what is in flight gets the grace time to finish."""
        if not self._stopping:
            self._stopping = True
            self.namespace.stop()
            self._freed.set()
            loop = asyncio.get_running_loop()
            self._cut_timer = loop.call_later(self.options.grace, self.cut)

    def cut(self) -> None:
        """Wait for nothing more: what is in flight stays in doubt."""
        self.stop()
        # First those that wait hear of the stop: two cancellations at once would look like one of
        # a request in flight.
        asyncio.get_running_loop().call_soon(self._cancel_workers)

    def _cancel_workers(self) -> None:
        for worker in self._workers:
            worker.cancel()

    def _stop_asked(self) -> bool:
        """As `_stopping`, for where it may have changed since it was looked at last."""
        return self._stopping

    def _halt(self, error: KvsyncError) -> None:
        self.error = self.error or error
        self.stop()

    async def _work(self) -> None:
        while item := await self._next():
            outcome = await self._attempt(item)
            self._bytes -= item.size
            self._freed.set()
            self._settle(outcome)

    async def _next(self) -> _Item | None:
        while not (self._window or self._exhausted or self._stopping):
            async with self._refilling:
                if not self._window:
                    await self._refill()
        return self._window.popleft() if self._window and not self._stopping else None

    async def _refill(self) -> None:
        while self._bytes > _FLIGHT_BYTES - _WINDOW_BYTES and not self._stopping:
            self._freed.clear()
            await self._freed.wait()
        if self._stopping or self._exhausted:
            return
        try:
            # Reading files blocks, so it is done in a thread, a window at a time.
            self._marking = await asyncio.to_thread(self._load)
            if self._stop_asked():
                self._marking = []
                return
            await asyncio.shield(self._recording([item.change for item in self._marking]))
        except KvsyncError as error:
            self._halt(error)
        else:
            items, self._marking = self._marking, []
            self._bytes += sum(item.size for item in items)
            self._window.extend(items)
            self._exhausted = not items

    def _load(self) -> list[_Item]:
        items: list[_Item] = []
        size = 0
        while len(items) < _WINDOW and size < _WINDOW_BYTES:
            loaded = next(self.values, None)
            if loaded is None:
                break
            items.append(_Item(self._by_key[loaded[0].key], *loaded))
            size += items[-1].size
        return items

    async def _attempt(self, item: _Item) -> Outcome:
        change, entry, value = item
        if isinstance(value, Lost):
            lost = value.message
            return Outcome(OutcomeKind.FAILED, change, entry, code="SourceChanged", message=lost)
        try:
            ack = await self.namespace.put(entry.key, value, entry.expiry)
        except (ServiceError, Interrupted) as error:
            if isinstance(error, FatalError):
                self._halt(error)
            return unsuccessful(change, entry, error)
        except asyncio.CancelledError:
            # Only `cut` cancels a worker: the loop ends here, and the key stays in doubt.
            message = "cut off while its request was in flight"
            return Outcome(
                OutcomeKind.FAILED,
                change,
                entry,
                attempts=1,
                code="Interrupted",
                message=message,
                in_doubt=True,
            )
        return Outcome(
            OutcomeKind.DONE, change, entry, ack.at, ack.request_id, attempts=ack.attempts
        )

    def _settle(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._unrecorded.append(outcome)
        if len(self._unrecorded) >= _COMMIT_ROWS:
            self._recording([])
        elif not self._commit_timer:
            loop = asyncio.get_running_loop()
            self._commit_timer = loop.call_later(_COMMIT_S, self._recording, [])
        if self._streak.add(outcome) and not self._stopping:
            self._halt(hopeless(outcome, self._streak.length))
        self.settled(outcome)

    def _recording(self, marks: Sequence[Change]) -> asyncio.Task[None]:
        """Record these marks, and the outcomes so far, whoever is cancelled meanwhile."""
        outcomes, self._unrecorded = self._unrecorded, []
        if self._commit_timer:
            self._commit_timer.cancel()
            self._commit_timer = None
        task = asyncio.create_task(self._record(marks, outcomes))
        self._commits.add(task)
        task.add_done_callback(self._recorded)
        return task

    async def _record(self, marks: Sequence[Change], outcomes: Sequence[Outcome]) -> None:
        if marks or outcomes:
            await self.store.record(marks, outcomes)

    def _recorded(self, task: asyncio.Task[None]) -> None:
        error = task.exception()
        if isinstance(error, KvsyncError):
            self._halt(error)
        elif error is None:
            self._commits.discard(task)
        elif not self._stopping:
            # A bug: `_finish` raises it, once what is in flight has ended.
            self.stop()

    async def _finish(self) -> None:
        """Make durable what is known, and take back the marks of what was never sent."""
        if self._cut_timer:
            self._cut_timer.cancel()
        self._unrecorded += [
            Outcome(OutcomeKind.SKIPPED, item.change, item.entry)
            for item in (*self._marking, *self._window)
        ]
        self._recording([])
        for error in await asyncio.gather(*self._commits, return_exceptions=True):
            if isinstance(error, KvsyncError):
                self.error = self.error or error
            elif error:
                raise error
