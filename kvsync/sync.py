"""The story of a call: what is wanted, what is known, the difference, the sending, the memory."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from kvsync.errors import HeldBackError, KvsyncError
from kvsync.interface import Interface
from kvsync.jobs import (
    Holder,
    Job,
    failed,
    find_targets,
    hold_the_rest,
    make_plans,
    open_jobs,
    open_states,
    read_all,
    refuse_collisions,
)
from kvsync.plan import Circumstances, make_plan
from kvsync.report import Report
from kvsync.settings import Call
from kvsync.signals import undisturbed
from kvsync.state import State
from kvsync.targets import named_target

__all__ = ["plan", "sync", "validate"]


def validate(call: Call) -> Report:
    """Every mistake of every source; neither state nor network is looked at."""
    jobs = open_jobs(call)
    read_all(jobs)
    refuse_collisions(jobs, lambda job: named_target(job.source, call.settings))
    for job in (job for job in jobs if not job.report.error):
        # What a plan would warn of whatever the state says: empty sources, past and hopeless times.
        circumstances = Circumstances(owner="", now=call.clock(), rate=call.settings.rate)
        job.report.warnings += make_plan(job.entries, {}, circumstances).warnings
    return Report("validate", [job.report for job in jobs])


def plan(call: Call) -> Report:
    """What a sync would do. Nothing is sent, locked or created."""
    jobs = open_jobs(call)
    report = Report("plan", [job.report for job in jobs])
    for run in report.runs:
        run.dry = True
    with ExitStack() as stack, _caught(report):
        find_targets(jobs, call)
        open_states(jobs, lambda path: stack.enter_context(State.read(path)))
        read_all(jobs)
        refuse_collisions(jobs)
        if not failed(jobs):
            make_plans(jobs, call)
    return report


def sync(call: Call, interface: Interface) -> Report:
    """Push what has changed, and remember it.

    All sources are read before anything is created or sent: one bad source, and nothing is.
    """
    jobs = open_jobs(call)
    report = Report("sync", [job.report for job in jobs])
    with ExitStack() as stack, _caught(report):
        find_targets(jobs, call)
        holder = Holder(call.settings, stack, interface.tell)
        open_states(jobs, holder.hold_if_there)
        read_all(jobs)
        refuse_collisions(jobs)
        if failed(jobs):
            return report
        hold_the_rest(jobs, holder, local=call.settings.local)
        if not failed(jobs):
            make_plans(jobs, call)
        if failed(jobs) or not interface.approve(report.runs):
            return report
        with undisturbed():
            _send(jobs, call, interface)
            _hold_back(report)
            for job in jobs:
                _remember(job)
    return report


def _send(jobs: Sequence[Job], call: Call, interface: Interface) -> None:
    waiting = [job for job in jobs if job.report.plan and job.report.plan.changes]
    if waiting:
        # Only here is there something to send: a run without imports no network code.
        from kvsync.delivery import deliver

        deliver(waiting, call, interface)


def _remember(job: Job) -> None:
    """Bring the rows of what was not sent up to date, and note the run."""
    state, plan_ = job.state, job.report.plan
    if not state or not plan_:
        return
    try:
        if plan_.touched:
            state.touch(job.target, job.owner, plan_.touched)
        if plan_.dropped:
            state.forget(job.target, plan_.dropped)
        summary = job.report.summary()
        counts = {**summary.actions, "unchanged": summary.unchanged, "failed": summary.failed}
        number = job.run_number or state.begin_run(job.target, job.owner, time.time())
        state.end_run(number, time.time(), job.report.exit_code, counts)
    except KvsyncError as error:
        job.report.error = job.report.error or error


@contextmanager
def _caught(report: Report) -> Iterator[None]:
    """An error that comes out of a step ends the call; whatever happens, the report is complete."""
    begun = time.monotonic()
    try:
        yield
    except KvsyncError as error:
        report.error = error
        for run in report.runs:
            run.error = run.error or error
    _hold_back(report)
    for run in report.runs:
        run.elapsed = run.elapsed or time.monotonic() - begun


def _hold_back(report: Report) -> None:
    """A run that has more to do, and was not taken up, must not look as if all were well."""
    wrong = next((run for run in report.runs if run.error), None)
    if wrong is None or wrong.error is None:
        return
    for run in report.runs:
        unplanned = run.plan is None
        unsent = not run.dry and run.plan and run.plan.changes and not run.outcomes
        if not run.error and (unplanned or unsent):
            run.error = HeldBackError(wrong.source, wrong.error)
