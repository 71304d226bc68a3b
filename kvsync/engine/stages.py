"""The stages of a call that commands share: find, hold, read, compare, plan."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from kvsync.engine.call import Call
from kvsync.engine.job import Job, failed
from kvsync.engine.opening import find_targets, read_all
from kvsync.engine.planning import forget_rows, make_plans, refuse_strangers
from kvsync.engine.scope import narrow, refuse_collisions
from kvsync.engine.state_access import Holder, hold_the_rest, open_states, reopen
from kvsync.report import Report
from kvsync.report.progress import Interface
from kvsync.report.result import caught

if TYPE_CHECKING:
    from kvsync.engine.session import Network, Session

OpenNetwork: TypeAlias = "Callable[[], Network]"
"""Opens the network when it is first called."""
Reading: TypeAlias = "Session | None"
"""The session in which a copy's source is read."""


def _find(jobs: Sequence[Job], call: Call) -> None:
    """Find where everything goes. Raises `UsageError` if failures cannot go where they should."""
    find_targets(jobs, call)
    if call.failures:
        from kvsync.engine.failure_file import refuse_place

        refuse_place(call, jobs)


def make_ready(jobs: Sequence[Job], call: Call, holder: Holder, network: OpenNetwork) -> None:
    """Hold the states, read the sources, and compare; a missing state is created last."""
    _find(jobs, call)
    open_states(jobs, holder.hold_if_there)
    # The previous lock holder may have pushed newer values: read stale sources again.
    reopen(jobs, call, everything=holder.overtaken)
    read_all(jobs)
    refuse_collisions(jobs)
    if not failed(jobs):
        _hold_the_rest(jobs, call, holder)
        compare(jobs, call, network)


def _hold_the_rest(jobs: Sequence[Job], call: Call, holder: Holder) -> None:
    holder.overtaken = False
    hold_the_rest(jobs, holder, local=call.settings.local)
    if holder.overtaken:
        read_all(reopen(jobs, call, everything=True))
        refuse_collisions(jobs)


def network_of(
    call: Call, interface: Interface, stack: ExitStack, reading: Reading = None
) -> OpenNetwork:
    """Return a function that opens the network at its first call, for as long as the stack lasts.

    ``reading`` is the session in which the sources are read, if that takes one.
    """

    @cache
    def network() -> "Network":
        # Only here is there something to ask or send: a run without imports no network code.
        from kvsync.engine.session import Network, Session

        return Network(call, reading or stack.enter_context(Session(call, interface)))

    return network


def compare(jobs: Sequence[Job], call: Call, network: OpenNetwork) -> None:
    """Plan from what is wanted and what is known of the target, or read of it."""
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


def plan_jobs(
    jobs: Sequence[Job], call: Call, interface: Interface, command: str, reading: Reading = None
) -> Report:
    """Look at the sources and states, and plan; only a refresh reads the target."""
    report = Report(command, [job.report for job in jobs])
    for run in report.runs:
        run.dry = True
    with ExitStack() as stack, caught(report):
        stack.callback(forget_rows, jobs)
        _find(jobs, call)
        open_states(jobs, lambda location: stack.enter_context(location.read()))
        read_all(jobs)
        refuse_collisions(jobs)
        network = network_of(call, interface, stack, reading)
        compare(jobs, call, network)
        if call.refresh and not failed(jobs):
            from kvsync.engine.refresh import check_capacities

            check_capacities(network(), jobs)
    return report
