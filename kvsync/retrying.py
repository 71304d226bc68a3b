"""What of a failure file is still to be sent, and what is still missing though it cannot be."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kvsync.entries import names_of
from kvsync.errors import KvsyncError
from kvsync.jobs import Job
from kvsync.model import PARTIAL, Entry, Row
from kvsync.source import Source
from kvsync.state import KEPT_RUNS
from kvsync.state.recent import UNSETTLED
from kvsync.units import count_text, printable

if TYPE_CHECKING:
    from kvsync.dumps.failures import LeftOver

__all__ = ["confine", "lost_keys", "warn_left_over"]

_NAMED = 5
"""How many keys a message lists before it only counts."""


def confine(job: Job, source: Source) -> None:
    """Leave alone what the job does not name, or named before something newer got through."""
    written = source.destination.written
    let_go = written > 0 and _is_whole_since(job, written)
    _note_left_over(job, source, written, let_go=let_go)
    overtaken = [e.key for e in job.entries if _is_overtaken(e, job.rows.get(e.key), written)]
    _leave_out(job, overtaken, "something newer got through meanwhile")
    if let_go:
        dropped = [entry.key for entry in job.entries if entry.key not in job.rows]
        _leave_out(job, dropped, "a later run of its source went through without it")
    named = names_of(job.entries)
    job.rows = {key: row for key, row in job.rows.items() if key in named or row.owner != job.owner}


def _is_whole_since(job: Job, written: float) -> bool:
    """Whether a run of all of the source went through after that time (service's clock).

    Then the source has let go of whatever has no row.
    """
    state = job.state
    if not state:
        return False
    # A run is noted by this machine's clock.
    ahead = state.clock_offset(job.target)
    return any(
        run.ended and not run.exit_code and not run.counts.get(PARTIAL)
        for run in state.runs(job.target, job.owner, limit=KEPT_RUNS)
        if run.started + ahead > written
    )


def lost_keys(job: Job) -> int:
    """How many keys are missing that the job's file has no value of."""
    return sum(not deletes for deletes in job.left_over.values())


def warn_left_over(job: Job) -> None:
    """Say what the job will not do, and who can."""
    lost = lost_keys(job)
    deletes = len(job.left_over) - lost
    if lost:
        they = "are" if lost > 1 else "is"
        gone = "their values were" if lost > 1 else "its value was"
        job.report.warnings.append(
            f"{count_text(lost, 'key')} {they} not in this file ({gone} gone): run the first"
            " command again"
        )
    if deletes:
        they = "are" if deletes > 1 else "is"
        job.report.warnings.append(
            f"{count_text(deletes, 'delete')} {they} not done from this file: run the first"
            " command again, with --delete"
        )


def _note_left_over(job: Job, source: Source, written: float, *, let_go: bool) -> None:
    try:
        recent = job.state.recent(job.target) if job.state else {}
        job.left_over = {
            one.key: one.deletes
            for one in source.left_over
            if not (let_go and one.key not in job.rows)
            and _is_open(one, job.rows.get(one.key), written, recent)
        }
    except KvsyncError as error:
        job.report.error = error


def _is_open(one: "LeftOver", row: Row | None, written: float, recent: Mapping[str, float]) -> bool:
    """Whether this has not been done since, as far as the state can tell."""
    if row:
        return not _is_newer(row, written)
    # What nobody owned had no row before the delete either.
    return not (one.deletes and written < recent.get(one.key, 0) < UNSETTLED)


def _leave_out(job: Job, keys: list[str], reason: str) -> None:
    if keys:
        named = ", ".join(map(printable, keys[:_NAMED]))
        more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
        job.report.warnings.append(f"not sent, since {reason}: {named}{more}")
        left_out = set(keys)
        job.entries = [entry for entry in job.entries if entry.key not in left_out]


def _is_overtaken(entry: Entry, row: Row | None, written: float) -> bool:
    if row is None or not _is_newer(row, written):
        return False
    return (row.digest, row.expiry) != (entry.digest, entry.expiry)


def _is_newer(row: Row | None, written: float) -> bool:
    """Whether the key got through after that time."""
    return row is not None and not row.in_doubt and 0 < written < row.acknowledged
