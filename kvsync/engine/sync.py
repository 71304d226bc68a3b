"""The story of a call: what is wanted, what is known, the difference, the sending, the memory."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from kvsync.engine.call import Call, Copying, Exporting, Verifying
from kvsync.engine.job import Job, failed, find_targets, open_jobs, read_all, target_job
from kvsync.engine.ownership import (
    forget_rows,
    make_plans,
    narrow,
    refuse_collisions,
    refuse_strangers,
)
from kvsync.engine.remembering import remember, remember_rebuilt
from kvsync.engine.retrying import lost_keys
from kvsync.engine.state_access import Holder, glimpses, hold_the_rest, open_states, reopen
from kvsync.engine.target import named_target
from kvsync.engine.unchanged import keep
from kvsync.formats.record import told_expired, told_short
from kvsync.model.errors import HeldBackError
from kvsync.model.signals import undisturbed
from kvsync.model.values import OutcomeKind
from kvsync.plan.diff import Circumstances, make_plan
from kvsync.report import Report
from kvsync.report.progress import Interface
from kvsync.report.result import caught, hold_back, undone
from kvsync.state import Glimpse, State

if TYPE_CHECKING:
    from kvsync.engine.session import Network

_Way: TypeAlias = "Callable[[], Network]"
_Beside: TypeAlias = "Network | None"


def validate(call: Call) -> Report:
    """Every mistake of every source; neither state nor network is looked at."""
    jobs = open_jobs(call)
    read_all(jobs)
    refuse_collisions(jobs, lambda job: named_target(job.source, call.settings))
    for job in (job for job in jobs if not job.report.error):
        # What a plan would warn of whatever the state says: empty sources, past and hopeless times.
        circumstances = Circumstances(
            owner="",
            now=call.clock(),
            rate=call.settings.rate,
            told_expired=told_expired(job.report.losses),
            told_short=told_short(job.report.losses),
        )
        job.report.warnings += make_plan(job.entries, {}, circumstances).warnings
    return Report("validate", [job.report for job in jobs])


def plan(call: Call, interface: Interface) -> Report:
    """What a sync would do. Nothing is sent, locked or created; only a refresh reads the target."""
    return _plan(open_jobs(call), call, interface, "plan")


def _plan(
    jobs: Sequence[Job], call: Call, interface: Interface, command: str, beside: _Beside = None
) -> Report:
    report = Report(command, [job.report for job in jobs])
    for run in report.runs:
        run.dry = True
    with ExitStack() as stack, caught(report):
        stack.callback(forget_rows, jobs)
        _look(jobs, call, stack)
        network = _way(call, interface, stack, beside)
        _compare(jobs, call, network)
        if call.refresh and not failed(jobs):
            from kvsync.engine.refresh import check_capacities

            check_capacities(network(), jobs)
    return report


def verify(call: Call, interface: Interface) -> Report:
    """Whether each target holds what its source says. Nothing is written, here or there."""
    # Who verifies wants to know: no file is taken for what it was because it looks so.
    call = replace(call, source=replace(call.source, checksum=True))
    jobs = open_jobs(call)
    report = Report("verify", [job.report for job in jobs])
    with ExitStack() as stack, caught(report):
        _look(jobs, call, stack)
        if not failed(jobs):
            narrow(jobs, call)
            from kvsync.engine.verify import compare_all

            verifying = call.verifying or Verifying()
            compare_all(_way(call, interface, stack)(), jobs, verifying)
    return report


def export(call: Call, interface: Interface, exporting: Exporting) -> Report:
    """Write a namespace to a place on this machine; an interrupted one goes on where it was."""
    report = Report("export")
    with ExitStack() as stack, caught(report):
        job = target_job(call)
        report.runs.append(job.report)
        from kvsync.engine.export import download
        from kvsync.formats.output import Origin, open_place

        origin = Origin(*job.target, exporting.prefix)
        place = stack.enter_context(
            open_place(exporting.out, exporting.form, origin, refresh=exporting.refresh)
        )
        download(_way(call, interface, stack)(), job, place, exporting.prefix)
    return report


def sync(call: Call, interface: Interface) -> Report:
    """Push what has changed, and remember it.

    All sources are read before anything is created or sent: one bad source, and nothing is.
    """
    before = glimpses(call)
    return _sync(open_jobs(call), call, interface, "sync", before)


def copy(call: Call, interface: Interface, copying: Copying, *, dry: bool = False) -> Report:
    """Push what another namespace holds; ``call`` says where to. A ``dry`` run only plans it."""
    from kvsync.engine.copy import opened

    with opened(call, interface, copying) as (job, beside):
        if dry:
            return _plan([job], call, interface, "copy", beside)
        # It is listed and read when nobody else can have the state any more.
        return _sync([job], call, interface, "copy", {}, beside)


def _sync(
    jobs: Sequence[Job],
    call: Call,
    interface: Interface,
    command: str,
    before: Mapping[str, Glimpse],
    beside: _Beside = None,
) -> Report:
    report = Report(command, [job.report for job in jobs])
    with ExitStack() as stack, caught(report):
        network = _way(call, interface, stack, beside)
        holder = Holder(call.settings, stack, interface.tell, before)
        _make_ready(jobs, call, holder, network)
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


def rebuild(call: Call, interface: Interface) -> Report:
    """Make the states of these sources anew, from what their targets hold: a refresh, no push."""
    from kvsync.engine.state_access import Mender

    call = replace(call, refresh=True)
    before = glimpses(call)
    jobs = open_jobs(call)
    report = Report("state rebuild", [job.report for job in jobs])
    for run in report.runs:
        # What the next sync would do is all that there is to tell.
        run.dry = True
    with ExitStack() as stack, caught(report):
        mender = Mender(call.settings, stack, interface.tell, before)
        try:
            _make_ready(jobs, call, mender, _way(call, interface, stack))
            for job in jobs:
                remember_rebuilt(job, call)
        finally:
            for job in jobs:
                job.report.warnings += mender.told(job)
    return report


def _make_ready(jobs: Sequence[Job], call: Call, holder: Holder, network: _Way) -> None:
    """All that comes before sending; of a state that is missing nothing is made too early."""
    _find(jobs, call)
    open_states(jobs, holder.hold_if_there)
    # Who was waited for may have sent what is newer than what was read before.
    reopen(jobs, call, everything=holder.overtaken)
    read_all(jobs)
    refuse_collisions(jobs)
    if not failed(jobs):
        _hold_the_rest(jobs, call, holder)
        _compare(jobs, call, network)


def _hold_the_rest(jobs: Sequence[Job], call: Call, holder: Holder) -> None:
    holder.overtaken = False
    hold_the_rest(jobs, holder, local=call.settings.local)
    if holder.overtaken:
        read_all(reopen(jobs, call, everything=True))
        refuse_collisions(jobs)


def _look(jobs: Sequence[Job], call: Call, stack: ExitStack) -> None:
    """What the sources name and the states know; nothing is locked or created."""
    _find(jobs, call)
    open_states(jobs, lambda path: stack.enter_context(State.read(path)))
    read_all(jobs)
    refuse_collisions(jobs)


def _find(jobs: Sequence[Job], call: Call) -> None:
    """Where everything goes; raises `UsageError` if what fails cannot go where it should."""
    find_targets(jobs, call)
    if call.failures:
        from kvsync.engine.failure_file import refuse_place

        refuse_place(call, jobs)


def _way(call: Call, interface: Interface, stack: ExitStack, beside: _Beside = None) -> _Way:
    """The way to the network, opened when it is first taken, for as long as the stack lasts.

    ``beside`` is the network that the sources are read by, if any.
    """

    @cache
    def network() -> "Network":
        # Only here is there something to ask or send: a run without imports no network code.
        from kvsync.engine.session import Network

        return stack.enter_context(Network(call, interface, beside))

    return network


def _compare(jobs: Sequence[Job], call: Call, network: _Way) -> None:
    """The difference between what is wanted and what is known, or seen."""
    if failed(jobs):
        return
    if call.create_namespace and (call.refresh or not any(job.report.dry for job in jobs)):
        from kvsync.engine.namespaces import look_for_missing

        look_for_missing(network(), jobs)
        if failed(jobs):
            return
    narrow(jobs, call)
    refuse_strangers(jobs, call)
    if call.refresh and not failed(jobs):
        from kvsync.engine.refresh import refresh_all

        refresh_all(network(), jobs)
    if not failed(jobs):
        make_plans(jobs, call)


def _send(jobs: Sequence[Job], network: _Way) -> None:
    """First what is missing, then all pushes, then the deletes, and these only if all was done."""
    plans = [job.report.plan for job in jobs if job.report.plan]
    if any(job.absent for job in jobs):
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
            job.report.warnings.append("nothing was deleted, since not everything was pushed")
            if job is not wrong and not job.report.error and _is_pushed(job):
                code = wrong.report.exit_code or 1
                job.report.error = HeldBackError(wrong.report.source, code, "deleted")


def _is_pushed(job: Job) -> bool:
    """Whether every change of the job was acknowledged."""
    report = job.report
    done = all(outcome.kind is OutcomeKind.DONE for outcome in report.outcomes)
    planned = len(report.plan.changes) if report.plan else 0
    return done and len(report.outcomes) == planned and not (report.error or report.signal)


def _lacks_values(job: Job) -> bool:
    """Whether nothing went wrong but that the source has lost values."""
    return bool(job.report.missing) and _is_pushed(job)


def _verify(report: Report, jobs: Sequence[Job], network: _Way, verifying: Verifying) -> None:
    """Read back what was pushed, where there is nothing wrong with it already."""
    well = [job for job in jobs if not job.report.exit_code or _lacks_values(job)]
    if well:
        from kvsync.engine.verify import compare_all

        compare_all(network(), well, verifying)
    # A fatal answer, to a push before or to the first look, ends all looking.
    hold_back(report, lambda run: "" if run.comparison else "verified")
