"""One source on its way through a command: what each stage has found, and what is told of it."""

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kvsync.engine.call import Call
from kvsync.engine.target import emulator_data
from kvsync.model.entries import unnamed_rows
from kvsync.model.errors import KvsyncError
from kvsync.model.values import Entry, Outcome, OutcomeKind, Row, Target
from kvsync.plan.drift import Verdict
from kvsync.report import RunReport
from kvsync.sources.interface import Source
from kvsync.state import State, StateLocation


class Located(NamedTuple):
    """The state file of a source's target, and the owner of its keys.

    ``former`` has the names that earlier versions gave to the owner.
    """

    location: StateLocation | None = None
    owner: str = ""
    former: Sequence[str] = ()


class Basis(NamedTuple):
    """The two sides that a plan compares; each stage before it returns a new one.

    ``entries`` is what the source wants, ``rows`` what is known of the target.
    ``named_elsewhere``: keys of the same target that others answer for: another source of the call
    names them or has them as its orphans, or a state gives them to a source outside the call.
    ``left_out``: keys that the source names and has no entry for, where ``--only`` has made a list
    of its entries. ``valueless``: keys of a failure file that it has no value of, and that are
    still to be pushed (False) or deleted (True). ``verdicts``: what reading the target has decided,
    by key. ``remote``: all keys of the namespace, where they were listed. ``absent``: the namespace
    is missing, and is to be created.
    """

    entries: Sequence[Entry] = ()
    rows: Mapping[str, Row] = {}
    named_elsewhere: Container[str] = frozenset()
    left_out: Container[str] = frozenset()
    valueless: Mapping[str, bool] = {}
    verdicts: Mapping[str, Verdict] = {}
    remote: Collection[str] | None = None
    absent: bool = False


_NOWHERE = Located()
_NOTHING = Basis()


@dataclass(slots=True)
class Job:
    """One source of a call: opened, located, read, compared, planned, applied.

    ``path`` is what the call names the source by, or empty. ``outdated``: another run may have sent
    what is newer than the source, which cannot be read again. ``stop_reading`` ends what the source
    has under way, if it is read over a network.
    """

    report: RunReport
    path: str = ""
    source: Source | None = None
    located: Located = _NOWHERE
    state: State | None = None
    basis: Basis = _NOTHING
    outdated: bool = False
    run_number: int = 0
    stop_reading: Callable[[], None] = lambda: None

    def stop(self, error: KvsyncError) -> None:
        """Go no further for this error; the first one counts."""
        self.report.error = self.report.error or error

    def warn(self, *lines: str) -> None:
        """Tell these lines with the others."""
        self.report.warnings += lines

    def add_outcomes(self, outcomes: Iterable[Outcome]) -> None:
        """Add how changes ended, in the order of the plan."""
        self.report.outcomes = [*self.report.outcomes, *outcomes]

    @property
    def entries(self) -> Sequence[Entry]:
        """The wanted side of the basis."""
        return self.basis.entries

    @property
    def rows(self) -> Mapping[str, Row]:
        """The known side of the basis."""
        return self.basis.rows

    @property
    def location(self) -> StateLocation:
        """Where the state lies, once it is known."""
        assert self.located.location  # noqa: S101 - the steps come in order
        return self.located.location

    @property
    def owner(self) -> str:
        """The owner of the source's keys."""
        return self.located.owner

    @property
    def undone(self) -> Iterator[Outcome]:
        """How each change ended that is not done, in the order of the plan."""
        plan = self.report.plan
        outcomes = iter(self.report.outcomes)
        outcome = next(outcomes, None)
        for change in plan.steps if plan else ():
            if outcome and outcome.change.entry.key == change.entry.key:
                if outcome.kind is not OutcomeKind.DONE:
                    yield outcome
                outcome = next(outcomes, None)
            else:
                yield Outcome(OutcomeKind.SKIPPED, change, change.entry)

    @property
    def orphans(self) -> list[Row]:
        """Rows that this owner pushed, and that no one answers for any more."""
        return [
            row
            for row in unnamed_rows(self.entries, self.rows)
            if row.owner == self.owner and row.key not in self.basis.named_elsewhere
        ]

    @property
    def target(self) -> Target:
        """The target, once it is known."""
        assert self.report.target  # noqa: S101 - the steps come in order
        return self.report.target

    @property
    def place(self) -> tuple[Target, str]:
        """The place that the job writes to. A copied folder brings an emulator with the same UUID
        along.
        """
        local = self.target.endpoint.startswith("local:")
        return self.target, emulator_data(self.location) if local else ""


def failed(jobs: Iterable[Job]) -> bool:
    """Return whether any of the jobs cannot go on: then nothing is sent for any."""
    return any(job.report.error or job.report.signal for job in jobs)


def foreign_keys(jobs: Sequence[Job]) -> set[str]:
    """Keys that a state gives to none of these jobs, all of which have the same target.

    The same owner in another state file is another one.
    """
    ours = {(job.location, job.owner) for job in jobs}
    return {
        row.key
        for job in jobs
        for row in job.rows.values()
        if (job.location, row.owner) not in ours
    }


def service_time(job: Job, call: Call) -> float:
    """Return the service's time (Unix seconds), as far as the state knows how its clock goes.

    Of the two clocks the later one: no TTL is taken for longer than it is.
    """
    offset = job.state.clock_offset(job.target) if job.state else 0.0
    return call.clock() + max(0.0, offset)


def going(jobs: Iterable[Job]) -> Iterator[tuple[Job, Source]]:
    """Return the jobs that nothing has stopped yet, each with its source."""
    return ((job, job.source) for job in jobs if job.source and not job.report.error)
