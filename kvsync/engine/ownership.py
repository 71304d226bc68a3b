"""Between reading and sending: what keeps a call from going on, and what it would do."""

from collections.abc import Callable, Hashable, Iterable, Sequence

from kvsync.engine.call import Call
from kvsync.engine.job import Job, foreign_keys, going, service_time
from kvsync.engine.retrying import confine, warn_left_over
from kvsync.formats.record import told_expired, told_short
from kvsync.model.entries import Changes, Indexed, Names, names_of
from kvsync.model.errors import InputError, KvsyncError, Mistake
from kvsync.model.keys import matches
from kvsync.model.text import count_text, printable
from kvsync.model.values import Entry
from kvsync.plan.diff import Circumstances, guard_plan, make_plan, refuse_foreign
from kvsync.plan.limits import Deleting

_LISTED = 10
"""Keys that two sources name and that are listed; of the others it is said how many there are."""


_TWO_FOLDERS = (
    ": give each folder a prefix of its own, in a sync of its own (--prefix) or as trees of one"
    " manifest"
)


def refuse_collisions(
    jobs: Iterable[Job], place: Callable[[Job], Hashable] = lambda job: job.place
) -> None:
    """Two sources of one call may not name the same key of one place; None: not known."""
    seen: dict[tuple[Hashable, str], Entry] = {}
    here = [job for job, _ in going(jobs)]
    # A source knows its own keys: one alone may have more than a dict should.
    for job in here if len(here) > 1 else ():
        where = place(job)
        mistakes = []
        for entry in () if where is None else job.entries:
            first = seen.setdefault((where, entry.key), entry)
            if first is not entry:
                told = f"the key {printable(entry.key)} is also named by {first.origin}"
                origin, _, line = entry.origin.rpartition(":")
                at_line = origin and line.isdecimal()
                mistakes.append(
                    Mistake(told, origin, int(line))
                    if at_line
                    else Mistake(told + _TWO_FOLDERS, entry.origin)
                )
        if mistakes:
            job.report.error = InputError(_first_of(mistakes, job.report.source))


def _first_of(mistakes: Sequence[Mistake], source: str) -> list[Mistake]:
    """Ten of them, and how many more there are."""
    first, more = list(mistakes[:_LISTED]), len(mistakes) - _LISTED
    if more > 0:
        told = f"{count_text(more, 'more key')}: also named by another source"
        first.append(Mistake(told, source, alike=more))
    return first


def narrow(jobs: Iterable[Job], call: Call) -> None:
    """See whose the keys of each target are, and leave out what ``--only`` does not match."""
    here = [job for job, _ in going(jobs)]
    for job, source in going(jobs):
        if not source.complete:
            confine(job, source)
    by_place: dict[Hashable, list[Job]] = {}
    for job in here:
        by_place.setdefault(job.place, []).append(job)
    for sharing in by_place.values():
        if len(sharing) > 1:
            _share_out(sharing)
    for job in here if call.only else ():
        _narrow(job, call.only)
    for job in here:
        warn_left_over(job)


def _share_out(jobs: Sequence[Job]) -> None:
    """Let each key of one target be one job's at most, to be named or to be deleted."""
    for job in jobs:
        others = [other for other in jobs if other is not job]
        job.named_elsewhere = Names(*(names_of(other.entries) for other in others))
    deleters: dict[str, Job] = {}
    for job in jobs:
        for row in job.orphans:
            deleters.setdefault(row.key, job)
    foreign = foreign_keys(jobs)
    for job in jobs:
        elsewhere = {key for key, deleter in deleters.items() if deleter is not job}
        job.named_elsewhere = Names(foreign, job.named_elsewhere, elsewhere)


def _narrow(job: Job, only: Iterable[str]) -> None:
    """Leave out keys that match none of the patterns, as if neither side knew them."""
    found = [entry for entry in job.entries if matches(entry.key, only)]
    if job.entries and not found:
        job.report.warnings.append("no key of the source matches --only")
    # What the source names and leaves out is no orphan; of the rest it is known by its entries.
    job.left_out = left_out = names_of(job.entries) if isinstance(job.entries, Indexed) else ()
    kept = {entry.key for entry in found}
    job.entries = found
    job.left_over = {key: what for key, what in job.left_over.items() if matches(key, only)}
    job.rows = {
        key: row
        for key, row in job.rows.items()
        if matches(key, only) and (key in kept or key not in left_out)
    }


def refuse_strangers(jobs: Iterable[Job], call: Call) -> None:
    """Refuse keys that another source owns, before anybody looks at the target."""
    for job, _ in going(jobs):
        try:
            refuse_foreign(job.entries, job.rows, _circumstances(job, jobs, call))
        except KvsyncError as error:
            job.report.error = error


def make_plans(jobs: Iterable[Job], call: Call) -> None:
    """Diff each job's entries with what its state says, and refuse what goes too far."""
    for job, _ in going(jobs):
        if not job.state:
            continue
        circumstances = _circumstances(job, jobs, call)
        try:
            job.report.plan = plan = make_plan(job.entries, job.rows, circumstances)
            job.report.warnings += plan.warnings
            if call.deleting and not _is_whole(job):
                job.report.warnings.append("it lists what did not get through: nothing is deleted")
            guard_plan(plan, job.entries, job.rows, circumstances)
        except KvsyncError as error:
            job.report.error = error
            if not job.report.dry:
                # It tells what was done, and that was nothing.
                job.report.plan = None


def forget_rows(jobs: Iterable[Job]) -> None:
    """The states are closed: what is told of the plans from here on needs no rows of theirs."""
    for job in jobs:
        changes = job.report.plan.changes if job.report.plan else ()
        if isinstance(changes, Changes):
            changes.forget_rows()


def _circumstances(job: Job, jobs: Iterable[Job], call: Call) -> Circumstances:
    state = job.state
    here = [other for other in jobs if other is not job and other.state_path == job.state_path]
    return Circumstances(
        owner=job.owner,
        now=service_time(job, call),
        rate=call.settings.rate,
        renew_within=call.renew_within,
        adopt=call.adopt,
        complete=not call.only and _is_whole(job),
        named_elsewhere=job.named_elsewhere,
        companions={other.owner for other in here if other.place == job.place},
        runs=state.runs(job.target, job.owner) if state else (),
        verdicts=job.verdicts,
        told_expired=told_expired(job.report.losses),
        told_short=told_short(job.report.losses),
        deleting=_deleting(job, call),
        remote=job.remote,
    )


def _deleting(job: Job, call: Call) -> Deleting | None:
    """What the job may delete: nothing, where what it does not name is not known to be wrong."""
    return call.deleting if _is_whole(job) and not job.outdated else None


def _is_whole(job: Job) -> bool:
    return job.source is None or job.source.complete
