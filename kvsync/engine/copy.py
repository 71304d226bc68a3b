"""``kvsync copy``: what another namespace holds, pushed to a target."""

from kvsync.engine.call import Call, Copying
from kvsync.report import Report
from kvsync.report.progress import Interface


def copy(call: Call, interface: Interface, copying: Copying, *, dry: bool = False) -> Report:
    """Push what another namespace holds; ``call`` says where to. A ``dry`` run only plans it."""
    from kvsync.engine.remote_source import opened
    from kvsync.engine.sending import sync_jobs
    from kvsync.engine.stages import plan_jobs

    with opened(call, interface, copying) as (job, session):
        if dry:
            return plan_jobs([job], call, interface, "copy", session)
        # It is listed and read when no one else can have the state any more.
        return sync_jobs([job], call, interface, "copy", {}, session)
