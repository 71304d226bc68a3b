"""``kvsync state rebuild``: states made anew from what their targets hold."""

from contextlib import ExitStack
from dataclasses import replace

from kvsync.engine.call import Call
from kvsync.engine.opening import open_jobs
from kvsync.engine.record_run import remember_rebuilt
from kvsync.engine.stages import make_ready, network_of
from kvsync.engine.state_access import Mender, glimpses
from kvsync.report import Report
from kvsync.report.progress import Interface
from kvsync.report.result import caught


def rebuild(call: Call, interface: Interface) -> Report:
    """Make the states of these sources anew, from what their targets hold: a refresh, no push."""
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
            make_ready(jobs, call, mender, network_of(call, interface, stack))
            for job in jobs:
                remember_rebuilt(job, call)
        finally:
            for job in jobs:
                job.warn(*mender.told(job))
    return report
