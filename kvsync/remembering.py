"""What a state takes over of a call besides what was sent."""

import time

from kvsync.errors import KvsyncError
from kvsync.jobs import Job
from kvsync.model import PARTIAL
from kvsync.settings import Call

__all__ = ["bring_up_to_date", "remember"]


def bring_up_to_date(job: Job) -> None:
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
        job.report.error = job.report.error or error


def remember(job: Job, call: Call) -> None:
    """Bring the rows of what was not sent up to date, and note the run."""
    bring_up_to_date(job)
    state = job.state
    if not state or not job.report.plan:
        return
    try:
        summary = job.report.summary()
        counts = {**summary.actions, "unchanged": summary.unchanged, "failed": summary.failed}
        if call.only or not (job.source and job.source.complete):
            counts[PARTIAL] = 1
        number = job.run_number or state.begin_run(job.target, job.owner, time.time())
        state.end_run(number, time.time(), job.report.exit_code, counts)
    except KvsyncError as error:
        job.report.error = job.report.error or error
