"""Recording a run in the state: its end, its failures, and rows that were not sent."""

import time
from collections.abc import Mapping

from kvsync.engine.call import Call
from kvsync.engine.job import Job
from kvsync.model.entries import names_of
from kvsync.model.errors import KvsyncError
from kvsync.model.keys import matches
from kvsync.model.values import PARTIAL, Action
from kvsync.state import State, Wanted


def _bring_up_to_date(job: Job) -> None:
    """Let the state take over what the plan found of rows that are not sent."""
    state, plan = job.state, job.report.plan
    if not state or not plan:
        return
    try:
        if plan.touched:
            state.touch(job.target, job.owner, plan.touched)
        if plan.dropped:
            state.forget(job.target, plan.dropped)
    except KvsyncError as error:
        job.stop(error)


def begin(job: Job, call: Call) -> int:
    """Return the number of the run, which is noted to have begun if it is not yet. Raises
    `StateError`.
    """
    if job.state and not job.run_number:
        job.run_number = job.state.begin_run(
            job.target, job.owner, time.time(), partial=_is_partial(job, call)
        )
    return job.run_number


def _is_partial(job: Job, call: Call) -> bool:
    return bool(call.only or not (job.source and job.source.complete))


def remember(job: Job, call: Call) -> None:
    """Bring the rows of what was not sent up to date, and note the run."""
    _bring_up_to_date(job)
    if not job.state or not job.report.plan:
        return
    try:
        _settle(job, call)
        _end(job, call)
    except KvsyncError as error:
        job.stop(error)


def remember_rebuilt(job: Job, call: Call) -> None:
    """Do as `remember`, of a look that sent nothing; it is noted as a run where it found nothing to
    send: the source has had its last word then as with any other.
    """
    _bring_up_to_date(job)
    plan = job.report.plan
    if not job.state or not plan or job.report.error:
        return
    try:
        _settle(job, call)
        if not plan.steps:
            _end(job, call)
    except KvsyncError as error:
        job.stop(error)


def _end(job: Job, call: Call) -> None:
    summary = job.report.summary()
    counts = {**summary.actions, "unchanged": summary.unchanged, "failed": summary.failed}
    if _is_partial(job, call):
        counts[PARTIAL] = 1
    if job.state:
        job.state.end_run(begin(job, call), time.time(), job.report.exit_code, counts)


def _settle(job: Job, call: Call) -> None:
    """Let the state know what has become of keys that failure files list, whosever they were."""
    state = job.state
    if state and (listed := state.failures(job.target, job.owner)):
        _settle_own(state, job, call, listed)
    if state and (taken := state.failures_elsewhere(job.target, job.owner)):
        named = names_of(job.entries)
        for owner, keys in taken.items():
            ours = state.some_rows(job.target, (key for key in keys if key in named))
            gone = [row.key for row in ours if row.owner == job.owner]
            state.note_failures(job.target, owner, dict.fromkeys(gone))


def _settle_own(state: State, job: Job, call: Call, listed: Mapping[str, Wanted]) -> None:
    failed = {
        outcome.entry.key: (outcome.entry.digest, outcome.entry.expiry)
        for outcome in job.undone
        if outcome.change.action is not Action.DELETE
    }
    whole = job.source and job.source.complete
    # What the file lists without a value is named by it, too, and was not tried.
    named = listed if whole else {entry.key for entry in job.entries if entry.key in listed}
    wanted = {
        key: failed.get(key)
        for key, old in listed.items()
        if key in named and failed.get(key) != old
    }
    if call.only:
        wanted = {key: one for key, one in wanted.items() if matches(key, call.only)}
    if wanted:
        state.note_failures(job.target, job.owner, wanted)
