"""Plan and sync as they begin: of a call with nothing to do no more is loaded than it takes."""

from typing import TYPE_CHECKING

from kvsync.engine.call import Call
from kvsync.engine.unchanged import unchanged
from kvsync.report import Report

if TYPE_CHECKING:
    from kvsync.report.progress import Interface


def plan(call: Call, interface: "Interface") -> Report:
    """As `kvsync.engine.sync.plan`, which is gone through only if anything may have changed."""
    report = unchanged(call, "plan", noting=False)
    if report:
        return report
    from kvsync.engine.sync import plan as planned

    return planned(call, interface)


def sync(call: Call, interface: "Interface") -> Report:
    """As `kvsync.engine.sync.sync`, which is gone through only if anything may have changed."""
    report = unchanged(call, "sync", noting=True)
    if report:
        return report
    from kvsync.engine.sync import sync as synchronised

    return synchronised(call, interface)
