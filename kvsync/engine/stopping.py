"""Stopping a call early: at a signal, a bound, or an answer that concerns all of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from kvsync.engine.call import Call, Deadline
from kvsync.model.errors import (
    Interrupted,
    KvsyncError,
    MaxDurationError,
    MaxErrorsError,
    RejectedError,
    ServiceError,
)
from kvsync.model.signals import heard_by
from kvsync.model.text import count_text, duration_text
from kvsync.model.values import Outcome, OutcomeKind
from kvsync.report import RunReport

T = TypeVar("T")


class Work(Protocol):
    """Work that a stop ends: a pool, or a fetch."""

    def stop(self) -> None:
        """Send nothing more."""

    def cut(self) -> None:
        """Wait for nothing more."""


class Bound(Protocol):
    """Something that stops a call before its end; its text says when, as "after 15m"."""

    def error(self, report: RunReport) -> KvsyncError:
        """Return what a run ends with that had something left to do."""


class TimeBound:
    """How long a call may take."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def __str__(self) -> str:
        return f"after {duration_text(self._deadline.seconds)} (--max-duration)"

    @property
    def left(self) -> float:
        """Seconds until it is reached."""
        return self._deadline.left

    def error(self, report: RunReport) -> KvsyncError:
        """Return what a run ends with that had something left to do."""
        if not report.plan or report.dry:
            advice = "give it more time"
        else:
            advice = "run the same command again to go on"
        return MaxDurationError(f"stopped {self}: {_progress(report)}; {advice}")


class ErrorBound:
    """How many keys of a call, of all its sources together, may fail or be rejected."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._kinds: Counter[OutcomeKind] = Counter()

    def __str__(self) -> str:
        return f"after {count_text(self._limit or 0, 'error')} (--max-errors)"

    def is_reached_by(self, outcome: Outcome) -> bool:
        """Return whether this is one key too many. Each outcome is to be shown once."""
        if outcome.kind not in {OutcomeKind.FAILED, OutcomeKind.REJECTED}:
            return False
        self._kinds[outcome.kind] += 1
        return self._kinds.total() == self._limit

    def error(self, report: RunReport) -> KvsyncError:
        """Return what a run ends with that had something left to do; its exit code is the
        errors'.
        """
        worst = RejectedError if self._kinds[OutcomeKind.REJECTED] else ServiceError
        message = f"stopped {self}, and skipped the rest: {_progress(report)}"
        return MaxErrorsError(message, report.exit_code or worst.exit_code)


def _progress(report: RunReport) -> str:
    if not report.plan or report.dry:
        return "nothing was sent"
    total, done = len(report.plan.steps), sum(1 for _ in report.done)
    if done == total:
        # Only `--verify` comes after the last change.
        return "everything is sent, but was not verified"
    return f"{done:,} of {count_text(total, 'change')} made"


class Stop:
    """The stop of a call, and the work that is under way when it comes.

    ``signal`` is the first signal that came while something was under way. ``is_set``: it, a bound
    of the call or a fatal answer keeps what follows from being tried.
    """

    def __init__(self, call: Call, tell: Callable[[str], None]) -> None:
        self.signal = 0
        self.is_set = False
        self._tell = tell
        self._time = TimeBound(call.deadline)
        self._errors = ErrorBound(call.max_errors)
        self._bound: Bound | None = None
        self._errand: asyncio.Task[Any] | None = None
        self._work: Work | None = None
        self._grace = 0.0

    @contextmanager
    def listening(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Let signals, and the call's time, stop what the loop does within."""

        def hear(number: int) -> None:
            # Called by the interpreter between any two steps of the program.
            loop.call_soon_threadsafe(self._interrupt, number)

        with heard_by(hear):
            # One that is due already fires before the first errand does anything.
            timer = loop.call_later(self._time.left, self._reach, self._time)
            try:
                yield
            finally:
                timer.cancel()

    @contextmanager
    def ending(self, work: Work, grace: float) -> Iterator[None]:
        """Let a stop end this work within.

        ``grace`` is for how many seconds a stop lets requests in flight finish; 0: not at all.
        """
        self._work, self._grace = work, grace
        try:
            yield
        finally:
            self._work = None

    async def interruptible(self, errand: Coroutine[Any, Any, T]) -> T:
        """Return what the errand returns; a stop ends it at once, so its answer must not matter
        then.

        Raises `Interrupted`, and what the errand raises.
        """
        task = asyncio.create_task(errand)
        self._errand = task
        try:
            return await task
        except asyncio.CancelledError:
            if self.is_set:
                raise Interrupted from None
            raise
        finally:
            self._errand = None

    def check(self) -> None:
        """Raise `Interrupted` if nothing more is to be done."""
        if self.is_set:
            raise Interrupted

    def count(self, outcome: Outcome) -> None:
        """Count how a key ended; one error too many stops the call."""
        if self._errors.is_reached_by(outcome):
            self._reach(self._errors)

    def give_up(self) -> None:
        """Give up all that was still to be tried."""
        self.is_set = True

    def error(self, report: RunReport) -> KvsyncError | None:
        """Return what a run ends with that a bound has cut short; None if a signal did."""
        return self._bound.error(report) if self._bound and not self.signal else None

    def _interrupt(self, number: int) -> None:
        """Let requests in flight finish at the first signal, and not at the second."""
        again = bool(self.signal)
        self.signal = self.signal or number
        if not again:
            self._end("", "; once more stops at once")
        elif self._work:
            self._work.cut()

    def _reach(self, bound: Bound) -> None:
        """Stop for a bound of the call; what has ended the call before has the last word."""
        if not self.is_set:
            self._bound = bound
            self._end(f" {bound}")

    def _end(self, why: str, hint: str = "") -> None:
        self.is_set = True
        if self._errand:
            self._errand.cancel()
        if self._work:
            # First of all: the reader of stderr may have been stopped by the same Ctrl-C.
            self._work.stop()
            if self._grace:
                self._tell(
                    f"stopping{why}: requests in flight get {self._grace:g} s to finish{hint}"
                )
