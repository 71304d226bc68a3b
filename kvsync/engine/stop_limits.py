"""What a call may cost at most, and what a run ends with that such a limit has cut short."""

import math
import time
from collections import Counter
from typing import Protocol

from kvsync.model.errors import (
    KvsyncError,
    MaxDurationError,
    MaxErrorsError,
    RejectedError,
    ServiceError,
)
from kvsync.model.text import count_text, duration_text
from kvsync.model.values import Outcome, OutcomeKind
from kvsync.report import RunReport


class Deadline:
    """It passes ``seconds`` after it was made, as the monotonic clock counts; by default never."""

    def __init__(self, seconds: float = math.inf) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until it passes, 0 from then on."""
        return max(0.0, self._end - time.monotonic())


class Bound(Protocol):
    """Something that stops a call before its end; its text says when, as "after 15m"."""

    def error(self, report: RunReport) -> KvsyncError:
        """What a run ends with that had something left to do."""


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
        """What a run ends with that had something left to do."""
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
        """Whether this is one key too many. Each outcome is to be shown once."""
        if outcome.kind not in {OutcomeKind.FAILED, OutcomeKind.REJECTED}:
            return False
        self._kinds[outcome.kind] += 1
        return self._kinds.total() == self._limit

    def error(self, report: RunReport) -> KvsyncError:
        """What a run ends with that had something left to do; its exit code is the errors'."""
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
