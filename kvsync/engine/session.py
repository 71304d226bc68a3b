"""The network as one call sees it: one event loop, one throttle, one client per service.

A call may go there more than once: to look, to push, to delete, to verify. The pace is kept from
the first request to the last, so all of them share what counts it.
"""

import asyncio
import gc
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeAlias, TypeVar

from kvsync.edgekv.client import EdgeKVClient
from kvsync.edgekv.namespace import Namespace
from kvsync.edgekv.throttle import Throttle
from kvsync.engine.call import Call
from kvsync.engine.connections import Connections, Emulated
from kvsync.engine.job import Job
from kvsync.engine.stop_limits import Bound, ErrorBound, TimeBound
from kvsync.model.errors import FatalError, GaveUpError, Interrupted, KvsyncError, StateError
from kvsync.model.signals import heard_by
from kvsync.model.values import Outcome
from kvsync.report.progress import Interface, Progress
from kvsync.state import StateLocation

_TICK_S = 0.5
_NEW_OBJECTS = 10_000
_WINDOW_S = 1.0
"""For how long the service counts a request against the pace."""

T = TypeVar("T")
Step: TypeAlias = Callable[[Job, EdgeKVClient], Awaitable[T]]


class Work(Protocol):
    """What a stop ends: a pool, or a fetch."""

    def stop(self) -> None:
        """Send nothing more."""

    def cut(self) -> None:
        """Wait for nothing more."""


@dataclass(slots=True)
class _Reads:
    """Which of the networks of a call read last, and when (monotonic seconds)."""

    by: "Network | None" = None
    last: float = float("-inf")


class Network:
    """The way to the services for one call, for as long as the context lasts.

    ``signal`` is the first signal that came while something was under way; ``over``: it, a bound of
    the call or a fatal answer keeps what follows from being tried. ``beside`` is a network that the
    same call reads from: its emulators are this one's too, and so, perhaps, is its account.
    """

    def __init__(self, call: Call, interface: Interface, beside: "Network | None" = None) -> None:
        self.call = call
        self.interface = interface
        self.throttle = Throttle(call.settings.rate)
        self.signal = 0
        self.over = False
        self._thresholds = gc.get_threshold()
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.emulated: Emulated = beside.emulated if beside else {}
        self._reads: _Reads = beside._reads if beside else _Reads()  # noqa: SLF001 - one of us
        self._connections = Connections(call, self.throttle, self._stack, self.emulated)
        self._errand: asyncio.Task[Any] | None = None
        self._work: Work | None = None
        self._grace = 0.0
        self._time = TimeBound(call.deadline)
        self._errors = ErrorBound(call.max_errors)
        self._bound: Bound | None = None
        self._broken: set[StateLocation] = set()
        """States that could not be written: what is sent for them would be forgotten."""

    def __enter__(self) -> Self:
        # It opens files, and may fail for want of them: then nothing has begun.
        self._runner.get_loop()
        # A full collection of all that was imported and planned took 30 ms, in which a request that
        # had its permit did not leave: then 21 met in one second. What is frozen is not looked at.
        gc.freeze()
        # Requests leave no cycles behind: 5,000 of them 1,400 objects, which are looked for less
        # often than after each 700 new ones.
        gc.set_threshold(_NEW_OBJECTS, *self._thresholds[1:])
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop in which everything is done."""
        return self._runner.get_loop()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the coroutine returns; signals, and the call's time, stop what it watches."""
        with heard_by(self.hear), self._timed():
            return self._runner.run(work)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        # One that is due already fires before the first errand of `_take` does anything.
        timer = self.loop.call_later(self._time.left, self._reach, self._time)
        try:
            yield
        finally:
            timer.cancel()

    def count(self, outcome: Outcome) -> None:
        """How a key ended; one error too many stops the call."""
        if self._errors.is_reached_by(outcome):
            self._reach(self._errors)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """For reads: first wait until the service has forgotten those of the network beside.

        Each paces its own, and the service counts those of one sub-account together. Raises
        `Interrupted`.
        """
        left = self._reads.last + _WINDOW_S - time.monotonic()
        if left > 0 and self._reads.by is not self:
            await self.throttle.pause(left)
        try:
            yield
        finally:
            self._reads.by, self._reads.last = self, time.monotonic()

    async def each(
        self, jobs: Iterable[Job], all_jobs: Sequence[Job], step: Step[T]
    ) -> list[tuple[Job, T]]:
        """Take a step for each job, one after the other; returns what each has returned.

        A job of which the step raises is stopped by that error, and has no result. ``all_jobs`` are
        those of the call: they name what an emulator within must have.
        """
        results = []
        for job in jobs:
            try:
                if job.location not in self._broken:
                    results.append((job, await self._take(step, job, all_jobs)))
            except Interrupted:
                if self._bound and not self.signal:
                    job.stop(self._bound.error(job.report))
            except KvsyncError as error:
                job.stop(error)
            job.report.signal = job.report.signal or self.signal
            if _is_missing(job.report.error):
                # Whoever makes it anew makes it empty.
                _doubt([job, *all_jobs], job)
            if _concerns_all(job.report.error):
                self.over = True
            if isinstance(job.report.error, StateError):
                self._broken.add(job.location)
        return results

    async def _take(self, step: Step[T], job: Job, all_jobs: Sequence[Job]) -> T:
        """Raises `Interrupted` if something keeps the step from its end, and what it raises."""
        self.go_on()
        client = await self.interruptible(self._connections.client(job, all_jobs))
        self.go_on()
        # What stopped the step before this one need not stop this one.
        self.throttle.resume()
        return await step(job, client)

    def go_on(self) -> None:
        """Raises `Interrupted` if nothing more is to be done."""
        if self.over:
            raise Interrupted

    async def interruptible(self, errand: Coroutine[Any, Any, T]) -> T:
        """What the errand returns; a stop ends it at once, so its answer must not matter then.

        Raises `Interrupted`, and what the errand raises.
        """
        task = asyncio.create_task(errand)
        self._errand = task
        try:
            return await task
        except asyncio.CancelledError:
            if self.over:
                raise Interrupted from None
            raise
        finally:
            self._errand = None

    @asynccontextmanager
    async def watched(
        self, work: Work, namespace: Namespace, progress: Progress, grace: float = 0.0
    ) -> AsyncIterator[None]:
        """Show how far the work has come, and let signals and bounds stop it.

        ``grace`` is for how many seconds a stop lets requests in flight finish; 0: not at all.
        """
        self._work, self._grace = work, grace
        ticker = asyncio.create_task(self._tick(progress, namespace))
        try:
            yield
        finally:
            self._work = None
            ticker.cancel()
            progress.close()

    async def _tick(self, progress: Progress, namespace: Namespace) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            if line := progress.tick(namespace.retries, namespace.last_failure):
                self.interface.tell(line)

    def hear(self, number: int) -> None:
        """A signal came; called by the interpreter between any two steps of the program."""
        self._runner.get_loop().call_soon_threadsafe(self._interrupt, number)

    def _interrupt(self, number: int) -> None:
        """The first signal lets requests in flight finish; the second does not."""
        again = bool(self.signal)
        self.signal = self.signal or number
        if not again:
            self._stop("", "; once more stops at once")
        elif self._work:
            self._work.cut()

    def _reach(self, bound: Bound) -> None:
        """A bound of the call is reached; what has ended the call before has the last word."""
        if not self.over:
            self._bound = bound
            self._stop(f" {bound}")

    def _stop(self, why: str, hint: str = "") -> None:
        self.over = True
        if self._errand:
            self._errand.cancel()
        if self._work:
            # First of all: whoever reads stderr may have been stopped by the same Ctrl-C.
            self._work.stop()
            if self._grace:
                self.interface.tell(
                    f"stopping{why}: requests in flight get {self._grace:g} s to finish{hint}"
                )


@contextmanager
def accounted(job: Job, namespace: Namespace) -> Iterator[None]:
    """Add to the job's report what the namespace's traffic was, and how long it took."""
    report = job.report
    begun = time.monotonic()
    try:
        yield
    finally:
        report.count(+namespace.requests)
        report.retries += namespace.retries
        report.elapsed += time.monotonic() - begun
        if namespace.is_clock_sure:
            _note_clock(job, namespace.clock_offset)


def _note_clock(job: Job, offset: float) -> None:
    state = job.state
    # A Date has whole seconds: a difference of one is none.
    if state and state.writable and abs(offset - state.clock_offset(job.target)) > 2:
        state.note_clock(job.target, offset)


def _is_missing(error: KvsyncError | None) -> bool:
    """Whether the service has said that there is no such namespace."""
    return isinstance(error, FatalError) and error.code.endswith("NamespaceNotFound")


def _doubt(jobs: Iterable[Job], missing: Job) -> None:
    for job in jobs:
        if job.place == missing.place and job.state and job.state.writable:
            try:
                job.state.doubt(job.target)
            except StateError as error:
                job.warn(str(error))


def _concerns_all(error: KvsyncError | None) -> bool:
    """Whether an answer that ended one run would end every other of the same account, too."""
    return isinstance(error, FatalError) and not isinstance(error, GaveUpError)
