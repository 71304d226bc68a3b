"""``kvsync export``: a namespace, written to a place on this machine."""

from contextlib import ExitStack

from kvsync.engine.call import Call, Exporting
from kvsync.engine.opening import target_job
from kvsync.report import Report
from kvsync.report.progress import Interface
from kvsync.report.result import caught


def export(call: Call, interface: Interface, exporting: Exporting) -> Report:
    """Write a namespace to a place on this machine; an interrupted one goes on where it was."""
    report = Report("export")
    with ExitStack() as stack, caught(report):
        job = target_job(call)
        report.runs.append(job.report)
        from kvsync.engine.download import download
        from kvsync.engine.session import Network, Session
        from kvsync.formats.output import Origin, open_output

        origin = Origin(*job.target, exporting.prefix)
        output = stack.enter_context(
            open_output(exporting.out, exporting.form, origin, refresh=exporting.refresh)
        )
        session = stack.enter_context(Session(call, interface))
        download(Network(call, session), job, output, exporting.prefix)
    return report
