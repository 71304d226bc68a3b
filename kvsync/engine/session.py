"""The network as one call sees it: one event loop, one throttle per side, a client per service.

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
from typing import Any, Self, TypeAlias, TypeVar

from kvsync.edgekv.client import EdgeKVClient
from kvsync.edgekv.namespace import Namespace
from kvsync.edgekv.throttle import Throttle
from kvsync.engine.call import Call
from kvsync.engine.connections import Connections, Emulated
from kvsync.engine.job import Job
from kvsync.engine.stopping import Stop, Work
from kvsync.model.errors import FatalError, GaveUpError, Interrupted, KvsyncError, StateError
from kvsync.report.progress import Interface, Progress
from kvsync.state import StateLocation

_TICK_S = 0.5
_NEW_OBJECTS = 10_000
_WINDOW_S = 1.0
"""For how long the service counts a request against the pace."""

T = TypeVar("T")
Step: TypeAlias = Callable[[Job, EdgeKVClient], Awaitable[T]]


class Session:
    """The event loop of one call, and what its networks share, for as long as the context lasts."""

    def __init__(self, call: Call, interface: Interface) -> None:
        self.interface = interface
        self.stop = Stop(call, interface.tell)
        self.clients = AsyncExitStack()
        self.emulated: Emulated = {}
        self.last_read: tuple[Network | None, float] = None, float("-inf")
        """Which of the networks read last, and when (monotonic seconds)."""
        self._runner = asyncio.Runner()
        self._thresholds = gc.get_threshold()

    def __enter__(self) -> Self:
        # It opens files, and may fail for want of them: then nothing has begun.
        self._runner.get_loop()
        # Requests leave no cycles behind: 5,000 of them 1,400 objects, which are looked for less
        # often than after each 700 new ones.
        gc.set_threshold(_NEW_OBJECTS, *self._thresholds[1:])
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self.clients.aclose())
        self._runner.close()
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop in which everything is done."""
        return self._runner.get_loop()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what the coroutine returns; signals, and the call's time, stop what it watches."""
        with self.stop.listening(self.loop):
            return self.finish(work)

    def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what the coroutine returns, which nothing is to stop."""
        # A full collection of all that was imported and planned took 30 ms, in which a request that
        # had its permit did not leave: then 21 met in one second. What is frozen is not looked at.
        gc.freeze()
        return self._runner.run(work)


class Network:
    """The way to the services of one side: where a call sends to, or where a copy reads."""

    def __init__(self, call: Call, session: Session) -> None:
        self.call = call
        self.session = session
        self.stop = session.stop
        self.interface = session.interface
        self.throttle = Throttle(call.settings.rate)
        self._connections = Connections(call, self.throttle, session.clients, session.emulated)
        self._broken: set[StateLocation] = set()
        """State files that could not be written: what is sent for them would be forgotten."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do as `Session.run`."""
        return self.session.run(work)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """For reads: first wait until the service has forgotten those of the other network.

        Each paces its own, and the service counts those of one sub-account together. Raises
        `Interrupted`.
        """
        by, last = self.session.last_read
        left = last + _WINDOW_S - time.monotonic()
        if left > 0 and by is not self:
            await self.throttle.pause(left)
        try:
            yield
        finally:
            self.session.last_read = self, time.monotonic()

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
                if error := self.stop.error(job.report):
                    job.stop(error)
            except KvsyncError as error:
                job.stop(error)
            job.report.signal = job.report.signal or self.stop.signal
            if _is_missing(job.report.error):
                # One that is created anew is empty.
                _doubt([job, *all_jobs], job)
            if _concerns_all(job.report.error):
                self.stop.give_up()
            if isinstance(job.report.error, StateError):
                self._broken.add(job.location)
        return results

    async def _take(self, step: Step[T], job: Job, all_jobs: Sequence[Job]) -> T:
        """Raise `Interrupted` if something keeps the step from its end, and what it raises."""
        self.stop.check()
        client = await self.stop.interruptible(self._connections.client(job, all_jobs))
        self.stop.check()
        # What stopped the step before this one need not stop this one.
        self.throttle.resume()
        return await step(job, client)

    @asynccontextmanager
    async def watched(
        self, work: Work, namespace: Namespace, progress: Progress, grace: float = 0.0
    ) -> AsyncIterator[None]:
        """Show how far the work has come, and let signals and bounds stop it.

        ``grace`` is for how many seconds a stop lets requests in flight finish; 0: not at all.
        """
        with self.stop.ending(work, grace):
            ticker = asyncio.create_task(self._tick(progress, namespace))
            try:
                yield
            finally:
                ticker.cancel()
                progress.close()

    async def _tick(self, progress: Progress, namespace: Namespace) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            if line := progress.tick(namespace.retries, namespace.last_failure):
                self.interface.tell(line)


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
    """Return whether the service has said that there is no such namespace."""
    return isinstance(error, FatalError) and error.code.endswith("NamespaceNotFound")


def _doubt(jobs: Iterable[Job], missing: Job) -> None:
    for job in jobs:
        if job.place == missing.place and job.state and job.state.writable:
            try:
                job.state.doubt(job.target)
            except StateError as error:
                job.warn(str(error))


def _concerns_all(error: KvsyncError | None) -> bool:
    """Return whether an answer that ended one run would end every other of the same account,
    too.
    """
    return isinstance(error, FatalError) and not isinstance(error, GaveUpError)
