"""``kvsync sync``: push what has changed, and remember it."""

from typing import TYPE_CHECKING

from kvsync.engine.call import Call
from kvsync.engine.unchanged import unchanged
from kvsync.report import Report

if TYPE_CHECKING:
    from kvsync.report.progress import Interface


def sync(call: Call, interface: "Interface") -> Report:
    """Push what has changed, and remember it.

    All sources are read before anything is created or sent: one bad source, and nothing is.
    """
    report = unchanged(call, "sync", noting=True)
    if report:
        return report
    # Only where something may have changed: a call with nothing to do loads no more than it takes.
    from kvsync.engine.opening import open_jobs
    from kvsync.engine.sending import sync_jobs
    from kvsync.engine.state_access import glimpses

    before = glimpses(call)
    return sync_jobs(open_jobs(call), call, interface, "sync", before)
