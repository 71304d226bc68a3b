"""``kvsync validate``: every mistake of every source."""

from kvsync.engine.call import Call
from kvsync.engine.opening import open_jobs, read_all
from kvsync.engine.scope import refuse_collisions
from kvsync.engine.target import named_target
from kvsync.formats.record import told_expired, told_short
from kvsync.plan.circumstances import Circumstances
from kvsync.plan.diff import make_plan
from kvsync.report import Report


def validate(call: Call) -> Report:
    """Report every mistake of every source; neither state nor network is looked at."""
    jobs = open_jobs(call)
    read_all(jobs)
    refuse_collisions(jobs, lambda job: named_target(job.source, call.settings))
    for job in (job for job in jobs if not job.report.error):
        # Warnings of a plan that need no state: empty sources, past and hopeless times.
        circumstances = Circumstances(
            owner="",
            now=call.clock(),
            rate=call.settings.rate,
            told_expired=told_expired(job.report.losses),
            told_short=told_short(job.report.losses),
        )
        job.warn(*make_plan(job.entries, {}, circumstances).warnings)
    return Report("validate", [job.report for job in jobs])
