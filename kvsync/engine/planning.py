"""The plan of each source: the diff of what it names and what its state knows, and the guards."""

from collections.abc import Iterable

from kvsync.engine.call import Call
from kvsync.engine.job import Job, going, service_time
from kvsync.formats.record import told_expired, told_short
from kvsync.model.entries import Changes
from kvsync.model.errors import KvsyncError
from kvsync.plan.circumstances import Circumstances
from kvsync.plan.diff import make_plan
from kvsync.plan.guards import guard_plan, refuse_foreign
from kvsync.plan.limits import Deleting


def refuse_strangers(jobs: Iterable[Job], call: Call) -> None:
    """Refuse keys that another source owns, before anybody looks at the target."""
    for job, _ in going(jobs):
        try:
            refuse_foreign(job.entries, job.rows, _circumstances(job, jobs, call))
        except KvsyncError as error:
            job.stop(error)


def make_plans(jobs: Iterable[Job], call: Call) -> None:
    """Diff each job's entries with what its state says, and refuse what goes too far."""
    for job, _ in going(jobs):
        if not job.state:
            continue
        circumstances = _circumstances(job, jobs, call)
        try:
            job.report.plan = plan = make_plan(job.entries, job.rows, circumstances)
            job.warn(*plan.warnings)
            if call.deleting and not _is_whole(job):
                job.warn("it lists what did not get through: nothing is deleted")
            guard_plan(plan, job.entries, job.rows, circumstances)
        except KvsyncError as error:
            job.stop(error)
            if not job.report.dry:
                # It tells what was done, and that was nothing.
                job.report.plan = None


def forget_rows(jobs: Iterable[Job]) -> None:
    """Let go of the rows, as the states are closed: plans are told without them from here on."""
    for job in jobs:
        changes = job.report.plan.changes if job.report.plan else ()
        if isinstance(changes, Changes):
            changes.forget_rows()


def _circumstances(job: Job, jobs: Iterable[Job], call: Call) -> Circumstances:
    state = job.state
    here = [other for other in jobs if other is not job and other.location == job.location]
    return Circumstances(
        owner=job.owner,
        now=service_time(job, call),
        rate=call.settings.rate,
        options=call.planning,
        complete=not call.only and _is_whole(job),
        named_elsewhere=job.basis.named_elsewhere,
        companions={other.owner for other in here if other.place == job.place},
        runs=state.runs(job.target, job.owner) if state else (),
        verdicts=job.basis.verdicts,
        told_expired=told_expired(job.report.losses),
        told_short=told_short(job.report.losses),
        deleting=_deleting(job, call),
        remote=job.basis.remote,
    )


def _deleting(job: Job, call: Call) -> Deleting | None:
    """Return what the job may delete: nothing, where what it does not name is not known to be
    wrong.
    """
    return call.deleting if _is_whole(job) and not job.outdated else None


def _is_whole(job: Job) -> bool:
    return job.source is None or job.source.complete
