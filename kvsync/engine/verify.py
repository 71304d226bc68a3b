"""``kvsync verify``: does each target hold what its source says?"""

from contextlib import ExitStack
from dataclasses import replace

from kvsync.engine.call import Call, Verifying
from kvsync.engine.job import failed
from kvsync.engine.opening import open_jobs
from kvsync.engine.scope import narrow
from kvsync.engine.stages import look, network_of
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
        look(jobs, call, stack)
        if not failed(jobs):
            narrow(jobs, call)
            from kvsync.engine.compare import compare_all

            verifying = call.verifying or Verifying()
            compare_all(network_of(call, interface, stack)(), jobs, verifying)
    return report
