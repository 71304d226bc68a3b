"""From plans to a changed target: push, delete, remember, verify."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from kvsync.engine.call import Call, Verifying
from kvsync.engine.failure_retry import lost_keys
from kvsync.engine.job import Job, failed
from kvsync.engine.record_run import remember
from kvsync.engine.stages import OpenNetwork, Reading, make_ready, network_of
from kvsync.engine.state_access import Holder
from kvsync.engine.unchanged import keep
from kvsync.model.errors import HeldBackError
from kvsync.model.signals import undisturbed
from kvsync.model.values import OutcomeKind
from kvsync.report import Report
from kvsync.report.progress import Interface
from kvsync.report.result import caught, hold_back, undone
from kvsync.state import Glimpse, StateLocation


def sync_jobs(
    jobs: Sequence[Job],
    call: Call,
    interface: Interface,
    command: str,
    before: Mapping[StateLocation, Glimpse],
    reading: Reading = None,
) -> Report:
    """Make the states ready, plan, ask, push, delete, and remember.

    ``before`` is what the states looked like before any source was opened.
    """
    report = Report(command, [job.report for job in jobs])
    with ExitStack() as stack, caught(report):
        network = network_of(call, interface, stack, reading)
        holder = Holder(call.settings, stack, interface.tell, before)
        make_ready(jobs, call, holder, network)
        if failed(jobs) or not interface.approve(report.runs):
            return report
        with undisturbed():
            for job in jobs:
                job.report.missing = lost_keys(job)
            _send(jobs, network)
            hold_back(report, undone)
            for job in jobs:
                remember(job, call)
            keep(jobs, call)
            if call.failures:
                from kvsync.engine.failure_file import write_failures

                write_failures(call, jobs[0])
            if call.verifying:
                _verify(report, jobs, network, call.verifying)
    return report


def _send(jobs: Sequence[Job], network: OpenNetwork) -> None:
    """Create what is missing, push all, and then delete, if all was pushed."""
    plans = [job.report.plan for job in jobs if job.report.plan]
    if any(job.basis.absent for job in jobs):
        from kvsync.engine.namespaces import create_missing

        create_missing(network(), jobs)
    if any(plan.changes for plan in plans):
        from kvsync.engine.apply import push_all

        push_all(network(), jobs)
    if not any(plan.deletes for plan in plans):
        return
    wrong = next((job for job in jobs if not _is_pushed(job)), None)
    if wrong is None:
        from kvsync.engine.apply import delete_all

        delete_all(network(), jobs)
        return
    for job in jobs:
        if job.report.plan and job.report.plan.deletes:
            job.warn("nothing was deleted, since not everything was pushed")
            if job is not wrong and not job.report.error and _is_pushed(job):
                code = wrong.report.exit_code or 1
                job.stop(HeldBackError(wrong.report.source, code, "deleted"))


def _is_pushed(job: Job) -> bool:
    """Tell if every change of the job was acknowledged."""
    report = job.report
    done = all(outcome.kind is OutcomeKind.DONE for outcome in report.outcomes)
    planned = len(report.plan.changes) if report.plan else 0
    return done and len(report.outcomes) == planned and not (report.error or report.signal)


def _lacks_values(job: Job) -> bool:
    """Tell if nothing went wrong but that the source has lost values."""
    return bool(job.report.missing) and _is_pushed(job)


def _verify(
    report: Report, jobs: Sequence[Job], network: OpenNetwork, verifying: Verifying
) -> None:
    """Read back what was pushed, where there is nothing wrong with it already."""
    well = [job for job in jobs if not job.report.exit_code or _lacks_values(job)]
    if well:
        from kvsync.engine.compare import compare_all

        compare_all(network(), well, verifying)
    # A fatal answer, to a push before or to the first look, ends all looking.
    hold_back(report, lambda run: "" if run.comparison else "verified")
