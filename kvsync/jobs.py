"""From paths to plans: each source on its way through a call, up to the point of sending."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from kvsync.errors import InputError, KvsyncError, Mistake
from kvsync.model import Entry, Row, Source, Target
from kvsync.plan import Circumstances, make_plan
from kvsync.report import RunReport
from kvsync.settings import Call, Settings
from kvsync.sources import open_source
from kvsync.state import State, run_lock, state_path
from kvsync.targets import local_endpoint, resolve
from kvsync.units import printable

__all__ = [
    "Job",
    "failed",
    "find_targets",
    "hold_if_there",
    "hold_the_rest",
    "make_plans",
    "open_jobs",
    "open_states",
    "read_all",
]


@dataclass(slots=True)
class Job:
    """One source on its way through a call; ``report`` gathers what is to be told of it."""

    report: RunReport
    source: Source | None = None
    state_path: str = ""
    state: State | None = None
    owner: str = ""
    rows: dict[str, Row] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    run_number: int = 0

    @property
    def target(self) -> Target:
        """The target, once it is known."""
        assert self.report.target  # noqa: S101 - the steps come in order
        return self.report.target


def failed(jobs: Iterable[Job]) -> bool:
    """Whether any of the jobs cannot go on: then nothing is sent for any."""
    return any(job.report.error for job in jobs)


def open_jobs(call: Call) -> list[Job]:
    """Open each source; one that cannot be opened keeps its error."""
    jobs = []
    for path in call.paths:
        job = Job(RunReport(path, rate=call.settings.rate))
        jobs.append(job)
        try:
            job.source = open_source(path, call.source, environ=call.environ)
        except KvsyncError as error:
            job.report.error = error
    return jobs


def find_targets(jobs: Iterable[Job], call: Call) -> None:
    """Find out where each source goes, where its state lies, and who owns its keys."""
    for job, source in _going(jobs):
        job.state_path = state_path(source.home, call.settings.state)
        job.owner = source.owner or _owner(source, job.state_path, call.settings.state)
        try:
            destination = source.destination
            job.report.target, job.report.target_from = resolve(
                destination, call.settings, job.state_path
            )
        except KvsyncError as error:
            # A field that is wrong in the manifest is reported with its place, and all others.
            job.report.error = _mistakes_of(source) or error


def open_states(jobs: Iterable[Job], open_state: Callable[[str], State]) -> None:
    """Open each state file once, and load what it knows of each job's target."""
    going = [job for job, _ in _going(jobs)]
    # Sorted, so that two calls with the same sources never wait for each other in a ring.
    opened = {path: open_state(path) for path in sorted({job.state_path for job in going})}
    for job in going:
        job.state = opened[job.state_path]
        job.rows = job.state.rows(job.target)


def hold_state(path: str, settings: Settings, stack: ExitStack) -> State:
    """The state file, held and open for writing until the stack unwinds; created if missing."""
    stack.enter_context(run_lock(path, settings.lock_timeout))
    return stack.enter_context(State.write(path))


def hold_if_there(path: str, settings: Settings, stack: ExitStack) -> State:
    """As `hold_state`, but a missing file is not created: the sources may yet be bad."""
    return hold_state(path, settings, stack) if os.path.exists(path) else State.read(path)


def hold_the_rest(jobs: Iterable[Job], settings: Settings, stack: ExitStack) -> None:
    """Create the states that are missing, and under ``--local`` the emulators' data."""
    going = [job for job, _ in _going(jobs)]
    missing = sorted({job.state_path for job in going if job.state and not job.state.writable})
    created = {path: hold_state(path, settings, stack) for path in missing}
    for job in going:
        known = job.target
        if settings.local:
            endpoint = local_endpoint(job.state_path, create=True)
            job.report.target = known._replace(endpoint=endpoint)
        job.state = created.get(job.state_path, job.state)
        if job.state and (job.state_path in created or job.target != known):
            job.rows = job.state.rows(job.target)


def read_all(jobs: Iterable[Job]) -> None:
    """Read what each source names; a source with mistakes keeps them all."""
    for job, source in _going(jobs):
        try:
            job.entries = source.entries(job.rows.get)
        except KvsyncError as error:
            job.report.error = error
        job.report.keys = len(job.entries)
        job.report.size = sum(entry.size for entry in job.entries)
        job.report.warnings += source.warnings


def make_plans(jobs: Iterable[Job], call: Call) -> None:
    """Diff each job's entries with what its state says."""
    going = [job for job, _ in _going(jobs)]
    _refuse_collisions(going)
    for job in going:
        if job.report.error or not job.state:
            continue
        others = [other for other in going if other is not job and other.target == job.target]
        circumstances = Circumstances(
            owner=job.owner,
            now=call.now,
            rate=call.settings.rate,
            renew_within=call.renew_within,
            adopt=call.adopt,
            named_elsewhere={entry.key for other in others for entry in other.entries},
            companions={other.owner for other in others},
            runs=job.state.runs(job.target, job.owner),
        )
        if call.only:
            job.entries = [entry for entry in job.entries if _matches(entry.key, call.only)]
            job.rows = {key: row for key, row in job.rows.items() if _matches(key, call.only)}
        try:
            job.report.plan = make_plan(job.entries, job.rows, circumstances)
            job.report.warnings += job.report.plan.warnings
        except KvsyncError as error:
            job.report.error = error


def _going(jobs: Iterable[Job]) -> Iterator[tuple[Job, Source]]:
    """The jobs that nothing has stopped yet, each with its source."""
    return ((job, job.source) for job in jobs if job.source and not job.report.error)


def _owner(source: Source, path: str, explicit: str) -> str:
    """The source's real path, relative to what holds ``.kvsync`` or the state file itself."""
    base = os.path.dirname(path) if explicit else source.home
    relative = os.path.relpath(os.path.realpath(source.location), os.path.realpath(base))
    return relative.replace(os.sep, "/")


def _mistakes_of(source: Source) -> KvsyncError | None:
    try:
        source.entries(lambda _: None)
    except InputError as error:
        return error
    return None


def _refuse_collisions(jobs: Iterable[Job]) -> None:
    """Two sources of one call may not name the same key of one target."""
    seen: dict[tuple[Target, str], Entry] = {}
    for job in jobs:
        mistakes = []
        for entry in job.entries:
            first = seen.setdefault((job.target, entry.key), entry)
            if first is not entry:
                told = f"the key {printable(entry.key)} is also named by {first.origin}"
                mistakes.append(Mistake(told, entry.origin))
        if mistakes:
            job.report.error = InputError(mistakes)


def _matches(key: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)
