"""``kvsync plan``: what a sync would do."""

from typing import TYPE_CHECKING

from kvsync.engine.call import Call
from kvsync.engine.unchanged import unchanged
from kvsync.report import Report

if TYPE_CHECKING:
    from kvsync.report.progress import Interface


def plan(call: Call, interface: "Interface") -> Report:
    """Plan a sync. Nothing is sent, locked or created; only a refresh reads the target."""
    report = unchanged(call, "plan", noting=False)
    if report:
        return report
    # Only where something may have changed: a call with nothing to do loads no more than it takes.
    from kvsync.engine.opening import open_jobs
    from kvsync.engine.stages import plan_jobs

    return plan_jobs(open_jobs(call), call, interface, "plan")
