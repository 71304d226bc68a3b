"""From paths to plans: each source on its way through a call, up to the point of sending."""

import os
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from kvsync.engine.call import API_RATE, Call, Choice, Settings
from kvsync.engine.local import found_state, narrowed, refuse_missing
from kvsync.engine.target import (
    LOCAL_NAMESPACE,
    emulator_data,
    local_endpoint,
    own_files,
    refuse_elsewhere,
    resolve,
)
from kvsync.model.entries import unnamed_rows
from kvsync.model.errors import InputError, Interrupted, KvsyncError, UsageError
from kvsync.model.files import MountPoints
from kvsync.model.owners import is_of_another, is_place, place_of, place_once_called
from kvsync.model.text import printable
from kvsync.model.values import Destination, Entry, Row, Target, nothing_known
from kvsync.plan.drift import Verdict
from kvsync.report import RunReport
from kvsync.sources import open_source, shown_source
from kvsync.sources.interface import Source
from kvsync.state import State, make_room, state_path


@dataclass(slots=True)
class Job:
    """One source on its way through a call; ``report`` gathers what is to be told of it."""

    report: RunReport
    source: Source | None = None
    path: str = ""
    """What the call names the source by; empty if it does not."""
    outdated: bool = False
    """Another run may have sent what is newer than the source, which cannot be read again."""
    state_path: str = ""
    state: State | None = None
    owner: str = ""
    former: Sequence[str] = ()
    """What earlier versions called the owner."""
    rows: Mapping[str, Row] = field(default_factory=dict)
    entries: Sequence[Entry] = ()
    run_number: int = 0
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """What a look at the target has decided, by key."""
    remote: Collection[str] | None = None
    """All keys of the namespace, where they were listed."""
    named_elsewhere: Container[str] = frozenset()
    """Keys of the same target that others answer for: another source of the call names them or
    has them as its orphans, or a state gives them to a source outside the call."""
    left_out: Container[str] = frozenset()
    """Keys that the source names though it has no entry for them, where ``--only`` has made a list
    of its entries."""
    left_over: Mapping[str, bool] = field(default_factory=dict)
    """Keys of a failure file that it has no value of and that are still to be pushed (False) or
    deleted (True)."""
    absent: bool = False
    """Its namespace is missing, and is to be made: what the state says of it does not hold."""
    stop_reading: Callable[[], None] = lambda: None
    """Ends what the source has under way, if it is read over a network; from any thread."""

    @property
    def orphans(self) -> list[Row]:
        """Rows that this owner pushed, and that nobody answers for any more."""
        return [
            row
            for row in unnamed_rows(self.entries, self.rows)
            if row.owner == self.owner and row.key not in self.named_elsewhere
        ]

    @property
    def target(self) -> Target:
        """The target, once it is known."""
        assert self.report.target  # noqa: S101 - the steps come in order
        return self.report.target

    @property
    def place(self) -> tuple[Target, str]:
        """What the job writes to. A copied folder brings an emulator with the same UUID along."""
        local = self.target.endpoint.startswith("local:")
        return self.target, emulator_data(self.state_path) if local else ""


def failed(jobs: Iterable[Job]) -> bool:
    """Whether any of the jobs cannot go on: then nothing is sent for any."""
    return any(job.report.error or job.report.signal for job in jobs)


def foreign_keys(jobs: Sequence[Job]) -> set[str]:
    """Keys that a state gives to none of these jobs, all of which have the same target.

    The same owner in another state file is somebody else.
    """
    ours = {(job.state_path, job.owner) for job in jobs}
    return {
        row.key
        for job in jobs
        for row in job.rows.values()
        if (job.state_path, row.owner) not in ours
    }


def service_time(job: Job, call: Call) -> float:
    """The service's time (Unix seconds), as far as the state knows how its clock goes.

    Of the two clocks the later one: no TTL is taken for longer than it is.
    """
    offset = job.state.clock_offset(job.target) if job.state else 0.0
    return call.clock() + max(0.0, offset)


def open_jobs(call: Call) -> list[Job]:
    """Open each source; one that cannot be opened keeps its error.

    Raises `UsageError` if one is given twice, under whatever name.
    """
    jobs = []
    seen: set[str] = set()
    for path in call.paths:
        if os.path.realpath(path) in seen:
            raise UsageError(f"{printable(shown_source(path))} is given twice")
        seen.add(os.path.realpath(path))
        job = Job(RunReport(shown_source(path), rate=call.settings.rate), path=path)
        jobs.append(job)
        open_source_of(job, call)
    return jobs


def open_source_of(job: Job, call: Call) -> None:
    """Open the job's source; if that cannot be, the job keeps the error."""
    try:
        # What this call writes inside a folder is no part of the folder.
        options = replace(call.source, left_out=own_files(call))
        job.source = open_source(job.path, options, environ=call.environ)
    except KvsyncError as error:
        job.report.error = error


def target_job(call: Call, *, zone_only: bool = False, create: bool = False) -> Job:
    """A job that has a target, and no source; ``create`` the data of ``--local`` if missing.

    Of ``--local`` it takes the data that are there, in the folders below, too. Raises `UsageError`
    if the target is not known, or the data are missing.
    """
    settings = call.settings
    path = found_state(settings)
    if create and settings.local:
        make_room(path)
        local_endpoint(path, create=True)
    refuse_missing(path, settings)
    settings = narrowed(settings, path, zone_only=zone_only)
    if zone_only:
        settings = replace(settings, namespace=Choice(LOCAL_NAMESPACE, "--local"))
    return _target_job(settings, path, zone_only=zone_only)


def far_job(call: Call) -> Job:
    """The job of the side that a copy reads from: its data of ``--local`` are those of the other.

    Raises `UsageError`.
    """
    path = state_path(".", call.settings.state)
    refuse_missing(path, call.settings)
    return _target_job(call.settings, path)


def _target_job(settings: Settings, path: str, *, zone_only: bool = False) -> Job:
    target, told = resolve(Destination(), settings, path)
    if zone_only:
        target = target._replace(namespace="")
    label = f"{target.zone}/{target.namespace}".rstrip("/")
    return Job(RunReport(label, target, told, rate=settings.rate), state_path=path)


def find_targets(jobs: Iterable[Job], call: Call) -> None:
    """Find out where each source goes, where its state lies, and who owns its keys."""
    mounted = MountPoints()
    explicit = call.settings.state
    for job, source in going(jobs):
        job.state_path = state_path(source.home, explicit)
        place = place_of(source.location, source.home, job.state_path, explicit, mounted)
        job.owner, job.former = (source.owner, ()) if source.owner else place
        try:
            destination = source.destination
            job.report.target, job.report.target_from = resolve(
                destination, call.settings, job.state_path
            )
            refuse_elsewhere(destination, job.target, call.settings)
            if call.settings.rate > API_RATE and job.target.endpoint.startswith("https:"):
                job.report.warnings.append(
                    f"the API takes {API_RATE:g} requests a second of a sub-account, if no ticket"
                    " has granted more: what is above is refused, and then slower than that"
                )
        except KvsyncError as error:
            # A field that is wrong in the manifest is reported with its place, and all others.
            job.report.error = _mistakes_of(source) or error


def know_rows(jobs: Sequence[Job]) -> None:
    """Load what the states know of each job's target. Raises `StateError`."""
    for job in jobs:
        _come_for_rows(job)
    for job in jobs:
        if job.state:
            job.rows = job.state.rows(job.target)


def _come_for_rows(job: Job) -> None:
    """Let the state give the owner what is its own by another name."""
    state, source = job.state, job.source
    if not (state and source):
        return
    if not source.complete:
        # Its file may have been written by an earlier version.
        place = place_once_called(job.owner)
        if not is_place(job.owner) and not state.owns(job.target, job.owner):
            job.owner = place if state.owns(job.target, place) else job.owner
    elif source.owner:
        alone = not _is_place_too(job)
        state.claim(job.target, job.owner, lambda row: _may_own(source, row, dotted=alone))
    else:
        for former in job.former:
            state.take_over(job.target, job.owner, former, partial(_came_from, source, former))


def _came_from(source: Source, former: str, row: Row) -> bool:
    """Whether a row of this former owner can be the source's, which has no name."""
    if is_place(former) or former == "..":
        # Nobody calls a source so: all that might be there is another manifest.
        return not is_of_another(row.origin, source.location)
    return _may_own(source, row, dotted=not os.path.isdir(source.location))


def _is_place_too(job: Job) -> bool:
    """Whether the owner's name is that of something beside the state.

    A folder there that was called by dots alone cannot be told from one that the owner names so.
    """
    folder = os.path.dirname(job.state_path)
    beside = (os.path.join(base, job.owner) for base in (folder, os.path.dirname(folder)))
    return any(map(os.path.lexists, beside))


def _may_own(source: Source, row: Row, *, dotted: bool) -> bool:
    return source.may_own(row.key, row.origin, dotted=dotted)


def read_all(jobs: Iterable[Job]) -> None:
    """Read what each source names; a source with mistakes keeps them all."""
    for job, source in going(jobs):
        try:
            job.entries = source.entries(job.rows.get if job.rows else nothing_known)
        except Interrupted as interrupted:
            # A source that is read over a network: a signal is no mistake of it.
            job.report.signal = interrupted.exit_code - 128
        except KvsyncError as error:
            job.report.error = error
        job.report.keys = len(job.entries)
        job.report.size = sum(entry.size for entry in job.entries)
        job.report.losses = source.losses
        job.report.tally = source.tally
        job.report.warnings += source.warnings


def going(jobs: Iterable[Job]) -> Iterator[tuple[Job, Source]]:
    """The jobs that nothing has stopped yet, each with its source."""
    return ((job, job.source) for job in jobs if job.source and not job.report.error)


def _mistakes_of(source: Source) -> KvsyncError | None:
    try:
        source.entries(nothing_known)
    except InputError as error:
        return error
    return None
