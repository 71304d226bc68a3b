"""The worker pool of all that changes the target: parcels in, outcomes out.

Workers take parcels from one window. Once it is half empty the next one is loaded, and marked in
doubt before any of it may be sent: no one waits for the disk. What the service answers is made
durable every half second. A stop, for any cause, lets requests in flight finish and sends
nothing more.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

from kvsync.model.errors import FatalError, Interrupted, KvsyncError, ServiceError
from kvsync.model.values import Change, Outcome, OutcomeKind
from kvsync.push.outcomes import Retractions, Streak, hopeless
from kvsync.push.parcels import DEFAULTS, Parcel, PoolOptions, RemoteNamespace, Store

WINDOW = 64
"""Changes marked in doubt by one transaction."""

WINDOW_BYTES = 8 << 20
_FLIGHT_BYTES = 32 << 20
"""Bytes of value held at a time, in the window and in flight."""

_COMMIT_S = 0.5
_COMMIT_ROWS = 200


P = TypeVar("P", bound=Parcel)


class Pool(ABC, Generic[P]):
    """One run's sending of ``changes``; a subclass says how they are packed, and how sent.

    ``settled`` hears of each outcome, ``stopped`` of a stop: then nothing more is loaded. ``look``
    is awaited after the last answer, and calls `doubt` if need be. Afterwards `outcomes` has how
    each change ended that was taken up, without its row, and `error` what ended the run before its
    time, if anything.
    """

    def __init__(
        self,
        changes: Sequence[Change],
        namespace: RemoteNamespace,
        store: Store,
        options: PoolOptions = DEFAULTS,
    ) -> None:
        self._told: list[Outcome] = []
        self.changes = changes
        self.settled: Callable[[Outcome], None] = lambda _: None
        self.stopped: Callable[[], None] = lambda: None
        self.look: Callable[[], Awaitable[None]] = _nothing
        self.outcomes: Sequence[Outcome] = self._told
        self.error: KvsyncError | None = None
        self._namespace = namespace
        self._store = store
        self._options = options
        self._window: deque[P] = deque()
        self._marking: Sequence[P] = []
        self._enough = 0
        self._exhausted = False
        self._loaded = asyncio.Event()
        self._bytes = 0
        self._freed = asyncio.Event()
        self._streak = Streak()
        self._retracted = Retractions()
        self._unrecorded: list[Outcome] = []
        self._commit_timer: asyncio.TimerHandle | None = None
        self._commits: set[asyncio.Task[None]] = set()
        self._workers: list[asyncio.Task[None]] = []
        self._cut_timer: asyncio.TimerHandle | None = None
        self._stopping = False
        self._kept_back = False
        self._hasty = False

    @abstractmethod
    def _load(self) -> Sequence[P]:
        """Return the parcels of the next window, none once all are loaded; called in a thread."""

    @abstractmethod
    async def _attempt(self, parcel: P) -> list[Outcome]:
        """Send a parcel; how its changes ended. Cancelled, it says what is then in doubt."""

    async def run(self) -> None:
        """Send until all changes have an outcome, or until something stops it."""
        count = min(self._options.workers, len(self.changes))
        work = (self._supply(), *(self._work() for _ in range(count)))
        self._workers = [asyncio.create_task(task) for task in work]
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

    @property
    def cut_short(self) -> bool:
        """True if a stop kept any change from an outcome of its own."""
        return self._kept_back or len(self.outcomes) < len(self.changes)

    def stop(self) -> None:
        """Send nothing more; what is in flight gets the grace time to finish."""
        if not self._stopping:
            self._stopping = True
            self._namespace.stop()
            self.stopped()
            self._freed.set()
            self._loaded.set()
            loop = asyncio.get_running_loop()
            self._cut_timer = loop.call_later(self._options.grace, self.cut)

    def cut(self) -> None:
        """Wait for nothing more: what is in flight stays in doubt."""
        self._hasty = True
        self.stop()
        # First those that wait hear of the stop: two cancellations at once would look like one of
        # a request in flight.
        asyncio.get_running_loop().call_soon(self._cancel_workers)

    def doubt(self, keys: Iterable[str]) -> None:
        """Doubt the answers for these keys, those that are still to come too."""
        self._retracted.add(keys)
        self._record_soon()

    def _cancel_workers(self) -> None:
        for worker in self._workers:
            worker.cancel()

    def _stop_asked(self) -> bool:
        """Do as `_stopping`, for where it may have changed since it was looked at last."""
        return self._stopping

    def _halt(self, error: KvsyncError) -> None:
        self.error = self.error or error
        self.stop()

    def _refused(self, error: ServiceError | Interrupted) -> None:
        """End the run if an answer is fatal for it."""
        if isinstance(error, FatalError):
            self._halt(error)

    async def _work(self) -> None:
        while parcel := await self._next():
            outcomes = await self._attempt(parcel)
            self._bytes -= parcel.size
            self._look_for_room()
            for outcome in outcomes:
                self._settle(outcome)

    async def _next(self) -> P | None:
        while not (self._window or self._exhausted or self._stopping):
            self._loaded.clear()
            await self._loaded.wait()
        if not self._window or self._stopping:
            return None
        parcel = self._window.popleft()
        self._look_for_room()
        return parcel

    def _look_for_room(self) -> None:
        if len(self._window) <= self._enough:
            self._freed.set()

    async def _supply(self) -> None:
        """Load window after window, each once there is room for it."""
        try:
            while not self._exhausted and await self._has_room():
                await self._refill()
        except KvsyncError as error:
            self._halt(error)
        finally:
            self._exhausted = True
            self._loaded.set()

    async def _has_room(self) -> bool:
        """Wait until there is room for a window; False once the run is stopping."""
        most = _FLIGHT_BYTES - WINDOW_BYTES
        while not self._stopping and (len(self._window) > self._enough or self._bytes > most):
            self._freed.clear()
            await self._freed.wait()
        return not self._stopping

    async def _refill(self) -> None:
        # Reading files blocks, so it is done in a thread, a window at a time.
        self._marking = await asyncio.to_thread(self._load)
        if self._stop_asked():
            self._marking = []
            return
        marks = [change for parcel in self._marking for change in parcel.marks]
        await asyncio.shield(self._recording(marks))
        parcels, self._marking = self._marking, []
        self._bytes += sum(parcel.size for parcel in parcels)
        self._window.extend(parcels)
        self._enough = len(parcels) // 2
        self._exhausted = not parcels
        self._loaded.set()

    def _settle(self, outcome: Outcome) -> None:
        # Only the state needs the row of before, and outcomes are kept until all is told.
        told = outcome
        if outcome.change.row:
            told = outcome._replace(change=outcome.change._replace(row=None))
        self._told.append(told)
        self._unrecorded.append(outcome)
        if len(self._unrecorded) >= _COMMIT_ROWS:
            self._recording([])
        else:
            self._record_soon()
        if self._stopping and outcome.kind in {OutcomeKind.FAILED, OutcomeKind.SKIPPED}:
            self._kept_back = True
        if self._streak.add(outcome) and not self._stopping:
            self._halt(hopeless(outcome, self._streak.length))
        self.settled(outcome)

    def _record_soon(self) -> None:
        if not self._commit_timer:
            loop = asyncio.get_running_loop()
            self._commit_timer = loop.call_later(_COMMIT_S, self._recording, [])

    def _recording(self, marks: Sequence[Change]) -> asyncio.Task[None]:
        """Record these marks, and the outcomes so far, even if a worker is cancelled meanwhile."""
        outcomes, self._unrecorded = self._retracted.weighed(self._unrecorded), []
        marks = [*self._retracted.news(self.changes), *marks]
        if self._commit_timer:
            self._commit_timer.cancel()
            self._commit_timer = None
        task = asyncio.create_task(self._record(marks, outcomes))
        self._commits.add(task)
        task.add_done_callback(self._recorded)
        return task

    async def _record(self, marks: Sequence[Change], outcomes: Sequence[Outcome]) -> None:
        if marks or outcomes:
            await self._store.record(marks, outcomes)

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
        for parcel in (*self._marking, *self._window):
            self._unrecorded += parcel.skipped()
        if not self._hasty:
            await self.look()
        self._recording([])
        for error in await asyncio.gather(*self._commits, return_exceptions=True):
            if isinstance(error, KvsyncError):
                self.error = self.error or error
            elif error:
                raise error
        self.outcomes = self._retracted.weighed(self._told)


async def _nothing() -> None:
    pass
