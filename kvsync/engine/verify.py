"""``kvsync verify``: does each target hold what its source says?"""

from contextlib import ExitStack
from dataclasses import replace

from kvsync.engine.call import Call, Verifying
from kvsync.engine.job import failed
from kvsync.engine.opening import find_targets, open_jobs, read_all
from kvsync.engine.scope import narrow, refuse_collisions
from kvsync.engine.state_access import open_states
from kvsync.report import Report
from kvsync.report.progress import Interface
from kvsync.report.result import caught


def verify(call: Call, interface: Interface) -> Report:
    """Compare each target with its source. Nothing is written, here or there."""
    # No file is taken for unchanged by its status: verify reads them all.
    call = replace(call, source=replace(call.source, checksum=True))
    jobs = open_jobs(call)
    report = Report("verify", [job.report for job in jobs])
    with ExitStack() as stack, caught(report):
        find_targets(jobs, call)
        open_states(jobs, lambda location: stack.enter_context(location.read()))
        read_all(jobs)
        refuse_collisions(jobs)
        if failed(jobs):
            return report
        narrow(jobs, call)
        from kvsync.engine.compare import compare_all
        from kvsync.engine.session import Network, Session

        session = stack.enter_context(Session(call, interface))
        compare_all(Network(call, session), jobs, call.verifying or Verifying())
    return report
