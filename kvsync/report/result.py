"""The outcome of a call and of each of its runs, and the exit code that follows."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from kvsync.formats.record import NO_LOSSES, Losses
from kvsync.model.api import API_RATE, DELETE, KEYS_PER_REQUEST, PUT
from kvsync.model.errors import HeldBackError, KvsyncError, ServiceError
from kvsync.model.tally import NOTHING_TOLD, Tally
from kvsync.model.values import Action, Change, Entry, Outcome, OutcomeKind, Plan, Target
from kvsync.report.comparison import Comparison, Converted, Exported, FailuresFile

_PRECEDENCE = (130, 143, 1, 7, 12, 11, 4, 2, 10, 6, 5, 3, 0)
"""Which exit code stands for several runs: the first of these that occurred."""


def exit_code_of(codes: Iterable[int]) -> int:
    """Return the one exit code for several."""
    return min(codes, key=_PRECEDENCE.index, default=0)


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of keys by what was done, or would be; ``size`` in bytes."""

    actions: Mapping[str, int]
    unchanged: int
    orphan: int
    failed: int
    rejected: int
    skipped: int
    size: int


@dataclass(slots=True)
class RunReport:
    """One source's run against one target, filled in as the run goes on.

    ``target_from`` says where each part of the target came from; ``keys`` and ``size`` (bytes) are
    what the source names; ``missing`` are keys that a push could not even try, since the source has
    lost their values; ``elapsed`` is in seconds, ``rate`` in requests per second. A ``dry`` run
    tells what would be done, any other what was done.
    """

    source: str
    target: Target | None = None
    target_from: str = ""
    keys: int = 0
    size: int = 0
    plan: Plan | None = None
    dry: bool = False
    outcomes: Sequence[Outcome] = ()
    requests: dict[str, int] = field(default_factory=dict)
    retries: int = 0
    elapsed: float = 0.0
    rate: float = API_RATE
    warnings: list[str] = field(default_factory=list)
    error: KvsyncError | None = None
    signal: int = 0
    comparison: Comparison | None = None
    exported: Exported | None = None
    losses: Losses = NO_LOSSES
    tally: Tally = NOTHING_TOLD
    converted: Converted | None = None
    failures_file: FailuresFile | None = None
    missing: int = 0

    @property
    def unread(self) -> Sequence[tuple[str, ServiceError]]:
        """Keys that could not be read, and why."""
        found = self.comparison or self.exported
        return found.failures if found else ()

    def count(self, requests: Mapping[str, int]) -> None:
        """Add requests that were sent, by action."""
        for action, number in requests.items():
            self.requests[action] = self.requests.get(action, 0) + number

    @property
    def exit_code(self) -> int:
        """The run's own exit code."""
        kinds = {outcome.kind for outcome in self.outcomes}
        codes = [0]
        if self.signal:
            codes.append(128 + self.signal)
        if self.error:
            codes.append(self.error.exit_code)
        if OutcomeKind.REJECTED in kinds:
            codes.append(6)
        if self.missing or OutcomeKind.FAILED in kinds:
            codes.append(5)
        codes += [error.exit_code for _, error in self.unread]
        if self.comparison and self.comparison.differs:
            codes.append(3)
        return exit_code_of(codes)

    @property
    def failures(self) -> list[Outcome]:
        """The outcomes to list one by one."""
        listed = (OutcomeKind.FAILED, OutcomeKind.REJECTED)
        return [outcome for outcome in self.outcomes if outcome.kind in listed]

    @property
    def planned_requests(self) -> dict[str, int]:
        """Requests that the plan takes, by action."""
        if not self.plan:
            return {}
        puts, deletes = len(self.plan.changes), len(self.plan.deletes)
        needed = {PUT: puts, DELETE: -(-deletes // KEYS_PER_REQUEST)}
        return {action: count for action, count in needed.items() if count}

    @property
    def eta(self) -> float:
        """Seconds that the planned requests take at the rate."""
        return sum(self.planned_requests.values()) / self.rate

    def summary(self) -> Summary:
        """Return what was done, or, of a dry run, what would be."""
        if not self.plan:
            return Summary({}, 0, 0, 0, 0, 0, 0)
        kinds = Counter(outcome.kind for outcome in self.outcomes)
        steps = self.plan.steps
        done = (_weighed(change, change.entry) for change in steps) if self.dry else self.done
        actions: Counter[str] = Counter()
        size = 0
        for action, weight in done:
            actions[str(action)] += 1
            size += weight
        tried = kinds[OutcomeKind.DONE] + kinds[OutcomeKind.FAILED] + kinds[OutcomeKind.REJECTED]
        untried = 0 if self.dry else len(steps) - tried
        return Summary(
            actions=actions,
            unchanged=self.plan.unchanged,
            orphan=len(self.plan.orphans),
            failed=kinds[OutcomeKind.FAILED],
            rejected=kinds[OutcomeKind.REJECTED],
            skipped=untried + len(self.plan.expired),
            size=size,
        )

    @property
    def done(self) -> Iterator[tuple[Action, int]]:
        """Action and bytes of each change that was acknowledged."""
        return (
            _weighed(outcome.change, outcome.entry)
            for outcome in self.outcomes
            if outcome.kind is OutcomeKind.DONE
        )


def _weighed(change: Change, entry: Entry) -> tuple[Action, int]:
    """Return what was done, and how many bytes of value that sent: none for a delete."""
    return change.action, 0 if change.action is Action.DELETE else entry.size


@dataclass(slots=True)
class Report:
    """A whole call. ``error`` is what concerns no single run.

    With ``detailed`` the exit code is 2 if there are changes and 1 for any error, as Terraform has
    it; orphans are no change.
    """

    command: str
    runs: list[RunReport] = field(default_factory=list)
    error: KvsyncError | None = None
    detailed: bool = False

    @property
    def exit_code(self) -> int:
        """The exit code of the call."""
        codes = [run.exit_code for run in self.runs]
        code = exit_code_of([*codes, self.error.exit_code] if self.error else codes)
        if not self.detailed:
            return code
        changed = any(run.plan and run.plan.steps for run in self.runs)
        return 1 if code else 2 * changed

    @property
    def deciding_error(self) -> KvsyncError | None:
        """The call's own error, or that of the run which decided the exit code."""
        code = exit_code_of(run.exit_code for run in self.runs)
        errors = (run.error for run in self.runs if run.error and run.exit_code == code)
        return self.error or next(
            (error for error in errors if not isinstance(error, HeldBackError)), None
        )


@contextmanager
def caught(report: Report) -> Iterator[None]:
    """End the call at an error of a step; no matter what happens, the report is complete."""
    begun = time.monotonic()
    try:
        yield
    except KvsyncError as error:
        report.error = error
        for run in report.runs:
            run.error = run.error or error
    hold_back(report, undone)
    for run in report.runs:
        run.elapsed = run.elapsed or time.monotonic() - begun


def hold_back(report: Report, what_is_undone: Callable[[RunReport], str]) -> None:
    """Mark runs that had more to do and were not taken up: they must not look well."""
    errors = [(run.source, run.error) for run in report.runs if run.error]
    wrong = next((one for one in errors if not isinstance(one[1], HeldBackError)), None)
    if not wrong:
        return
    source, error = wrong
    for run in report.runs:
        if not run.exit_code and (what := what_is_undone(run)):
            run.error = HeldBackError(source, error.exit_code, what)


def undone(run: RunReport) -> str:
    """Return what a run without an error of its own was not even tried to do; empty if nothing."""
    plan_ = run.plan
    if not (plan_ or run.comparison or run.exported):
        return "sent"
    if run.dry or not plan_:
        return ""
    if plan_.changes and not run.outcomes:
        return "sent"
    return "deleted" if plan_.deletes and len(run.outcomes) == len(plan_.changes) else ""
