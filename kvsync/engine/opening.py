"""Opening a call's sources: where each of them goes, whose its keys are, and what it names."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from kvsync.engine.call import Call, Choice, Settings
from kvsync.engine.job import Job, Located, going
from kvsync.engine.local_data import found_state, narrowed, refuse_missing
from kvsync.engine.target import (
    LOCAL_NAMESPACE,
    local_endpoint,
    own_files,
    refuse_elsewhere,
    resolve,
)
from kvsync.model.api import API_RATE
from kvsync.model.errors import InputError, Interrupted, KvsyncError, UsageError
from kvsync.model.files import MountPoints
from kvsync.model.owners import is_of_another, is_place, place_once_called
from kvsync.model.text import printable
from kvsync.model.values import Destination, Row, nothing_known
from kvsync.report import RunReport
from kvsync.sources import open_source, shown_source
from kvsync.sources.interface import Source
from kvsync.state import StateLocation, locate


def open_jobs(call: Call) -> list[Job]:
    """Open each source; one that cannot be opened keeps its error.

    Raises `UsageError` if one is given twice, under any name.
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
        job.stop(error)


def target_job(call: Call, *, zone_only: bool = False, create: bool = False) -> Job:
    """Return a job that has a target, and no source; ``create`` the data of ``--local`` if missing.

    Of ``--local`` it takes the data that are there, in the folders below, too. Raises `UsageError`
    if the target is not known, or the data are missing.
    """
    settings = call.settings
    location = found_state(settings)
    if create and settings.local:
        location.make_room()
        local_endpoint(location, create=True)
    refuse_missing(location, settings)
    settings = narrowed(settings, location, zone_only=zone_only)
    if zone_only:
        settings = replace(settings, namespace=Choice(LOCAL_NAMESPACE, "--local"))
    return _target_job(settings, location, zone_only=zone_only)


def far_job(call: Call) -> Job:
    """Return the job of the side that a copy reads from: its data of ``--local`` are those of the
    other.

    Raises `UsageError`.
    """
    location = locate(".", call.settings.state)
    refuse_missing(location, call.settings)
    return _target_job(call.settings, location)


def _target_job(settings: Settings, location: StateLocation, *, zone_only: bool = False) -> Job:
    target, told = resolve(Destination(), settings, location)
    if zone_only:
        target = target._replace(namespace="")
    label = f"{target.zone}/{target.namespace}".rstrip("/")
    return Job(RunReport(label, target, told, rate=settings.rate), located=Located(location))


def find_targets(jobs: Iterable[Job], call: Call) -> None:
    """Find out where each source goes, where its state lies, and who owns its keys."""
    mounted = MountPoints()
    for job, source in going(jobs):
        job.located = _located(source, call, mounted)
        try:
            destination = source.destination
            job.report.target, job.report.target_from = resolve(
                destination, call.settings, job.location
            )
            refuse_elsewhere(destination, job.target, call.settings)
            if call.settings.rate > API_RATE and job.target.endpoint.startswith("https:"):
                job.warn(
                    f"the API takes {API_RATE:g} requests a second of a sub-account, if no ticket"
                    " has granted more: what is above is refused, and then slower than that"
                )
        except KvsyncError as error:
            # A field that is wrong in the manifest is reported with its place, and all others.
            job.stop(_mistakes_of(source) or error)


def _located(source: Source, call: Call, mounted: MountPoints) -> Located:
    location = locate(source.home, call.settings.state)
    if source.owner:
        return Located(location, source.owner)
    return Located(location, *location.place_of(source.location, source.home, mounted))


def know_rows(jobs: Sequence[Job]) -> None:
    """Load what the states know of each job's target. Raises `StateError`."""
    for job in jobs:
        _come_for_rows(job)
    for job in jobs:
        if job.state:
            job.basis = job.basis._replace(rows=job.state.rows(job.target))


def _come_for_rows(job: Job) -> None:
    """Let the state give the owner what is its own by another name."""
    state, source = job.state, job.source
    if not (state and source):
        return
    if not source.complete:
        # Its file may have been written by an earlier version.
        place = place_once_called(job.owner)
        known = is_place(job.owner) or state.owns(job.target, job.owner)
        if not known and state.owns(job.target, place):
            job.located = job.located._replace(owner=place)
    elif source.owner:
        # A folder there that was called by dots alone cannot be told from one that is named so.
        alone = not job.location.is_beside(job.owner)
        state.claim(job.target, job.owner, lambda row: _may_own(source, row, dotted=alone))
    else:
        for former in job.located.former:
            state.take_over(job.target, job.owner, former, partial(_came_from, source, former))


def _came_from(source: Source, former: str, row: Row) -> bool:
    """Return whether a row of this former owner can be the source's, which has no name."""
    if is_place(former) or former == "..":
        # No one calls a source so: all that might be there is another manifest.
        return not is_of_another(row.origin, source.location)
    return _may_own(source, row, dotted=not os.path.isdir(source.location))


def _may_own(source: Source, row: Row, *, dotted: bool) -> bool:
    return source.may_own(row.key, row.origin, dotted=dotted)


def read_all(jobs: Iterable[Job]) -> None:
    """Read what each source names; a source with mistakes keeps them all."""
    for job, source in going(jobs):
        try:
            entries = source.entries(job.rows.get if job.rows else nothing_known)
            job.basis = job.basis._replace(entries=entries)
        except Interrupted as interrupted:
            # A source that is read over a network: a signal is no mistake of it.
            job.report.signal = interrupted.exit_code - 128
        except KvsyncError as error:
            job.stop(error)
        report = job.report
        report.keys = len(job.entries)
        report.size = sum(entry.size for entry in job.entries)
        report.losses, report.tally = source.losses, source.tally
        job.warn(*source.warnings)


def _mistakes_of(source: Source) -> KvsyncError | None:
    try:
        source.entries(nothing_known)
    except InputError as error:
        return error
    return None
