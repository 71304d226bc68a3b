"""Plan and sync as they begin: of a call with nothing to do no more is loaded than it takes."""

from typing import TYPE_CHECKING

from kvsync.report import Report
from kvsync.settings import Call
from kvsync.shortcut import unchanged

if TYPE_CHECKING:
    from kvsync.interface import Interface

__all__ = ["plan", "sync"]


def plan(call: Call, interface: "Interface") -> Report:
    """As `kvsync.sync.plan`, which is gone through only if anything may have changed."""
    report = unchanged(call, "plan", noting=False)
    if report:
        return report
    from kvsync.sync import plan as planned

    return planned(call, interface)


def sync(call: Call, interface: "Interface") -> Report:
    """As `kvsync.sync.sync`, which is gone through only if anything may have changed."""
    report = unchanged(call, "sync", noting=True)
    if report:
        return report
    from kvsync.sync import sync as synchronised

    return synchronised(call, interface)
